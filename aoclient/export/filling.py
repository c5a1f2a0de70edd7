"""The shards of all jobs through one fan-out: answers go to the private file of their shard as they come."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from anyio import CapacityLimiter
from attrs import define, field

from aoclient.action import Action
from aoclient.agenda import Done, Failed, Over
from aoclient.errors import (
    AoError,
    AuthenticationError,
    ClientClosedError,
    WrongEventLoopError,
)
from aoclient.export.columns import Table
from aoclient.export.events import Committed, FailedShard, PageWritten, Started, unwritten
from aoclient.export.records import Shard
from aoclient.export.store import Sink
from aoclient.export.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from aoclient.export.events import Event
    from aoclient.export.store import Sinks
    from aoclient.session import Session

    Outcome = Done[Any] | Failed[Any] | Over[Any]  # Any: of whatever action

_FINAL = (AuthenticationError, ClientClosedError, WrongEventLoopError)
"""What every further call would end with too."""


class Content(Protocol):
    """What is to be known of a job where its shards are filled."""

    @property
    def table(self) -> Table:
        """The columns, and how answers become rows."""
        ...

    def smaller(self, action: Action[Any], error: AoError) -> Sequence[Action[Any]]:  # Any: whatever it answers
        """Return actions that bring together what one does whose answer was too big; none where there are none."""
        ...


@define(eq=False)
class _Open:
    """A shard under way.

    Attributes:
        shard: Which one.
        actions: What is sent for it.
        table: Its columns.
        sink: Where it is written, from its first rows on.
        turn: Place of the action whose rows are written now; those of later ones wait, so that their order is fixed.
        held: Answers that wait, by the place of their action.
        over: Places of actions that are over.
        is_dead: It failed, or will be tried again with smaller actions.
    """

    shard: Shard
    actions: list[Action[Any]]
    table: Table
    sink: Sink | None = None
    turn: int = 0
    held: dict[int, list[Done[Any]]] = field(factory=lambda: defaultdict(list))
    over: set[int] = field(factory=set[int])
    is_dead: bool = False


class _Stumbled(Exception):  # noqa: N818  # says whose error it is, and never gets out
    """The caller's ``progress`` raised; no failure to write is meant, whatever it raised."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Filling:
    """Sends the actions of shards and commits each shard that is whole."""

    def __init__(
        self,
        ao: Session,
        jobs: Mapping[str, Content],
        sinks: Sinks,
        tell: Callable[[Event], None],
        concurrency: int | None,
    ) -> None:
        self._ao = ao
        self._jobs = jobs
        self._sinks = sinks
        self._tell_caller = tell
        self._concurrency = concurrency
        self._fatal: Exception | None = None
        self._again: list[_Open] = []
        self._open: dict[int, tuple[_Open, int]] = {}  # by id of each action on its way
        self._under_way: set[_Open] = set()
        self._failure: Exception | None = None
        self._scope = anyio.CancelScope()
        self._threads = CapacityLimiter(sinks.committers)
        self._pending = anyio.Semaphore(2 * sinks.committers)

    async def run(self, shards: Iterable[Shard]) -> Exception | None:
        """Fill and commit the shards; tell which are committed and which failed.

        Returns:
            Why nothing more could be sent or written, if so.

        Raises:
            Exception: What the caller's ``progress`` raised, or a defect of this library.
        """
        todo: Iterable[_Open] = (_Open(shard, shard.actions(), self._jobs[shard.job].table) for shard in shards)
        while todo:
            failure = await self._round(todo)
            if failure is not None:
                raise failure.error if isinstance(failure, _Stumbled) else failure
            todo, self._again = self._again, []
        return self._fatal

    async def _round(self, todo: Iterable[_Open]) -> Exception | None:
        """Work through shards once; return what is to be raised, so that no exception group wraps it."""
        source = self._actions(iter(todo))
        try:
            async with anyio.create_task_group() as committing:
                with self._scope:
                    try:
                        sending = self._ao.fan_out(source, concurrency=self._concurrency, retry_failed=1)
                        await sending.each(partial(self._take, committing.start_soon))
                    except Exception as error:  # noqa: BLE001  # raised by `run`
                        self._failure = error
        finally:
            for each in list(self._under_way):
                self._drop(each)
        return self._failure

    def _actions(self, todo: Iterator[_Open]) -> Iterator[Action[Any]]:
        for each in todo:
            if self._fatal is not None:
                return
            self._under_way.add(each)
            self._tell(Started(each.shard.job, each.shard.key))
            for place, action in enumerate(each.actions):
                if each.is_dead:
                    break
                self._open[id(action)] = each, place
                yield action

    async def _take(self, start: Callable[..., object], outcome: Outcome) -> None:
        each, place = self._open[id(outcome.source)]
        if isinstance(outcome, Over):
            del self._open[id(outcome.source)]
        if each.is_dead:
            return
        try:
            if isinstance(outcome, Failed):
                self._fail(each, place, outcome.error)
            elif self._fill(each, place, outcome):
                await self._pending.acquire()
                start(self._commit, each)
        except OSError as error:
            self._stop(each, error)

    def _fill(self, each: _Open, place: int, outcome: Done[Any] | Over[Any]) -> bool:
        """Take an answer or the end of an action; tell whether the shard is whole."""
        if isinstance(outcome, Over):
            each.over.add(place)
            while each.turn in each.over:
                each.turn += 1
                for done in each.held.pop(each.turn, ()):
                    self._write(each, done)
            return each.turn == len(each.actions)
        if place == each.turn:
            self._write(each, outcome)
        else:
            each.held[place].append(outcome)
        return False

    def _tell(self, event: Event) -> None:
        try:
            self._tell_caller(event)
        except Exception as error:
            raise _Stumbled(error) from error

    def _write(self, each: _Open, done: Done[Any]) -> None:
        rows = each.table.rows(done.action, done.answer)
        sink = self._sink_of(each)
        sink.write(rows)
        self._tell(PageWritten(each.shard.job, each.shard.key, len(rows), sink.rows))

    def _sink_of(self, each: _Open) -> Sink:
        if each.sink is None:
            each.sink = self._sinks.sink(each.shard, each.table)
        return each.sink

    async def _commit(self, each: _Open) -> None:
        try:
            sink = self._sink_of(each)
            record = await in_thread(sink.commit, limiter=self._threads)
            self._under_way.discard(each)
            self._tell(Committed(record))
        except OSError as error:
            self._stop(each, error)
        except Exception as error:  # noqa: BLE001  # raised by `run`: a task group would wrap it
            self._failure = error
            self._scope.cancel()
        finally:
            self._pending.release()

    def _fail(self, each: _Open, place: int, error: AoError) -> None:
        self._drop(each)
        smaller = self._jobs[each.shard.job].smaller(each.actions[place], error)
        if smaller:
            actions = [*each.actions[:place], *smaller, *each.actions[place + 1 :]]
            self._again.append(_Open(each.shard, actions, each.table))
            return
        if isinstance(error, _FINAL):
            self._fatal = error
        self._tell(FailedShard(each.shard.job, each.shard.key, error))

    def _stop(self, each: _Open, error: Exception) -> None:
        """Note that the target cannot be written: nothing more is begun."""
        self._drop(each)
        self._fatal = self._fatal or error
        self._tell(FailedShard(each.shard.job, each.shard.key, unwritten(error)))

    def _drop(self, each: _Open) -> None:
        each.is_dead = True
        each.held.clear()
        self._under_way.discard(each)
        if each.sink is not None:
            each.sink.discard()
