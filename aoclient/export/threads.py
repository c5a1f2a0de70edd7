"""Work that a cancel waits for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope, to_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


async def to_its_end(doing: Awaitable[T]) -> T:
    """Wait for what must not be cut off; a cancel is raised once it has ended, however many came meanwhile.

    A shielded scope of `anyio` keeps its own cancels off only, not ``Task.cancel`` and `asyncio.timeout`.
    """
    running = asyncio.ensure_future(doing)
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


async def in_thread(work: Callable[[], T]) -> T:
    """Do work in a thread, `to_its_end`: what follows does not run beside it."""
    return await to_its_end(to_thread.run_sync(work))
