"""The queue in front of the server: how many requests at once, how many in a window, and who goes first."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

from aoclient.errors import ClientClosedError
from aoclient.later import Later
from aoclient.senders.gate import Gate
from aoclient.senders.pace import SERVER_WINDOW, Allowance, Hold, Lease, Spreader
from aoclient.settings import Rate
from aoclient.wire import Request, Response, Sender

if TYPE_CHECKING:
    from aoclient import refusals
else:
    refusals = Later("aoclient.refusals", globals())

_Waiter: TypeAlias = "tuple[int, int, asyncio.Future[None]]"

_ON_ITS_WAY = 1.0  # seconds a cancelled request may still travel and be counted by the server
_REFUSED = int(HTTPStatus.TOO_MANY_REQUESTS)  # asked of each answer; a look-up on the enum takes 0.1 us on 3.11
_DIGITS = 9  # more is no limit anybody sets


@define(eq=False)
class Limited:
    """Let requests through at the pace that was agreed; every attempt pays.

    Waiting calls go by priority, the lower number first, then in the order they came. The pace is the caller's
    ``rate``, or what the server's ``X-RateLimit-*`` headers tell; beside a rate the headers only slow down. One 429
    holds back all calls until the time it names. The clock of an attempt starts after this.

    Args:
        inner: Gets the requests.
        rate: Requests in any window as the server counts them; None leaves it to the server's headers.
        max_concurrency: Requests in flight at most.
        gate: Where several processes share the rate and the hold after a 429. Permits are spread there then, and this
            process alone still never passes the rate.

    Attributes:
        in_flight: Requests that were let through and have no answer yet.
        waiting: Calls in the queue.
    """

    inner: Sender
    rate: Rate | None = field(kw_only=True)
    max_concurrency: int = field(kw_only=True)
    gate: Gate | None = field(default=None, kw_only=True)
    in_flight: int = field(default=0, init=False)
    _hold: Hold | None = field(default=None, init=False)  # once a 429 came
    _allowance: Allowance | None = field(default=None, init=False)  # once the server told what is left
    _lease: Lease | None = field(default=None, init=False)
    _spreader: Spreader | None = field(default=None, init=False)
    _is_paced: bool = field(init=False)  # there is, or was, more to ask for than a free slot
    _at_gate: int = field(default=0, init=False)  # calls whose turn came, and who did not pass gate or spreader yet
    _queue: list[_Waiter] = field(factory=list[_Waiter], init=False)
    _sequence: Iterator[int] = field(factory=count, init=False)
    _cancelled: int = field(default=0, init=False)  # since the queue was last swept
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)
    _wakes_at: float = field(default=math.inf, init=False)
    _closed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._is_paced = self.rate is not None or self.gate is not None
        if self.rate is not None:
            self._lease = Lease(self.rate.calls, self.rate.per)
            self._spreader = Spreader(self.rate.calls, self.rate.per)

    async def send(self, request: Request) -> Response:
        """Send the request when its turn has come; the response comes back whatever its status.

        Raises:
            ClientClosedError: The sender was closed before the turn came. Nothing was sent.
            AoError: The inner sender's.
        """
        loop = asyncio.get_running_loop()
        progress = request.progress
        progress.phase = "limiter"
        sent_at, permit = loop.time(), ""
        if not (self._is_paced or self._queue) and self.in_flight < self.max_concurrency:
            self.in_flight += 1
        elif self._may_go(sent_at):
            self._take()
        else:
            sent_at, permit = await self._enter(loop, request)
        progress.attempts += 1
        progress.phase = "answer"  # until an inner sender knows better: from here on it may have been sent
        on_its_way = 0.0
        try:
            response = await self.inner.send(request)
            self._learn(response, sent_at, loop)
        except asyncio.CancelledError:
            on_its_way = _ON_ITS_WAY
            raise
        finally:
            self.in_flight -= 1
            if self._lease is not None:
                self._lease.give_back(loop.time(), after=on_its_way)
            if self._hold is not None:
                self._hold.leave(sent_at)
            if self.gate is not None:
                self.gate.leave(permit, after=on_its_way)
            if self._queue:
                self._admit(loop)
        return response

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return sum(not waiter.done() for _, _, waiter in self._queue)

    @property
    def held_for(self) -> float:
        """Seconds until calls go on that wait for the rate; 0 while none does, or where the next answer decides."""
        if not self.waiting:
            return 0.0
        now = asyncio.get_running_loop().time()
        moments = [self._held_until]
        if self._allowance is not None:
            moments.append(self._allowance.opens_at(now, self.in_flight))
        if self._lease is not None:
            moments.append(self._lease.opens_at(now))
        return max(0.0, *(each - now for each in moments if each < math.inf))

    async def aclose(self) -> None:
        """Refuse whoever waits and whoever comes; what is in flight is left alone."""
        self._closed = self._is_paced = True
        self._stop_timer()
        if self.gate is not None:
            self.gate.close()
        queue, self._queue = self._queue, []
        for _, _, waiter in queue:
            if not waiter.done():
                waiter.set_exception(_closed())

    # --- the queue -----------------------------------------------------------------------------------------------

    def _may_go(self, now: float) -> bool:
        """Tell whether a call that comes now goes through without a wait."""
        if self._queue or self._at_gate or self.gate is not None or self._closed or self._opens_at(now) > now:
            return False
        return self._spreader is None or self._spreader.take()

    async def _enter(self, loop: asyncio.AbstractEventLoop, request: Request) -> tuple[float, str]:
        """Return the time at which the turn came, and the permit of the gate."""
        turn = (request.priority, next(self._sequence))
        while True:
            await self._first_of_queue(loop, turn)
            try:
                permit = await self._pass_gate(request)
            except asyncio.CancelledError:
                self._step_back(loop)
                raise
            now = loop.time()
            if self._held_until <= now and not self._closed:
                self._at_gate -= 1
                self._admit(loop)
                return now, permit
            if self.gate is not None:
                self.gate.undo(permit)
            self._step_back(loop)  # a 429 came meanwhile, or the end; the next look tells

    async def _pass_gate(self, request: Request) -> str:
        if self.gate is not None:
            calls, per = (0, 0.0) if self._lease is None else (self._lease.calls, self._lease.per)
            return await self.gate.enter(calls, per, within=request.timeouts.total) or ""
        if self._spreader is not None:
            await self._spreader.acquire()
        return ""

    async def _first_of_queue(self, loop: asyncio.AbstractEventLoop, turn: tuple[int, int]) -> None:
        """Wait until nobody goes before this turn and a permit is free, and take it."""
        if self._closed:
            raise _closed()
        if not self._queue and self._gate_is_free and self._opens_at(loop.time()) <= loop.time():
            self._take()
            self._at_gate += 1
            return
        waiter: asyncio.Future[None] = loop.create_future()
        heappush(self._queue, (*turn, waiter))
        self._admit(loop)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._sweep()
                self._admit(loop)
            elif waiter.exception() is None:  # its turn had come in the same tick
                self._step_back(loop)
            raise

    def _step_back(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up a turn that had come."""
        self._at_gate -= 1
        self.in_flight -= 1
        if self._lease is not None:
            self._lease.out -= 1
        self._admit(loop)

    def _admit(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let through whoever may go now, and set the timer for the next."""
        now = loop.time()
        while self._queue and self._gate_is_free:
            waiter = self._queue[0][-1]
            if waiter.done():
                heappop(self._queue)
                continue
            at = self._opens_at(now)
            if at > now:
                self._wake_at(loop, at)
                return
            heappop(self._queue)
            self._take()
            self._at_gate += 1
            waiter.set_result(None)
        self._stop_timer()

    def _sweep(self) -> None:
        """Drop cancelled waiters once they are half of the queue, so that each costs no more than its share."""
        self._cancelled += 1
        if 2 * self._cancelled > len(self._queue):
            self._queue = [entry for entry in self._queue if not entry[-1].done()]
            heapify(self._queue)
            self._cancelled = 0

    def _wake_at(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._timer is not None and self._wakes_at <= at:
            return  # it looks again then
        self._stop_timer()
        if at < math.inf:  # else an answer wakes the queue
            self._wakes_at = at  # uvloop's handle of a moment that has passed cannot tell
            self._timer = loop.call_at(at, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._admit(loop)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the pace ------------------------------------------------------------------------------------------------

    @property
    def _held_until(self) -> float:
        until = -math.inf if self._hold is None else self._hold.until
        return until if self.gate is None else max(until, self.gate.held_until)

    def _opens_at(self, now: float) -> float:
        if self.in_flight >= self.max_concurrency:
            return math.inf  # an answer decides
        at = now if self._lease is None else self._lease.opens_at(now)
        if self._hold is not None:
            at = max(at, self._hold.opens_at(self.in_flight))
        if self.gate is not None:
            at = max(at, self.gate.held_until)
        if self._allowance is not None:
            at = max(at, self._allowance.opens_at(now, self.in_flight))
        return at

    @property
    def _gate_is_free(self) -> bool:
        """Whether one more call may go there: it passes without a wait, or is the only one, with the best priority."""
        if not self._at_gate:
            return True
        return self.gate is None and (self._spreader is None or self._spreader.has_room(self._at_gate + 1))

    def _take(self) -> None:
        self.in_flight += 1
        if self._lease is not None:
            self._lease.out += 1

    def _learn(self, response: Response, sent_at: float, loop: asyncio.AbstractEventLoop) -> None:
        limit, left = response.headers.get("x-ratelimit-limit"), response.headers.get("x-ratelimit-remaining")
        is_refused = response.status == _REFUSED
        if self._hold is not None and not is_refused:
            self._hold.accept(sent_at)
        if limit is None and left is None and not is_refused:
            return
        self._is_paced = True
        if limit is not None:
            self._agree(_number(limit))
        now = loop.time()
        if is_refused:
            self._hold = self._hold or Hold(self.max_concurrency)
            on_their_way = self.in_flight - self._at_gate  # the others meet the hold, and go after it
            self._hold.refuse(now, sent_at, refusals.retry_after(response.headers), on_their_way)
            if self.gate is not None:
                self.gate.refuse(self._hold.until - now)
            self._allowance = None  # the 429 says more exactly when to come again
            return
        remaining = None if left is None else _number(left)
        if remaining is not None:
            if self._allowance is None:
                self._allowance = Allowance(SERVER_WINDOW if self.rate is None else min(self.rate.per, SERVER_WINDOW))
            self._allowance.learn(now, sent_at, remaining)

    def _agree(self, limit: int | None) -> None:
        """Take the server's limit for the rate, or for its upper bound where the caller gave one; not a 0."""
        if not limit:
            return
        if self._lease is None:
            self._lease = Lease(0, SERVER_WINDOW, self.in_flight)
        if self.rate is not None:  # in a longer window of the caller's the server's fits several times
            limit = min(self.rate.calls, int(limit * max(1.0, self.rate.per / SERVER_WINDOW)))
        if limit != self._lease.calls:
            self._lease.calls = limit
            self._spreader = Spreader(limit, self._lease.per)


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _closed() -> ClientClosedError:
    return ClientClosedError("the session was closed while this call waited for its turn")
