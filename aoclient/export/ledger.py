"""The ledger in the tables of a database file, and what reads it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import attrs

from aoclient.errors import ExportError
from aoclient.export.engines import engine_of
from aoclient.export.records import Begun, Header, Shard, ShardRecord

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from aoclient.export.sql import Cursor

LEDGER = (
    "_aoclient_round (begun TEXT NOT NULL)",
    "_aoclient_jobs (job TEXT PRIMARY KEY, header TEXT NOT NULL)",
    "_aoclient_plan (job TEXT, number BIGINT, key TEXT NOT NULL, shard TEXT NOT NULL, PRIMARY KEY (job, number))",
    """_aoclient_shards (
        job TEXT, key TEXT, file TEXT, rows BIGINT, bytes BIGINT, sha256 TEXT, schema_hash TEXT, query_hash TEXT,
        committed_at TEXT, round BIGINT, is_kept BOOLEAN, PRIMARY KEY (job, key)
    )""",
)
"""Its tables."""

RECORD = [each.name for each in attrs.fields(ShardRecord)]
"""Columns of a record."""

_ALL = 2**31


def read_ledger(path: Path) -> tuple[list[ShardRecord], int, list[Header]]:
    """Return the records of a file, how many shards are planned, and what those of each job share.

    Raises:
        ExportError: It holds no export.
        OSError: It cannot be read.
    """
    with reading(path) as cursor:
        cursor.execute("SELECT count(*) FROM _aoclient_plan")
        (planned,) = cursor.fetchone()
        cursor.execute("SELECT header FROM _aoclient_jobs")
        headers = [Header.from_json(text) for (text,) in cursor.fetchall()]
        return records_in(cursor, f"{_PLANNED} {_IN_ORDER}"), planned, headers


def read_plan(path: Path, job: str) -> tuple[Header, list[Shard], dict[str, ShardRecord]] | None:
    """Return the plan of a job and its records by key, or None where a file has none.

    Raises:
        ExportError: It holds no export.
        OSError: It cannot be read.
    """
    with reading(path) as cursor:
        header = header_in(cursor, job)
        if header is None:
            return None
        records = records_in(cursor, f"{_PLANNED} WHERE job = ? {_IN_ORDER}", job)
        return header, shards_in(cursor, header, 0, _ALL), {each.key: each for each in records}


def read_begun(path: Path) -> Begun | None:
    """Return the round whose jobs are not all planned yet, or None.

    Raises:
        ExportError: It holds no export.
        OSError: It cannot be read.
    """
    with reading(path) as cursor:
        return begun_in(cursor)


@contextmanager
def reading(path: Path) -> Generator[Cursor, None, None]:
    """Give a cursor on the file of an export.

    Raises:
        ExportError: It holds no export.
        OSError: It cannot be read.
    """
    engine = engine_of(path)
    try:
        with closing(engine.connect(path, to_read=True)) as db:
            cursor = db.cursor()
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = '_aoclient_shards'")
            if not cursor.fetchone()[0]:
                raise ExportError(f"{path} holds no export")
            yield cursor
    except engine.error() as error:
        raise OSError(f"{path}: {error}") from error


def begun_in(cursor: Cursor) -> Begun | None:
    """Return the round whose jobs are not all planned yet, or None."""
    cursor.execute("SELECT begun FROM _aoclient_round")
    found = cursor.fetchone()
    return None if found is None else Begun.from_json(found[0])


def header_in(cursor: Cursor, job: str) -> Header | None:
    """Return what the shards of a job share, or None where it has no plan."""
    cursor.execute("SELECT header FROM _aoclient_jobs WHERE job = ?", (job,))
    found = cursor.fetchone()
    return None if found is None else Header.from_json(found[0])


def shards_in(cursor: Cursor, header: Header, after: int, at_most: int) -> list[Shard]:
    """Return planned shards of a job whose numbers are greater than one, in their order."""
    cursor.execute(
        "SELECT shard FROM _aoclient_plan WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
        (header.job, after, at_most),
    )
    return [Shard.from_json(text, header) for (text,) in cursor.fetchall()]


def records_in(cursor: Cursor, where: str, *given: str) -> list[ShardRecord]:
    """Return the records for which a condition holds."""
    cursor.execute(f"SELECT {', '.join(RECORD)} FROM _aoclient_shards {where}", given)  # noqa: S608
    return [ShardRecord(**dict(zip(RECORD, row, strict=True))) for row in cursor.fetchall()]


_PLANNED = "JOIN (SELECT job, key, number FROM _aoclient_plan) USING (job, key)"
"""Leaves the records of planned shards; it takes DuckDB more memory than to look up those of one job."""

_IN_ORDER = "ORDER BY job, number"
