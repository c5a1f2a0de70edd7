"""What an export is made of, as values: shards as they are planned, and records of those that are committed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs

from aoclient import wire

if TYPE_CHECKING:
    from aoclient.action import Action

INNER = ".aoclient"
"""Folder of the ledger, inside the target."""


@attrs.frozen
class Shard:
    """A part of a job that is exported whole or not at all.

    Attributes:
        job: Name of the job.
        number: Its place in the plan, from 1; it names the file.
        key: What it holds, unique in the job: ``course/abc``.
        query: The forms that are sent for it.
    """

    job: str
    number: int
    key: str
    query: tuple[str, ...]

    @property
    def name(self) -> str:
        """The key with the job in front."""
        return f"{self.job}/{self.key}"

    def actions(self) -> list[Action[Any]]:  # Any: whatever they answer
        """Return the actions, read back from the forms."""
        return [wire.read(form) for form in self.query]

    @property
    def query_hash(self) -> str:
        """Hash over the forms."""
        return hashlib.sha256("\n".join(self.query).encode()).hexdigest()


def form_of(action: Action[Any]) -> str:  # Any: whatever it answers
    """Return the form of an action, from which `Shard.actions` reads it back."""
    return wire.encode(action).body.decode("ascii")


@attrs.frozen(kw_only=True)
class Header:
    """What all shards of a job share; an export goes on only where it is the same.

    Attributes:
        job: Name of the job.
        given: What the job was made with, as text or as its hash.
        output: Format and its settings.
        schema: Type of each column by its name.
        planned_at: When the shards were listed, UTC, ISO text.
    """

    job: str
    given: str
    output: str
    schema: dict[str, str]
    planned_at: str = attrs.field(eq=False)

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Header:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@attrs.frozen(kw_only=True)
class ShardRecord:
    """A committed shard.

    Attributes:
        job: Name of the job.
        key: What it holds.
        file: Path below the target, or the table of a database.
        rows: Number of rows.
        bytes: Size of the file; in a database of its rows as they were kept before they went in.
        sha256: Hash over the same bytes.
        schema_hash: Hash over names and types of the columns.
        query_hash: Hash over the forms that were sent; the forms stand in the plan.
        committed_at: When, UTC, ISO text.
    """

    job: str
    key: str
    file: str
    rows: int
    bytes: int
    sha256: str
    schema_hash: str
    query_hash: str
    committed_at: str

    @property
    def name(self) -> str:
        """The key with the job in front."""
        return f"{self.job}/{self.key}"

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ShardRecord:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@attrs.frozen(kw_only=True)
class Manifest:
    """What an export holds.

    Attributes:
        target: Folder or file, as it was given.
        shards: Every committed shard, by job and place in the plan.
        planned: Number of planned shards; more than the committed ones while the export is not whole.
    """

    target: str
    shards: tuple[ShardRecord, ...]
    planned: int

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Bytes of all shards."""
        return sum(shard.bytes for shard in self.shards)

    def rows_of(self, job: str) -> int:
        """Rows of one job, by its name."""
        return sum(shard.rows for shard in self.shards if shard.job == job)


def now() -> str:
    """Return the present moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
