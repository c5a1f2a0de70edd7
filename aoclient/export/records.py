"""What an export is made of, as values: shards as they are planned, and records of those that are committed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from aoclient import wire
from aoclient.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from aoclient.action import Action

INNER = ".aoclient"
"""Folder of the ledger, inside the target."""

Refresh: TypeAlias = Literal["changed", "all"]
"""What a new round asks for."""


class Stays(StrEnum):
    """Which rows of a shard stay that an earlier round wrote, when new ones come."""

    NOTHING = "nothing"
    OTHERS = "others"
    """Those of values in ``scope`` that are not dropped."""
    UNTIL_KEY = "until key"
    """Those whose key does not come again."""


@attrs.frozen
class Shard:
    """A part of a job that is exported whole or not at all.

    Attributes:
        job: Name of the job.
        number: Its place in the plan, from 1; it names the file.
        key: What it holds, unique in the job: ``course/abc``.
        query: The forms that are sent for it.
        marks: The values its rows have in the table's column ``scope``, each with its mark: a text that changes when
            rows of that value may have, an empty one where nothing tells.
        stays: Which rows stay that an earlier round wrote.
        dropped: Values of ``scope`` whose earlier rows go; counts where not all or none of them do.
        round: The round of its plan, from 1.
    """

    job: str
    number: int
    key: str
    query: tuple[str, ...]
    marks: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    stays: Stays = Stays.NOTHING
    dropped: tuple[str, ...] = ()
    round: int = 1

    @property
    def name(self) -> str:
        """The key with the job in front."""
        return f"{self.job}/{self.key}"

    def actions(self) -> list[Action[Any]]:  # Any: whatever they answer
        """Return the actions, read back from the forms."""
        return [wire.read(form) for form in self.query]

    @property
    def is_as_it_was(self) -> bool:
        """Whether nothing is asked for and nothing goes, so that what an earlier round wrote stands."""
        return not self.query and not self.dropped

    def to_json(self) -> str:
        """Return what a plan keeps of it, as one line of JSON."""
        kept = [self.number, self.key, self.query, self.marks, self.stays, self.dropped]
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, header: Header) -> Shard:
        """Read what `to_json` wrote, in the plan of a header."""
        number, key, query, marks, stays, dropped = json.loads(text)
        return cls(header.job, number, key, tuple(query), marks, Stays(stays), tuple(dropped), header.round)

    def is_whole(self, record: ShardRecord | None) -> bool:
        """Tell whether a record is of what is planned, not of an earlier round."""
        return record is not None and (self.is_as_it_was or record.round == self.round)

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
        round: How often they were: 1, and one more with each refresh.
    """

    job: str
    given: str
    output: str
    schema: dict[str, str]
    planned_at: str = attrs.field(eq=False)
    round: int = attrs.field(default=1, eq=False)

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Header:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@attrs.frozen(kw_only=True)
class Begun:
    """A round some of whose jobs may not be planned yet; noted first, so that a kill loses none of them.

    Attributes:
        refresh: What it asks for.
        upsert: Whether rows whose key does not come again stay.
        rounds: Its number for each job.
    """

    refresh: Refresh
    upsert: bool
    rounds: Mapping[str, int]

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(attrs.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Begun:
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
        sha256: Hash over the same bytes; an empty text in a database where only some of the rows came.
        schema_hash: Hash over names and types of the columns.
        query_hash: Hash over the forms that were sent; the forms stand in the plan.
        committed_at: When its rows came that way, UTC, ISO text.
        round: The last round that asked for it.
        is_kept: Whether that round found its rows as they were.
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
    round: int = 1
    is_kept: bool = attrs.field(default=False, converter=bool)  # SQLite has no flags

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
        rounds: Of each job the number of its last round: 1, and one more with each refresh.
    """

    target: str
    shards: tuple[ShardRecord, ...]
    planned: int
    rounds: Mapping[str, int] = attrs.field(factory=dict[str, int], eq=False)

    @property
    def changed(self) -> tuple[ShardRecord, ...]:
        """The shards whose rows the last round wrote; all others are as they were."""
        return tuple(each for each in self.shards if each.round == self.rounds.get(each.job) and not each.is_kept)

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


@contextmanager
def understood(path: Path) -> Generator[None, None, None]:
    """Read what a file of the ledger holds.

    Raises:
        ExportError: It is damaged.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError):
        raise ExportError(f"{path} is damaged; remove it, and what it tells of is exported again") from None


def now() -> str:
    """Return the present moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
