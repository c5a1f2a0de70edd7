"""Blocking work in a thread that nobody outruns."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope, to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Do work in a thread; a cancel is raised once the work has ended, so that what follows does not run beside it.

    `anyio.to_thread.run_sync` waits so for its own scopes only; ``Task.cancel`` and `asyncio.timeout` leave the thread
    behind.
    """
    running = asyncio.ensure_future(to_thread.run_sync(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with CancelScope(shield=True):
            while not running.done():
                with suppress(asyncio.CancelledError):  # a further one; the first is raised below
                    await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # seen
        raise
