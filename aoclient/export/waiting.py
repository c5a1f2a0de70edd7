"""Waits for the rate limit, told while something is done."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import anyio

from aoclient.export.events import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aoclient.export.events import Event
    from aoclient.session import Session

T = TypeVar("T")

_EVERY = 0.25  # seconds between two looks
_AT_LEAST = 2.0  # seconds; shorter waits are the pace of the calls
_THE_SAME = 1.0  # seconds by which the end of a wait may differ from what was told


async def telling_waits(ao: Session, tell: Callable[[Event], None], doing: Awaitable[T]) -> T:
    """Do something, and tell each wait for the rate limit meanwhile.

    Args:
        ao: The session whose calls wait.
        tell: Takes a `Waiting` for each wait; what it raises ends what is done.
        doing: What is done.

    Raises:
        Exception: What ``tell`` or ``doing`` raised.
    """
    failures: list[Exception] = []
    results: list[T] = []

    async def watch() -> None:
        told = -math.inf  # the end of the wait that was told last, on the clock
        try:
            while True:
                await anyio.sleep(_EVERY)
                seconds = ao.limiter.held_for
                until = anyio.current_time() + seconds
                if seconds >= _AT_LEAST and abs(until - told) > _THE_SAME:
                    told = until
                    tell(Waiting(datetime.now(UTC) + timedelta(seconds=seconds), seconds))
        except Exception as error:  # noqa: BLE001  # raised below: a task group would wrap it
            failures.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            results.append(await doing)
        except Exception as error:  # noqa: BLE001  # as above
            failures.append(error)
        group.cancel_scope.cancel()
    if failures:
        raise failures[0]
    return results[0]
