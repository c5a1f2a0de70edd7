"""A file of SQLite or DuckDB as the target: a table for each job, and the ledger in tables beside them.

A shard's rows wait in a temporary file until it is whole. One transaction then holds its rows and its entry in
``_aoclient_shards``, so that a kill leaves both or none. A later round deletes the earlier rows in it too.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import attrs

from aoclient.errors import ExportError
from aoclient.export.engines import SQLITE, quoted
from aoclient.export.folder import Hashed
from aoclient.export.ledger import LEDGER, RECORD, begun_in, header_in, records_in, shards_in
from aoclient.export.locking import lock, unlock
from aoclient.export.records import Begun, Header, Shard, ShardRecord, Stays, now

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aoclient.export.columns import Row, Table
    from aoclient.export.engines import Connection, Cursor, Engine
    from aoclient.export.store import PlanDraft, Sink

_AT_ONCE = 200  # shards read from the plan at once


class Database:
    """A file of a database that holds an export; see `aoclient.export.store.Store`."""

    committers = 1  # there is one writer

    def __init__(self, path: Path, engine: Engine) -> None:
        self.output = engine.name
        self._path = path
        self._engine = engine
        self._lock: int | None = None
        self._connection: Connection | None = None
        self._alone = threading.Lock()  # SQLite drops no table while another thread reads

    def open(self) -> None:
        """Take the file, made where it is missing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._path.with_name(f"{self._path.name}.lock"), self._path)
        try:
            self._connection = self._engine.connect(self._path)
            cursor = self._connection.cursor()
            with _transaction(cursor, self._engine):
                for table in LEDGER:
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
            unlock(self._lock)
            self._lock = None

    @contextmanager
    def _reached(self, cursor: Cursor | None = None) -> Generator[Cursor, None, None]:
        """Give a cursor, a new one where there is none; what its statements raise is an error of the system."""
        assert self._connection is not None  # noqa: S101  # open between `open` and `close`
        try:
            yield cursor or self._connection.cursor()
        except self._engine.error() as error:
            raise OSError(f"{self._path}: {error}") from error

    # --- the plan ---

    def begun(self) -> Begun | None:
        """Return the round whose jobs are not all planned yet, or None."""
        with self._reached() as cursor:
            return begun_in(cursor)

    def note(self, begun: Begun | None) -> None:
        """Note such a round, or that all is planned."""
        with self._reached() as cursor, _transaction(cursor, self._engine):
            cursor.execute("DELETE FROM _aoclient_round")
            if begun is not None:
                cursor.execute("INSERT INTO _aoclient_round VALUES (?)", (begun.to_json(),))

    def header(self, job: str) -> Header | None:
        """Return what the shards of a job share, or None where it has no plan."""
        with self._reached() as cursor:
            return header_in(cursor, job)

    def draft(self, header: Header, table: Table) -> PlanDraft:
        """Begin a plan, in a transaction that its commit ends."""
        with self._reached() as cursor:
            if header_in(cursor, header.job) is not None:
                return self._draft_again(cursor, header, table)
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (header.job,))
            if cursor.fetchone():
                raise ExportError(f"{self._path} has a table {header.job} that no export wrote; give another target")
            cursor.execute(self._engine.begin)
            draft = _Draft(self._reached, cursor, table)
            columns = ", ".join(f"{quoted(each.name)} {self._engine.types[each.kind]}" for each in table.columns)
            cursor.execute(f"CREATE TABLE {quoted(header.job)} ({columns})")
            cursor.execute("INSERT INTO _aoclient_jobs VALUES (?, ?)", (header.job, header.to_json()))
            return draft

    def _draft_again(self, cursor: Cursor, header: Header, table: Table) -> PlanDraft:
        draft = _Draft(self._reached, cursor, table)
        cursor.execute(self._engine.begin)
        try:
            if self._engine is SQLITE and table.key:  # DuckDB reads columns anyway
                into = f"{quoted(header.job)} ({', '.join(map(quoted, table.key))})"
                cursor.execute(f"CREATE INDEX IF NOT EXISTS {quoted(f'_aoclient_{header.job}')} ON {into}")
            cursor.execute("DELETE FROM _aoclient_plan WHERE job = ?", (header.job,))
            cursor.execute("UPDATE _aoclient_jobs SET header = ? WHERE job = ?", (header.to_json(), header.job))
        except self._engine.error():
            with contextlib.suppress(OSError):
                draft.discard()
            raise
        return draft

    def shards(self, job: str) -> Iterator[Shard]:
        """Give the planned shards of a job, read a few at a time: an open cursor would hold up the commits."""
        last = 0
        with self._reached() as cursor, self._alone:
            header = header_in(cursor, job)
        while header is not None:
            with self._reached() as cursor, self._alone:
                shards = shards_in(cursor, header, last, _AT_ONCE)
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
            return {record.key: record for record in records_in(cursor, "WHERE job = ?", job)}

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write a shard."""
        return _TableSink(self._reached, self._alone, self._engine, self._path.parent, shard, table)


class _Draft:
    def __init__(
        self, reached: Callable[[Cursor], AbstractContextManager[Cursor]], cursor: Cursor, table: Table
    ) -> None:
        self._reached = reached
        self._cursor = cursor
        self._table = table
        self._is_open = True

    def add(self, shard: Shard) -> None:
        values = (shard.job, shard.number, shard.key, shard.to_json())
        with self._reached(self._cursor) as cursor:
            cursor.execute("INSERT INTO _aoclient_plan VALUES (?, ?, ?, ?)", values)

    def remove(self, shard: Shard) -> None:
        with self._reached(self._cursor) as cursor:
            _drop(cursor, shard.job, self._table, [*shard.marks, *shard.dropped])
            cursor.execute("DELETE FROM _aoclient_shards WHERE job = ? AND key = ?", (shard.job, shard.key))

    def commit(self) -> None:
        with self._reached(self._cursor) as cursor:
            cursor.execute("COMMIT")
        self._is_open = False

    def discard(self) -> None:
        if self._is_open:
            with self._reached(self._cursor) as cursor:
                cursor.execute("ROLLBACK")
            self._is_open = False


class _TableSink:
    def __init__(  # noqa: PLR0917  # what a shard is written with
        self,
        reached: Callable[[], AbstractContextManager[Cursor]],
        alone: threading.Lock,
        engine: Engine,
        folder: Path,
        shard: Shard,
        table: Table,
    ) -> None:
        self.rows = 0
        self._reached = reached
        self._alone = alone
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
            round=self._shard.round,
        )
        self._spool.seek(0)
        with self._reached() as cursor, _transaction(cursor, self._engine):
            if self._shard.round > 1:
                record = self._replace(cursor, record)
            else:
                self._engine.load(cursor, self._shard.job, self._table, self._spool)
            marks = ", ".join("?" * len(RECORD))
            cursor.execute(
                f"INSERT INTO _aoclient_shards ({', '.join(RECORD)}) VALUES ({marks})",  # noqa: S608  # names of ours
                attrs.astuple(record),
            )
        self._spool.close()
        return record

    def _replace(self, cursor: Cursor, record: ShardRecord) -> ShardRecord:
        """Put the rows in the place of an earlier round's, unless they are the same; return what the ledger gets."""
        shard, table = self._shard, self._table
        self._engine.make_room(cursor)
        before = next(iter(records_in(cursor, "WHERE job = ? AND key = ?", shard.job, shard.key)), None)
        cursor.execute("DELETE FROM _aoclient_shards WHERE job = ? AND key = ?", (shard.job, shard.key))
        if shard.stays is Stays.NOTHING and before is not None and before.sha256 == record.sha256:
            return attrs.evolve(record, committed_at=before.committed_at, is_kept=True)
        if shard.stays is Stays.NOTHING and len(shard.dropped) <= 1:  # all of the job, or of a course: long perhaps
            _drop(cursor, shard.job, table, shard.dropped)
            self._engine.load(cursor, shard.job, table, self._spool)
            return record
        name, fresh = quoted(shard.job), "_aoclient_fresh"
        cursor.execute(f"CREATE TABLE {fresh} AS SELECT * FROM {name} LIMIT 0")  # noqa: S608  # quoted
        self._engine.load(cursor, fresh, table, self._spool)
        self._engine.make_room(cursor, record.bytes, record.rows)
        gone, is_new = 0, True
        is_told = shard.stays is Stays.NOTHING and before is not None and before.sha256 != ""
        if table.key and not is_told:
            is_new = self._engine.differ(cursor, table, f"FROM {fresh}", _came_again(table, name, fresh))
        if shard.stays is not Stays.UNTIL_KEY:
            gone += _drop(cursor, shard.job, table, shard.dropped)
        if table.key:  # what was asked for by one address may have come under another
            gone += _count(cursor, f"DELETE {_came_again(table, name, fresh)}")
        cursor.execute(f"INSERT INTO {name} SELECT * FROM {fresh}")  # noqa: S608  # quoted
        with self._alone:
            cursor.execute(f"DROP TABLE {fresh}")
        if before is not None and not is_new and gone == record.rows:
            record = attrs.evolve(record, committed_at=before.committed_at, is_kept=True)
        if shard.stays is Stays.NOTHING:
            return record
        return attrs.evolve(record, rows=record.rows - gone + (before.rows if before else 0), sha256="")

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._spool.close()


def _came_again(table: Table, name: str, fresh: str) -> str:
    """Return the part of a statement that means the rows of a table whose key is among those of another."""
    key = ", ".join(map(quoted, table.key))
    return f"FROM {name} WHERE ({key}) IN (SELECT {key} FROM {fresh})"  # noqa: S608  # quoted


def _drop(cursor: Cursor, job: str, table: Table, values: Sequence[str]) -> int:
    """Delete the rows of some values of the scope, all where there is none; return how many they were."""
    if table.scope is None:
        return _count(cursor, f"DELETE FROM {quoted(job)}")  # noqa: S608  # quoted
    scope = quoted(table.scope)
    statement = f"DELETE FROM {quoted(job)} WHERE {scope} = ?"  # noqa: S608  # quoted
    return sum(_count(cursor, statement, value) for value in values)


def _count(cursor: Cursor, statement: str, *given: str) -> int:
    """Run a statement that deletes, and return how many rows it did."""
    cursor.execute(statement, given)
    found = cursor.fetchone()  # DuckDB answers with the number
    return cursor.rowcount if found is None else int(found[0])


@contextmanager
def _transaction(cursor: Cursor, engine: Engine) -> Generator[None, None, None]:
    cursor.execute(engine.begin)
    try:
        yield
    except BaseException:
        with contextlib.suppress(engine.error()):  # on a full disk the database rolls back by itself
            cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")
