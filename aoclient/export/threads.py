"""Blocking work in a thread that nobody outruns."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from anyio import CancelScope

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import CapacityLimiter

T = TypeVar("T")

_POOLS: WeakKeyDictionary[asyncio.AbstractEventLoop, ThreadPoolExecutor] = WeakKeyDictionary()
"""The threads of each event loop. Its own ones are few on a small machine, where most commits wait for the disk."""

_MOST = 32  # those who commit have a limit of their own


async def in_thread(work: Callable[[], T], *, limiter: CapacityLimiter | None = None) -> T:
    """Do work in a thread; a cancel is raised once the work has ended, so that what follows does not run beside it.

    `anyio.to_thread.run_sync` waits so for its own scopes only; ``Task.cancel`` and `asyncio.timeout` leave the thread
    behind. What is waited for here is no task either, which somebody who cancels all tasks of a loop would find.
    """
    async with limiter or nullcontext():
        loop = asyncio.get_running_loop()
        pool = _POOLS.get(loop)
        if pool is None:
            pool = _POOLS[loop] = ThreadPoolExecutor(_MOST)
        running = loop.run_in_executor(pool, work)
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
