"""Parquet files, by pyarrow."""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from aoclient.errors import ConfigurationError
from aoclient.export.columns import Kind
from aoclient.export.formats import RowWriter, extra
from aoclient.export.lines import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aoclient.export.columns import Column, Row, Table


@frozen(kw_only=True)
class Parquet:
    """Parquet with an Arrow schema made from the columns. Needs the extra ``parquet``.

    Args:
        compression: As Parquet names it.
        rows_per_group: Rows of a row group, at least 1; up to so many of each shard under way are in memory.

    Raises:
        ConfigurationError: ``rows_per_group`` is below 1.
    """

    committers: ClassVar[int] = 1
    """Commits of a folder at once. Arrow keeps the memory of each thread that wrote: 40 MB more with eight of them."""

    compression: Literal["zstd", "snappy", "gzip", "none"] = "zstd"
    rows_per_group: int = 1_000

    def __attrs_post_init__(self) -> None:
        if self.rows_per_group < 1:
            raise ConfigurationError(f"rows_per_group must be at least 1, got {self.rows_per_group!r}")

    @property
    def suffix(self) -> str:
        """``.parquet``."""
        return ".parquet"

    def check(self) -> None:
        """Import pyarrow."""
        extra("pyarrow.parquet", "parquet")

    def writer(self, file: IO[bytes], table: Table) -> RowWriter:
        """Return the writer of one file."""
        return _ParquetWriter(file, table, self)


class _ParquetWriter:
    def __init__(self, file: IO[bytes], table: Table, settings: Parquet) -> None:
        self._arrow = extra("pyarrow", "parquet")
        self._schema = arrow_schema(table.columns)
        self._json = [at for at, column in enumerate(table.columns) if column.kind is Kind.JSON]
        self._open = partial(
            extra("pyarrow.parquet", "parquet").ParquetWriter, file, self._schema, compression=settings.compression
        )
        self._parquet: Any = None  # opened by its first rows: many shards are under way, and it takes memory
        self._rows_per_group = settings.rows_per_group
        self._batches: list[Any] = []  # Any: pyarrow need not be there
        self._held = 0

    def write(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        columns: list[Sequence[object]] = list(zip(*rows, strict=True))
        for at in self._json:
            columns[at] = [None if value is None else encode(value) for value in columns[at]]
        arrays = [self._arrow.array(column, each.type) for column, each in zip(columns, self._schema, strict=True)]
        self._batches.append(self._arrow.record_batch(arrays, schema=self._schema))
        self._held += len(rows)
        if self._held >= self._rows_per_group:
            self._flush()

    def _flush(self) -> None:
        self._parquet = self._parquet or self._open()
        self._parquet.write_table(
            self._arrow.Table.from_batches(self._batches, self._schema), row_group_size=self._rows_per_group
        )
        self._batches, self._held = [], 0
        self._arrow.default_memory_pool().release_unused()  # 4 MB of 118, and 8 of a later round's 131

    def close(self) -> None:
        if self._batches:
            self._flush()
        (self._parquet or self._open()).close()


def arrow_schema(columns: Sequence[Column]) -> Any:  # Any: pyarrow need not be there
    """Return the Arrow schema of columns; what each holds stands in its metadata."""
    arrow = extra("pyarrow", "parquet")
    kinds = {
        Kind.TEXT: arrow.string(),
        Kind.INTEGER: arrow.int64(),
        Kind.NUMBER: arrow.float64(),
        Kind.FLAG: arrow.bool_(),
        Kind.TIMESTAMP: arrow.timestamp("us", "UTC"),
        Kind.DURATION: arrow.duration("s"),
        Kind.JSON: arrow.string(),
    }
    return arrow.schema([arrow.field(each.name, kinds[each.kind], metadata={"about": each.about}) for each in columns])
