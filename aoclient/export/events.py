"""What an export tells while it runs, as values for the ``progress`` callback."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from aoclient.errors import AoError, ExportError
from aoclient.export.records import ShardRecord


@frozen
class Planned:
    """The shards of a job are known; the first event of each job.

    Attributes:
        job: Name of the job.
        shards: How many shards it has.
        committed: How many of them an earlier run committed, or a later round leaves as they are.
        calls: Calls the others need at least; a listing needs one for each of its pages.
    """

    job: str
    shards: int
    committed: int
    calls: int


@frozen
class Started:
    """The first call of a shard goes out.

    Attributes:
        job: Name of the job.
        key: Of the shard.
    """

    job: str
    key: str


@frozen
class PageWritten:
    """An answer, or a page of one, was written to the private file of its shard.

    Attributes:
        job: Name of the job.
        key: Of the shard.
        rows: Rows of this page.
        rows_so_far: Rows of the shard.
    """

    job: str
    key: str
    rows: int
    rows_so_far: int


@frozen
class Committed:
    """A shard is in the output; it stays there whatever happens.

    Attributes:
        record: Its entry in the ledger.
    """

    record: ShardRecord


@frozen
class FailedShard:
    """A shard could not be had; the others go on.

    Attributes:
        job: Name of the job.
        key: Of the shard; an empty text where the shards of the job could not be listed.
        error: Why.
    """

    job: str
    key: str
    error: AoError


@frozen
class Waiting:
    """No call goes for a while, because of the rate limit: a 429 held all back, or the window is used up.

    It is told of the session of this process, not of workers elsewhere.

    Attributes:
        until: When calls go on, UTC.
        seconds: From now until then, at least 2.
    """

    until: datetime
    seconds: float


Event: TypeAlias = Planned | Started | PageWritten | Committed | FailedShard | Waiting
"""What ``progress`` is called with."""


def unwritten(cause: Exception | None) -> AoError:
    """Return why a shard is missing that was not begun, or whose file cannot be written."""
    if cause is None:
        return ExportError("the executor said nothing of it")
    return cause if isinstance(cause, AoError) else ExportError(f"cannot write: {cause}")
