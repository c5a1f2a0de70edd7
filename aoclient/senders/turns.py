"""Who reads an answer in which turn of the event loop, where several came at once."""

from __future__ import annotations

from collections import deque
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_BYTES = 4096  # of answers to a turn of the loop: a page of a listing, or eight small ones
_BYTES_BUSY = 8 * _BYTES  # while the loop has no time to spare: still no more than one page
_BUSY, _LOOK_EACH = 0.8, 64  # part of the time the thread is at work, looked at once in so many turns
_LEAST = 512  # bytes that any answer counts for; a turn of its own for each small one cost 10 % of its instructions
_MOST = 64  # answers that wait: their slots are free, so the next ones come however many are unread


class Turns:
    """Spreads the reading of answers that came at once over turns of the loop, first come first served.

    Up to Python 3.11 aiohttp writes a form in a task of its own. Were all answers of a turn read in that turn, the next
    requests would leave only behind the last of them, come back together, and so wait for each other for good: 8 pages
    at once took 1 ms more for each round trip of 20. Spread, each request leaves before the next answers are read, and
    what is on its way stays spread. It also keeps the turns of the loop short, unless answers come faster than that.

    Where the loop never waits for an answer, nothing is gained by it, and small answers are read as they come: to wait
    for a turn costs 2 us, of the 65 that such a call takes.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._taken = 0  # bytes in this turn
        self._share = _BYTES
        self._until_look = _LOOK_EACH  # turns
        self._looked_at = self._at_work = 0.0  # seconds, by the clock and of the thread

    def ask(self, size: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
        """Return what to await before an answer of so many bytes is read; None if its turn is now."""
        if size < _LEAST:  # noqa: PLR1730  # `max` is a call
            size = _LEAST
        if self._taken >= self._share:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append((turn, size))
            return turn
        if not self._taken:
            loop.call_soon(self._next, loop)
        self._taken += size
        return None

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._taken = 0
        self._until_look -= 1
        if not self._until_look:
            self._look()
        while self._waiting and (self._taken < self._share or len(self._waiting) > _MOST):
            turn, size = self._waiting.popleft()
            if not turn.done():  # of a call that was cancelled
                turn.set_result(None)
                self._taken += size
        if self._taken:
            loop.call_soon(self._next, loop)

    def _look(self) -> None:
        """Find out whether the loop has time to spare."""
        now, at_work = perf_counter(), thread_time()
        is_busy = at_work - self._at_work > _BUSY * (now - self._looked_at)
        self._share = _BYTES_BUSY if is_busy else _BYTES
        self._looked_at, self._at_work, self._until_look = now, at_work, _LOOK_EACH
