"""The rows of an export, read back one by one as maps, whatever its format."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

from attrs import frozen

from aoclient.export import Kind, Manifest, read_manifest
from aoclient.export.database import read_plan, reading
from aoclient.export.engines import DUCKDB, Cursor, engine_of, quoted
from aoclient.export.folder import read_header
from aoclient.export.formats import extra
from aoclient.export.records import Header

Row: TypeAlias = Mapping[str, Any]  # Any: values by the types of the columns


@frozen
class Exported:
    """What an export holds.

    Args:
        target: Folder, or file of a database.
        manifest: What is committed there.
    """

    target: Path
    manifest: Manifest

    @classmethod
    def open(cls, target: Path) -> Exported:
        """Look at a target.

        Raises:
            ExportError: It holds no export.
        """
        return cls(target, read_manifest(target))

    @property
    def jobs(self) -> set[str]:
        """Names of the jobs of which something is committed."""
        return {shard.job for shard in self.manifest.shards}

    @property
    def day(self) -> date:
        """Day of the newest part, in UTC; there is one."""
        return max(datetime.fromisoformat(shard.committed_at).astimezone(UTC).date() for shard in self.manifest.shards)

    def rows(self, job: str) -> Iterator[Row]:
        """Give the rows of a job in the order of its plan; none where it is not in the export.

        Raises:
            MissingExtraError: The format needs a package that is not installed.
        """
        if job not in self.jobs:
            return
        if self.target.is_file():
            yield from _from_database(self.target, job)
            return
        header = cast("Header", read_header(self.target, job))  # what is committed has one
        for shard in self.manifest.shards:
            if shard.job == job:
                yield from _from_file(self.target / shard.file, header)


def _from_database(path: Path, job: str) -> Iterator[Row]:
    header, *_ = cast("tuple[Header, object, object]", read_plan(path, job))  # what is committed has one
    with reading(path) as cursor:
        if engine_of(path) is DUCKDB:  # whose times need a package of their own in Python, but not as JSON
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute(f"SELECT to_json(each_row) FROM {quoted(job)} AS each_row")  # noqa: S608  # quoted
            yield from (json.loads(text) for (text,) in _each(cursor))
        else:
            names, read = list(header.schema), _reader(header.schema)
            cursor.execute(f"SELECT * FROM {quoted(job)}")  # noqa: S608  # quoted
            yield from (read(dict(zip(names, row, strict=True))) for row in _each(cursor))


def _each(cursor: Cursor) -> Iterator[Any]:  # Any: a row of the database
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from rows


_ROWS_AT_ONCE = 1000


def _from_file(path: Path, header: Header) -> Iterator[Row]:
    if path.suffix == ".parquet":
        read = _reader(header.schema)
        with extra("pyarrow.parquet", "parquet").ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                yield from map(read, batch.to_pylist())
        return
    with _text_of(path) as text:
        if ".jsonl" in path.suffixes:
            yield from map(json.loads, text)
        else:
            yield from map(_reader(header.schema, is_safe="excel_safe=True" in header.output), _table(text))


@contextmanager
def _text_of(path: Path) -> Generator[IO[str]]:
    with path.open("rb") as file:
        raw: IO[bytes] = file
        if path.suffix == ".gz":
            raw = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        elif path.suffix == ".zst":
            raw = cast("IO[bytes]", extra("zstandard", "zstd").ZstdDecompressor().stream_reader(file))
        with io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
            yield text


def _table(text: IO[str]) -> Iterator[dict[str, Any]]:
    """Give the rows of a CSV file, None for an empty cell; the heading, of plain names alone, tells the delimiter."""
    heading = text.readline()
    dialect = csv.Sniffer().sniff(heading, delimiters=",;\t|")
    csv.field_size_limit(2**31 - 1)  # what is nested stands in one cell
    (names,) = csv.reader([heading], dialect)
    for row in csv.reader(text, delimiter=dialect.delimiter):
        yield {name: value or None for name, value in zip(names, row, strict=True)}


def _reader(schema: Mapping[str, str], *, is_safe: bool = False) -> Callable[[dict[str, Any]], Row]:
    """Return what reads the texts and numbers of a row back by the types of its columns."""
    kinds = {name: _VALUES[Kind(kind)] for name, kind in schema.items() if Kind(kind) in _VALUES}
    texts = [name for name, kind in schema.items() if kind in (Kind.TEXT, Kind.JSON)] if is_safe else []

    def read(row: dict[str, Any]) -> Row:
        for name in texts:
            row[name] = _without_guard(row[name])
        for name, value in kinds.items():
            row[name] = None if row[name] is None else value(row[name])
        return row

    return read


def _without_guard(text: str | None) -> str | None:
    return text[1:] if text and text[0] == "'" and text[1:2] in _GUARDED else text


_GUARDED = tuple("=+-@\t\r")

_VALUES: Mapping[Kind, Callable[[Any], object]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.FLAG: lambda value: value in (1, "true"),
    Kind.DURATION: lambda value: value if not isinstance(value, str) else int(value),
    Kind.JSON: json.loads,
}
"""How a value is read; texts and times stay as they are, a duration may be one of Python's."""
