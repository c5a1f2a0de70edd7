"""`export`: plan the jobs, send what is not committed, write each shard once."""

from __future__ import annotations

from contextlib import suppress
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from aoclient.errors import AoError, ConfigurationError, ExportError
from aoclient.export.events import Committed, FailedShard, Planned, unwritten
from aoclient.export.executing import LocalExecutor, ShardExecutor, Work
from aoclient.export.filed import READABLE
from aoclient.export.folder import OWN_NAMES, Folder
from aoclient.export.jobs import Job
from aoclient.export.records import Begun, Header, Manifest, Shard, Stays, form_of, now
from aoclient.export.rounds import round_of
from aoclient.export.targets import store_for
from aoclient.export.threads import in_thread
from aoclient.export.waiting import telling_waits

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from aoclient.export.events import Event
    from aoclient.export.records import Refresh, ShardRecord
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
    refresh: Refresh | None = None,
    upsert: bool = False,
    progress: Callable[[Event], None] | None = None,
    concurrency: int | None = None,
    executor: ShardExecutor = LocalExecutor(),  # noqa: B008  # it has no state
) -> Manifest:
    """Export jobs into a target, and go on where an earlier run ended, however it ended.

    A job is cut into shards; each one is in the output whole or not at all, and once. The shards of all jobs go through
    one fan-out. The list of shards is made once and kept in the target, so that a second run sends exactly what is not
    committed yet; where everything is committed it sends nothing. For fresh data in the same target begin a new round
    with ``refresh``: each shard is replaced as a whole, or kept where its rows are as they were, so that at the end the
    target holds what a new export would. What cuts a round off leaves each shard as it was before or as it is after; a
    run without ``refresh`` finishes the round.

    What a round with ``refresh="changed"`` cannot see: the vendor tells what a learner did (sign-in, time spent,
    lessons, courses, certificates, score) in the list of learners and nowhere else. Learners for whom none of it
    changed are not asked for again, so what others changed is missed: a course that was renamed or got a lesson,
    attempts that were added by the API, a certificate that was replaced by another. ``refresh="all"`` sees that. Of a
    course nothing tells whether its listing changed, so courses are always listed again.

    Args:
        ao: The session to ask with.
        jobs: What to export, no two of one name.
        target: A folder; for ``sqlite`` and ``duckdb`` a file. It is made where it is missing.
        format: ``jsonl``, ``csv``, each also with ``.gz`` or ``.zst``, ``parquet``, ``sqlite``, ``duckdb``, or a format
            object.
        resume: Go on with what stands in the target. False removes what earlier exports of these jobs wrote there.
        refresh: Begin a new round over what stands in the target; where nothing does it is the first one. ``changed``
            asks for courses, teams, learners and listings of courses, and of all else only for learners who did
            something since; ``all`` asks for everything.
        upsert: With ``refresh``: a new row takes the place of the one with its key, and rows whose key does not come
            again stay, those of learners who are gone for example. The jobs may have other settings than before, for
            example ``LearnersJob(since=...)``. Keys: the id of courses and teams, the address of learners and for
            certificates, address and course for progress, address and quiz for statistics. Without it the rows of who
            is gone go too.
        progress: Called with each event, in the event loop; what it raises ends the export.
        concurrency: Calls on their way at once; ``max_concurrency`` of the session by default.
        executor: Where shards are sent and written: in this process by default.

    Returns:
        What the target holds of these jobs.

    Raises:
        ConfigurationError: Two jobs of one name, an unknown format, no reading action, a format that the executor
            cannot write, an async ``progress``, ``upsert`` without ``refresh`` or of a job without a key, or
            ``refresh`` of what ``resume=False`` removes.
        MissingExtraError: The format needs a package that is not installed.
        ExportError: Some shards are missing, ``missing`` tells which and why; all others are committed. Or the target
            was begun with other jobs, settings or columns, belongs to something else, or is in use; nothing was sent.
        OSError: The target cannot be opened, or no plan be written there.
    """
    wanted = listed(jobs)
    store = store_for(Path(target), format)
    check_round(wanted, store, refresh, resume=resume, upsert=upsert)
    if iscoroutinefunction(progress):
        raise ConfigurationError(f"progress is a plain def, which nobody awaits; got {progress!r}")
    if executor.needs_a_folder and not isinstance(store, Folder):
        raise ConfigurationError(f"{type(executor).__name__} writes folders; {format!r} is a file of one writer")
    try:
        await in_thread(store.open)
        running = _Export(
            ao, wanted, store=store, tell=progress or _tell_nobody, executor=executor, concurrency=concurrency
        )
        doing = running.run(Path(target), resume=resume, refresh=refresh, upsert=upsert)
        return await telling_waits(ao, progress or _tell_nobody, doing)
    finally:
        await in_thread(store.close)


def listed(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs as a list.

    Raises:
        ConfigurationError: Two of them have one name, one has a name the ledger needs, or one is no job.
    """
    wanted = list(jobs)
    for job in wanted:
        if not isinstance(job, Job):  # pyright: ignore[reportUnnecessaryIsInstance]  # a class is passed easily
            raise ConfigurationError(f"jobs must be objects like LearnersJob(), got {job!r}")
    names = [job.name for job in wanted]
    taken = [name for name in names if name in OWN_NAMES]
    if taken:
        raise ConfigurationError(f"a job cannot be named {taken[0]!r}: the ledger has a file or folder of that name")
    if len(set(names)) < len(names):
        raise ConfigurationError(f"two jobs have one name: {', '.join(names)}; give an ActionJob a name of its own")
    return wanted


def check_round(jobs: Iterable[Job], store: Store, refresh: Refresh | None, *, resume: bool, upsert: bool) -> None:
    """Refuse what no round can be.

    Raises:
        ConfigurationError: It is that.
    """
    if refresh not in (None, "changed", "all"):
        raise ConfigurationError(f"refresh must be 'changed', 'all' or None, got {refresh!r}")
    if upsert and refresh is None:
        raise ConfigurationError("upsert goes with refresh")
    if refresh is not None and not resume:
        raise ConfigurationError("refresh goes on with what resume=False removes")
    without = [job.name for job in jobs if upsert and not job.table.key]
    if without:
        raise ConfigurationError(f"upsert needs rows with a key; {', '.join(without)} has none")
    is_read = upsert or refresh == "changed"
    if is_read and isinstance(store, Folder) and not isinstance(store.format, READABLE):
        raise ConfigurationError(f"{store.output} cannot be read back; only refresh='all' without upsert goes with it")


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

    async def run(self, target: Path, *, resume: bool, refresh: Refresh | None, upsert: bool) -> Manifest:
        kept = {name: header for name in self._jobs if resume and (header := self._store.header(name)) is not None}
        begun = self._store.begun()
        others = {} if begun is None else {name: at for name, at in begun.rounds.items() if name not in self._jobs}
        if refresh is not None and kept:
            rounds = {name: header.round + 1 for name, header in kept.items()}
            begun = Begun(refresh=refresh, upsert=upsert, rounds=others | rounds)
        elif begun is not None and not resume:
            begun = evolve(begun, rounds=others)
        for name, header in kept.items():
            check(header, header_of(self._jobs[name], self._store), target, upsert=begun is not None and begun.upsert)
        await self._plan_all(kept, begun)
        planned = [name for name in self._jobs if name not in self._failed]
        total = sum([self._look(name) for name in planned])
        for shard in [each for each in self._left(planned) if not each.query]:
            await self._commit_without_calls(shard)
        work = Work(
            ao=self._ao,
            jobs=self._jobs,
            shards=(shard for shard in self._left(planned) if shard.query),
            store=self._store,
            concurrency=self._concurrency,
            tell=self._tell,
        )
        fatal = await self._executor.run(work)
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
        headers = [header for name in planned if (header := self._store.header(name))]
        rounds = {header.job: header.round for header in headers}
        return Manifest(target=str(target), shards=tuple(shards), planned=total, rounds=rounds)

    def _shards(self, planned: Sequence[str]) -> Iterator[Shard]:
        return (shard for name in planned for shard in self._store.shards(name))

    def _left(self, planned: Sequence[str]) -> Iterator[Shard]:
        return (shard for shard in self._shards(planned) if shard.name not in self._committed)

    def _tell(self, event: Event) -> None:
        """Note how a shard ended, and tell the caller."""
        if isinstance(event, Committed):
            self._committed[event.record.name] = event.record
        elif isinstance(event, FailedShard):
            self._failed[f"{event.job}/{event.key}" if event.key else event.job] = event.error
        self._tell_caller(event)

    async def _plan_all(self, kept: Mapping[str, Header], begun: Begun | None) -> None:
        if begun is not None:
            self._store.note(begun)
        for name, job in self._jobs.items():
            if name not in kept:
                await self._plan(job)
            elif begun is not None and kept[name].round < begun.rounds.get(name, 0):
                await self._plan_again(job, kept[name], begun)
        if begun is not None:
            headers = {name: self._store.header(name) for name in begun.rounds}
            if all(header is None or header.round >= begun.rounds[name] for name, header in headers.items()):
                self._store.note(None)

    async def _plan(self, job: Job) -> None:
        if self._store.header(job.name) is not None:
            self._store.forget(job.name)
        draft = self._store.draft(header_of(job, self._store), job.table)
        try:
            number = 0
            async for part in job.shards(self._ao):
                number += 1
                draft.add(Shard(job.name, number, part.key, tuple(map(form_of, part.actions)), part.marks))
            await in_thread(draft.commit)
        except AoError as error:
            self._tell(FailedShard(job.name, "", error))
        finally:
            with suppress(OSError):
                draft.discard()

    async def _plan_again(self, job: Job, header: Header, begun: Begun) -> None:
        records = self._store.committed(job.name)
        new = round_of(header, self._store.shards(job.name), records, begun.refresh, upsert=begun.upsert)
        try:
            shards = await new.shards(job, self._ao)
        except AoError as error:
            self._tell(FailedShard(job.name, "", error))
            return
        draft = self._store.draft(header_of(job, self._store, new.number), job.table)
        try:
            for shard in shards:
                draft.add(shard)
            for shard in new.gone(shards):
                draft.remove(shard)
            await in_thread(draft.commit)
        finally:
            with suppress(OSError):
                draft.discard()

    async def _commit_without_calls(self, shard: Shard) -> None:
        """Commit a shard from which learners went and nobody else is asked for."""
        sink = None
        try:
            sink = self._store.sink(shard, self._jobs[shard.job].table)
            record = await in_thread(sink.commit)
        except OSError as error:
            self._tell(FailedShard(shard.job, shard.key, unwritten(error)))
        else:
            self._tell(Committed(record))
        finally:
            if sink is not None:
                sink.discard()

    def _look(self, name: str) -> int:
        """Note what is committed of a job, tell its plan, and return the number of its shards."""
        table = self._jobs[name].table
        records = self._store.committed(name)
        shards = done = calls = 0
        for shard in self._store.shards(name):
            shards += 1
            record = records.get(shard.key)
            if record is None and shard.stays is not Stays.NOTHING:
                raise ExportError(f"{shard.name} is gone, and with it rows that are not asked for; use refresh='all'")
            if record is None or not shard.is_whole(record):
                calls += len(shard.query)
            elif shard.is_as_it_was or (record.query_hash, record.schema_hash) == (shard.query_hash, table.schema_hash):
                done += 1
                self._committed[shard.name] = record
            else:
                raise ExportError(f"{shard.name} was exported with another query or other columns; take a new target")
        self._tell(Planned(name, shards, done, calls))
        return shards


def header_of(job: Job, store: Store, number: int = 1) -> Header:
    """Return what the shards of a job share in a round."""
    table = job.table
    return Header(
        job=job.name, given=job.given, output=store.output, schema=table.schema, planned_at=now(), round=number
    )


def check(kept: Header, wanted: Header, target: Path, *, upsert: bool = False) -> None:
    """Refuse to go on with what was begun otherwise; with ``upsert`` a job may have other settings.

    Raises:
        ExportError: It was.
    """
    if upsert:
        wanted = evolve(wanted, given=kept.given)
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
