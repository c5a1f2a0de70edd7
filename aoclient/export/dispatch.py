"""The side of an export that gives orders to other processes and commits what they filled."""

from __future__ import annotations

import shutil
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from anyio import CapacityLimiter
from attrs import evolve

from aoclient.action import Effect
from aoclient.errors import AoError, ConfigurationError, ExportError
from aoclient.export.columns import table_of
from aoclient.export.events import Committed, FailedShard, PageWritten, Started, unwritten
from aoclient.export.orders import Order
from aoclient.export.records import form_of
from aoclient.export.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aoclient.action import Action
    from aoclient.export.executing import Work
    from aoclient.export.folder import Folder
    from aoclient.export.jobs import Job
    from aoclient.export.orders import Report
    from aoclient.export.records import Shard, ShardRecord


class Dispatch:
    """Orders for the shards of an export, and their reports. Entered, it keeps the folder the files are written to.

    Args:
        work: What is left of the export.
        folder: Its target.
        settings: Of the sessions that send the forms.

    Attributes:
        fatal: Why no further order is given, if so.
    """

    def __init__(self, work: Work, folder: Folder, settings: Mapping[str, Any]) -> None:  # Any: those of Session
        self.fatal: Exception | None = None
        self._work = work
        self._folder = folder
        self._settings = settings
        self._private = folder.tmp.absolute() / uuid4().hex
        self._threads = CapacityLimiter(folder.committers)

    async def __aenter__(self) -> Self:
        try:
            await in_thread(self._private.mkdir)
        except BaseException:  # a cancel is raised when the folder stands
            await in_thread(self._clear)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await in_thread(self._clear)

    def _clear(self) -> None:
        """Remove the folder, from where no worker that is late can put a file into it meanwhile."""
        gone = self._private.with_suffix(".gone")
        with suppress(OSError):
            self._private.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def orders(self) -> Iterator[Order]:
        """Give an order for each shard, as it is asked for one.

        Raises:
            ConfigurationError: A shard cannot be filled elsewhere.
        """
        for shard in self._work.shards:
            if self.fatal is not None:
                return
            self._folder.clear(shard)
            yield self._begin(self._order(shard))

    async def take(self, order: Order, report: Report) -> Order | None:
        """Commit what was filled, and tell it; return an order to be given in place of one whose answer was too big."""
        shard, so_far = order.shard, 0
        for rows in report.pages:
            so_far += rows
            self._work.tell(PageWritten(shard.job, shard.key, rows, so_far))
        if report.record is not None:
            await self._commit(order, report.private, report.record)
            return None
        error = report.error or ExportError("a worker told nothing")
        smaller = self._smaller(order, error, report.place)
        if smaller is None:
            self.lose(order, error, is_final=report.is_final)
        return smaller

    def lose(self, order: Order, error: Exception, *, is_final: bool = False) -> None:
        """Tell that a shard cannot be had; ``is_final`` where none can."""
        if is_final:
            self.fatal = self.fatal or error
        self._work.tell(FailedShard(order.shard.job, order.shard.key, unwritten(error)))

    def _begin(self, order: Order) -> Order:
        self._work.tell(Started(order.shard.job, order.shard.key))
        return order

    def _order(self, shard: Shard) -> Order:
        job, actions = self._work.jobs[shard.job], shard.actions()
        for action in actions:
            if action.effect is not Effect.READS:
                raise ConfigurationError(f"{shard.name}: {action.spec.name} does more than read; no worker gets it")
        return Order(
            shard=shard,
            query_hash=shard.query_hash,
            folder=str(self._private),
            format=self._folder.format,
            action=_action_of(job, actions),
            added=job.added,
            schema_hash=job.table.schema_hash,
            account=self._work.ao.account,
            settings=self._settings,
        )

    def _smaller(self, order: Order, error: AoError, place: int | None) -> Order | None:
        if place is None:
            return None
        query = order.shard.query
        smaller = self._work.jobs[order.shard.job].smaller(order.shard.actions()[place], error)
        if not smaller:
            return None
        query = (*query[:place], *map(form_of, smaller), *query[place + 1 :])
        return self._begin(evolve(order, shard=evolve(order.shard, query=query)))

    async def _commit(self, order: Order, private: str, record: ShardRecord) -> None:
        record = evolve(record, query_hash=order.query_hash)
        try:
            path = self._private / private
            record = await in_thread(partial(self._take_in, order.shard, path, record), limiter=self._threads)
        except (OSError, AoError) as error:
            self.lose(order, error, is_final=True)
        else:
            self._work.tell(Committed(record))

    def _take_in(self, shard: Shard, private: Path, record: ShardRecord) -> ShardRecord:
        if not private.exists() or private.stat().st_size != record.bytes:
            raise ExportError(f"{private} of a worker is not here; the target must be a folder that all workers see")
        return self._folder.take_in(shard, self._work.jobs[shard.job].table, private, record)


def _action_of(job: Job, actions: Sequence[Action[Any]]) -> str:  # Any: whatever they answer
    """Return the name of the action out of which a worker makes the table of a job."""
    kinds: list[type[Action[Any]]] = [*map(type, actions)]  # an ActionJob says nothing of its action but this
    if hasattr(job, "sends"):
        kinds.append(job.sends)
    for kind in kinds:
        if table_of(kind, job.added, key=job.key, scope=job.scope) is job.table:
            return kind.spec.name
    raise ConfigurationError(f"{job.name} has columns of its own, which a worker does not know")
