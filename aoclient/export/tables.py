"""The rows of a shard on their way into the table of its job.

They wait in a temporary file until the shard is whole. One transaction then holds the rows and their entry in
``_aoclient_shards``. A later round deletes the earlier rows in it too; where some of them may stay, the new ones come
into a table of their own first, to be compared with those that have their keys.
"""

from __future__ import annotations

import contextlib
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import attrs

from aoclient.export.folder import Hashed
from aoclient.export.ledger import RECORD, records_in
from aoclient.export.records import Stays
from aoclient.export.sql import quoted

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aoclient.export.columns import Row, Table
    from aoclient.export.records import Shard, ShardRecord
    from aoclient.export.sql import Cursor, Engine


class TableSink:
    """Where the rows of one shard wait, and are committed from.

    Args:
        reached: Gives a cursor, and turns what its statements raise into an error of the system.
        alone: Held while a table is dropped.
        engine: Kind of the database.
        folder: Where the rows wait, beside the database.
        shard: Whose rows they are.
        table: Their columns.
    """

    def __init__(
        self,
        reached: Callable[[], AbstractContextManager[Cursor]],
        alone: threading.Lock,
        *,
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
        """Take rows."""
        self._write(rows)
        self.rows += len(rows)

    def commit(self) -> ShardRecord:
        """Put the rows and their record into the database, in one transaction."""
        record = self._hashed.record(self._shard, self._table, file=self._shard.job, rows=self.rows)
        self._spool.seek(0)
        with self._reached() as cursor, transaction(cursor, self._engine):
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
        shard = self._shard
        self._engine.make_room_to_delete(cursor)
        before = next(iter(records_in(cursor, "WHERE job = ? AND key = ?", shard.job, shard.key)), None)
        cursor.execute("DELETE FROM _aoclient_shards WHERE job = ? AND key = ?", (shard.job, shard.key))
        if shard.stays is Stays.NOTHING and before is not None and before.sha256 == record.sha256:
            return attrs.evolve(record, committed_at=before.committed_at, is_kept=True)
        if shard.stays is Stays.NOTHING and len(shard.dropped) <= 1:  # all of the job, or of a course: long perhaps
            drop(cursor, shard.job, self._table, shard.dropped)
            self._engine.load(cursor, shard.job, self._table, self._spool)
            return record
        return self._exchange(cursor, record, before)

    def _exchange(self, cursor: Cursor, record: ShardRecord, before: ShardRecord | None) -> ShardRecord:
        """Put the rows in the place of those that are dropped or come again, by way of a table of their own."""
        shard, table, engine = self._shard, self._table, self._engine
        name, fresh = quoted(shard.job), "_aoclient_fresh"
        cursor.execute(f"CREATE TABLE {fresh} AS SELECT * FROM {name} LIMIT 0")  # noqa: S608  # quoted
        engine.load(cursor, fresh, table, self._spool)
        engine.make_room_to_compare(cursor, size=record.bytes, rows=record.rows)
        came_again = _came_again(table, name, fresh) if table.key else None
        # Where all rows are the shard's own the hashes said it, which is asked before; where some stayed there is none.
        is_new = shard.stays is Stays.NOTHING and before is not None and before.sha256 != ""
        if came_again is None:
            is_new = True
        elif not is_new:
            is_new = engine.differ(cursor, table, f"FROM {fresh}", came_again)
        gone = 0
        if shard.stays is not Stays.UNTIL_KEY:
            gone += drop(cursor, shard.job, table, shard.dropped)
        if came_again is not None:  # what was asked for by one address may have come under another
            gone += _count(cursor, f"DELETE {came_again}")
        cursor.execute(f"INSERT INTO {name} SELECT * FROM {fresh}")  # noqa: S608  # quoted
        with self._alone:
            cursor.execute(f"DROP TABLE {fresh}")
        if before is not None and not is_new and gone == record.rows:
            record = attrs.evolve(record, committed_at=before.committed_at, is_kept=True)
        if shard.stays is Stays.NOTHING:
            return record
        stayed = (before.rows if before else 0) - gone
        return attrs.evolve(record, rows=record.rows + stayed, sha256="")  # the hash is of the new rows alone

    def discard(self) -> None:
        """Remove the rows that wait."""
        with contextlib.suppress(OSError):
            self._spool.close()


def _came_again(table: Table, name: str, fresh: str) -> str:
    """Return the part of a statement that means the rows of a table whose key is among those of another."""
    key = ", ".join(map(quoted, table.key))
    return f"FROM {name} WHERE ({key}) IN (SELECT {key} FROM {fresh})"  # noqa: S608  # quoted


def drop(cursor: Cursor, job: str, table: Table, values: Sequence[str]) -> int:
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
def transaction(cursor: Cursor, engine: Engine) -> Generator[None, None, None]:
    """Commit what is done with a cursor, or undo it when it raises."""
    cursor.execute(engine.begin)
    try:
        yield
    except BaseException:
        with contextlib.suppress(engine.error()):  # on a full disk the database rolls back by itself
            cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")
