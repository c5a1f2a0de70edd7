"""Where the shards of an export are sent and written: in this process, unless somebody else does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aoclient.export.filling import Filling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aoclient.export.events import Event
    from aoclient.export.jobs import Job
    from aoclient.export.records import Shard
    from aoclient.export.store import Store
    from aoclient.session import Session


class Work:
    """What is left of an export once it is planned.

    Attributes:
        ao: The session to ask with.
        jobs: What the shards are of, by name.
        shards: Those that are not committed, read from the plan one after the other.
        store: Where they go; it is open.
        concurrency: Calls on their way at once; None for what the session has.
        tell: Takes the events of each shard: `Started`, a `PageWritten` for each answer, then `Committed` or
            `FailedShard`. What it raises ends the work.
    """

    def __init__(
        self,
        *,
        ao: Session,
        jobs: Mapping[str, Job],
        shards: Iterable[Shard],
        store: Store,
        concurrency: int | None,
        tell: Callable[[Event], None],
    ) -> None:
        self.ao = ao
        self.jobs = jobs
        self.shards = shards
        self.store = store
        self.concurrency = concurrency
        self.tell = tell


class ShardExecutor(Protocol):
    """Has each shard sent and committed; see `LocalExecutor`.

    Attributes:
        needs_a_folder: Whether it writes from many processes, which a database file does not take.
    """

    needs_a_folder: bool

    async def run(self, work: Work) -> Exception | None:
        """Fill and commit the shards, and tell what becomes of each.

        A shard that fails does not end the others. When this is left, however it is, nothing of the work goes on.

        Returns:
            Why nothing more could be sent or written, where some shards were not begun for that; else None.

        Raises:
            Exception: What ``work.tell`` raised, or a defect of the executor.
        """
        ...


class LocalExecutor:
    """Sends the shards of all jobs through one fan-out of the session, in this process."""

    needs_a_folder = False

    async def run(self, work: Work) -> Exception | None:
        """Fill and commit the shards; see `ShardExecutor.run`."""
        filling = Filling(work.ao, work.jobs, work.store, work.tell, work.concurrency)
        return await filling.run(work.shards)
