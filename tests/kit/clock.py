"""A loop whose time is a number: it jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


_TURNS_FOR_NOTHING = 100
_A_TURN = 1e-9  # seconds


class _JumpingSelector(selectors.SelectSelector):
    """Advance the loop's time by what the loop would have waited, and never wait."""

    def __init__(self, turn: float) -> None:
        super().__init__()
        self.now = 0.0
        self._turn = turn
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if self._turn:
            self.now += self._turn
            timeout = None if timeout is None else max(0.0, timeout - self._turn)
        # A turn of the loop takes time as well. Who waits for a moment that rounding puts before the present one
        # would otherwise wait for ever.
        self._turns = self._turns + 1 if timeout == 0 else 0
        if self._turns > _TURNS_FOR_NOTHING:
            self._turns = 0
            self.now += _A_TURN
        if not ready and timeout is None:
            raise RuntimeError("the loop would wait for ever: nothing is scheduled")
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; no sockets."""

    def __init__(self, turn: float = 0.0) -> None:
        self._jumping = _JumpingSelector(turn)
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.now


def run(main: Coroutine[Any, Any, T], *, turn: float = 0.0) -> T:
    """Run a coroutine on virtual time, starting at 0.0; raises if it would wait for ever.

    ``turn`` is what each turn of the loop takes in seconds, as on a busy machine.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(turn)) as runner:
        return runner.run(main)
