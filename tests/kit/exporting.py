"""Exports on an emulator that fails where it is told to, and what they wrote read back."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from attrs import define, field

from aoclient.emulator import Emulator
from aoclient.errors import AoError
from aoclient.export import Job, Kind, Manifest, Table, export
from aoclient.session import Session
from aoclient.settings import RetryPolicy
from aoclient.wire import Request, Response


@define(eq=False)
class Wilful:
    """The emulator, but for calls that ``refuses`` has an error for.

    Attributes:
        refuses: Takes the form as text; returns the error to raise, or None.
    """

    emulator: Emulator
    refuses: Callable[[str], AoError | None] = lambda _: None
    in_flight: int = 0
    most_in_flight: int = 0
    bodies: list[str] = field(factory=list)

    async def send(self, request: Request) -> Response:
        body = request.body.decode()
        self.bodies.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            error = self.refuses(body)
            if error is not None:
                await asyncio.sleep(0)
                raise error
            return await self.emulator.send(request)
        finally:
            self.in_flight -= 1


def session(sender: object, **settings: Any) -> Session:
    given = {"max_concurrency": 4, "retries": RetryPolicy(attempts=1), **settings}
    return Session("client-id", "client-secret", sender=sender, **given)


def run(sender: object, jobs: list[Job], target: Path, **settings: Any) -> Manifest:
    """Export in a loop of its own."""

    async def main() -> Manifest:
        async with session(sender) as ao:
            return await export(ao, jobs, target, **settings)

    return asyncio.run(main())


# --- reading back ------------------------------------------------------------------------------------------------


def rows_of(target: Path, job: str, table: Table) -> list[dict[str, Any]]:
    """Return the rows a target holds of a job, in Python's types, whatever the format."""
    if target.is_file():
        return [_typed(row, table) for row in table_of(target, job)]
    rows: list[dict[str, Any]] = []
    for path in sorted((target / job).iterdir()):
        rows += [_typed(row, table) for row in _read(path, table)]
    return rows


def table_of(target: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table of a database file; times of DuckDB as text, for which it needs no pytz."""
    connect: Any = sqlite3.connect
    columns = "*"
    if target.read_bytes()[8:12] == b"DUCK":
        connect = import_module("duckdb").connect
        with closing(connect(str(target))) as db:
            columns = ", ".join(
                f"strftime({each} AT TIME ZONE 'UTC', '%xT%X.%fZ') AS {each}" if "TIME ZONE" in kind else each
                for each, kind, *_ in db.execute(f"DESCRIBE {name}").fetchall()
            )
    with closing(connect(str(target))) as db:
        found = db.execute(f"SELECT {columns} FROM {name}")
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _read(path: Path, table: Table) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return import_module("pyarrow.parquet").read_table(path).to_pylist()
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    if path.suffix == ".zst":
        raw = import_module("zstandard").ZstdDecompressor().decompressobj().decompress(raw)
    text = raw.decode()
    if ".csv" in path.name:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(io.StringIO(text))]
    rows = [json.loads(line) for line in text.splitlines()]
    trees = [each.name for each in table.columns if each.kind is Kind.JSON]  # elsewhere they are JSON text
    return [row | {name: None if row[name] is None else json.dumps(row[name]) for name in trees} for row in rows]


def _typed(row: dict[str, Any], table: Table) -> dict[str, Any]:
    assert tuple(row) == table.names
    return {each.name: _value(row[each.name], each.kind) for each in table.columns}


def _value(value: Any, kind: Kind) -> Any:
    return None if value is None or value == "" else _READERS[kind](value)  # CSV does not tell an empty text from none


_READERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: lambda value: value,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.FLAG: {"true": True, "false": False, 1: True, 0: False}.__getitem__,
    Kind.TIMESTAMP: lambda value: (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(
        UTC
    ),
    Kind.DURATION: lambda value: value // timedelta(seconds=1) if isinstance(value, timedelta) else int(value),
    Kind.JSON: json.loads,
}
"""How a value is read back, by the type of its column."""
