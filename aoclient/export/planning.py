"""`plan`: what an export would do, without doing it; `estimate`: how long it takes at least, on how many machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anyio import to_thread
from attrs import frozen

from aoclient.errors import ConfigurationError
from aoclient.export.events import Planned
from aoclient.export.rounds import round_of
from aoclient.export.run import check, check_round, header_of, listed
from aoclient.export.targets import read_begun, read_plan, store_for

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from aoclient.export.jobs import Job
    from aoclient.export.records import Refresh
    from aoclient.export.targets import Format
    from aoclient.session import Session
    from aoclient.settings import Rate


async def plan(
    ao: Session,
    jobs: Iterable[Job],
    target: str | os.PathLike[str],
    *,
    format: Format = "jsonl",  # noqa: A002  # as `export` has it
    resume: bool = True,
    refresh: Refresh | None = None,
    upsert: bool = False,
) -> list[Planned]:
    """Return what `export` with the same arguments would send; write nothing, and send only what planning needs.

    Args:
        ao: The session to ask with.
        jobs: What to export.
        target: A folder or file; an export it holds is gone on with.
        format: As of `export`.
        resume: False plans everything, whatever the target holds.
        refresh: As of `export`; without it a round that was cut off while it was planned is gone on with.
        upsert: As of `export`.

    Returns:
        Shards and calls of each job.

    Raises:
        ConfigurationError: Two jobs of one name, or an unknown format.
        MissingExtraError: The format needs a package that is not installed.
        ExportError: The target was begun with other jobs, settings or columns.
        AoError: The shards of a job could not be found out.
    """
    path, planned = Path(target), list[Planned]()
    wanted, store = listed(jobs), store_for(path, format)
    check_round(wanted, store, refresh, resume=resume, upsert=upsert)
    begun = await to_thread.run_sync(read_begun, path) if resume and refresh is None else None
    for job in wanted:
        kept = await to_thread.run_sync(read_plan, path, job.name) if resume else None
        if kept is not None:
            header, shards, records = kept
            again, keeps = (refresh, upsert) if begun is None else (begun.refresh, begun.upsert)
            check(header, header_of(job, store), path, upsert=keeps)
            if begun is not None and header.round >= begun.rounds.get(job.name, 0):
                again = None  # planned before the round was cut off
            if again is not None:
                shards = await round_of(header, shards, records, again, upsert=keeps).shards(job, ao)
            todo = [shard for shard in shards if not shard.is_whole(records.get(shard.key))]
            calls = sum(len(shard.query) for shard in todo)
            planned.append(Planned(job.name, len(shards), len(shards) - len(todo), calls))
        else:
            parts = [len(part.actions) async for part in job.shards(ao)]
            planned.append(Planned(job.name, len(parts), 0, sum(parts)))
    return planned


@frozen
class Estimate:
    """The least time that is left of a plan on so many machines.

    Attributes:
        machines: How many.
        seconds: At least.
        bound: What more machines would run into: ``rate``, the limit of the account, which they share; ``shards``, of
            which there is none for each; ``calls``, where twice the machines would take half the time.
    """

    machines: int
    seconds: float
    bound: Literal["rate", "shards", "calls"]


def estimate(
    planned: Iterable[Planned],
    *,
    latency: float,
    rate: Rate | None = None,
    concurrency: int = 10,
    machines: Sequence[int] = (1, 2, 4, 8),
) -> list[Estimate]:
    """Return how long what is left of a plan takes at least, for each number of machines.

    A machine has ``concurrency`` calls on their way at once; a shard is done by one machine. All machines together
    make no more calls than the rate allows.

    Args:
        planned: What `plan` returned.
        latency: Seconds of one call.
        rate: Of the account; None where it has no limit.
        concurrency: Calls each machine has on their way at once.
        machines: Numbers to tell the time for.

    Raises:
        ConfigurationError: A number is below 1, or the latency below 0.
    """
    if min(concurrency, *machines) < 1 or latency < 0:
        raise ConfigurationError(
            f"expected machines and concurrency from 1 and a latency from 0, "
            f"got {list(machines)}, {concurrency} and {latency}"
        )
    left = [(each.calls, each.shards - each.committed) for each in planned]
    calls, shards = sum(calls for calls, _ in left), sum(shards for _, shards in left)
    limited = calls * rate.per / rate.calls if rate is not None else 0.0
    estimates: list[Estimate] = []
    for count in machines:
        sent = calls * latency / (concurrency * max(1, min(count, shards)))
        bound: Literal["rate", "shards", "calls"] = "calls" if count < shards else "shards"
        estimates.append(Estimate(count, max(sent, limited), "rate" if rate and limited >= sent else bound))
    return estimates
