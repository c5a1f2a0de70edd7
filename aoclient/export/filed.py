"""The rows of a committed file, read back as they were when they were written, whatever its format."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, cast

from aoclient.export.columns import Kind
from aoclient.export.formats import Csv, JsonLines, extra
from aoclient.export.parquet import Parquet

if TYPE_CHECKING:
    from pathlib import Path

    from aoclient.export.columns import Column, Row

Readers = Mapping[Kind, Callable[[Any], object]]
"""How a value that is not None is read, by the kind of its column; all others stay as the file has them."""

READABLE = (JsonLines, Csv, Parquet)
"""The formats whose files can be read back."""

_ROWS_AT_ONCE = 1_000

FROM_LINES: Readers = {Kind.TIMESTAMP: datetime.fromisoformat}
FROM_CSV: Readers = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.FLAG: "true".__eq__,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.DURATION: int,
    Kind.JSON: json.loads,
}
_FROM_PARQUET: Readers = {
    Kind.DURATION: lambda value: value // timedelta(seconds=1),
    Kind.JSON: json.loads,
}


def rows_in(path: Path, output: str, columns: Sequence[Column]) -> Iterator[Row]:
    """Give the rows of a file as they were when they were written.

    Args:
        path: Of the file.
        output: Its format, as the header of the plan has it.
        columns: Those of the table.
    """
    if path.suffix == ".parquet":
        with extra("pyarrow.parquet", "parquet").ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False):  # each would keep its memory
                values = [column.to_pylist() for column in batch.columns]
                yield from _read(zip(*values, strict=True), columns, _FROM_PARQUET)
    elif ".jsonl" in path.suffixes:
        yield from lines_in(path, columns, FROM_LINES)
    else:
        yield from cells_in(path, output, columns, FROM_CSV)


def lines_in(path: Path, columns: Sequence[Column], readers: Readers) -> Iterator[Row]:
    """Give the rows of a file of JSON lines, their values read as told."""
    names = [column.name for column in columns]
    with _text_of(path) as text:
        yield from _read(([row[name] for name in names] for row in map(json.loads, text)), columns, readers)


def cells_in(path: Path, output: str, columns: Sequence[Column], readers: Readers) -> Iterator[Row]:
    """Give the rows of a CSV file, their cells read as told; an empty one is None."""
    call = cast("ast.Call", ast.parse(output, mode="eval").body)  # the format as its repr tells it
    settings = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    csv.field_size_limit(2**31 - 1)  # what is nested stands in one cell
    if settings["excel_safe"]:
        readers = {**readers, **{kind: _unguarded(readers.get(kind)) for kind in (Kind.TEXT, Kind.JSON)}}
    with _text_of(path) as text:
        rows = csv.reader(text, dialect=settings["dialect"])
        next(rows)
        yield from _read(([cell or None for cell in row] for row in rows), columns, readers)


def _unguarded(read: Callable[[Any], object] | None) -> Callable[[str], object]:
    """Return what reads a cell whose guard against formulas is taken off."""
    return lambda text: (read or str)(text[text[:2] in _GUARDED :])


_GUARDED = {f"'{first}" for first in "=+-@\t\r"}


@contextmanager
def _text_of(path: Path) -> Generator[IO[str], None, None]:
    with path.open("rb") as file:
        raw: IO[bytes] = file
        if path.suffix == ".gz":
            raw = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        elif path.suffix == ".zst":
            raw = cast("IO[bytes]", extra("zstandard", "zstd").ZstdDecompressor().stream_reader(file))
        with io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
            yield text


def _read(rows: Iterable[Iterable[Any]], columns: Sequence[Column], readers: Readers) -> Iterator[Row]:
    steps = [(at, readers[each.kind]) for at, each in enumerate(columns) if each.kind in readers]
    for row in rows:
        values = list(row)
        for at, read in steps:
            if values[at] is not None:
                values[at] = read(values[at])
        yield tuple(values)
