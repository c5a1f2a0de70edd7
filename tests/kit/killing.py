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
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import aoclient.export
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
)
from aoclient.session import Session

PACKAGE = str(Path(aoclient.export.__file__).parent)
LEARNERS = 105
EMAILS = [f"learner{number}@example.com" for number in range(1, 13)]
CALLS_PER_SHARD = 10

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.kit.killing", "aiohttp", "msgspec", "anyio._backends._asyncio"])


def academy() -> Emulator:
    return Emulator(learners=LEARNERS, courses=2)


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


async def run(target: Path, fmt: str, emulator: Emulator | None = None, **settings: Any) -> Manifest:
    with patch.object(aoclient.export.jobs, "CALLS_PER_SHARD", CALLS_PER_SHARD):
        async with Session("client-id", "client-secret", sender=emulator or academy(), max_concurrency=8) as ao:
            return await export(ao, jobs(), target, format=fmt, **settings)


# --- the process that is killed ----------------------------------------------------------------------------------


def _export_until(target: str, fmt: str, line: int, counted: Any) -> None:
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
    asyncio.run(run(Path(target), fmt))
    sys.settrace(None)
    if counted is not None:
        counted.value = lines


def lines_of(target: Path, fmt: str) -> int:
    """Return how many lines an unbroken export runs."""
    counted = CONTEXT.Value("l", 0)
    process = CONTEXT.Process(target=_export_until, args=(str(target), fmt, 0, counted))
    process.start()
    process.join()
    assert process.exitcode == 0
    return counted.value


def kill_at_line(target: Path, fmt: str, line: int) -> bool:
    """Export in a process that dies at a line; tell whether it did."""
    process = CONTEXT.Process(target=_export_until, args=(str(target), fmt, line, None))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def kill_after(target: Path, fmt: str, seconds: float) -> bool:
    """Export in a process that is killed from outside after a time; tell whether it had to be."""
    process = CONTEXT.Process(target=_export_until, args=(str(target), fmt, -1, None))
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


def assert_nothing_is_torn(target: Path, expected: dict[str, str]) -> None:
    """Check what a reader sees right after a kill: whole shards, none but those the ledger knows or is about to."""
    if target.is_dir():
        assert contents(target).items() <= expected.items()
    elif target.is_file():
        with closing(sqlite3.connect(target)) as db:
            tables = {name for (name,) in db.execute(_TABLES)}
            if tables:
                shards = db.execute("SELECT job, sum(rows) FROM _aoclient_shards GROUP BY job").fetchall()
                rows = [(name, db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in sorted(tables)]
                assert [each for each in rows if each[1]] == sorted(each for each in shards if each[1])


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"


def _tables(target: Path) -> dict[str, str]:
    hashes: dict[str, str] = {}
    with closing(sqlite3.connect(target)) as db:
        for (name,) in db.execute(_TABLES).fetchall():
            rows = sorted(map(repr, db.execute(f"SELECT * FROM {name}")))
            hashes[name] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return hashes
