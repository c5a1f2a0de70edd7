"""Tasks for work that mostly ends without waiting: what begins in one turn of the loop shares one until it waits."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context

Work: TypeAlias = "Coroutine[Any, Any, object]"  # Any: whatever the event loop sends and is given


class Runners:
    """Runs coroutines in the background, each in a context of its own, as in a task of its own.

    A task costs more than most handlers, so one whose work has ended without waiting begins the next. One whose work
    waits takes no more, and the others get tasks: nobody waits for anybody else, and what work does to its task meets
    no other.
    """

    def __init__(self) -> None:
        self._fresh: deque[tuple[Context, Work]] = deque()  # not begun
        self._coming = 0  # tasks not begun
        self._tasks: dict[asyncio.Task[None], None] = {}  # in the order they were made

    def start(self, work: Work) -> None:
        """Have work begin in the next turn of the loop. It raises nothing."""
        self._fresh.append((copy_context(), work))
        if not self._coming:
            self._call()

    async def cancel(self) -> None:
        """Cancel all work and wait for its end. It has begun by then, so that none is lost without knowing."""
        while self._fresh:  # noqa: ASYNC110  # a turn or two, in which the tasks that are coming begin
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _call(self) -> None:
        self._coming += 1
        task = asyncio.create_task(self._run())
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _run(self) -> None:
        self._coming -= 1
        while self._fresh:
            if await self._waited(*self._fresh.popleft()) or is_cancelled():
                break
        if self._fresh and not self._coming:
            self._call()

    @coroutine
    def _waited(self, context: Context, work: Work) -> Generator[Any, Any, bool]:  # Any: as in Work
        """Run work to its end; return whether it waited on the way."""
        waited = False
        step: Callable[[Any], Any] = work.send
        given: Any = None
        while True:
            try:
                awaited = context.run(step, given)
            except StopIteration:
                return waited
            if not waited:
                waited = True
                for _ in range(len(self._fresh) - self._coming):
                    self._call()
            try:
                given = yield awaited
                step = work.send
            except BaseException as error:  # noqa: BLE001  # as `yield from` does it: the work is to see it
                given, step = error, work.throw


def is_cancelled() -> bool:
    """Tell whether somebody has cancelled the task this runs in."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
