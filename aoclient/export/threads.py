"""Work that a cancel waits for."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from anyio import CancelScope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio import CapacityLimiter

T = TypeVar("T")

_POOLS: WeakKeyDictionary[asyncio.AbstractEventLoop, ThreadPoolExecutor] = WeakKeyDictionary()
"""The threads of each event loop. Its own ones are few on a small machine, where most commits wait for the disk."""

_MOST = 32  # those who commit have a limit of their own


async def to_its_end(doing: Awaitable[T]) -> T:
    """Wait for what must not be cut off; a cancel is raised once it has ended, however many came meanwhile.

    A shielded scope of `anyio` keeps its own cancels off only, not ``Task.cancel`` and `asyncio.timeout`.
    """
    running = asyncio.ensure_future(doing)
    cancelled: asyncio.CancelledError | None = None
    with CancelScope(shield=True):
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is None:
        return running.result()
    if not running.cancelled():
        running.exception()  # seen
    raise cancelled


async def in_thread(work: Callable[[], T], *, limiter: CapacityLimiter | None = None) -> T:
    """Do work in a thread, `to_its_end`, so that what follows does not run beside it.

    What is waited for is no task, which somebody who cancels all tasks of a loop would find.
    """
    async with limiter or nullcontext():
        loop = asyncio.get_running_loop()
        pool = _POOLS.get(loop)
        if pool is None:
            pool = _POOLS[loop] = ThreadPoolExecutor(_MOST)
        return await to_its_end(loop.run_in_executor(pool, work))
