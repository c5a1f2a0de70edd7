"""Exports and lists of answers as tables of Arrow, frames of polars and of pandas.

The columns have the types that Parquet gives them: times in UTC, durations, and JSON as text. What is returned is typed
as ``Any``, for the packages that make it need not be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from aoclient.errors import ConfigurationError, ExportError
from aoclient.export.columns import Column, Kind, rows_of_models
from aoclient.export.engines import DUCKDB, engine_of
from aoclient.export.filed import FROM_CSV, FROM_LINES, cells_in, lines_in
from aoclient.export.formats import extra
from aoclient.export.ledger import reading
from aoclient.export.lines import encode
from aoclient.export.parquet import arrow_schema
from aoclient.export.records import Header, Manifest
from aoclient.export.sql import quoted
from aoclient.export.targets import read_manifest, read_plan

Source: TypeAlias = Manifest | str | os.PathLike[str] | Iterable[Any]  # Any: models of one class
"""An export, by its manifest or its target, or models of one class, as a list of answers has them."""

_AT_ONCE = 5_000
"""Rows that are Python's at a time."""

Rows: TypeAlias = Iterator[Sequence[Any]]  # Any: values as a format has them


def to_arrow(source: Source, job: str | None = None, *, model: type | None = None) -> Any:  # Any: as said above
    """Return a ``pyarrow.Table``.

    Args:
        source: An export, or models.
        job: Of an export: which one, by its name; may be left out where there is only one.
        model: Of models: their class; may be left out where there is at least one.

    Returns:
        A table with the rows of all committed shards, whether the export is whole or not, or of the models. Where the
        target is a folder they stand in the order of the plan.

    Raises:
        MissingExtraError: pyarrow is not installed, or what the format of the export needs.
        ConfigurationError: Neither ``job`` nor ``model`` can be left out.
        ExportError: The target holds no export, or no such job.
    """
    return _arrow_of(source, job, model, extra("pyarrow", "parquet"))


def _arrow_of(source: Source, job: str | None, model: type | None, arrow: Any) -> Any:
    if isinstance(source, Manifest | str | os.PathLike):
        target = Path(source.target if isinstance(source, Manifest) else source)
        return _table_of_export(arrow, target, job)
    models = list(source)
    model = model or (type(models[0]) if models else None)
    if model is None:
        raise ConfigurationError("an empty list does not tell its columns; give model=")
    if not attrs.has(model) or any(type(each) is not model for each in models):
        raise ConfigurationError(
            f"expected models of one class, got {', '.join(_names_of([model, *map(type, models)]))}"
        )
    columns, rows = rows_of_models(model, models)
    schema = arrow_schema(columns)
    return arrow.Table.from_batches(_batches(arrow, schema, _read(rows, columns, {Kind.JSON: encode})), schema)


def to_polars(source: Source, job: str | None = None, *, model: type | None = None) -> Any:  # Any: as said above
    """Return a ``polars.DataFrame``; arguments and errors are those of `to_arrow`. Needs the extra ``polars``."""
    polars = extra("polars", "polars")
    return polars.from_arrow(_arrow_of(source, job, model, extra("pyarrow", "polars")))


def to_pandas(source: Source, job: str | None = None, *, model: type | None = None) -> Any:  # Any: as said above
    """Return a ``pandas.DataFrame``; arguments and errors are those of `to_arrow`. Needs the extra ``pandas``.

    Texts, whole numbers and flags have the types of pandas that know a missing value, ``string``, ``Int64`` and
    ``boolean``, so that no whole number becomes a float.
    """
    pandas, arrow = extra("pandas", "pandas"), extra("pyarrow", "pandas")
    types = {
        arrow.string(): pandas.StringDtype(),
        arrow.int64(): pandas.Int64Dtype(),
        arrow.bool_(): pandas.BooleanDtype(),
    }
    return _arrow_of(source, job, model, arrow).to_pandas(types_mapper=types.get)


def _names_of(kinds: Iterable[type]) -> list[str]:
    return list(dict.fromkeys(each.__name__ for each in kinds))


# --- an export ---------------------------------------------------------------------------------------------------


def _table_of_export(arrow: Any, target: Path, job: str | None) -> Any:
    manifest = read_manifest(target)
    jobs = list(dict.fromkeys([*(shard.job for shard in manifest.shards), *manifest.rounds]))  # some without a shard
    if job is None:
        if len(jobs) != 1:
            raise ConfigurationError(f"job= must be one of {', '.join(jobs) or 'none'}")
        (job,) = jobs
    kept = read_plan(target, job)
    if kept is None:
        raise ExportError(f"{target} holds no job {job}, only {', '.join(jobs) or 'none'}")
    header = kept[0]
    columns = [Column(name, Kind(kind)) for name, kind in header.schema.items()]
    schema = arrow_schema(columns)
    if target.is_file():
        batches = _batches(arrow, schema, _from_database(target, job, columns))
    else:
        paths = [target / shard.file for shard in manifest.shards if shard.job == job]
        batches = (batch for path in paths for batch in _from_file(arrow, schema, path, header, columns))
    return arrow.Table.from_batches(batches, schema)


def _from_file(arrow: Any, schema: Any, path: Path, header: Header, columns: Sequence[Column]) -> Iterator[Any]:
    if path.suffix == ".parquet":
        with extra("pyarrow.parquet", "parquet").ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_AT_ONCE):
                yield arrow.record_batch(batch.columns, schema=schema)
        return
    if ".jsonl" in path.suffixes:
        rows = lines_in(path, columns, {**FROM_LINES, Kind.JSON: encode})
    else:
        rows = cells_in(path, header.output, columns, {**FROM_CSV, Kind.JSON: str})
    yield from _batches(arrow, schema, rows)


def _from_database(target: Path, job: str, columns: Sequence[Column]) -> Rows:
    is_duck = engine_of(target) is DUCKDB
    asked = [
        f"epoch_us({quoted(each.name)})" if is_duck and each.kind is Kind.TIMESTAMP else quoted(each.name)
        for each in columns
    ]  # DuckDB gives times by pytz, which need not be there
    with reading(target) as cursor:
        cursor.execute(f"SELECT {', '.join(asked)} FROM {quoted(job)}")  # noqa: S608  # quoted
        rows = (row for batch in iter(lambda: cursor.fetchmany(_AT_ONCE), []) for row in batch)
        yield from _read(rows, columns, {} if is_duck else {Kind.TIMESTAMP: datetime.fromisoformat, Kind.FLAG: bool})


# --- rows --------------------------------------------------------------------------------------------------------


def _read(
    rows: Iterable[Sequence[Any]], columns: Sequence[Column], values: Mapping[Kind, Callable[[Any], object]]
) -> Rows:
    """Give rows as Arrow takes them."""
    steps = [(at, values[each.kind]) for at, each in enumerate(columns) if each.kind in values]
    for row in rows:
        read = list(row)
        for at, step in steps:
            if read[at] is not None:
                read[at] = step(read[at])
        yield read


def _batches(arrow: Any, schema: Any, rows: Rows) -> Iterator[Any]:
    while some := list(islice(rows, _AT_ONCE)):
        columns = zip(*some, strict=True)
        yield arrow.record_batch(
            [arrow.array(column, each.type) for column, each in zip(columns, schema, strict=True)], schema=schema
        )
