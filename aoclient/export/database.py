"""A file of SQLite or DuckDB as the target: a table for each job, and the ledger in tables beside them.

A plan is written in one transaction, and so is each shard with its entry in ``_aoclient_shards``, so that a kill leaves
all of it or nothing; see `aoclient.export.tables`.
"""

from __future__ import annotations

import contextlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aoclient import flock
from aoclient.errors import ExportError
from aoclient.export.ledger import LEDGER, begun_in, header_in, records_in, shards_in
from aoclient.export.locking import lock
from aoclient.export.sql import quoted
from aoclient.export.tables import TableSink, drop, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aoclient.export.columns import Table
    from aoclient.export.records import Begun, Header, Shard, ShardRecord
    from aoclient.export.sql import Connection, Cursor, Engine
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
            with transaction(cursor, self._engine):
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
            flock.give_back(self._lock)
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
        with self._reached() as cursor, transaction(cursor, self._engine):
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
            if table.key:  # earlier rows are looked for by it
                self._engine.index(cursor, header.job, table.key)
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
        with self._reached() as cursor, transaction(cursor, self._engine):
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
        return TableSink(
            self._reached, self._alone, engine=self._engine, folder=self._path.parent, shard=shard, table=table
        )


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
            drop(cursor, shard.job, self._table, [*shard.marks, *shard.dropped])
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
