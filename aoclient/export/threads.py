"""Blocking work in a thread that nobody outruns."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import CapacityLimiter

T = TypeVar("T")


async def in_thread(work: Callable[[], T], *, limiter: CapacityLimiter | None = None) -> T:
    """Do work in a thread; a cancel is raised once the work has ended, so that what follows does not run beside it.

    `anyio.to_thread.run_sync` waits so for its own scopes only; ``Task.cancel`` and `asyncio.timeout` leave the thread
    behind. What is waited for here is no task either, which somebody who cancels all tasks of a loop would find.
    """
    async with limiter or nullcontext():
        running = asyncio.get_running_loop().run_in_executor(None, work)
        cancelled: asyncio.CancelledError | None = None
        with CancelScope(shield=True):
            while not running.done():
                try:
                    await asyncio.wait([running])
                except asyncio.CancelledError as error:
                    cancelled = error
    if cancelled is not None:
        running.exception()  # seen
        raise cancelled
    return running.result()
