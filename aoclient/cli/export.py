"""``aoclient export``: everything of a kind into files, gone on with where it was left."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import attrs
from cyclopts import Parameter, validators

from aoclient.cli.connection import NO_CONNECTION, Connection, ConnectionOptions, settle
from aoclient.cli.counted import Counted, counted_session, opened
from aoclient.cli.exits import IncompleteError
from aoclient.cli.jobs import Asked, jobs_of
from aoclient.cli.output import NO_OUTPUT, Format, OutputOptions, write_rows
from aoclient.cli.times import times_of
from aoclient.cli.watching import watched
from aoclient.errors import AuthenticationError, ExportError
from aoclient.export import Job, Manifest, Refresh, plan, read_manifest
from aoclient.export import export as run_export
from aoclient.export.targets import FormatName

if TYPE_CHECKING:
    from aoclient.senders.http import Http
    from aoclient.session import Session

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def export(
    *names: Annotated[str, Parameter(metavar="NAME")],
    out: Path,
    format: FormatName = "jsonl",  # noqa: A002  # the word everybody looks for
    resume: bool = True,
    refresh: Refresh | None = None,
    upsert: Annotated[bool, Parameter(negative="")] = False,
    since: datetime | None = None,
    not_started: Annotated[bool, Parameter(negative="")] = False,
    option: Annotated[list[str] | None, Parameter(metavar="NAME=VALUE", json_list=False)] = None,
    concurrency: Count = 10,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    output: OutputOptions = NO_OUTPUT,
    connection: ConnectionOptions = NO_CONNECTION,
) -> None:
    """Export into files, each row once; run it again to go on where it was left.

    Parameters
    ----------
    names
        learners, progress, course-progress, quiz-statistics, certificates, teams, courses, or an action that reads by
        the vendor's name.
    out
        Folder; for sqlite and duckdb a file.
    format
        jsonl, csv, each also with .gz or .zst; parquet, sqlite, duckdb.
    resume
        Go on with what is there; --no-resume removes what an earlier export of the same names wrote.
    refresh
        Bring what is there up to date: changed asks for learners who did something, for courses and lists; all asks for
        everything. Without it the command finishes what was cut off.
    upsert
        With --refresh: rows that do not come again stay, those of learners who are gone for example.
    since
        Only learners who registered then or later, UTC.
    not_started
        In progress, also list learners who did not start a course.
    option
        One option of the action that is named; may be repeated. The value may be JSON.
    concurrency
        Calls on their way at once.
    dry_run
        Print the plan: shards, calls, the time they take, and what more machines would bring. Sends only what planning
        needs.
    """
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    jobs = jobs_of(Asked(names=names, since=since, not_started=not_started, options=option or []))
    form = output.format
    session, counted, http = counted_session(settle(connection), max_concurrency=concurrency)
    settings = {"resume": resume, "refresh": refresh, "upsert": upsert}
    task = _Task(jobs, out, format, settings, concurrency, session, counted, http)
    if dry_run:
        asyncio.run(task.plan(form))
        return
    again = _command(
        connection,
        names,
        out=out,
        format=format,
        since=since,
        not_started=not_started,
        option=option or [],
        concurrency=concurrency,
    )
    try:
        manifest = asyncio.run(task.run())
    except KeyboardInterrupt:
        print(f"what is done is kept; go on with: {again}", file=sys.stderr)
        raise
    except ExportError as error:
        raise _said(error, out, again) from error.__cause__
    rows = f"{manifest.rows} rows in {len(manifest.shards)} shards"
    if max(manifest.rounds.values(), default=1) > 1:
        rows += f", {len(manifest.changed)} of them written anew"
    print(f"whole: {rows}, {manifest.bytes / 1e6:.1f} MB in {out}", file=sys.stderr)


@attrs.frozen
class _Task:
    jobs: list[Job]
    out: Path
    format: FormatName
    settings: Mapping[str, Any]  # Any: arguments of `export` and `plan`
    concurrency: int
    session: Session
    counted: Counted
    http: Http

    async def run(self) -> Manifest:
        from rich.console import Console

        console = Console(stderr=True)
        async with opened(self.session, self.http) as ao, watched(self.jobs, self.counted, console) as take:
            return await run_export(ao, self.jobs, self.out, format=self.format, progress=take, **self.settings)

    async def plan(self, form: Format) -> None:
        async with opened(self.session, self.http) as ao:
            planned = await plan(ao, self.jobs, self.out, format=self.format, **self.settings)
        listings = {job.name for job in self.jobs if job.is_listing}
        write_rows(
            (
                {
                    "job": each.job,
                    "shards": each.shards,
                    "committed": each.committed,
                    "calls": each.calls,
                    "pages": "one call more for each further page" if each.job in listings and each.calls else None,
                }
                for each in planned
            ),
            form,
        )
        has_pages = any(each.calls for each in planned if each.job in listings)
        for line in times_of(planned, self.counted, concurrency=self.concurrency, has_pages=has_pages):
            print(line, file=sys.stderr)


def _said(error: ExportError, out: Path, again: str) -> Exception:
    """Return the error that a failed export ends with: 6 where some parts are there, else that of its cause."""
    if not error.missing:
        return error
    if all(isinstance(each, AuthenticationError) for each in error.missing.values()):
        return next(iter(error.missing.values()))
    if not read_manifest(out).shards:
        return error
    return IncompleteError(f"{error}; go on with: {again}")


def _command(connection: Connection, names: tuple[str, ...], **given: Any) -> str:
    """Return the command that goes on."""
    words = ["aoclient", "export", *names]
    for name, value in {**given, **attrs.asdict(connection)}.items():
        flag = f"--{name.replace('_', '-')}"
        values = cast("Iterable[object]", value) if isinstance(value, list) else (value,)
        for each in values:
            if each is True:
                words.append(flag)
            elif each is not None and each is not False:
                words += [flag, each.isoformat() if isinstance(each, datetime) else str(each)]
    return shlex.join(words)
