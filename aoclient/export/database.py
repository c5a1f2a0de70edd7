"""An SQLite file as the target: a table for each job, and the ledger in tables beside them.

A shard's rows wait in a temporary file until it is whole. One transaction then holds its rows and its entry in
``_aoclient_shards``, so that a kill leaves both or none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from aoclient.errors import ExportError
from aoclient.export.columns import Kind, write_moment
from aoclient.export.formats import encode
from aoclient.export.locking import lock
from aoclient.export.records import Header, Shard, ShardRecord, now

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from aoclient.export.columns import Row, Table
    from aoclient.export.store import PlanDraft, Sink

_LEDGER = """
CREATE TABLE IF NOT EXISTS _aoclient_jobs (job TEXT PRIMARY KEY, header TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _aoclient_plan (
    job TEXT, number INTEGER, key TEXT NOT NULL, query TEXT NOT NULL, PRIMARY KEY (job, number)
);
CREATE TABLE IF NOT EXISTS _aoclient_shards (
    job TEXT, key TEXT, file TEXT, rows INTEGER, bytes INTEGER, sha256 TEXT, schema_hash TEXT, query_hash TEXT,
    committed_at TEXT, PRIMARY KEY (job, key)
);
"""
_RECORD = "job, key, file, rows, bytes, sha256, schema_hash, query_hash, committed_at"
_AT_ONCE = 200  # shards read from the plan at once

_TYPES = {
    Kind.TEXT: "TEXT",
    Kind.INTEGER: "INTEGER",
    Kind.NUMBER: "REAL",
    Kind.FLAG: "INTEGER",
    Kind.TIMESTAMP: "TEXT",
    Kind.DURATION: "INTEGER",
    Kind.JSON: "TEXT",
}
_VALUES: Mapping[Kind, Callable[[Any], object]] = {Kind.FLAG: int, Kind.TIMESTAMP: write_moment, Kind.JSON: encode}


class Database:
    """An SQLite file that holds an export; see `aoclient.export.store.Store`."""

    output = "sqlite"
    committers = 1  # SQLite has one writer

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None

    @property
    def _db(self) -> sqlite3.Connection:
        assert self._connection is not None  # noqa: S101  # open between `open` and `close`
        return self._connection

    def open(self) -> None:
        """Take the file, made where it is missing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._path.with_name(f"{self._path.name}.lock"), self._path)
        try:
            # Commits run in another thread, one at a time.
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.executescript(f"PRAGMA synchronous = FULL; BEGIN; {_LEDGER} COMMIT;")
        except sqlite3.Error as error:
            self.close()
            raise ExportError(f"{self._path} cannot be used as an SQLite file: {error}") from error

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # --- the plan ---

    def header(self, job: str) -> Header | None:
        """Return what the shards of a job share, or None where it has no plan."""
        found = self._db.execute("SELECT header FROM _aoclient_jobs WHERE job = ?", (job,)).fetchone()
        return None if found is None else Header.from_json(found[0])

    def draft(self, header: Header, table: Table) -> PlanDraft:
        """Begin a plan, in a transaction that its commit ends."""
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (header.job,)).fetchone():
            raise ExportError(f"{self._path} has a table {header.job} that no export wrote; give another target")
        return _Draft(self._db, header, table)

    def shards(self, job: str) -> Iterator[Shard]:
        """Give the planned shards of a job, read a few at a time: an open cursor would hold up the commits."""
        last = 0
        while rows := self._db.execute(
            "SELECT number, key, query FROM _aoclient_plan WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
            (job, last, _AT_ONCE),
        ).fetchall():
            for number, key, query in rows:
                yield Shard(job, number, key, tuple(json.loads(query)))
            last = rows[-1][0]

    def forget(self, job: str) -> None:
        """Remove the plan of a job and its table."""
        with _transaction(self._db):
            self._db.execute(f"DROP TABLE IF EXISTS {_quoted(job)}")
            for ledger in ("_aoclient_jobs", "_aoclient_plan", "_aoclient_shards"):
                self._db.execute(f"DELETE FROM {ledger} WHERE job = ?", (job,))  # noqa: S608  # names of ours

    # --- shards ---

    def committed(self, job: str) -> Mapping[str, ShardRecord]:
        """Return the records of a job by key."""
        return {record.key: record for record in _records(self._db, "WHERE job = ?", job)}

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write a shard."""
        return _TableSink(self._db, self._path.parent, shard, table)


class _Draft:
    def __init__(self, db: sqlite3.Connection, header: Header, table: Table) -> None:
        self._db = db
        columns = ", ".join(f"{_quoted(each.name)} {_TYPES[each.kind]}" for each in table.columns)
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"CREATE TABLE {_quoted(header.job)} ({columns})")
        db.execute("INSERT INTO _aoclient_jobs VALUES (?, ?)", (header.job, header.to_json()))

    def add(self, shard: Shard) -> None:
        values = (shard.job, shard.number, shard.key, json.dumps(shard.query))
        self._db.execute("INSERT INTO _aoclient_plan VALUES (?, ?, ?, ?)", values)

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def discard(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


class _TableSink:
    def __init__(self, db: sqlite3.Connection, folder: Path, shard: Shard, table: Table) -> None:
        self.rows = 0
        self._db = db
        self._shard = shard
        self._table = table
        # Without a name beside the file, so that nothing is left of it after a kill; small ones stay in memory.
        self._spool = tempfile.SpooledTemporaryFile(max_size=1 << 20, dir=str(folder))  # noqa: SIM115  # closed below
        self._hash = hashlib.sha256()
        self._steps = [(at, _VALUES[each.kind]) for at, each in enumerate(table.columns) if each.kind in _VALUES]

    def write(self, rows: Sequence[Row]) -> None:
        lines: list[str] = []
        for row in rows:
            values = list(row)
            for at, step in self._steps:
                if values[at] is not None:
                    values[at] = step(values[at])
            lines.append(f"{encode(values)}\n")
        raw = "".join(lines).encode()
        self._spool.write(raw)
        self._hash.update(raw)
        self.rows += len(rows)

    def commit(self) -> ShardRecord:
        record = ShardRecord(
            job=self._shard.job,
            key=self._shard.key,
            file=self._shard.job,
            rows=self.rows,
            bytes=self._spool.tell(),
            sha256=self._hash.hexdigest(),
            schema_hash=self._table.schema_hash,
            query_hash=self._shard.query_hash,
            committed_at=now(),
        )
        marks = ", ".join("?" * len(self._table.columns))
        self._spool.seek(0)
        with _transaction(self._db):
            self._db.executemany(
                f"INSERT INTO {_quoted(self._shard.job)} VALUES ({marks})",  # noqa: S608  # quoted
                map(json.loads, self._spool),
            )
            self._db.execute(
                f"INSERT INTO _aoclient_shards ({_RECORD}) "  # noqa: S608  # names of ours
                "VALUES (:job, :key, :file, :rows, :bytes, :sha256, :schema_hash, :query_hash, :committed_at)",
                json.loads(record.to_json()),
            )
        self._spool.close()
        return record

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._spool.close()


def read_ledger(path: Path) -> tuple[list[ShardRecord], int]:
    """Return the records of a file, and how many shards are planned.

    Raises:
        ExportError: It holds no export.
    """
    with closing(sqlite3.connect(path)) as db:
        try:
            (planned,) = db.execute("SELECT count(*) FROM _aoclient_plan").fetchone()
            return _records(db, ""), planned
        except sqlite3.Error:
            raise ExportError(f"{path} holds no export") from None


def read_plan(path: Path, job: str) -> tuple[Header, list[Shard], set[str]] | None:
    """Return the plan of a job and the keys of its committed shards, or None where a file has none.

    Raises:
        ExportError: It holds no export.
    """
    with closing(sqlite3.connect(path)) as db:
        try:
            found = db.execute("SELECT header FROM _aoclient_jobs WHERE job = ?", (job,)).fetchone()
            if found is None:
                return None
            return Header.from_json(found[0]), list(_shards(db, job)), {each.key for each in _records(db, job)}
        except sqlite3.Error:
            raise ExportError(f"{path} holds no export") from None


def _records(db: sqlite3.Connection, where: str, *given: str) -> list[ShardRecord]:
    order = "SELECT job, key, number FROM _aoclient_plan"
    rows = db.execute(
        f"SELECT {_RECORD} FROM _aoclient_shards JOIN ({order}) USING (job, key) {where} ORDER BY job, number",  # noqa: S608
        given,
    )
    names = _RECORD.split(", ")
    return [ShardRecord(**dict(zip(names, row, strict=True))) for row in rows]


@contextmanager
def _transaction(db: sqlite3.Connection) -> Generator[None, None, None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
