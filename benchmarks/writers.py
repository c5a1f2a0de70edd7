"""A million rows of progress to each format: memory, and rows a second against bare writing with the same library.

The server is a process of its own, with 20 ms before each answer; so is each export, and each bare writer, which has
its rows ready before the clock starts and writes them a course at a time. Later rounds over the same target follow,
before each of which every learner passed a lesson more.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sqlite3
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import samples
from measure import Stopwatch, at_most, child, figure, finish, peak_mb, server

from aoclient import actions, wire
from aoclient.export.columns import Table, table_of

LIBRARIES = {
    "jsonl": ["msgspec"],
    "jsonl.gz": ["msgspec", "gzip"],
    "jsonl.zst": ["msgspec", "zstandard"],
    "csv": ["csv"],
    "parquet": ["pyarrow.parquet"],
    "sqlite": ["sqlite3"],
    "duckdb": ["duckdb"],
}
CONCURRENCY = 32
ROWS = 2000  # of a course
DIFFERENT = 50  # courses with other rows than those before; then they begin anew, since the server keeps its answers
LATER = {
    "refresh=changed": {"refresh": "changed"},
    "refresh=all": {"refresh": "all"},
    "upsert": {"refresh": "all", "upsert": True},
}
LASTING = ["jsonl", "parquet", "sqlite", "duckdb"]  # have later rounds here; the others go the way of jsonl
Write = Callable[[Sequence[Mapping[str, Any]]], object]


# --- bare writing -------------------------------------------------------------------------------------------------


@contextmanager
def lines(path: Path, opened: Callable[..., Any], **settings: Any) -> Iterator[Write]:
    import msgspec

    encode = msgspec.json.Encoder().encode_lines
    with opened(path, "wb", **settings) as file:
        yield lambda rows: file.write(encode(rows))


@contextmanager
def to_csv(path: Path) -> Iterator[Write]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        yield lambda rows: writer.writerows(list(row.values()) for row in rows)


@contextmanager
def to_parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = schema_of(pa)
    with ParquetWriter(path, schema, compression="zstd") as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema))


@contextmanager
def to_sqlite(path: Path) -> Iterator[Write]:
    db = sqlite3.connect(path)
    names = table().names
    db.execute(f"CREATE TABLE rows ({', '.join(names)})")

    def write(rows: Sequence[Mapping[str, Any]]) -> None:
        with db:
            db.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(names))})", [[*r.values()] for r in rows])

    yield write
    db.close()


@contextmanager
def to_duckdb(path: Path) -> Iterator[Write]:
    import duckdb
    import pyarrow as pa

    db = duckdb.connect(str(path), config={"threads": 1})
    schema = schema_of(pa)
    db.register("first", pa.Table.from_pylist([], schema))
    db.execute("CREATE TABLE written AS SELECT * FROM first")

    def write(rows: Sequence[Mapping[str, Any]]) -> None:
        db.register("given", pa.Table.from_pylist(rows, schema))
        db.execute("INSERT INTO written SELECT * FROM given")

    yield write
    db.close()


def to_zst(path: Path) -> Any:
    import zstandard

    return lines(path, zstandard.open)


WRITERS: Mapping[str, Callable[[Path], Any]] = {
    "jsonl": lambda path: lines(path, open),
    "jsonl.gz": lambda path: lines(path, gzip.open, compresslevel=6),
    "jsonl.zst": to_zst,
    "csv": to_csv,
    "parquet": to_parquet,
    "sqlite": to_sqlite,
    "duckdb": to_duckdb,
}


def table() -> Table:
    return table_of(actions.LearnersProgressByCourse, ("course_id",))


def schema_of(pa: Any) -> Any:
    """Return the types that are natural to prepared rows: those of the export, but for the list of teams."""
    types = {"timestamp": pa.timestamp("us", "UTC"), "integer": pa.int64(), "duration": pa.int64()}
    types |= {"text": pa.string(), "number": pa.float64(), "json": pa.string()}
    return pa.schema([(name, types[kind]) for name, kind in table().schema.items()])


def prepared(fmt: str, start: int) -> list[dict[str, Any]]:
    """Return rows as the library takes them at once: what is nested as text, and times too but for Arrow."""
    action = actions.LearnersProgressByCourse(course_id=f"c.{start}-{ROWS}")
    page = wire.decode(action, wire.Response(200, {}, samples.progress_page(start, ROWS)))
    keeps = {"timestamp": fmt in ("parquet", "duckdb"), "json": fmt.startswith("jsonl")}
    rows = []
    for row in table().rows(action, page):
        values = zip(row, table().schema.items(), strict=True)
        rows.append(
            {
                name: value if value is None or keeps.get(kind, True) else as_text(value)
                for value, (name, kind) in values
            }
        )
    return rows


def as_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list) else value.isoformat()


def bare(fmt: str, courses: int) -> dict[str, float]:
    ready = [prepared(fmt, number * ROWS) for number in range(min(courses, DIFFERENT))]
    with tempfile.TemporaryDirectory() as folder, Stopwatch() as watch, WRITERS[fmt](Path(folder) / "out") as write:
        for number in range(courses):
            write(ready[number % DIFFERENT])
    return watch.report()


def loaded(fmt: str) -> dict[str, float]:
    """Return the memory of a process that has only imported what an export needs."""
    for module in ("aiohttp", "uvloop", "msgspec", "aoclient.export", *LIBRARIES[fmt]):
        import_module(module)
    return {"peak_mb": peak_mb()}


# --- all of it ----------------------------------------------------------------------------------------------------


def measured(quick: bool, formats: Sequence[str]) -> Iterator[tuple[list[dict[str, Any]], tuple[str, Any]]]:
    few, many = (2, 10) if quick else (50, 500)
    with server(latency=20) as base:

        def export(fmt: str, courses: int, target: str | None = None, **settings: Any) -> dict[str, float]:
            # pyarrow imports pandas where it is installed, which is 50 MB of no use here.
            job = {"job": "pages", "base": base, "concurrency": CONCURRENCY, "uvloop": True, "hidden": ["pandas"]}
            job |= {"courses": courses, "rows": ROWS, "different": DIFFERENT, "format": fmt}
            return child("ours.py", json.dumps(job | {"target": target, "round": settings}))

        def rounds(fmt: str, target: str) -> Iterator[dict[str, Any]]:
            for name, settings in LATER.items():
                urllib.request.urlopen(f"{base}/later").read()
                peak = export(fmt, many, target, **settings)["peak_mb"]
                yield figure(f"{fmt}: peak MB, {many * ROWS} rows, {name}", peak, "")

        export("jsonl", few)  # the server keeps its answers from now on
        for fmt in formats:
            with tempfile.TemporaryDirectory() as folder:
                small, large = export(fmt, few), export(fmt, many, f"{folder}/export")
                later = [*rounds(fmt, f"{folder}/export")] if fmt in LASTING else []
            alone, empty = child("writers.py", "--bare", fmt, few), child("writers.py", "--loaded", fmt)
            rate, bare_rate = many * ROWS / large["wall"], few * ROWS / alone["wall"]
            yield (
                [
                    at_most(f"{fmt}: peak MB, {many * ROWS} rows", large["peak_mb"], 120),
                    figure(f"{fmt}: peak MB of the imports alone", empty["peak_mb"], ""),
                    at_most(f"{fmt}: peak MB, x that of {few * ROWS} rows", large["peak_mb"] / small["peak_mb"], 1.2),
                    figure(f"{fmt}: rows/s exported", rate, ""),
                    figure(f"{fmt}: rows/s written bare", bare_rate, ""),
                    at_most(f"{fmt}: rows/s, exported / written bare", rate / bare_rate, 1),
                    *later,
                ],
                (fmt, {"small": small, "large": large, "bare": alone}),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--bare", nargs=2, metavar=("FORMAT", "COURSES"), help="only write prepared rows")
    parser.add_argument("--loaded", metavar="FORMAT", help="only import")
    parser.add_argument("formats", nargs="*", default=list(LIBRARIES))
    given = parser.parse_args()
    if given.bare:
        print(json.dumps(bare(given.bare[0], int(given.bare[1]))))
    elif given.loaded:
        print(json.dumps(loaded(given.loaded)))
    else:
        figures, raw = zip(*measured(given.quick, given.formats), strict=True)
        finish([each for some in figures for each in some], dict(raw))


if __name__ == "__main__":
    main()
