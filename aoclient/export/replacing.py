"""A committed file of a folder is replaced by a newer one: the old shard or the new one, whatever happens.

The new record is written beside the old one first, then the file takes the place of the old one, then the record does.
Where a kill left a new record, the file tells by its hash which of the two is true.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

from attrs import evolve

from aoclient.export.filed import rows_in
from aoclient.export.publishing import replace, write_synced
from aoclient.export.records import ShardRecord, understood

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aoclient.export.columns import Row, Table
    from aoclient.export.records import Shard

_NEXT = ".next"
"""What stands before the suffix of a record whose file is about to come."""

_ROWS_AT_ONCE = 1_000


def replace_shard(private: Path, record: ShardRecord, final: Path, ledger: Path) -> ShardRecord:
    """Put a file and its record in the place of those of an earlier round, unless they have the same rows.

    Returns:
        What the ledger has now.
    """
    target = final.parents[1]
    line = private.with_name(f"{private.name}.record")
    before = read_record(ledger, target)
    if (before.sha256, before.bytes) == (record.sha256, record.bytes):
        private.unlink()
        record = evolve(record, committed_at=before.committed_at, is_kept=True)
    else:
        replace(write_synced(line, record.to_json()), _next_of(ledger))
        replace(private, final)
    replace(write_synced(line, record.to_json()), ledger)
    _next_of(ledger).unlink(missing_ok=True)  # after a kill it is as true as the record
    return record


def read_record(path: Path, target: Path) -> ShardRecord:
    """Return the record that is true of a file, where a kill left two the one that has its hash."""
    with understood(path):
        record = ShardRecord.from_json(path.read_text(encoding="utf-8"))
    new = _next_record(path)
    return record if new is None or not _is_of(new, target) else new


def settle(ledger: Path, target: Path) -> None:
    """End the replacements a kill left in a ledger where the new file stands already, and undo the others."""
    for new_path in ledger.glob(f"*{_NEXT}.json"):
        path = new_path.with_name(new_path.name.replace(_NEXT, ""))
        new = _next_record(path)
        if new is not None and path.exists() and _is_of(new, target):
            replace(new_path, path)
        else:
            new_path.unlink()


def _next_of(ledger: Path) -> Path:
    return ledger.with_name(f"{ledger.stem}{_NEXT}{ledger.suffix}")


def _next_record(path: Path) -> ShardRecord | None:
    try:
        with understood(_next_of(path)):
            return ShardRecord.from_json(_next_of(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _is_of(record: ShardRecord, target: Path) -> bool:
    path = target / record.file
    if not path.exists() or path.stat().st_size != record.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == record.sha256


def merged(shard: Shard, table: Table, output: str, new: Path, old: Path) -> Iterator[list[Row]]:
    """Give the rows of a shard, some at a time: the new ones, then those of an earlier round that stay.

    The keys of the new ones are in memory until then.

    Args:
        shard: Says which stay.
        table: Its columns.
        output: Format of both files, as the header of the plan has it.
        new: File of the rows that came.
        old: File of the earlier round.
    """
    key = [table.names.index(name) for name in table.key]
    came: set[tuple[object, ...]] = set()
    for rows in _batches(rows_in(new, output, table.columns)):
        came.update(tuple(row[at] for at in key) for row in rows)
        yield rows
    dropped = set(shard.dropped)
    scope = None if table.scope is None else table.names.index(table.scope)
    yield from _batches(
        row
        for row in rows_in(old, output, table.columns)
        if tuple(row[at] for at in key) not in came and (scope is None or row[scope] not in dropped)
    )


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        yield some
