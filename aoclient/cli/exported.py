"""The rows of an export, read back one by one as maps, whatever its format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen

from aoclient.export import Column, Kind, Manifest, read_manifest
from aoclient.export.engines import DUCKDB, engine_of
from aoclient.export.filed import rows_in
from aoclient.export.ledger import reading
from aoclient.export.records import Header
from aoclient.export.sql import Cursor, quoted
from aoclient.export.targets import read_plan

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
        """Day in UTC of the newest part, or of the last round, which may have found all as it was; there is a part."""
        planned = [_header(self.target, job).planned_at for job in self.jobs]
        moments = [*planned, *(shard.committed_at for shard in self.manifest.shards)]
        return max(datetime.fromisoformat(each).astimezone(UTC).date() for each in moments)

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
        header = _header(self.target, job)
        for shard in self.manifest.shards:
            if shard.job == job:
                yield from _from_file(self.target / shard.file, header)


def _header(target: Path, job: str) -> Header:
    plan = read_plan(target, job)
    assert plan is not None  # noqa: S101  # what is committed has one
    return plan[0]


def _from_database(path: Path, job: str) -> Iterator[Row]:
    header = _header(path, job)
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
    columns = [Column(name, Kind(kind)) for name, kind in header.schema.items()]
    for row in rows_in(path, header.output, columns):
        yield dict(zip(header.schema, row, strict=True))


def _reader(schema: Mapping[str, str]) -> Callable[[dict[str, Any]], Row]:
    """Return what reads the texts and numbers of a row of SQLite back by the types of its columns."""
    kinds = {name: _VALUES[Kind(kind)] for name, kind in schema.items() if Kind(kind) in _VALUES}

    def read(row: dict[str, Any]) -> Row:
        for name, value in kinds.items():
            row[name] = None if row[name] is None else value(row[name])
        return row

    return read


_VALUES: Mapping[Kind, Callable[[Any], object]] = {Kind.FLAG: bool, Kind.JSON: json.loads}
