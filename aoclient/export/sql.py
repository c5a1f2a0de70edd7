"""What an export asks of a database: what Python's database interface has, and what each kind does in its own way."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aoclient.export.columns import Kind, Row, Table


class Cursor(Protocol):
    """A cursor, as Python's database interface has it."""

    @property
    def rowcount(self) -> int:
        """Rows the last statement changed, where the database says so."""
        ...

    def execute(self, sql: str, given: Sequence[object] = (), /) -> object:
        """Run a statement."""
        ...

    def fetchone(self) -> Any:  # Any: rows hold what the statement asks for, here and below
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def fetchmany(self, size: int, /) -> list[Any]:
        """Return some of the rows that are left."""
        ...


class Connection(Protocol):
    """An open file; a cursor of its own for each thread and transaction."""

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class Engine(Protocol):
    """A kind of database.

    Attributes:
        name: The format by name.
        title: As people write it.
        begin: Begins a transaction that writes.
        types: Type of each column.
    """

    name: str
    title: str
    begin: str
    types: Mapping[Kind, str]

    def connect(self, path: Path, *, to_read: bool = False) -> Connection:
        """Open a file.

        Raises:
            OSError: It cannot be opened, or is something else.
        """
        ...

    def error(self) -> type[Exception]:
        """Return what its statements raise."""
        ...

    def lines(self, file: IO[bytes], table: Table) -> Callable[[Sequence[Row]], object]:
        """Return what writes rows to the temporary file of a shard."""
        ...

    def load(self, cursor: Cursor, name: str, table: Table, lines: IO[bytes]) -> None:
        """Insert the rows of such a file."""
        ...

    def differ(self, cursor: Cursor, table: Table, rows: str, others: str) -> bool:
        """Tell whether rows are not those of another source, where they are as many.

        Args:
            cursor: In the transaction.
            table: Their columns.
            rows: The rows, as the part of a statement from ``FROM`` on.
            others: The other source likewise.
        """
        ...

    def index(self, cursor: Cursor, name: str, columns: Sequence[str]) -> None:
        """Make the rows of a table be found by columns, where that takes an index."""
        ...

    def make_room_to_delete(self, cursor: Cursor) -> None:
        """Allow the statements that follow the memory that deleting rows takes."""
        ...

    def make_room_to_compare(self, cursor: Cursor, *, size: int, rows: int) -> None:
        """Allow them what it takes to compare the rows of a shard, of so many bytes, with earlier ones."""
        ...


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
