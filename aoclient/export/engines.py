"""The databases an export can be written into; what each does is said in `aoclient.export.sql`."""

from __future__ import annotations

import json
import sqlite3
from typing import IO, TYPE_CHECKING, Any, cast

from aoclient.errors import ExportError
from aoclient.export.columns import Kind
from aoclient.export.formats import JsonLines, extra
from aoclient.export.lines import encode
from aoclient.export.moments import write_moment
from aoclient.export.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aoclient.export.columns import Row, Table
    from aoclient.export.sql import Connection, Cursor, Engine


# --- SQLite ------------------------------------------------------------------------------------------------------

_SQLITE_VALUES: Mapping[Kind, Callable[[Any], object]] = {
    Kind.FLAG: int,
    Kind.TIMESTAMP: write_moment,
    Kind.JSON: encode,
}


class _Sqlite:
    name = "sqlite"
    title = "SQLite"
    begin = "BEGIN IMMEDIATE"
    types: Mapping[Kind, str] = {
        Kind.TEXT: "TEXT",
        Kind.INTEGER: "INTEGER",
        Kind.NUMBER: "REAL",
        Kind.FLAG: "INTEGER",
        Kind.TIMESTAMP: "TEXT",
        Kind.DURATION: "INTEGER",
        Kind.JSON: "TEXT",
    }

    def connect(self, path: Path, *, to_read: bool = False) -> Connection:
        del to_read  # what a kill left behind is rolled back by whoever opens the file next
        # Commits run in another thread, one at a time.
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            db.close()
            raise
        return cast("Connection", db)

    def error(self) -> type[Exception]:
        return sqlite3.Error

    def lines(self, file: IO[bytes], table: Table) -> Callable[[Sequence[Row]], object]:
        steps = [
            (at, _SQLITE_VALUES[each.kind]) for at, each in enumerate(table.columns) if each.kind in _SQLITE_VALUES
        ]

        def write(rows: Sequence[Row]) -> None:
            texts: list[str] = []
            for row in rows:
                values = list(row)
                for at, step in steps:
                    if values[at] is not None:
                        values[at] = step(values[at])
                texts.append(f"{encode(values)}\n")
            file.write("".join(texts).encode())

        return write

    def load(self, cursor: Cursor, name: str, table: Table, lines: IO[bytes]) -> None:
        marks = ", ".join("?" * len(table.columns))
        into = f"INSERT INTO {quoted(name)} VALUES ({marks})"  # noqa: S608  # quoted
        cast("sqlite3.Cursor", cursor).executemany(into, map(json.loads, lines))

    def differ(self, cursor: Cursor, table: Table, rows: str, others: str) -> bool:
        del table
        cursor.execute(f"SELECT 1 FROM (SELECT * {rows} EXCEPT SELECT * {others}) AS new LIMIT 1")  # noqa: S608  # quoted
        return cursor.fetchone() is not None

    def index(self, cursor: Cursor, name: str, columns: Sequence[str]) -> None:
        into = f"{quoted(name)} ({', '.join(map(quoted, columns))})"
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {quoted(f'_aoclient_{name}')} ON {into}")

    def make_room_to_delete(self, cursor: Cursor) -> None:
        """Do nothing: it keeps what is large in temporary files."""

    def make_room_to_compare(self, cursor: Cursor, *, size: int, rows: int) -> None:
        """Do nothing, as above."""


# --- DuckDB ------------------------------------------------------------------------------------------------------

_BYTES_AT_ONCE = 1 << 17
_ROWS_IN_MEMORY = 2048  # a vector of DuckDB's: a commit holds as many rows at once, however long they are
_BLOCK = 1 << 16  # of a new file: a checkpoint holds two for each column, and DuckDB's own have 256 KB

# Bytes. What DuckDB may take, by default four fifths of the machine, it fills little by little. Where it is too little,
# a checkpoint ends with an error and the file has to be opened anew, so there is twice of what was too little.
_TO_INSERT = 8_000_000
_OF_A_COLUMN = 500_000
_TO_READ = 24_000_000  # and for files with larger blocks, and rows that are long
_TO_DELETE = 17_000_000  # a checkpoint then moves rows of many shards together: 8 MB were too little for 24 columns
_TO_COMPARE = 24_000_000  # and more by the shard: 12 MB were too little for 15 columns, 14 for 24
_AT_MOST = 1_000_000_000  # for what is compared or long; what is larger goes to temporary files


class _Duck:
    name = "duckdb"
    title = "DuckDB"
    begin = "BEGIN"
    types: Mapping[Kind, str] = {
        Kind.TEXT: "VARCHAR",
        Kind.INTEGER: "BIGINT",
        Kind.NUMBER: "DOUBLE",
        Kind.FLAG: "BOOLEAN",
        Kind.TIMESTAMP: "TIMESTAMPTZ",
        Kind.DURATION: "BIGINT",
        Kind.JSON: "JSON",
    }

    def connect(self, path: Path, *, to_read: bool = False) -> Connection:
        duckdb = extra("duckdb", "duckdb")
        # One thread: the rows come from one place, and their order stays as it is.
        room = _TO_READ if to_read else _TO_INSERT
        config = {"threads": 1, "memory_limit": f"{room}B", "default_block_size": str(_BLOCK)}
        db = cast("Connection", duckdb.connect(str(path), read_only=to_read, config=config))
        cursor = db.cursor()
        cursor.execute("SELECT block_size FROM pragma_database_size()")
        if cursor.fetchone()[0] > _BLOCK:  # somebody else made the file
            _allow(cursor, _TO_READ)
        return db

    def error(self) -> type[Exception]:
        return cast("type[Exception]", extra("duckdb", "duckdb").Error)

    def differ(self, cursor: Cursor, table: Table, rows: str, others: str) -> bool:
        columns = ", ".join(map(quoted, table.names))  # EXCEPT over them takes twice the memory

        def hashed(source: str) -> object:
            cursor.execute(f"SELECT sum(hash({columns})) {source}")
            return cursor.fetchone()[0]

        return hashed(rows) != hashed(others)

    def index(self, cursor: Cursor, name: str, columns: Sequence[str]) -> None:
        """Do nothing: it reads only the columns it looks at anyway."""

    def make_room_to_delete(self, cursor: Cursor) -> None:
        _allow(cursor, _TO_DELETE)

    def make_room_to_compare(self, cursor: Cursor, *, size: int, rows: int) -> None:
        around = 6 * size * _ROWS_IN_MEMORY // max(rows, 1)  # rows of other shards are read with its own
        _allow(cursor, _TO_COMPARE + min(max(4 * size, around), _AT_MOST))

    def lines(self, file: IO[bytes], table: Table) -> Callable[[Sequence[Row]], object]:
        return JsonLines().writer(file, table).write

    def load(self, cursor: Cursor, name: str, table: Table, lines: IO[bytes]) -> None:
        shape = json.dumps([{each.name: self.types[each.kind] for each in table.columns}])
        into = f"INSERT INTO {quoted(name)} SELECT unnest(row) FROM (SELECT unnest(from_json_strict(?, ?)) AS row)"  # noqa: S608  # quoted
        _allow(cursor, _OF_A_COLUMN * len(table.columns))
        while batch := lines.readlines(_BYTES_AT_ONCE):
            rows = f"[{b','.join(batch).decode()}]"
            # Measured with rows of 0.1 KB to 20 MB: a batch takes 8 times its size, a commit twice that of its rows.
            needed = 16 * len(rows) + min(4 * len(rows) * _ROWS_IN_MEMORY // len(batch), _AT_MOST)
            if needed > _TO_INSERT:
                _allow(cursor, max(needed, _TO_READ))
            cursor.execute(into, (rows, shape))


_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def _allow(cursor: Cursor, size: int) -> None:
    """Let DuckDB have so much memory or what it has already: rows that took more are read again by a checkpoint."""
    cursor.execute("SELECT current_setting('memory_limit')")
    number, unit = cursor.fetchone()[0].split()
    if size > float(number) * _UNITS[unit]:
        cursor.execute(f"SET memory_limit = '{size}B'")


SQLITE: Engine = _Sqlite()
DUCKDB: Engine = _Duck()


def engine_of(path: Path) -> Engine:
    """Return the kind of database a file is, by its first bytes.

    Raises:
        ExportError: It is neither.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"SQLite format 3"):
        return SQLITE
    if head[8:12] == b"DUCK":
        return DUCKDB
    raise ExportError(f"{path} holds no export")
