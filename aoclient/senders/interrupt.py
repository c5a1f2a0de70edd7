"""What ends a block from outside: `asyncio.timeout` for every call, at a third of its price."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Interrupt:
    """Cancel what a block waits for, at a time or when told to; the block then ends with `TimeoutError`.

    It does what `asyncio.timeout` does, cancellations of others included, with a plain ``with``: that one makes two
    coroutines for a block.

    Args:
        at: Time of the loop; None strikes only when told to.

    Attributes:
        has_struck: Whether it did.
    """

    __slots__ = ("_at", "_cancelling", "_handle", "_task", "has_struck")

    def __init__(self, at: float | None = None) -> None:
        self._at = at
        self._handle: asyncio.TimerHandle | None = None
        self.has_struck = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call has to be made inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._at is not None:
            self._handle = asyncio.get_running_loop().call_at(self._at, self.strike)
        return self

    def strike(self) -> None:
        """End the block now."""
        if not self.has_struck:
            self.has_struck = True
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
        if self.has_struck and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
