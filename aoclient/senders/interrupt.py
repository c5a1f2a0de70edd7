"""What ends a block from outside, when told to or when its time is up: `asyncio.timeout` at a fifth of its price."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Interrupt:
    """Cancel what a block waits for, when struck; the block then ends with `TimeoutError`.

    It does what `asyncio.timeout` does, cancellations of others included, with a plain ``with``: that one makes two
    coroutines for a block.

    Args:
        loop: The running one. Python 3.11 asks the kernel for the process id whenever it is looked up, so that is done
            once for each block, by its owner.
        countdown: Strikes when too much time passes after `start`; None leaves it to others.

    Attributes:
        has_struck: Whether it did.
    """

    __slots__ = ("_cancelling", "_countdown", "_loop", "_task", "has_struck")

    def __init__(self, loop: asyncio.AbstractEventLoop, countdown: Countdown | None = None) -> None:
        self._loop = loop
        self._countdown = countdown
        self.has_struck = False

    def __enter__(self) -> Self:
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("a call has to be made inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        return self

    def start(self) -> float:
        """Start its time, or start it anew; return when it strikes, ``inf`` for never."""
        countdown = self._countdown
        if countdown is None:
            return math.inf
        countdown.due.pop(self, None)  # to stand last
        countdown.due[self] = at = self._loop.time() + countdown.seconds
        if not countdown.is_set:
            countdown.set(at, self._loop)
        return at

    def strike(self) -> None:
        """End the block now."""
        if not self.has_struck:
            self.has_struck = True
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._countdown is not None:
            self._countdown.due.pop(self, None)
        if self.has_struck and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error


class Countdown:
    """Strikes interrupts so many seconds after they were started.

    All have the same time, so the first one started is the first one due, and one timer of the loop does for all of
    them. A timer for each call, nearly always cancelled, cost 2 us of the 75 us of a small call.

    Args:
        seconds: From start to strike.

    Attributes:
        due: When each strikes, in order; an interrupt puts itself in and takes itself out.
        is_set: Whether a timer of the loop is under way.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.due: OrderedDict[Interrupt, float] = OrderedDict()
        self.is_set = False

    def set(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        """Look at a moment who is due."""
        self.is_set = True
        loop.call_at(at, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_set = False
        while self.due:
            interrupt, at = next(iter(self.due.items()))
            if at > loop.time():
                self.set(at, loop)
                return
            del self.due[interrupt]
            interrupt.strike()


class Countdowns(dict[float, "Countdown | None"]):
    """One countdown for each length of time in use, by its seconds; None for those that never end."""

    def __missing__(self, seconds: float) -> Countdown | None:
        if seconds == math.inf:
            return None
        if len(self) >= _MANY:  # somebody computes the time for each call
            for each in [each for each, kept in self.items() if not (kept and kept.due)]:
                del self[each]
        countdown = self[seconds] = Countdown(seconds)
        return countdown


_MANY = 64


def is_cancelled() -> bool:
    """Tell whether somebody has cancelled the running task: what it awaits may also have been cancelled by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
