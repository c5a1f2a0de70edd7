"""Where shards run, for tests of what holds wherever they do: this process, or a Dask cluster."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import anyio
import pytest
from attrs import frozen

from aoclient.emulator import Emulator
from aoclient.export import (
    CertificatesJob,
    Job,
    JsonLines,
    LearnersJob,
    LocalExecutor,
    Manifest,
    ProgressByCourseJob,
    ShardExecutor,
    Table,
    export,
)
from aoclient.session import Session
from aoclient.wire import API_PATH
from tests.kit.exporting import rows_of, session
from tests.kit.redis import until

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")


@asynccontextmanager
async def cluster(**settings: Any) -> AsyncIterator[Any]:
    """Give an asynchronous client of a cluster on loopback; its two workers are in this process and loop.

    With no address for the dashboard Dask takes port 8787, and warns where it is taken. A `LocalCluster` gives up a
    worker that is away 15 s after it was killed, even where it was back in between and was killed again.
    """
    given = {"n_workers": 2, "threads_per_worker": 2, "processes": False, "host": "127.0.0.1", "protocol": "tcp://"}
    with import_module("dask").config.set({"distributed.deploy.lost-worker-timeout": "1 day"}):
        async with (
            distributed.LocalCluster(asynchronous=True, dashboard_address="127.0.0.1:0", **given | settings) as local,
            distributed.Client(local, asynchronous=True) as client,
        ):
            yield client


@asynccontextmanager
async def on_dask(sender: object) -> AsyncIterator[ShardExecutor]:
    """Give an executor over workers in this process, whose sessions send to the sender."""

    def from_env(**settings: Any) -> Session:
        return session(sender, **settings)

    with patch.object(Session, "from_env", from_env):
        async with cluster() as client:
            yield import_module("aoclient.contrib.dask").DaskExecutor(client)


@asynccontextmanager
async def local(_: object) -> AsyncIterator[ShardExecutor]:
    """Give the executor of this process."""
    yield LocalExecutor()


EXECUTORS = {"local": local, "dask": on_dask}


def run_on(kind: str, sender: object, jobs: list[Job], target: Path, **settings: Any) -> Manifest:
    """Export in a loop of its own."""

    async def main() -> Manifest:
        async with EXECUTORS[kind](sender) as executor, session(sender) as ao:
            return await export(ao, jobs, target, executor=executor, **settings)

    return asyncio.run(main())


# --- a cluster of processes, and one of them killed ---------------------------------------------------------------

COURSES, LEARNERS = 24, 230
EMAILS = [f"learner{number}@example.com" for number in range(1, 111)]
CALLS = COURSES * 3 + len(EMAILS) + 2
"""A listing of three pages for each course, a call for each address, the learners and the courses."""


def academy() -> Emulator:
    return Emulator(learners=LEARNERS, courses=COURSES, latency=0.005, client_secret="canary-of-a-secret")


def jobs() -> list[Job]:
    return [
        ProgressByCourseJob(show_not_started_learners=True),
        CertificatesJob(emails=EMAILS),
        LearnersJob(),
    ]


def environment(emulator: Emulator, url: str) -> dict[str, str]:
    """Return the environment of a worker."""
    return {
        "AOCLIENT_BASE_URL": url,
        "AOCLIENT_CLIENT_ID": emulator.client_id,
        "AOCLIENT_CLIENT_SECRET": emulator.client_secret,
    }


async def export_jobs(target: Path, **settings: Any) -> Manifest:
    """Export the jobs above, with a session from the environment."""
    async with Session.from_env() as ao:
        return await export(ao, jobs(), target, **settings)


async def killed_export(client: Any, emulator: Emulator, target: Path, rng: Random) -> tuple[Manifest, int, int]:
    """Export on a cluster of processes, and kill one of them once a drawn number of calls was answered.

    Returns:
        What is in the target, at which call a process was killed, and how many calls were made.
    """
    before, moment = emulator.journal.requests(API_PATH), rng.randrange(1, CALLS)
    await client.wait_for_workers(len(client.cluster.workers))  # the last one killed may still be on its way back
    pids = list((await client.run(os.getpid)).values())

    async def kill() -> None:
        await until(lambda: emulator.journal.requests(API_PATH) - before >= moment)
        os.kill(rng.choice(pids), signal.SIGKILL)

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        manifest = await export_jobs(target, executor=import_module("aoclient.contrib.dask").DaskExecutor(client))
    return manifest, moment, emulator.journal.requests(API_PATH) - before


def assert_each_row_once(target: Path, emulator: Emulator) -> None:
    """Check that a whole export of the jobs above holds what the academy holds."""
    progress, certificates, learners = jobs()
    rows = rows_of(target, progress.name, progress.table)
    world = emulator.world
    everybody = {person.email: person for person in map(world.learner, world.everyone)}
    courses = [course.id for course in world.catalogue.courses]
    assert len(everybody) == LEARNERS
    assert Counter(row["email"] for row in rows_of(target, learners.name, learners.table)) == Counter([*everybody])
    assert Counter((row["course_id"], row["email"]) for row in rows) == Counter(product(courses, everybody))
    held = Counter(row["email"] for row in rows_of(target, certificates.name, certificates.table))
    assert held == Counter(
        email for email in EMAILS for each in world.standings(everybody[email]) if each.completed_at is not None
    )


@frozen(kw_only=True)
class Deadly(JsonLines):
    """Kills the process that writes a row of a course."""

    at: str

    def writer(self, file: Any, table: Table) -> Any:
        inner = super().writer(file, table)
        write = inner.write

        def write_or_die(rows: Any) -> None:
            if rows[0][0] == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            write(rows)

        inner.write = write_or_die
        return inner
