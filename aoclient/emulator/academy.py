"""The emulator: an academy one can start, break on purpose, and look into."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aoclient.emulator.application import Application, Incoming
from aoclient.emulator.damage import Delivery
from aoclient.emulator.faults import Faults
from aoclient.emulator.journal import Journal
from aoclient.emulator.oauth import Tokens
from aoclient.emulator.quirks import Quirks
from aoclient.emulator.throttle import Throttle
from aoclient.emulator.world import World
from aoclient.errors import (
    ConfigurationError,
    ConnectError,
    DeadlineError,
    ReadError,
    ResponseTooLargeError,
)
from aoclient.forms import MAX_PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from aoclient.emulator.people import Person
    from aoclient.settings import Rate
    from aoclient.wire import Request, Response

_FORM_HEADERS = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}


class Emulator:
    """An academy that answers like the real one, with state of its own, on a socket or in process.

    It is a sender, so that ``Session("client-id", "client-secret", sender=Emulator())`` needs no network; `serve` puts
    it on a socket. `journal` has what it applied, `world` its state.

    Args:
        learners: Learners it begins with, ``learner1@example.com`` and so on; each is made when it is looked at.
        courses: Courses it teaches.
        teams: Teams it has.
        seed: The same seed makes the same academy.
        rate: At most so many calls of each client, in fixed windows. None: no throttle and no headers of one.
        token_rate: The same for requests for a token.
        faults: What goes wrong on purpose, as `Faults` or as its text: ``503@every=20``.
        latency: Seconds before each answer; the action is executed first.
        quirks: Odd habits of the real server.
        clock: Returns unix seconds; tokens, throttle and journal go by it.
        client_id: The one OAuth client.
        client_secret: Its secret.
        token_life: Seconds a token is valid.
        max_pairs: Form pairs that are read, the rest is cut off without a word. None cuts nothing.
        base_url: Where its links point while it is not served.
        journal: An own journal, one that keeps the last entries only for example.

    Raises:
        ConfigurationError: A setting cannot be used; the message names it.
    """

    def __init__(
        self,
        *,
        learners: int = 100,
        courses: int = 4,
        teams: int = 4,
        seed: int = 0,
        rate: Rate | None = None,
        token_rate: Rate | None = None,
        faults: Faults | str | None = None,
        latency: float = 0.0,
        quirks: Quirks = Quirks(),  # noqa: B008  # frozen
        clock: Callable[[], float] = time.time,
        client_id: str = "client-id",
        client_secret: str = "client-secret",  # noqa: S107  # of an academy that is not real
        token_life: float = 604_800,
        max_pairs: int | None = MAX_PAIRS,
        base_url: str = "https://academy.academyocean.com",
        journal: Journal | None = None,
    ) -> None:
        for name, number in (("learners", learners), ("courses", courses), ("teams", teams), ("latency", latency)):
            if not number >= 0:
                raise ConfigurationError(f"Emulator({name}=...) must not be below 0, got {number!r}")
        self.world = World(learners=learners, courses=courses, teams=teams, seed=seed, clock=clock)
        self.tokens = Tokens(client_id=client_id, client_secret=client_secret, life=token_life, seed=seed, clock=clock)
        self.journal = Journal() if journal is None else journal
        self.latency = latency
        self.client_id = client_id
        self.client_secret = client_secret
        self._seed = seed
        self.application = Application(
            world=self.world,
            tokens=self.tokens,
            journal=self.journal,
            quirks=quirks,
            throttle=None if rate is None else Throttle(rate, clock),
            token_throttle=None if token_rate is None else Throttle(token_rate, clock),
            faults=self._read(faults),
            clock=clock,
            max_pairs=max_pairs,
            base_url=base_url,
        )

    def __repr__(self) -> str:
        text = f", faults={str(self.faults)!r} with seed {self.faults.seed}" if self.faults.rules else ""
        return f"Emulator(learners={self.world.population}, seed={self._seed}{text})"

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose; may be set at any time, and then counts from the start."""
        return self.application.faults

    @faults.setter
    def faults(self, faults: Faults | str | None) -> None:
        self.application.faults = self._read(faults)

    def _read(self, faults: Faults | str | None) -> Faults:
        if isinstance(faults, str):
            return Faults.parse(faults, seed=self._seed)
        return Faults() if faults is None else faults

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve the academy on a socket: ``async with Emulator().serve() as url``.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.

        Raises:
            OSError: The port cannot be had.
        """
        from aoclient.emulator.server import serve  # noqa: PLC0415  # aiohttp's server is not needed in process

        return serve(self, host=host, port=port)

    # --- in process ---

    async def send(self, request: Request) -> Response:
        """Answer a request in process, in place of `aoclient.senders.http.Http`.

        Raises:
            ConnectError: A fault refused the connection.
            ReadError: A fault cut it.
            DeadlineError: A fault or the latency held the answer back for longer than the request waits.
            ResponseTooLargeError: A fault sent too much.
        """
        name = request.name
        request.progress.phase = "connect"
        if self.application.refuses_connection():
            raise ConnectError("the emulator refused the connection", action=name)
        request.progress.phase = "answer"
        headers = _FORM_HEADERS | {key.lower(): value for key, value in request.headers.items()}
        outgoing = self.application.handle(
            Incoming(method="POST", path=request.path, headers=headers, body=request.body)
        )
        await self._wait(self.latency, request)
        match outgoing.delivery:
            case Delivery.NOTHING | Delivery.HALF:
                raise ReadError("the emulator cut the connection", action=name)
            case Delivery.STALL:
                await self._wait(outgoing.seconds, request)
                raise ReadError("the emulator cut the connection", action=name)
            case Delivery.DRIP:
                await asyncio.sleep(outgoing.seconds)  # bytes keep coming, so that no wait for the next one is long
            case Delivery.WHOLE:
                pass
        if "content-encoding" in outgoing.response.headers:
            raise ResponseTooLargeError("the body is too long, inflated", action=name, status=outgoing.response.status)
        return outgoing.response

    @staticmethod
    async def _wait(seconds: float, request: Request) -> None:
        patience = request.timeouts.read
        await asyncio.sleep(min(seconds, patience))  # 0 too: a call is never over before others had their turn
        if seconds > patience:
            raise DeadlineError(
                f"no further byte of the answer within {patience:g} s", phase="answer", action=request.name
            )

    # --- what people do, not programs ---

    def open_link(self, link: str) -> int:
        """Open a login link as its learner would and return the status: 302 once, 410 from then on."""
        return self.application.open_link(link.rpartition("/")[2]).status

    def accept_invite(self, email: str) -> Person:
        """Accept an invitation as the invited person would and return the learner they become.

        Raises:
            Refusal: There is no such invitation, or it was accepted already.
        """
        return self.world.accept(email)
