"""Many actions, at most n at once, their results as they come or in order; memory stays flat on both sides."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

from aoclient.action import Action
from aoclient.agenda import Agenda, Done, Failed, Job, Over, Result
from aoclient.errors import AoError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

T = TypeVar("T")

Send = Callable[[Action[T]], Awaitable[T]]
OnError = Literal["collect", "raise"]


class Outcomes(AsyncIterator["Done[T] | Failed[T]"]):
    """What a fan-out brings, one after the other."""

    def __init__(self, crew: _Crew[T], on_error: OnError) -> None:
        self._crew = crew
        self._on_error = on_error

    def __aiter__(self) -> Outcomes[T]:
        return self

    async def __anext__(self) -> Done[T] | Failed[T]:
        ready = self._crew.next_ready() if self._crew.agenda.ready else await self._crew.next_result()
        outcome = cast("Result[T]", ready)  # an Over comes after `with_ends` only
        if isinstance(outcome, Failed) and self._on_error == "raise":
            raise outcome.error
        return outcome

    def with_ends(self) -> AsyncIterator[Done[T] | Failed[T] | Over[T]]:
        """Give an `Over` too, behind the last outcome of each action; call it before anything is awaited.

        ``on_error`` does not hold here: every failure is given.
        """
        return _OutcomesWithEnds(self._crew)


class _OutcomesWithEnds(AsyncIterator["Done[T] | Failed[T] | Over[T]"]):
    def __init__(self, crew: _Crew[T]) -> None:
        self._crew = crew
        crew.agenda.tells_ends = True

    def __aiter__(self) -> _OutcomesWithEnds[T]:
        return self

    async def __anext__(self) -> Done[T] | Failed[T] | Over[T]:
        return await self._crew.next_result()


class FanOut(Generic[T]):
    """Runs the workers as long as it is entered; leaving it cancels what is still on its way.

    Args:
        todo: Actions; read as workers come free.
        send: Sends one of them.
        agenda: Knows what is next.
        concurrency: Workers.
        on_error: Whether a failure is given to the reader or raised.
        is_saturated: Whether calls queue already. Pages are then not asked for before they are due: it would bring
            nothing, and the last ones of a listing are asked for in vain.
    """

    _group: TaskGroup

    def __init__(
        self,
        todo: Iterable[Action[T]] | AsyncIterable[Action[T]],
        *,
        send: Send[T],
        agenda: Agenda[T],
        concurrency: int,
        on_error: OnError,
        is_saturated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._crew = _Crew(todo, send, agenda, is_saturated)
        self._concurrency = concurrency
        self._on_error: OnError = on_error

    async def __aenter__(self) -> Outcomes[T]:
        import anyio  # noqa: PLC0415  # it takes a while to load, and most sessions send one call at a time

        self._group = await anyio.create_task_group().__aenter__()
        for _ in range(self._concurrency):
            self._group.start_soon(self._crew.work)
        return Outcomes(self._crew, self._on_error)

    async def __aexit__(self, *_: object) -> None:
        # The group is not told of the reader's error: it would wrap it in an exception group.
        self._crew.close()
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)


class _Crew(Generic[T]):
    """Workers over one shared source; one that finds work wakes the next, so that none sleeps while there is any."""

    def __init__(
        self,
        todo: Iterable[Action[T]] | AsyncIterable[Action[T]],
        send: Send[T],
        agenda: Agenda[T],
        is_saturated: Callable[[], bool],
    ) -> None:
        self._source: Iterator[Action[T]] | AsyncIterator[Action[T]] | None
        self._source = aiter(todo) if isinstance(todo, AsyncIterable) else iter(todo)
        self._is_async = isinstance(todo, AsyncIterable)
        self._is_reading = False
        self._send = send
        self.agenda = agenda
        self._is_saturated = is_saturated
        self._failure: Exception | None = None
        self._idle: deque[asyncio.Future[None]] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._is_closed = False

    # --- the reader's side ---

    async def next_result(self) -> Result[T] | Over[T]:
        while not self.agenda.ready:
            if self._failure is not None:
                raise self._failure
            if self._is_closed or (self._source is None and self.agenda.is_over):
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self.next_ready()

    def next_ready(self) -> Result[T] | Over[T]:
        if self._idle:
            self._wake_one()
        return self.agenda.ready.popleft()

    def close(self) -> None:
        self._is_closed = True
        self._tell_reader()

    # --- the workers' side ---

    async def work(self) -> None:
        """Do one job after the other until nothing is left."""
        try:
            while self._failure is None:
                job = self.agenda.take() or (await self._begin_async() if self._is_async else self._begin())
                if job is None and not self._is_saturated():
                    job = self.agenda.take(ahead=True)
                if job is not None:
                    if self._idle:
                        self._wake_one()
                    result: Result[T]
                    try:
                        result = Done(job.action, await self._send(job.action), job.entry.source)
                    except AoError as error:
                        result = Failed(job.action, error, job.entry.source)
                    self.agenda.give(job, result)
                    if self._reader is not None:
                        self._tell_reader()
                elif self._source is None and self.agenda.is_over:
                    break
                else:
                    await self._rest()
        except Exception as error:  # noqa: BLE001  # the reader raises it: of the source, or a defect of this library
            self._failure = error
        self._tell_reader()
        while self._idle:
            self._wake_one()

    def _begin(self) -> Job[T] | None:
        while self._source is not None and self.agenda.has_room:
            job = self._begin_with(next(cast("Iterator[Action[T]]", self._source), None))
            if job is not None:
                return job
        return None

    async def _begin_async(self) -> Job[T] | None:
        while self._source is not None and not self._is_reading and self.agenda.has_room:
            self._is_reading = True
            try:
                action = await anext(cast("AsyncIterator[Action[T]]", self._source), None)
            finally:
                self._is_reading = False
            job = self._begin_with(action)
            if job is not None:
                return job
        return None

    def _begin_with(self, action: Action[T] | None) -> Job[T] | None:
        """Begin what the source gave; None is its end."""
        if action is None:
            self._source = None
        job = self.agenda.begin(action) if action is not None else None
        if job is None:
            self._tell_reader()
        return job

    async def _rest(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        await waiter

    def _wake_one(self) -> None:
        waiter = self._idle.popleft()
        if not waiter.done():  # of a worker that was cancelled
            waiter.set_result(None)

    def _tell_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)
