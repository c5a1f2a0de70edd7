"""The emulator: an academy one can start, break on purpose, and look into."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aoclient.emulator import inprocess
from aoclient.emulator.application import Application
from aoclient.emulator.deliveries import Deliveries
from aoclient.emulator.expectations import Expectations, Expected, expecting
from aoclient.emulator.faults import Faults
from aoclient.emulator.journal import Journal
from aoclient.emulator.oauth import Tokens
from aoclient.emulator.pupil import Pupil
from aoclient.emulator.quirks import Quirks
from aoclient.emulator.records import Refusal
from aoclient.emulator.throttle import Throttle
from aoclient.emulator.world import World
from aoclient.errors import ConfigurationError
from aoclient.forms import MAX_PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from aoclient.emulator.given import Invited, Registered
    from aoclient.emulator.people import Person
    from aoclient.emulator.webhooks import Webhooks
    from aoclient.settings import Rate
    from aoclient.wire import Request, Response


class Emulator:
    """An academy that answers like the real one, with state of its own, on a socket or in process.

    It is a sender, so that ``Session("client-id", "client-secret", sender=Emulator())`` needs no network; `serve` puts
    it on a socket. What people do there, and no program, is done through `learner`, `sign_up` and `simulate`.

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
        journal: An own journal, one that keeps the last entries only for example; ``deliveries`` keeps as many.
        webhooks: Where webhooks go. None: there are none.

    Attributes:
        world: State of the academy.
        journal: What was asked and applied.
        deliveries: What went out as webhooks, and how.

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
        webhooks: Webhooks | None = None,
    ) -> None:
        for name, number in (("learners", learners), ("courses", courses), ("teams", teams), ("latency", latency)):
            if not number >= 0:
                raise ConfigurationError(f"Emulator({name}=...) must not be below 0, got {number!r}")
        self.world = World(learners=learners, courses=courses, teams=teams, seed=seed, clock=clock)
        self.tokens = Tokens(client_id=client_id, client_secret=client_secret, life=token_life, seed=seed, clock=clock)
        self.journal = Journal() if journal is None else journal
        self.deliveries = Deliveries(webhooks, clock, self.journal.keep)
        if webhooks is not None:
            self.world.announcer.listeners.append(self.deliveries.add)
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
        """Serve the academy on a socket: ``async with Emulator().serve() as url``. Webhooks go out meanwhile.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.

        Raises:
            OSError: The port cannot be had.
        """
        from aoclient.emulator.server import serve  # noqa: PLC0415  # aiohttp's server is not needed in process

        return serve(self, host=host, port=port)

    def delivering(self) -> AbstractAsyncContextManager[None]:
        """Send webhooks in the background: ``async with emulator.delivering():``. `serve` does it by itself.

        What happened before is sent first. ``await emulator.deliveries.settle()`` waits until all was sent.
        """
        return self.deliveries.running()

    # --- in process ---

    async def send(self, request: Request) -> Response:
        """Answer a request in process, in place of `aoclient.senders.http.Http`.

        Raises:
            ConnectError: A fault refused the connection.
            ReadError: A fault cut it.
            DeadlineError: A fault or the latency held the answer back for longer than the request waits.
            ResponseTooLargeError: A fault sent too much.
        """
        return await inprocess.send(self.application, request, latency=self.latency)

    # --- a test's own state and expectations ---

    def given(self, *people: Registered | Invited) -> None:
        """Put people into the academy, beside those it is made with: ``Emulator(learners=0)`` is made with none.

        Raises:
            Refusal: An address is taken, or there is no such team or course.
        """
        for each in people:
            each.enter(self)

    def expecting(
        self, *calls: Expected, in_order: bool = True, others: bool = False
    ) -> AbstractContextManager[Expectations]:
        """Expect these calls and no others: ``with emulator.expecting(GetTeams, Call(Learners, email="a@b.org")):``.

        A call nobody expects is not executed: its client gets an `ApiError` with status 400. What was not called, or
        was called otherwise, is told when the block ends. A repeat of a call whose answer a fault spoilt is no call of
        its own.

        Args:
            calls: An action class for any call of it, an action for this very call, a `Call` for some of its options.
            in_order: Whether the calls come in the order given.
            others: Let calls pass that nobody expects.

        Raises:
            AssertionError: At the end of the block; the message has what was expected and what came.
        """
        return expecting(self.application, calls, in_order=in_order, others=others)

    # --- what people do, not programs ---

    def learner(self, email: str) -> Pupil:
        """Return a learner one can act as.

        Raises:
            Refusal: There is none with this address.
        """
        return Pupil(self.world, Pupil(self.world, email).person.email)

    def sign_up(self, email: str, *, first_name: str = "", last_name: str = "", teams: Sequence[str] = ()) -> Pupil:
        """Register as a new learner would.

        Webhooks: ``academy.learner.sign_up``, ``team.new_learners`` for each team or for the ``No Team``, and
        ``learner.course.available`` for published courses the teams bring.

        Args:
            email: Address that is not registered yet.
            first_name: First name.
            last_name: Last name.
            teams: Ids of teams; those of an invitation are joined too.

        Raises:
            Refusal: The address is registered already, or there is no such team.
        """
        numbers = [self.world.team(each).number for each in teams]
        self.world.register(email, first_name, last_name, numbers)
        return Pupil(self.world, email)

    def give_course(self, course: str, *, team: str) -> None:
        """Let a team take a course it could not take.

        Webhooks: ``learner.course.available`` for members who could not take it through another team, if the course is
        published.

        Args:
            course: Id or slug.
            team: Id.

        Raises:
            Refusal: There is no such course or team.
        """
        entry = self.world.catalogue.course(course)
        if entry is None:
            raise Refusal("Course not found")
        self.world.memberships.give_course(self.world.team(team), entry)

    def open_link(self, link: str) -> int:
        """Open a login link as its learner would and return the status: 302 once, 410 from then on."""
        return self.application.open_link(link.rpartition("/")[2]).status

    def accept_invite(self, email: str) -> Person:
        """Accept an invitation as the invited person would and return the learner they become.

        Raises:
            Refusal: There is no such invitation, or it was accepted already.
        """
        return self.world.entrance.accept(email)

    async def simulate(self, *, learners: int = 20, days: int = 1, seed: int = 0, takes: float = 0.0) -> dict[str, int]:
        """Play days of learning: people log in, learn for a while, fail quizzes and try again, and some are new.

        The days follow the present moment of the academy, and have passed afterwards: its calendar is ahead by them.
        What happens does so in the order of that calendar. Webhooks go out as `delivering` gets to them.

        Args:
            learners: Learners who come on one day, at most; about one in ten is new.
            days: How many days.
            seed: The same seed, clock and academy make the same days.
            takes: Seconds the whole lasts, spread as the days are; 0 is as fast as it goes.

        Returns:
            How often each event happened, by the vendor's name.

        Raises:
            ConfigurationError: A number is below 0, or days are being played already.
        """
        for name, number in (("learners", learners), ("days", days), ("takes", takes)):
            if not number >= 0:
                raise ConfigurationError(f"simulate({name}=...) must not be below 0, got {number!r}")
        from aoclient.emulator.simulation import play  # noqa: PLC0415  # only who plays needs it

        return await play(self, learners=learners, days=days, seed=seed, takes=takes)
