"""Exports in a process that is killed: at a line of the package that was drawn, or by a clock from outside."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import aoclient.export
import aoclient.export.bylearner
from aoclient.emulator import Emulator
from aoclient.export import (
    CertificatesJob,
    CourseProgressJob,
    CoursesJob,
    Job,
    LearnersJob,
    Manifest,
    ProgressByCourseJob,
    QuizStatisticsJob,
    TeamsJob,
    export,
    read_manifest,
)
from aoclient.session import Session
from tests.kit.exporting import table_of

PACKAGE = str(Path(aoclient.export.__file__).parent)
LEARNERS = 105
EMAILS = [f"learner{number}@example.com" for number in range(1, 13)]
LEARNERS_PER_SHARD = 10

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "tests.kit.killing",
        "aiohttp",
        "msgspec",
        "anyio._backends._asyncio",
        "aoclient.export.frames",
        "pyarrow.parquet",
        "duckdb",
        "zstandard",
    ]
)


def academy(*, is_later: bool = False) -> Emulator:
    """Return the academy, or what it is a night later: two learned, one left and one came."""
    emulator = Emulator(learners=LEARNERS, courses=2, clock=lambda: 1_800_000_000.0)
    if is_later:
        for number in (2, 7):
            pupil = emulator.learner(f"learner{number}@example.com")
            pupil.log_in()
            pupil.finish_course(emulator.world.catalogue.courses[1].id)
        emulator.world.delete(5)
        emulator.sign_up("new@example.com", first_name="Nina", last_name="New")
    return emulator


def jobs() -> list[Job]:
    quizzes = [quiz.id for course in academy().world.catalogue.courses for quiz in course.contents][:4]
    return [
        LearnersJob(),
        ProgressByCourseJob(show_not_started_learners=True),
        CourseProgressJob(emails=EMAILS),
        CertificatesJob(emails=EMAILS),
        QuizStatisticsJob(records=dict.fromkeys(EMAILS, quizzes)),
        TeamsJob(),
        CoursesJob(),
    ]


async def run(
    target: Path, fmt: str, emulator: Emulator | None = None, *, wanted: list[Job] | None = None, **settings: Any
) -> Manifest:
    with patch.object(aoclient.export.bylearner, "LEARNERS_PER_SHARD", LEARNERS_PER_SHARD):
        async with Session("client-id", "client-secret", sender=emulator or academy(), max_concurrency=8) as ao:
            return await export(ao, wanted or jobs(), target, format=fmt, **settings)


ROUND: Mapping[str, Mapping[str, Any]] = {
    "first": {},
    "refresh": {"refresh": "changed"},
    "upsert": {"refresh": "changed", "upsert": True},
}
"""What is killed: a first export, or a later round over one."""


def later_jobs() -> list[Job]:
    """Return jobs whose learners are looked up, so that the list tells who did something."""
    return [CertificatesJob(), ProgressByCourseJob(show_not_started_learners=True), CourseProgressJob(), LearnersJob()]


async def go_on(target: Path, fmt: str, mode: str) -> Manifest:
    """Do what is killed, or what a user would do after a kill: begin the round, or finish it where it was begun."""
    if mode == "first":
        return await run(target, fmt)
    settings = {} if is_begun(target) else ROUND[mode]
    return await run(target, fmt, academy(is_later=True), wanted=later_jobs(), **settings)


def is_begun(target: Path) -> bool:
    """Tell whether a second round was begun."""
    if target.is_file():
        return bool(table_of(target, "_aoclient_round")) or 2 in read_manifest(target).rounds.values()
    return (target / ".aoclient" / "round.json").exists() or 2 in read_manifest(target).rounds.values()


# --- the process that is killed ----------------------------------------------------------------------------------


def _export_until(target: str, fmt: str, mode: str, line: int, counted: Any) -> None:
    """Export, and at the given line of the export package kill this process; with line 0 count the lines."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            lines += 1
            if lines == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    if line >= 0:
        threading.settrace(trace)
        sys.settrace(trace)
    asyncio.run(go_on(Path(target), fmt, mode))
    sys.settrace(None)
    if counted is not None:
        counted.value = lines


def lines_of(target: Path, fmt: str, mode: str) -> int:
    """Return how many lines an unbroken export runs."""
    counted = CONTEXT.Value("l", 0)
    process = CONTEXT.Process(target=_export_until, args=(str(target), fmt, mode, 0, counted))
    process.start()
    process.join()
    assert process.exitcode == 0
    return counted.value


def kill_at_line(target: Path, fmt: str, mode: str, line: int) -> bool:
    """Export in a process that dies at a line; tell whether it did."""
    process = CONTEXT.Process(target=_export_until, args=(str(target), fmt, mode, line, None))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def kill_after(target: Path, fmt: str, mode: str, seconds: float) -> bool:
    """Export in a process that is killed from outside after a time; tell whether it had to be."""
    process = CONTEXT.Process(target=_export_until, args=(str(target), fmt, mode, -1, None))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


# --- what is in the output ---------------------------------------------------------------------------------------


def contents(target: Path) -> dict[str, str]:
    """Return a hash of each file that a reader sees, or of the rows of each table."""
    if target.is_file():
        return _tables(target)
    files = sorted(
        path for path in target.glob("*/*") if path.is_file() and not path.is_relative_to(target / ".aoclient")
    )
    return {path.relative_to(target).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_nothing_is_torn(target: Path, before: dict[str, str], expected: dict[str, str]) -> None:
    """Check what a reader sees right after a kill: shards as they were before or as they are to be, as the ledger says.

    A shard in the making may be there a moment before its record.
    """
    if target.is_dir():
        found = contents(target)
        assert found.items() <= before.items() | expected.items()
        assert before.keys() & expected.keys() <= found.keys()
        for record in read_manifest(target).shards:
            assert found[record.file] == record.sha256
    elif target.is_file() and "_aoclient_shards" in (tables := tables_of(target)):
        whole: Counter[str] = Counter()
        for record in table_of(target, "_aoclient_shards"):
            whole[record["job"]] += record["rows"]
        jobs = [name for name in tables if not name.startswith("_")]
        assert +Counter({name: len(table_of(target, name)) for name in jobs}) == +whole


def tables_of(target: Path) -> list[str]:
    """Return the names of the tables of a database file that a kill may have left in the making."""
    if target.read_bytes()[:6] == b"SQLite":
        connect = sqlite3.connect
    elif target.read_bytes()[8:12] == b"DUCK":
        connect = import_module("duckdb").connect
    else:
        return []
    with closing(connect(str(target))) as db:
        return [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]


def _tables(target: Path) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for name in tables_of(target):
        if not name.startswith("_"):
            rows = sorted(map(repr, table_of(target, name)))
            hashes[name] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return hashes
