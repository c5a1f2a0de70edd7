"""One rate for all processes of an account, and what each does while Redis is away."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
from itertools import count
from typing import TYPE_CHECKING, Any

from aoclient.contrib.redis.alone import Alone
from aoclient.contrib.redis.link import link_to
from aoclient.contrib.redis.scripts import HELD, HOLD, LATER, LOOK, TAKE, UNSENT
from aoclient.errors import ConfigurationError

if TYPE_CHECKING:
    from aoclient.contrib.redis.link import Link, Script

_OTHER_CLOCK = 1.001  # the server's clock is not that of Redis: a window is one part in a thousand longer
_IN_FLIGHT_AT_MOST = 10.0  # seconds; a request of a process that died counts as arrived then
_TRUSTED_FOR = 0.05  # seconds a turn may lie ahead without hearing whether somebody met a 429
_REPORT_AFTER = 0.02  # seconds an answer waits for a command that takes its report along
_LOOK_EVERY = 0.5  # seconds between looks whether Redis is back
_MICRO = 1_000_000


class RedisGate:
    """Count the requests of all processes of an account in Redis, on its clock.

    Of any ``calls`` + 1 requests in a row the last starts more than a window after the answer to one before it, so a
    server never counts more than ``calls`` in any window. A request without an answer counts as arrived 10 s after its
    start. A permit costs one command, or two where nothing else is asked soon, or more processes wait than there are
    permits in a window; these then come one after the other.

    A 429 is published, so that it stops all processes as soon as they hear of it, those too whose turn was given before
    it. Where nothing can be heard, a turn that comes later than in 50 ms costs a command more, which asks.

    While Redis is away, and a window more once all have found it again, each process goes evenly at ``share`` of the
    rate, as it sends; what the network holds up may arrive closer together. In the window in which Redis goes away a
    server may count up to a tenth of the rate more, if the shares come to one.

    Args:
        redis: URL, or a `Link`, or a client of `redis.asyncio`.
        account: As `account_of` names it.
        share: Part of the rate one process takes while Redis is away; one over the number of processes keeps the rate.

    Attributes:
        held_until: Time of the loop until which a 429 holds all processes back, as far as it was heard of.

    Raises:
        MissingExtraError: The package redis is not installed.
        ConfigurationError: The URL cannot be used, or ``share`` is not above 0 and at most 1.
    """

    def __init__(
        self,
        redis: str | Link | Any,  # Any: a client of redis.asyncio
        account: str,
        *,
        share: float = 0.25,
    ) -> None:
        if not 0 < share <= 1:
            raise ConfigurationError(f"share must be above 0 and at most 1, got {share!r}")
        self._link = link_to(redis)
        self._keys = [f"aoclient:{{{account}}}:{name}" for name in ("out", "back", "pace")]
        self._alone = Alone(share)
        self.held_until = -math.inf
        self._name = secrets.token_hex(8)
        self._numbers = count()
        self._per = 0.0
        self._answered: dict[str, float | None] = {}
        self._reporting: asyncio.TimerHandle | None = None
        self._sleeping: asyncio.Future[None] | None = None
        self._asks_at = -math.inf  # when the call at the gate goes on
        self._listening: asyncio.Task[None] | None = None
        self._news: object | None = None  # one and the same as long as all holds are heard of
        self._closed = False

    async def enter(self, calls: int, per: float, *, within: float) -> str | None:
        """Wait for a turn and return its permit; None where a 429 holds all processes back."""
        loop = asyncio.get_running_loop()
        self._per = per * _OTHER_CLOCK
        comes_back, ends_at = False, loop.time() + within
        while not self._closed:
            if self.held_until > loop.time():
                return None
            if seconds := self._alone.turn(loop.time()):
                await self._sleep(seconds)
                continue
            permit = f"{self._name}:{next(self._numbers)}"
            news = self._news
            try:
                left = max(0.0, ends_at - loop.time())
                kind, seconds = await self._ask(permit, calls, left, comes_back=comes_back)
            except OSError as error:
                seconds = self._alone.gone(error, loop.time(), calls, per)
                if not seconds:
                    return ""
                await self._sleep(min(seconds, _LOOK_EVERY))
                continue
            if kind == LATER:
                comes_back = True
                await self._sleep(seconds)
            elif kind == HELD:
                self._hold(seconds * _MICRO)
            elif calls == 0:
                return ""
            else:
                return permit if await self._wait(permit, seconds, news) else None
        return None

    def leave(self, permit: str, *, after: float) -> None:
        """Give a permit back one window, and ``after`` seconds, after now."""
        if permit:
            self._report(permit, asyncio.get_running_loop().time() + after)

    def undo(self, permit: str) -> None:
        """Give a permit back at once."""
        if permit:
            self._report(permit, None)

    def refuse(self, seconds: float) -> None:
        """Hold all processes back."""
        if seconds > 0 and not self._closed:
            self._link.begin(HOLD, self._keys, 0, int(seconds * _MICRO))

    def close(self) -> None:
        """Send the call at the gate away without a permit; report what was answered until now, and nothing later."""
        if self._reporting is not None:
            self._reporting.cancel()
            if self._answered:
                self._run(LOOK)
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
        self._wake()

    # --- a turn --------------------------------------------------------------------------------------------------

    async def _ask(self, permit: str, calls: int, within: float, *, comes_back: bool) -> tuple[int, float]:
        task = self._run(
            TAKE,
            calls,
            permit,
            int(min(within, _FAR) * _MICRO),
            int(_IN_FLIGHT_AT_MOST * _MICRO),
            int(self._alone.counts),
            int(comes_back),
        )
        try:
            kind, micro = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda _: self.undo(permit))
            raise
        # The others look as often as this one did, and sleep a little before.
        self._alone.back(asyncio.get_running_loop().time(), self._per + self._link.pause + _LOOK_EVERY)
        self._listen()
        return kind, micro / _MICRO

    async def _wait(self, permit: str, seconds: float, news: object | None) -> bool:
        """Wait for the turn; False if it was lost to a 429 that another process met."""
        loop = asyncio.get_running_loop()
        try:
            await self._sleep(seconds)
            is_told = news is not None and news is self._news
            if seconds > _TRUSTED_FOR and not (is_told or self._closed):
                await self._look()
        except asyncio.CancelledError:
            self.undo(permit)
            raise
        if self._closed or self.held_until > loop.time():
            self.undo(permit)
            return False
        return True

    async def _look(self) -> None:
        with contextlib.suppress(OSError):  # the turn was reserved
            self._hold(await asyncio.shield(self._run(LOOK)))

    def _hold(self, micro: float) -> None:
        if micro > 0:
            self.held_until = max(self.held_until, asyncio.get_running_loop().time() + micro / _MICRO)

    async def _sleep(self, seconds: float) -> None:
        """Wait until it is time to go on, somebody met a 429, or the gate is closed."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        self._sleeping = loop.create_future()
        self._asks_at = loop.time() + seconds
        timer = loop.call_at(self._asks_at, self._wake)
        try:
            await self._sleeping
        finally:
            timer.cancel()
            self._sleeping = None
            self._asks_at = -math.inf

    def _wake(self) -> None:
        if self._sleeping is not None and not self._sleeping.done():
            self._sleeping.set_result(None)

    # --- news of a 429 -------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        if self._listening is None and not self._closed:
            self._listening = self._link.listen(self._keys[-1], self._heard, self._joined)
            self._listening.add_done_callback(self._broken_off)

    def _joined(self) -> None:
        self._news = object()

    def _heard(self, micro: bytes) -> None:
        self._hold(float(micro))
        self._wake()

    def _broken_off(self, _: asyncio.Task[None]) -> None:
        self._news = self._listening = None

    # --- reports -------------------------------------------------------------------------------------------------

    def _report(self, permit: str, ends_at: float | None) -> None:
        self._answered[permit] = ends_at
        if self._reporting is None and not self._closed:
            self._report_in(_REPORT_AFTER)

    def _report_in(self, seconds: float) -> None:
        self._reporting = asyncio.get_running_loop().call_later(seconds, self._report_if_due)

    def _report_if_due(self) -> None:
        """Send a command of their own for the reports, unless the call at the gate goes on soon: the next one asks."""
        self._reporting = None
        ahead = self._asks_at - asyncio.get_running_loop().time()
        if self._answered and 0 < ahead < min(self._per / 2, _IN_FLIGHT_AT_MOST):
            self._report_in(ahead + _REPORT_AFTER)
        elif self._answered:
            self._run(LOOK)

    def _run(self, script: Script, *values: str | float) -> asyncio.Task[Any]:
        """Start a script and have it take the reports along; one that is lost costs its permit some seconds."""
        now = asyncio.get_running_loop().time()
        answered, self._answered = self._answered, {}
        reports = [
            word
            for permit, ends_at in answered.items()
            for word in (permit, UNSENT if ends_at is None else int((now - ends_at) * _MICRO))
        ]
        return self._link.begin(script, self._keys, int(self._per * _MICRO), *values, *reports)


_FAR = 86_400.0  # seconds; ``within`` may be endless
