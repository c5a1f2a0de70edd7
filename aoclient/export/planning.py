"""`plan`: what an export would do, without doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from aoclient.export.events import Planned
from aoclient.export.run import check, header_of, listed
from aoclient.export.targets import read_plan, store_for

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from aoclient.export.jobs import Job
    from aoclient.export.targets import Format
    from aoclient.session import Session


async def plan(
    ao: Session,
    jobs: Iterable[Job],
    target: str | os.PathLike[str],
    *,
    format: Format = "jsonl",  # noqa: A002  # as `export` has it
    resume: bool = True,
) -> list[Planned]:
    """Return what `export` with the same arguments would send; write nothing, and send only what planning needs.

    Args:
        ao: The session to ask with.
        jobs: What to export.
        target: A folder or file; an export it holds is gone on with.
        format: As of `export`.
        resume: False plans everything, whatever the target holds.

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
    for job in wanted:
        kept = await to_thread.run_sync(read_plan, path, job.name) if resume else None
        if kept is not None:
            header, shards, done = kept
            check(header, header_of(job, store), path)
            calls = sum(len(shard.query) for shard in shards if shard.key not in done)
            planned.append(Planned(job.name, len(shards), len(done), calls))
        else:
            parts = [len(actions) async for _, actions in job.shards(ao)]
            planned.append(Planned(job.name, len(parts), 0, sum(parts)))
    return planned
