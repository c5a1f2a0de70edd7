"""`export`: plan the jobs, send what is not committed, write each shard once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aoclient.errors import AoError, ConfigurationError, ExportError
from aoclient.export.events import Committed, FailedShard, Planned, unwritten
from aoclient.export.executing import LocalExecutor, ShardExecutor, Work
from aoclient.export.folder import Folder
from aoclient.export.records import Header, Manifest, Shard, form_of, now
from aoclient.export.targets import store_for
from aoclient.export.threads import in_thread

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aoclient.export.events import Event
    from aoclient.export.jobs import Job
    from aoclient.export.records import ShardRecord
    from aoclient.export.store import Store
    from aoclient.export.targets import Format
    from aoclient.session import Session


async def export(
    ao: Session,
    jobs: Iterable[Job],
    target: str | os.PathLike[str],
    *,
    format: Format = "jsonl",  # noqa: A002  # the word everybody looks for
    resume: bool = True,
    progress: Callable[[Event], None] | None = None,
    concurrency: int | None = None,
    executor: ShardExecutor = LocalExecutor(),  # noqa: B008  # it has no state
) -> Manifest:
    """Export jobs into a target, and go on where an earlier run ended, however it ended.

    A job is cut into shards; each one is in the output whole or not at all, and once. The shards of all jobs go through
    one fan-out. The list of shards is made once and kept in the target, so that a second run sends exactly what is not
    committed yet; where everything is committed it sends nothing. For fresh data take a new target.

    Args:
        ao: The session to ask with.
        jobs: What to export, no two of one name.
        target: A folder; for ``sqlite`` and ``duckdb`` a file. It is made where it is missing.
        format: ``jsonl``, ``csv``, each also with ``.gz`` or ``.zst``, ``parquet``, ``sqlite``, ``duckdb``, or a format
            object.
        resume: Go on with what stands in the target. False removes what earlier exports of these jobs wrote there.
        progress: Called with each event, in the event loop; what it raises ends the export.
        concurrency: Calls on their way at once; ``max_concurrency`` of the session by default.
        executor: Where shards are sent and written: in this process by default.

    Returns:
        What the target holds of these jobs.

    Raises:
        ConfigurationError: Two jobs of one name, an unknown format, no reading action, or a format that the executor
            cannot write.
        MissingExtraError: The format needs a package that is not installed.
        ExportError: Some shards are missing, ``missing`` tells which and why; all others are committed. Or the target
            was begun with other jobs, settings or columns, belongs to something else, or is in use; nothing was sent.
        OSError: The target cannot be opened.
    """
    wanted = listed(jobs)
    store = store_for(Path(target), format)
    if executor.needs_a_folder and not isinstance(store, Folder):
        raise ConfigurationError(f"{type(executor).__name__} writes folders; {format!r} is a file of one writer")
    try:
        await in_thread(store.open)
        running = _Export(
            ao, wanted, store=store, tell=progress or _tell_nobody, executor=executor, concurrency=concurrency
        )
        return await running.run(Path(target), resume=resume)
    finally:
        await in_thread(store.close)


def listed(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs as a list.

    Raises:
        ConfigurationError: Two of them have one name.
    """
    wanted = list(jobs)
    names = [job.name for job in wanted]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"two jobs have one name: {', '.join(names)}; give an ActionJob a name of its own")
    return wanted


def _tell_nobody(_: Event) -> None:
    pass


class _Export:
    def __init__(
        self,
        ao: Session,
        jobs: Sequence[Job],
        *,
        store: Store,
        tell: Callable[[Event], None],
        executor: ShardExecutor,
        concurrency: int | None,
    ) -> None:
        self._ao = ao
        self._jobs = {job.name: job for job in jobs}
        self._store = store
        self._tell_caller = tell
        self._executor = executor
        self._concurrency = concurrency
        self._committed: dict[str, ShardRecord] = {}
        self._failed: dict[str, AoError] = {}

    async def run(self, target: Path, *, resume: bool) -> Manifest:
        for job in self._jobs.values():
            header = self._store.header(job.name)
            if header is not None and resume:
                check(header, header_of(job, self._store), target)
        for job in self._jobs.values():
            await self._plan(job, resume=resume)
        planned = [name for name in self._jobs if name not in self._failed]
        total = sum([self._look(name) for name in planned])
        fatal = await self._executor.run(
            Work(
                ao=self._ao,
                jobs=self._jobs,
                shards=(shard for shard in self._shards(planned) if shard.name not in self._committed),
                store=self._store,
                concurrency=self._concurrency,
                tell=self._tell,
            )
        )
        missing = {name: error for name, error in self._failed.items() if name in self._jobs}
        shards: list[ShardRecord] = []
        for shard in self._shards(planned):
            if shard.name in self._committed:
                shards.append(self._committed[shard.name])
            else:
                missing[shard.name] = self._failed.get(shard.name) or unwritten(fatal)
        if missing:
            text = (
                f"{len(missing)} parts of the export are missing, {len(shards)} are in {target}; run it again to go on"
            )
            raise ExportError(text, missing=missing) from fatal
        return Manifest(target=str(target), shards=tuple(shards), planned=total)

    def _shards(self, planned: Sequence[str]) -> Iterator[Shard]:
        return (shard for name in planned for shard in self._store.shards(name))

    def _tell(self, event: Event) -> None:
        """Note how a shard ended, and tell the caller."""
        if isinstance(event, Committed):
            self._committed[event.record.name] = event.record
        elif isinstance(event, FailedShard):
            self._failed[f"{event.job}/{event.key}" if event.key else event.job] = event.error
        self._tell_caller(event)

    async def _plan(self, job: Job, *, resume: bool) -> None:
        if self._store.header(job.name) is not None:
            if resume:
                return
            self._store.forget(job.name)
        draft = self._store.draft(header_of(job, self._store), job.table)
        try:
            number = 0
            async for key, actions in job.shards(self._ao):
                number += 1
                draft.add(Shard(job.name, number, key, tuple(map(form_of, actions))))
            await in_thread(draft.commit)
        except AoError as error:
            self._tell(FailedShard(job.name, "", error))
        finally:
            with suppress(OSError):
                draft.discard()

    def _look(self, name: str) -> int:
        """Note what is committed of a job, tell its plan, and return the number of its shards."""
        table = self._jobs[name].table
        records = self._store.committed(name)
        shards = done = calls = 0
        for shard in self._store.shards(name):
            shards += 1
            record = records.get(shard.key)
            if record is None:
                calls += len(shard.query)
            elif (record.query_hash, record.schema_hash) == (shard.query_hash, table.schema_hash):
                done += 1
                self._committed[shard.name] = record
            else:
                raise ExportError(f"{shard.name} was exported with another query or other columns; take a new target")
        self._tell(Planned(name, shards, done, calls))
        return shards


def header_of(job: Job, store: Store) -> Header:
    """Return what the shards of a job share."""
    return Header(job=job.name, given=job.given, output=store.output, schema=job.table.schema, planned_at=now())


def check(kept: Header, wanted: Header, target: Path) -> None:
    """Refuse to go on with what was begun otherwise.

    Raises:
        ExportError: It was.
    """
    columns, new_columns = list(kept.schema.items()), list(wanted.schema.items())  # their order counts too
    if kept == wanted and columns == new_columns:
        return
    what = "in another format" if kept.output != wanted.output else "with other settings"
    if columns != new_columns:
        differ = sorted({*columns} ^ {*new_columns})
        what = f"with other columns ({', '.join(dict.fromkeys(name for name, _ in differ)) or 'in another order'})"
    raise ExportError(
        f"{wanted.job} was exported to {target} {what}; nothing was changed. "
        "Take a new target, or resume=False to remove the earlier export"
    )
