"""A folder as the target: a file for each shard, committed once, and the ledger beside them.

::

    target/<job>/000001.jsonl              a committed shard; complete, and never changed again
    target/.aoclient/<job>/plan.jsonl      the header and one line for each planned shard
    target/.aoclient/<job>/000001.json     its record: this file makes the shard committed
    target/.aoclient/tmp/                  what is being written; emptied when an export begins

A file is written under a private name, synced, and linked to its own name, which fails where there is one already. A
data file without a record was left by a kill between the two links; it is removed, and its shard is exported again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from aoclient.errors import ExportError
from aoclient.export.locking import lock
from aoclient.export.records import INNER, Header, Shard, ShardRecord, now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aoclient.export.columns import Row, Table
    from aoclient.export.formats import FileFormat
    from aoclient.export.store import PlanDraft, Sink


_COMMITTERS = 8  # a commit mostly waits for the disk


class Folder:
    """A folder that holds an export; see `aoclient.export.store.Store`."""

    def __init__(self, path: Path, fmt: FileFormat) -> None:
        self.output = repr(fmt)
        self.committers: int = getattr(fmt, "committers", _COMMITTERS)
        self._path = path
        self._format = fmt
        self._inner = path / INNER
        self._tmp = self._inner / "tmp"
        self._lock: int | None = None

    def open(self) -> None:
        """Take the folder, made where it is missing, and remove what a killed export was writing."""
        self._inner.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._inner / "lock", self._path)
        shutil.rmtree(self._tmp, ignore_errors=True)
        self._tmp.mkdir(exist_ok=True)

    def close(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # --- the plan ---

    def header(self, job: str) -> Header | None:
        """Return what the shards of a job share, or None where it has no plan."""
        return read_header(self._path, job)

    def draft(self, header: Header, table: Table) -> PlanDraft:  # noqa: ARG002  # files have their columns inside
        """Begin a plan."""
        ledger, data = self._inner / header.job, self._path / header.job
        if data.is_dir() and any(data.iterdir()) and not ledger.is_dir():
            raise ExportError(f"{data} is not empty and was not written by an export; give another target")
        self._sweep(header.job)
        ledger.mkdir(exist_ok=True)
        data.mkdir(exist_ok=True)
        _sync(self._path)
        _sync(self._inner)
        return _Draft(self._tmp / f"{header.job}.plan", ledger / "plan.jsonl", header)

    def shards(self, job: str) -> Iterator[Shard]:
        """Give the planned shards of a job."""
        return read_shards(self._path, job)

    def forget(self, job: str) -> None:
        """Remove the plan of a job, which makes all its shards uncommitted, and then the shards."""
        (self._inner / job / "plan.jsonl").unlink(missing_ok=True)
        self._sweep(job)

    def _sweep(self, job: str) -> None:
        for folder in (self._path / job, self._inner / job):
            for path in list(folder.iterdir()) if folder.is_dir() else ():
                if _OURS.fullmatch(path.name):
                    path.unlink()

    # --- shards ---

    def committed(self, job: str) -> Mapping[str, ShardRecord]:
        """Return the records of a job by key, those left out whose file is gone.

        Raises:
            ExportError: A file has another size than when it was committed.
        """
        found: dict[str, ShardRecord] = {}
        for record in read_records(self._path, job):
            path = self._path / record.file
            if not path.exists():
                continue
            if path.stat().st_size != record.bytes:
                raise ExportError(f"{path} was changed after it was exported; move it away and export again")
            found[record.key] = record
        return found

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write a shard; what stands under its names counts for nothing."""
        name = f"{shard.number:06d}"
        final = Path(shard.job) / f"{name}{self._format.suffix}"
        record = self._inner / shard.job / f"{name}.json"
        record.unlink(missing_ok=True)
        (self._path / final).unlink(missing_ok=True)
        return _FileSink(
            target=self._path,
            final=final,
            record=record,
            tmp=self._tmp,
            shard=shard,
            table=table,
            fmt=self._format,
        )


_OURS = re.compile(r"\d{6,}\..+")


class _Draft:
    def __init__(self, private: Path, final: Path, header: Header) -> None:
        self._private = private
        self._final = final
        self._file = private.open("w", encoding="utf-8")
        self._file.write(f"{header.to_json()}\n")

    def add(self, shard: Shard) -> None:
        line = json.dumps([shard.number, shard.key, *shard.query], ensure_ascii=False)
        self._file.write(f"{line}\n")

    def commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        publish(self._private, self._final)

    def discard(self) -> None:
        self._file.close()
        self._private.unlink(missing_ok=True)


class _FileSink:
    def __init__(
        self, *, target: Path, final: Path, record: Path, tmp: Path, shard: Shard, table: Table, fmt: FileFormat
    ) -> None:
        self.rows = 0
        self._target = target
        self._final = final
        self._record = record
        self._shard = shard
        self._table = table
        self._private = tmp / f"{shard.job}.{final.name}"
        self._file = self._private.open("wb")
        self._hashed = Hashed(self._file)
        self._writer = fmt.writer(cast("IO[bytes]", self._hashed), table)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write(rows)
        self.rows += len(rows)

    def commit(self) -> ShardRecord:
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        record = ShardRecord(
            job=self._shard.job,
            key=self._shard.key,
            file=self._final.as_posix(),
            rows=self.rows,
            bytes=self._hashed.size,
            sha256=self._hashed.hash.hexdigest(),
            schema_hash=self._table.schema_hash,
            query_hash=self._shard.query_hash,
            committed_at=now(),
        )
        publish(self._private, self._target / self._final)
        private = self._private.with_name(f"{self._private.name}.record")
        with private.open("w", encoding="utf-8") as file:
            file.write(record.to_json())
            file.flush()
            os.fsync(file.fileno())
        publish(private, self._record)
        return record

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # a full disk fails the last flush too
            self._file.close()
        self._private.unlink(missing_ok=True)


class Hashed(io.RawIOBase):
    """Hashes and counts the bytes on their way to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whatever has bytes
        """Write bytes, all of them."""
        self._file.write(data)
        self.hash.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self.size


# --- reading the ledger -------------------------------------------------------------------------------------------


def read_jobs(target: Path) -> list[str]:
    """Return the names of the jobs that have a plan."""
    return sorted(path.parent.name for path in (target / INNER).glob("*/plan.jsonl"))


def read_header(target: Path, job: str) -> Header | None:
    """Return the header of a plan, or None where there is none."""
    try:
        with (target / INNER / job / "plan.jsonl").open(encoding="utf-8") as file:
            return Header.from_json(file.readline())
    except FileNotFoundError:
        return None


def read_shards(target: Path, job: str) -> Iterator[Shard]:
    """Give the shards of a plan; one line is in memory at a time."""
    with (target / INNER / job / "plan.jsonl").open(encoding="utf-8") as file:
        next(file)
        for line in file:
            number, key, *query = json.loads(line)
            yield Shard(job, number, key, tuple(query))


def read_records(target: Path, job: str) -> Iterator[ShardRecord]:
    """Give the records of a job in the order of its plan."""
    for path in sorted((target / INNER / job).glob("*.json")):
        yield ShardRecord.from_json(path.read_text(encoding="utf-8"))


# --- one step or none ---------------------------------------------------------------------------------------------

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK}


def publish(private: Path, final: Path) -> None:
    """Give a synced file its own name in one step, for good.

    Raises:
        FileExistsError: There is one of that name; it is left as it is.
    """
    try:
        os.link(private, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():  # the lock keeps others away on file systems without hard links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from None
        private.rename(final)
    else:
        private.unlink()
    _sync(final.parent)


def _sync(folder: Path) -> None:
    if os.name != "posix":  # pragma: no cover  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
