"""What an export asks of the place it writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aoclient.export.columns import Row, Table
    from aoclient.export.records import Begun, Header, Shard, ShardRecord


class Sink(Protocol):
    """Where one shard is written before anybody can see it."""

    rows: int

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows.

        Raises:
            OSError: They cannot be written.
        """
        ...

    def commit(self) -> ShardRecord:
        """Put the shard into the output and its record into the ledger; may be called from another thread.

        Raises:
            OSError: It cannot be written; the output is as before.
        """
        ...

    def discard(self) -> None:
        """Drop what was written. After a commit it does nothing."""
        ...


class PlanDraft(Protocol):
    """A plan in the making; nothing of it stands before it is committed."""

    def add(self, shard: Shard) -> None:
        """Take a shard."""
        ...

    def remove(self, shard: Shard) -> None:
        """Take an earlier shard out, with its rows."""
        ...

    def commit(self) -> None:
        """Make it the plan of its job, in the place of an earlier one."""
        ...

    def discard(self) -> None:
        """Drop it. After a commit it does nothing."""
        ...


class Sinks(Protocol):
    """Where shards are written.

    Attributes:
        committers: Commits that may run at once.
    """

    committers: int

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write a shard; its commit takes the place of what an earlier round wrote."""
        ...


class Store(Sinks, Protocol):
    """A target: plans, shards and the ledger of what is committed. Blocking; held by one export at a time.

    Attributes:
        output: Format and its settings; an export goes on only where it is the same.
    """

    output: str

    def open(self) -> None:
        """Take the target for this process.

        Raises:
            ExportError: Another export holds it, or it is no place for an export.
            OSError: It cannot be written.
        """
        ...

    def close(self) -> None:
        """Give the target back."""
        ...

    def begun(self) -> Begun | None:
        """Return the round whose jobs are not all planned yet, or None."""
        ...

    def note(self, begun: Begun | None) -> None:
        """Note such a round, or that all is planned."""
        ...

    def header(self, job: str) -> Header | None:
        """Return what the shards of a job share, or None where it has no plan."""
        ...

    def draft(self, header: Header, table: Table) -> PlanDraft:
        """Begin a plan; where the job has one, it stands until this one is committed.

        Raises:
            ExportError: Something stands in the way that no export wrote.
        """
        ...

    def shards(self, job: str) -> Iterator[Shard]:
        """Give the planned shards of a job one after the other."""
        ...

    def committed(self, job: str) -> Mapping[str, ShardRecord]:
        """Return the records of a job by key."""
        ...

    def forget(self, job: str) -> None:
        """Remove the plan of a job and all its shards."""
        ...
