"""A file of SQLite or DuckDB as the target: a table for each job, and the ledger in tables beside them.

A shard's rows wait in a temporary file until it is whole. One transaction then holds its rows and its entry in
``_aoclient_shards``, so that a kill leaves both or none.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, cast

from aoclient.errors import ExportError
from aoclient.export.engines import engine_of, quoted
from aoclient.export.folder import Hashed
from aoclient.export.locking import lock
from aoclient.export.records import Header, Shard, ShardRecord, now

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aoclient.export.columns import Row, Table
    from aoclient.export.engines import Connection, Cursor, Engine
    from aoclient.export.store import PlanDraft, Sink

_LEDGER = (
    "_aoclient_jobs (job TEXT PRIMARY KEY, header TEXT NOT NULL)",
    "_aoclient_plan (job TEXT, number BIGINT, key TEXT NOT NULL, query TEXT NOT NULL, PRIMARY KEY (job, number))",
    """_aoclient_shards (
        job TEXT, key TEXT, file TEXT, rows BIGINT, bytes BIGINT, sha256 TEXT, schema_hash TEXT, query_hash TEXT,
        committed_at TEXT, PRIMARY KEY (job, key)
    )""",
)
_RECORD = "job, key, file, rows, bytes, sha256, schema_hash, query_hash, committed_at"
_AT_ONCE = 200  # shards read from the plan at once
_ALL = 2**31


class Database:
    """A file of a database that holds an export; see `aoclient.export.store.Store`."""

    committers = 1  # there is one writer

    def __init__(self, path: Path, engine: Engine) -> None:
        self.output = engine.name
        self._path = path
        self._engine = engine
        self._lock: int | None = None
        self._connection: Connection | None = None

    def open(self) -> None:
        """Take the file, made where it is missing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._path.with_name(f"{self._path.name}.lock"), self._path)
        try:
            self._connection = self._engine.connect(self._path)
            cursor = self._connection.cursor()
            with _transaction(cursor, self._engine):
                for table in _LEDGER:
                    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        except self._engine.error() as error:
            self.close()
            raise ExportError(f"{self._path} cannot be used as a file of {self._engine.title}: {error}") from error

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def _reached(self) -> Generator[Cursor, None, None]:
        """Give a cursor; what its statements raise is an error of the system."""
        assert self._connection is not None  # noqa: S101  # open between `open` and `close`
        try:
            yield self._connection.cursor()
        except self._engine.error() as error:
            raise OSError(f"{self._path}: {error}") from error

    # --- the plan ---

    def header(self, job: str) -> Header | None:
        """Return what the shards of a job share, or None where it has no plan."""
        with self._reached() as cursor:
            return _header(cursor, job)

    def draft(self, header: Header, table: Table) -> PlanDraft:
        """Begin a plan, in a transaction that its commit ends."""
        with self._reached() as cursor:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (header.job,))
            if cursor.fetchone():
                raise ExportError(f"{self._path} has a table {header.job} that no export wrote; give another target")
            cursor.execute(self._engine.begin)
            draft = _Draft(cursor)
            columns = ", ".join(f"{quoted(each.name)} {self._engine.types[each.kind]}" for each in table.columns)
            cursor.execute(f"CREATE TABLE {quoted(header.job)} ({columns})")
            cursor.execute("INSERT INTO _aoclient_jobs VALUES (?, ?)", (header.job, header.to_json()))
            return draft

    def shards(self, job: str) -> Iterator[Shard]:
        """Give the planned shards of a job, read a few at a time: an open cursor would hold up the commits."""
        last = 0
        while True:
            with self._reached() as cursor:
                shards = _shards(cursor, job, last, _AT_ONCE)
            if not shards:
                return
            yield from shards
            last = shards[-1].number

    def forget(self, job: str) -> None:
        """Remove the plan of a job and its table."""
        with self._reached() as cursor, _transaction(cursor, self._engine):
            cursor.execute(f"DROP TABLE IF EXISTS {quoted(job)}")
            for ledger in ("_aoclient_jobs", "_aoclient_plan", "_aoclient_shards"):
                cursor.execute(f"DELETE FROM {ledger} WHERE job = ?", (job,))  # noqa: S608  # names of ours

    # --- shards ---

    def committed(self, job: str) -> Mapping[str, ShardRecord]:
        """Return the records of a job by key."""
        with self._reached() as cursor:
            return {record.key: record for record in _records(cursor, "WHERE job = ?", job)}

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write a shard."""
        return _TableSink(self._reached, self._engine, self._path.parent, shard, table)


class _Draft:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._is_open = True

    def add(self, shard: Shard) -> None:
        values = (shard.job, shard.number, shard.key, json.dumps(shard.query))
        self._cursor.execute("INSERT INTO _aoclient_plan VALUES (?, ?, ?, ?)", values)

    def commit(self) -> None:
        self._cursor.execute("COMMIT")
        self._is_open = False

    def discard(self) -> None:
        if self._is_open:
            self._cursor.execute("ROLLBACK")
            self._is_open = False


class _TableSink:
    def __init__(
        self,
        reached: Callable[[], AbstractContextManager[Cursor]],
        engine: Engine,
        folder: Path,
        shard: Shard,
        table: Table,
    ) -> None:
        self.rows = 0
        self._reached = reached
        self._engine = engine
        self._shard = shard
        self._table = table
        # Without a name beside the file, so that nothing is left of it after a kill; small ones stay in memory.
        spool = tempfile.SpooledTemporaryFile(max_size=1 << 16, dir=str(folder))  # noqa: SIM115  # closed below
        self._spool = cast("IO[bytes]", spool)
        self._hashed = Hashed(self._spool)
        self._write = engine.lines(cast("IO[bytes]", self._hashed), table)

    def write(self, rows: Sequence[Row]) -> None:
        self._write(rows)
        self.rows += len(rows)

    def commit(self) -> ShardRecord:
        record = ShardRecord(
            job=self._shard.job,
            key=self._shard.key,
            file=self._shard.job,
            rows=self.rows,
            bytes=self._hashed.size,
            sha256=self._hashed.hash.hexdigest(),
            schema_hash=self._table.schema_hash,
            query_hash=self._shard.query_hash,
            committed_at=now(),
        )
        values = json.loads(record.to_json())
        names = _RECORD.split(", ")
        marks = ", ".join("?" * len(names))
        self._spool.seek(0)
        with self._reached() as cursor, _transaction(cursor, self._engine):
            self._engine.load(cursor, self._shard.job, self._table, self._spool)
            cursor.execute(
                f"INSERT INTO _aoclient_shards ({_RECORD}) VALUES ({marks})",  # noqa: S608  # names of ours
                [values[name] for name in names],
            )
        self._spool.close()
        return record

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._spool.close()


@contextmanager
def _transaction(cursor: Cursor, engine: Engine) -> Generator[None, None, None]:
    cursor.execute(engine.begin)
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


# --- reading the ledger ------------------------------------------------------------------------------------------


def read_ledger(path: Path) -> tuple[list[ShardRecord], int]:
    """Return the records of a file, and how many shards are planned.

    Raises:
        ExportError: It holds no export.
        OSError: It cannot be read.
    """
    with reading(path) as cursor:
        cursor.execute("SELECT count(*) FROM _aoclient_plan")
        (planned,) = cursor.fetchone()
        return _records(cursor, ""), planned


def read_plan(path: Path, job: str) -> tuple[Header, list[Shard], set[str]] | None:
    """Return the plan of a job and the keys of its committed shards, or None where a file has none.

    Raises:
        ExportError: It holds no export.
        OSError: It cannot be read.
    """
    with reading(path) as cursor:
        header = _header(cursor, job)
        if header is None:
            return None
        return header, _shards(cursor, job, 0, _ALL), {each.key for each in _records(cursor, "WHERE job = ?", job)}


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


def _header(cursor: Cursor, job: str) -> Header | None:
    cursor.execute("SELECT header FROM _aoclient_jobs WHERE job = ?", (job,))
    found = cursor.fetchone()
    return None if found is None else Header.from_json(found[0])


def _shards(cursor: Cursor, job: str, after: int, at_most: int) -> list[Shard]:
    cursor.execute(
        "SELECT number, key, query FROM _aoclient_plan WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
        (job, after, at_most),
    )
    return [Shard(job, number, key, tuple(json.loads(query))) for number, key, query in cursor.fetchall()]


def _records(cursor: Cursor, where: str, *given: str) -> list[ShardRecord]:
    order = "SELECT job, key, number FROM _aoclient_plan"
    cursor.execute(
        f"SELECT {_RECORD} FROM _aoclient_shards JOIN ({order}) USING (job, key) {where} ORDER BY job, number",  # noqa: S608
        given,
    )
    names = _RECORD.split(", ")
    return [ShardRecord(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
