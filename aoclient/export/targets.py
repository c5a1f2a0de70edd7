"""Which store a target and a format make, and what a target holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from aoclient.errors import ConfigurationError, ExportError
from aoclient.export import folder, ledger
from aoclient.export.database import Database
from aoclient.export.engines import DUCKDB, SQLITE
from aoclient.export.folder import Folder
from aoclient.export.formats import Csv, FileFormat, JsonLines
from aoclient.export.parquet import Parquet
from aoclient.export.records import INNER, Manifest

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from aoclient.export.records import Begun, Header, Shard, ShardRecord
    from aoclient.export.store import Store

FormatName: TypeAlias = Literal[
    "jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "csv.zst", "parquet", "sqlite", "duckdb"
]
"""The formats by name, with their usual settings."""

Format: TypeAlias = FormatName | FileFormat

_FILES: Mapping[str, FileFormat] = {
    "jsonl": JsonLines(),
    "jsonl.gz": JsonLines(compression="gzip"),
    "jsonl.zst": JsonLines(compression="zstd"),
    "csv": Csv(),
    "csv.gz": Csv(compression="gzip"),
    "csv.zst": Csv(compression="zstd"),
    "parquet": Parquet(),
}

_ENGINES = {each.name: each for each in (SQLITE, DUCKDB)}

FORMATS = (*_FILES, *_ENGINES)
"""Names of the formats."""


def store_for(target: Path, fmt: Format) -> Store:
    """Return the store of a target.

    Raises:
        ConfigurationError: There is no such format.
        MissingExtraError: The format needs a package that is not installed.
    """
    if isinstance(fmt, str) and fmt in _ENGINES:
        return Database(target, _ENGINES[fmt])
    if isinstance(fmt, str):
        if fmt not in _FILES:
            raise ConfigurationError(f"format must be one of {', '.join(FORMATS)}, or a format object; got {fmt!r}")
        fmt = _FILES[fmt]
    fmt.check()
    return Folder(target, fmt)


def read_plan(target: Path, job: str) -> tuple[Header, list[Shard], dict[str, ShardRecord]] | None:
    """Return the plan of a job and its records by key, or None where a target has none; for reading.

    Raises:
        ExportError: The target is a file that holds no export.
    """
    if target.is_file():
        return ledger.read_plan(target, job)
    header = folder.read_header(target, job)
    if header is None:
        return None
    shards = list(folder.read_shards(target, job))
    return header, shards, {record.key: record for record in folder.read_records(target, job)}


def read_begun(target: Path) -> Begun | None:
    """Return the round of a target whose jobs are not all planned yet, or None.

    Raises:
        ExportError: The target is a file that holds no export.
    """
    return ledger.read_begun(target) if target.is_file() else folder.read_begun(target)


def read_manifest(target: str | os.PathLike[str]) -> Manifest:
    """Return what a target holds, whole or not.

    Raises:
        ExportError: It holds no export.
    """
    path = Path(target)
    if path.is_file():
        records, planned, headers = ledger.read_ledger(path)
    elif (path / INNER).is_dir():
        jobs = folder.read_jobs(path)
        headers = [header for job in jobs if (header := folder.read_header(path, job))]
        keys = {(job, shard.key) for job in jobs for shard in folder.read_shards(path, job)}
        # A kill may leave records of an earlier round's shards, which are planned no more.
        records = [each for job in jobs for each in folder.read_records(path, job) if (job, each.key) in keys]
        planned = len(keys)
    else:
        raise ExportError(f"{path} holds no export")
    rounds = {header.job: header.round for header in headers}
    return Manifest(target=str(target), shards=tuple(records), planned=planned, rounds=rounds)
