"""When the next request may go: three rules over plain numbers. They know no loop and no clock; the time is passed in.

`Lease` keeps the rate, whatever the network does, and a `Spreader` makes it even. `Allowance` keeps to what the server
says is left of its window. `Hold` stops everything after a 429 and opens again step by step.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

from attrs import define, field

SERVER_WINDOW = 60.0
"""Seconds of the window ``X-RateLimit-Limit`` counts in: Laravel's throttle, by default; no header tells it."""

HOLD_AT_MOST = 120.0
"""Seconds one 429 holds back the session at most; then one request asks again."""

_FIRST_HOLD = 1.0  # seconds, after a 429 that does not say how long; doubled while they keep coming
_OTHER_CLOCK = 1.001  # the server's clock is not ours: a window of ours is one part in a thousand longer
_EAGER = 0.95  # of the even gap
_FINEST = 0.001  # seconds


@define(eq=False)
class Lease:
    """At most so many requests in any window, at whatever moment between start and answer the server counts them.

    A request takes a permit when it starts and gives it back one window after its answer. So of any ``calls`` + 1
    requests in a row the last one starts more than a window after the answer to one before it. As long as the moment of
    arrival is not known, nothing faster is safe; it costs the part latency / (window + latency) of the rate.

    Attributes:
        calls: Permits in all; may change at any time.
        per: Window in seconds.
        out: Permits whose request has no answer yet; who takes one adds it, when `opens_at` is not in the future.
    """

    calls: int
    per: float
    out: int = 0
    _back: deque[float] = field(factory=deque[float], init=False)  # when answered ones come back, in order

    def opens_at(self, now: float) -> float:
        """Return when the next permit may be taken, ``inf`` if that hangs on an answer."""
        back = self._back
        while back and back[0] <= now:
            back.popleft()
        free = self.calls - self.out - len(back)
        if free > 0:
            return now
        return back[-free] if -free < len(back) else math.inf

    def give_back(self, now: float, *, after: float = 0.0) -> None:
        """Give a permit back one window after ``now``, when the answer came or the request failed.

        Args:
            now: Time.
            after: Seconds more, for a request that may still be on its way.
        """
        self.out -= 1
        back, at = self._back, now + after + self.per * _OTHER_CLOCK
        if not back or at >= back[-1]:
            back.append(at)  # as nearly always; the search takes a dozen steps
        else:
            insort(back, at)


class Spreader:
    """Spreads the permits of a `Lease` over its window: a tenth of them at once, the others evenly.

    So a call with a better priority finds a permit soon and not at the end of the window. It is a little faster than
    the rate, which the lease keeps, so that what late timers lose is caught up. Alone it would let nearly twice the
    rate through in the first window.

    It takes from aiolimiter what is due in a millisecond, since timers are no finer. One by one took 0.8 us for each
    call, in a loop that did nothing else.
    """

    def __init__(self, calls: int, per: float) -> None:
        from aiolimiter import AsyncLimiter  # noqa: PLC0415  # it takes a while to load, and a session may have no rate

        burst = max(1.0, calls / 10)
        self._limiter = AsyncLimiter(burst, _EAGER * burst * per / calls)
        self._together = max(1, int(min(burst, calls / per * _FINEST)))
        self._at_hand = 0

    def take(self) -> bool:
        """Take a permit that is at hand; False if there is none."""
        if not self._at_hand:
            return False
        self._at_hand -= 1
        return True

    def has_room(self, calls: int) -> bool:
        """Return whether so many calls would pass without a wait."""
        more = -(-(calls - self._at_hand) // self._together)
        return more <= 0 or self._limiter.has_capacity(more * self._together)

    async def acquire(self) -> None:
        """Take a permit as soon as there is one."""
        if not self._at_hand:
            await self._limiter.acquire(self._together)
            self._at_hand += self._together
        self._at_hand -= 1


@define(eq=False)
class Allowance:
    """What the server says is left of its fixed window; others may use it up as well.

    The headers do not say when a window began, so the first answer of a window is taken for its begin. That is never
    too early.

    Attributes:
        per: Window of the server in seconds.
    """

    per: float = SERVER_WINDOW
    _left: int | None = field(default=None, init=False)
    _told_at: float = field(default=0.0, init=False)
    _until: float = field(default=-math.inf, init=False)

    def opens_at(self, now: float, in_flight: int) -> float:
        """Return when the next request may go; those in flight may be counted already or not, so they are."""
        if self._left is None or now >= self._until or self._left > in_flight:
            return now
        return self._until

    def learn(self, now: float, sent_at: float, left: int) -> None:
        """Note ``X-RateLimit-Remaining`` of the answer, which came now, to a request."""
        if sent_at < self._until <= now:
            return  # of the window that ended or of the one that began: nobody knows
        begun = self._left is None or now >= self._until
        # Sent after the smaller number had come, so counted after it: only a new window explains a larger one.
        begun = begun or (sent_at >= self._told_at and self._left is not None and left > self._left)
        if begun:
            self._until = now + self.per
        if begun or (self._left is not None and left < self._left):
            self._left = left
            self._told_at = now


@define(eq=False)
class Hold:
    """Nothing goes after a 429 until the time it names; then one request, and one more with each answer.

    Attributes:
        most: Requests in flight at most.
        until: When the hold ends or ended.
    """

    most: int
    until: float = field(default=-math.inf, init=False)
    _began: float = field(default=-math.inf, init=False)
    _before: int = field(default=0, init=False)  # in flight since before it began
    _room: int = field(init=False)  # for those that came after
    _wait: float = field(default=_FIRST_HOLD, init=False)

    def __attrs_post_init__(self) -> None:
        self._room = self.most

    def opens_at(self, in_flight: int) -> float:
        """Return when the next request may go, ``inf`` if that hangs on an answer."""
        return math.inf if in_flight - self._before >= self._room else self.until

    def refuse(self, now: float, sent_at: float, wait: float | None, in_flight: int) -> None:
        """Note a 429, with the seconds it asks to wait, if it does; its request still counts as in flight.

        Zero seconds count as none: whole seconds are what is left of less than one.
        """
        if not wait:
            if sent_at <= self._began:
                return  # the hold that stands is for this one as well
            wait = self._wait
            self._wait = min(2 * wait, HOLD_AT_MOST)
        self.until = max(self.until, now + min(wait, HOLD_AT_MOST))
        self._began = now
        self._before = in_flight
        self._room = 1

    def accept(self, sent_at: float) -> None:
        """Note any other answer."""
        if sent_at > self._began:
            if self._room < self.most:
                self._room += 1
            self._wait = _FIRST_HOLD

    def leave(self, sent_at: float) -> None:
        """Note that a request is no longer in flight, however it ended."""
        if sent_at <= self._began:
            self._before -= 1
