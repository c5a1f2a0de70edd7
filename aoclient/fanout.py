"""Many actions, at most n at once, their results as they come or in order; memory stays flat on both sides."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from aoclient.action import Action
from aoclient.agenda import Agenda, Done, Failed, Job, Over, Result
from aoclient.errors import AoError, ConfigurationError, Parts
from aoclient.senders.interrupt import is_cancelled
from aoclient.splitting import merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

T = TypeVar("T")

Send = Callable[[Action[T]], Awaitable[T]]
Take = Callable[["Done[T] | Failed[T] | Over[T]"], Awaitable[None]]
OnError = Literal["collect", "raise"]

_END: Any = object()
"""Stands behind the last action of a source. None is none: a source that gives it would end there without a word."""


class Outcomes(AsyncIterator["Done[T] | Failed[T]"]):
    """What a fan-out brings, one after the other. Several tasks may read it; each outcome is one's."""

    def __init__(self, crew: _Crew[T], on_error: OnError) -> None:
        self._crew = crew
        self._on_error = on_error

    def __aiter__(self) -> Outcomes[T]:
        return self

    async def __anext__(self) -> Done[T] | Failed[T]:
        ready = self._crew.next_ready() if self._crew.agenda.ready else await self._crew.next_result()
        outcome = cast("Result[T]", ready)  # an Over is for `FanOut.each` only
        if isinstance(outcome, Failed) and self._on_error == "raise":
            raise outcome.error
        return outcome


class FanOut(Generic[T]):
    """Runs the workers as long as it is entered; leaving it cancels what is still on its way. To be used once.

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
        self._crew.at_work = self._concurrency
        for _ in range(self._concurrency):
            self._group.start_soon(self._crew.work)
        return Outcomes(self._crew, self._on_error)

    async def __aexit__(self, *_: object) -> None:
        # The group is not told of the reader's error: it would wrap it in an exception group.
        self._crew.close()
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)

    async def each(self, take: Take[T]) -> None:
        """Send all actions, each outcome taken by the worker that brought it; in place of entering it and reading.

        A reader is woken behind a whole burst of answers, which are then all in memory and no longer in the caches of
        the CPU. What is taken at once is gone before the next answer is looked at.

        Args:
            take: A coroutine function. It is called with each outcome, and with an `Over` behind the last one of each
                action. The calls begin in the order in which a reader would get them; one that waits holds back its
                worker, and no other. Failures are given to it whatever ``on_error`` is.

        Raises:
            ConfigurationError: ``take`` is no coroutine function. Nothing was sent.
            Exception: What ``take`` or the source raised; what is on its way is cancelled.
            RuntimeError: One of them awaited what somebody else has cancelled.
        """
        if not (inspect.iscoroutinefunction(take) or inspect.iscoroutinefunction(type(take).__call__)):
            raise ConfigurationError(f"take is an async def, got {take!r}")
        self._crew.agenda.tells_ends = True
        self._crew.take = take
        async with self:
            await self._crew.all_done()


async def send_parts(parts: Sequence[Action[T]], fan_out: Callable[[Iterable[Action[T]]], FanOut[T]]) -> T:
    """Send the parts of an action and return the answer of the whole.

    Raises:
        AoError: A part has no answer; ``error.parts`` tells which have. By one worker nothing was sent after it.
    """
    # Keyed by identity: actions compare by value, and two parts may be equal.
    answers: dict[int, T] = {}
    begun: list[Action[T]] = []

    def todo() -> Iterator[Action[T]]:
        for part in parts:
            begun.append(part)
            yield part

    async def take(outcome: Done[T] | Failed[T] | Over[T]) -> None:
        if isinstance(outcome, Failed):  # raised in the worker: a reader would be woken behind the next part
            done = [(part, answers[id(part)]) for part in begun if id(part) in answers]
            cut_off = [part for part in begun if id(part) not in answers and part is not outcome.action]
            outcome.error.parts = Parts(done, [outcome.action, *cut_off], parts[len(begun) :])
            raise outcome.error
        if isinstance(outcome, Done):
            answers[id(outcome.action)] = outcome.answer

    await fan_out(todo()).each(take)
    return merge([answers[id(part)] for part in parts])


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
        self.take: Take[T] | None = None
        self.at_work = 0
        self._is_saturated = is_saturated
        self._failure: Exception | None = None
        self._idle: deque[asyncio.Future[None]] = deque()
        self._readers: list[asyncio.Future[None]] = []  # mostly one
        self._is_closed = False

    # --- the reader's side ---

    async def next_result(self) -> Result[T] | Over[T]:
        while not self.agenda.ready:
            if self._failure is None and (self._is_closed or self._has_all):
                raise StopAsyncIteration
            await self._news()
        return self.next_ready()

    async def all_done(self) -> None:
        # Behind the last outcome the workers that are not done wait for pages behind an end, or for `take`.
        while self._failure is not None or not self._has_all or self.at_work > self.agenda.in_flight:
            await self._news()

    @property
    def _has_all(self) -> bool:
        return self._source is None and self.agenda.is_over

    async def _news(self) -> None:
        """Wait until the workers tell something.

        Raises:
            Exception: One of them failed.
        """
        if self._failure is not None:
            raise self._failure
        reader: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._readers.append(reader)
        await reader

    def next_ready(self) -> Result[T] | Over[T]:
        if self._idle:
            self._wake_one()
        return self.agenda.ready.popleft()

    def close(self) -> None:
        self._is_closed = True
        self._tell_readers()

    # --- the workers' side ---

    async def work(self) -> None:
        """Do one job after the other until nothing is left."""
        try:
            await self._do_jobs()
        except Exception as error:  # noqa: BLE001  # the reader raises it: of the source, of `take`, or a defect
            self._failure = error
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            # Nobody cancelled us: the task group would end all workers, and not say why.
            self._failure = RuntimeError("the source or `take` awaited what somebody else has cancelled")
            self._failure.__cause__ = error
        self.at_work -= 1
        self._tell_readers()
        while self._idle:
            self._wake_one()

    async def _do_jobs(self) -> None:
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
                del result  # it would stay in memory until the next one
            if self.take is not None and self.agenda.ready:
                await self._hand_out(self.take)
            elif job is not None:
                if self._readers:
                    self._tell_readers()
            elif self._has_all:
                break
            else:
                await self._rest()

    async def _hand_out(self, take: Take[T]) -> None:
        while self.agenda.ready:
            await take(self.next_ready())

    def _begin(self) -> Job[T] | None:
        while self._source is not None and self.agenda.has_room:
            job = self._begin_with(next(cast("Iterator[Action[T]]", self._source), _END))
            if job is not None:
                return job
        return None

    async def _begin_async(self) -> Job[T] | None:
        while self._source is not None and not self._is_reading and self.agenda.has_room:
            self._is_reading = True
            try:
                action = await anext(cast("AsyncIterator[Action[T]]", self._source), _END)
            finally:
                self._is_reading = False
            job = self._begin_with(action)
            if job is not None:
                return job
        return None

    def _begin_with(self, action: Action[T]) -> Job[T] | None:
        """Begin what the source gave, or note its end."""
        job = None
        if action is _END:
            self._source = None
        else:
            job = self.agenda.begin(action)
        if job is None:
            self._tell_readers()
        return job

    async def _rest(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        await waiter

    def _wake_one(self) -> None:
        waiter = self._idle.popleft()
        if not waiter.done():  # of a worker that was cancelled
            waiter.set_result(None)

    def _tell_readers(self) -> None:
        readers, self._readers = self._readers, []
        for reader in readers:
            if not reader.done():
                reader.set_result(None)
