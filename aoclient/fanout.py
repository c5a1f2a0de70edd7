"""Many actions, at most n at once, their results as they come or in order; memory stays flat on both sides."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import anyio

from aoclient.action import Action
from aoclient.agenda import Agenda, Done, Failed, Job, Result
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
        outcome = await self._crew.next_result()
        if isinstance(outcome, Failed) and self._on_error == "raise":
            raise outcome.error
        return outcome


class FanOut(Generic[T]):
    """Runs the workers as long as it is entered; leaving it early cancels what is on its way.

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
        self._is_reading = False
        self._send = send
        self._agenda = agenda
        self._is_saturated = is_saturated
        self._failure: Exception | None = None
        self._idle: deque[anyio.Event] = deque()
        self._news = anyio.Event()
        self._is_closed = False

    # --- the reader's side ---

    async def next_result(self) -> Result[T]:
        while not self._agenda.ready:
            if self._failure is not None:
                raise self._failure
            if self._is_closed or (self._source is None and self._agenda.is_over):
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        result = self._agenda.ready.popleft()
        self._wake_one()
        return result

    def close(self) -> None:
        self._is_closed = True
        self._news.set()

    # --- the workers' side ---

    async def work(self) -> None:
        """Do one job after the other until nothing is left."""
        try:
            while self._failure is None:
                job = await self._next_job()
                if job is not None:
                    self._wake_one()
                    await self._do(job)
                elif self._source is None and self._agenda.is_over:
                    break
                else:
                    await self._rest()
        except Exception as error:  # noqa: BLE001  # the reader raises it: of the source, or a defect of this library
            self._failure = error
        self._news.set()
        while self._idle:
            self._wake_one()

    async def _next_job(self) -> Job[T] | None:
        job = self._agenda.take() or await self._begin()
        return self._agenda.take(ahead=True) if job is None and not self._is_saturated() else job

    async def _begin(self) -> Job[T] | None:
        while self._source is not None and not self._is_reading and self._agenda.has_room:
            action = await self._read(self._source)
            job = self._agenda.begin(action) if action is not None else None
            if job is not None:
                return job
            self._news.set()
        return None

    async def _read(self, source: Iterator[Action[T]] | AsyncIterator[Action[T]]) -> Action[T] | None:
        """Return the next action of the source, or None at its end."""
        if isinstance(source, Iterator):
            action = next(source, None)
        else:
            self._is_reading = True
            try:
                action = await anext(source, None)
            finally:
                self._is_reading = False
        if action is None:
            self._source = None
        return action

    async def _do(self, job: Job[T]) -> None:
        result: Result[T]
        try:
            result = Done(job.action, await self._send(job.action))
        except AoError as error:
            result = Failed(job.action, error)
        self._agenda.give(job, result)
        self._news.set()

    async def _rest(self) -> None:
        event = anyio.Event()
        self._idle.append(event)
        try:
            await event.wait()
        finally:
            if event in self._idle:
                self._idle.remove(event)

    def _wake_one(self) -> None:
        if self._idle:
            self._idle.popleft().set()
