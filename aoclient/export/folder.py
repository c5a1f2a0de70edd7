"""A folder as the target: a file for each shard, committed once, and the ledger beside them.

::

    target/<job>/000001.jsonl              a committed shard; complete, and only ever replaced as a whole
    target/.aoclient/<job>/plan.jsonl      the header and one line for each planned shard
    target/.aoclient/<job>/000001.json     its record: this file makes the shard committed
    target/.aoclient/round.json            a later round some of whose jobs are not planned yet
    target/.aoclient/tmp/                  what is being written; emptied when an export begins

A file is written under a private name, synced, and linked to its own name, which fails where there is one already. A
data file without a record was left by a kill between the two links; it is removed, and its shard is exported again.
How a later round replaces a file stands in `aoclient.export.replacing`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from attrs import evolve

from aoclient import flock
from aoclient.errors import ExportError
from aoclient.export.locking import lock
from aoclient.export.publishing import publish, replace, sync, write_synced
from aoclient.export.records import INNER, Begun, Header, Shard, ShardRecord, Stays, now, understood
from aoclient.export.replacing import merged, read_record, replace_shard, settle

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from aoclient.export.columns import Row, Table
    from aoclient.export.formats import FileFormat
    from aoclient.export.store import PlanDraft, Sink


_COMMITTERS = 8  # a commit mostly waits for the disk
_ROUND = "round.json"
_TMP, _LOCK = OWN_NAMES = ("tmp", "lock")
"""What stands in the ledger beside the folders of the jobs, and could be the name of one."""


class Folder:
    """A folder that holds an export; see `aoclient.export.store.Store`.

    Attributes:
        path: The folder.
        format: Of its files.
        tmp: Where private files are written; it is emptied when an export begins.
    """

    def __init__(self, path: Path, fmt: FileFormat) -> None:
        self.output = repr(fmt)
        self.committers: int = getattr(fmt, "committers", _COMMITTERS)
        self.path = path
        self.format = fmt
        self._inner = path / INNER
        self._begun = self._inner / _ROUND
        self.tmp = self._inner / _TMP
        self._lock: int | None = None

    def open(self) -> None:
        """Take the folder, made where it is missing, and remove what a killed export was writing."""
        self._inner.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._inner / _LOCK, self.path)
        shutil.rmtree(self.tmp, ignore_errors=True)
        self.tmp.mkdir(exist_ok=True)

    def close(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            flock.give_back(self._lock)
            self._lock = None

    # --- the plan ---

    def begun(self) -> Begun | None:
        """Return the round whose jobs are not all planned yet, or None."""
        return read_begun(self.path)

    def note(self, begun: Begun | None) -> None:
        """Note such a round, or that all is planned."""
        if begun is None:
            self._begun.unlink(missing_ok=True)
        else:
            replace(write_synced(self.tmp / self._begun.name, begun.to_json()), self._begun)

    def header(self, job: str) -> Header | None:
        """Return what the shards of a job share, or None where it has no plan."""
        return read_header(self.path, job)

    def draft(self, header: Header, table: Table) -> PlanDraft:  # noqa: ARG002  # files have their columns inside
        """Begin a plan."""
        ledger, data = self._inner / header.job, self.path / header.job
        plan = ledger / "plan.jsonl"
        if plan.exists():
            return _Draft(self.tmp / f"{header.job}.plan", plan, header)
        if data.is_dir() and any(data.iterdir()) and not ledger.is_dir():
            raise ExportError(f"{data} is not empty and was not written by an export; give another target")
        self._sweep(header.job)
        ledger.mkdir(exist_ok=True)
        data.mkdir(exist_ok=True)
        sync(self.path)
        sync(self._inner)
        return _Draft(self.tmp / f"{header.job}.plan", plan, header)

    def shards(self, job: str) -> Iterator[Shard]:
        """Give the planned shards of a job."""
        return read_shards(self.path, job)

    def forget(self, job: str) -> None:
        """Remove the plan of a job, which makes all its shards uncommitted, and then the shards."""
        (self._inner / job / "plan.jsonl").unlink(missing_ok=True)
        self._sweep(job)

    def _sweep(self, job: str, planned: Container[str] = ()) -> None:
        """Remove the files and records of a job but for those of the planned numbers."""
        for folder in (self.path / job, self._inner / job):
            for path in list(folder.iterdir()) if folder.is_dir() else ():
                if _OURS.fullmatch(path.name) and path.name.partition(".")[0] not in planned:
                    path.unlink()

    # --- shards ---

    def committed(self, job: str) -> Mapping[str, ShardRecord]:
        """Return the records of a job by key, those left out whose file is gone.

        Raises:
            ExportError: A file has another size than when it was committed.
        """
        settle(self._inner / job, self.path)
        self._sweep(job, {f"{shard.number:06d}" for shard in self.shards(job)})
        found: dict[str, ShardRecord] = {}
        for record in read_records(self.path, job):
            path = self.path / record.file
            if not path.exists():
                continue
            if path.stat().st_size != record.bytes:
                raise ExportError(f"{path} was changed after it was exported; move it away and export again")
            found[record.key] = record
        return found

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write a shard."""
        self.clear(shard)
        return _FolderSink(self, self.tmp, shard, table, self.format)

    def clear(self, shard: Shard) -> None:
        """Remove what stands under the names of a shard that is not committed, but for what an earlier round wrote."""
        if not self._is_replaced(shard):
            for path in self._names(shard):
                path.unlink(missing_ok=True)

    def take_in(self, shard: Shard, table: Table, private: Path, record: ShardRecord) -> ShardRecord:
        """Commit a shard whose private file is whole and synced, in the place of what an earlier round wrote.

        Returns:
            What the ledger has.

        Raises:
            FileExistsError: The shard is committed, or somebody else's file has its name.
            OSError: It cannot be committed; the output is as before.
        """
        final, ledger = self._names(shard)
        if self._is_replaced(shard):
            if shard.stays is not Stays.NOTHING:
                record, private = self._merged(shard, table, private, record)
            return replace_shard(private, record, final, ledger)
        publish(private, final)
        publish(write_synced(private.with_name(f"{private.name}.record"), record.to_json()), ledger)
        return record

    def _merged(self, shard: Shard, table: Table, private: Path, record: ShardRecord) -> tuple[ShardRecord, Path]:
        """Return the record and the file of a shard with the rows that stay of an earlier round."""
        final, _ = self._names(shard)
        sink = FileSink(self.tmp, shard, table, self.format, mark="merged.")
        try:
            for rows in merged(shard, table, self.output, private, final):
                sink.write(rows)
            new = sink.commit()
        except BaseException:
            sink.discard()
            raise
        private.unlink()
        return evolve(record, rows=new.rows, bytes=new.bytes, sha256=new.sha256), sink.private

    def _is_replaced(self, shard: Shard) -> bool:
        """Tell whether an earlier round wrote what stands under the names of a shard."""
        return shard.round > 1 and all(path.exists() for path in self._names(shard))

    def _names(self, shard: Shard) -> tuple[Path, Path]:
        """Return where a shard and its record stand once it is committed."""
        return self.path / file_of(shard, self.format), self._inner / shard.job / f"{shard.number:06d}.json"


def file_of(shard: Shard, fmt: FileFormat) -> Path:
    """Return the file of a shard, below the target."""
    return Path(shard.job) / f"{shard.number:06d}{fmt.suffix}"


_OURS = re.compile(r"\d{6,}\..+")


class _Draft:
    def __init__(self, private: Path, final: Path, header: Header) -> None:
        self._private = private
        self._final = final
        self._file = private.open("w", encoding="utf-8")
        self._file.write(f"{header.to_json()}\n")

    def add(self, shard: Shard) -> None:
        self._file.write(f"{shard.to_json()}\n")

    def remove(self, shard: Shard) -> None:
        """Do nothing: what is not planned is swept away when the new plan stands."""

    def commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._final.exists():
            replace(self._private, self._final)
        else:
            publish(self._private, self._final)

    def discard(self) -> None:
        self._file.close()
        self._private.unlink(missing_ok=True)


class FileSink:
    """The private file of one shard.

    Args:
        folder: Where it is written.
        shard: What it holds.
        table: Its columns.
        fmt: Of the file.
        mark: Keeps it apart from other files of the same shard.

    Attributes:
        private: The file.
        rows: Rows written.
    """

    def __init__(self, folder: Path, shard: Shard, table: Table, fmt: FileFormat, *, mark: str = "") -> None:
        self.rows = 0
        self._shard = shard
        self._table = table
        self._final = file_of(shard, fmt)
        self.private = folder / f"{shard.job}.{mark}{self._final.name}"
        self._file = self.private.open("wb")
        self._hashed = Hashed(self._file)
        try:
            self._writer = fmt.writer(cast("IO[bytes]", self._hashed), table)
        except BaseException:
            self.discard()
            raise

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows."""
        self._writer.write(rows)
        self.rows += len(rows)

    def commit(self) -> ShardRecord:
        """Sync the file, and return the record it will have once it is taken in."""
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hashed.record(self._shard, self._table, file=self._final.as_posix(), rows=self.rows)

    def discard(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):  # a full disk fails the last flush too
            self._file.close()
        self.private.unlink(missing_ok=True)


class _FolderSink(FileSink):
    def __init__(self, target: Folder, folder: Path, shard: Shard, table: Table, fmt: FileFormat) -> None:
        super().__init__(folder, shard, table, fmt)
        self._target = target

    def commit(self) -> ShardRecord:
        record = super().commit()
        return self._target.take_in(self._shard, self._table, self.private, record)


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

    def record(self, shard: Shard, table: Table, *, file: str, rows: int) -> ShardRecord:
        """Return the record of a shard that was written through this, committed now."""
        return ShardRecord(
            job=shard.job,
            key=shard.key,
            file=file,
            rows=rows,
            bytes=self.size,
            sha256=self.hash.hexdigest(),
            schema_hash=table.schema_hash,
            query_hash=shard.query_hash,
            committed_at=now(),
            round=shard.round,
        )


# --- reading the ledger -------------------------------------------------------------------------------------------


def read_jobs(target: Path) -> list[str]:
    """Return the names of the jobs that have a plan."""
    return sorted(path.parent.name for path in (target / INNER).glob("*/plan.jsonl"))


def read_begun(target: Path) -> Begun | None:
    """Return the round whose jobs are not all planned yet, or None."""
    path = target / INNER / _ROUND
    try:
        with understood(path):
            return Begun.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def read_header(target: Path, job: str) -> Header | None:
    """Return the header of a plan, or None where there is none."""
    path = target / INNER / job / "plan.jsonl"
    try:
        with path.open(encoding="utf-8") as file, understood(path):
            return Header.from_json(file.readline())
    except FileNotFoundError:
        return None


def read_shards(target: Path, job: str) -> Iterator[Shard]:
    """Give the shards of a plan; one line is in memory at a time."""
    path = target / INNER / job / "plan.jsonl"
    with path.open(encoding="utf-8") as file, understood(path):
        header = Header.from_json(next(file))
        for line in file:
            yield Shard.from_json(line, header)


def read_records(target: Path, job: str) -> Iterator[ShardRecord]:
    """Give the records of a job in the order of its plan."""
    for path in sorted((target / INNER / job).glob("*.json")):
        if "." not in path.stem:
            yield read_record(path, target)
