"""Exports on a Dask cluster of real processes: one of them killed at any moment, or each that touches a shard."""

import asyncio
import random

import pytest

from aoclient.errors import ExportError
from aoclient.export import ProgressByCourseJob, export, read_manifest
from aoclient.session import Session
from tests.kit import clusters, killing
from tests.kit.canary import sightings
from tests.kit.exporting import rows_of

dask = pytest.importorskip("dask", reason="the extra dask is not installed")
dask_executor = pytest.importorskip("aoclient.contrib.dask", reason="the extra dask is not installed").DaskExecutor


def test_a_worker_killed_at_any_moment_loses_no_row_and_brings_none_twice(tmp_path, monkeypatch):
    """`benchmarks/dask_kills.py` does it many times."""
    rng = random.Random("kill -9 a worker")

    async def main():
        emulator = clusters.academy()
        async with emulator.serve() as url:
            for name, value in clusters.environment(emulator, url).items():
                monkeypatch.setenv(name, value)
            await clusters.export_jobs(tmp_path / "whole")
            async with clusters.cluster(n_workers=3, processes=True, local_directory=str(tmp_path)) as client:
                await clusters.killed_export(client, emulator, tmp_path / "killed", rng)
                logs = await client.get_worker_logs()
        return emulator, [(address, repr(lines)) for address, lines in logs.items()]

    emulator, logs = asyncio.run(main())
    assert killing.contents(tmp_path / "killed") == killing.contents(tmp_path / "whole")
    clusters.assert_each_row_once(tmp_path / "killed", emulator)
    assert sightings(logs, ["canary", *emulator.tokens._expiries]) == []
    assert any("aoclient-export" in text for _, text in logs)


def test_a_shard_that_kills_every_worker_is_missing_and_the_others_are_kept(tmp_path, monkeypatch):
    emulator = clusters.academy()
    ids = [course.id for course in emulator.world.catalogue.courses][:4]

    async def main():
        async with emulator.serve() as url:
            for name, value in clusters.environment(emulator, url).items():
                monkeypatch.setenv(name, value)
            with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
                async with (
                    clusters.cluster(n_workers=1, processes=True, local_directory=str(tmp_path)) as client,
                    Session.from_env() as ao,
                ):
                    await export(
                        ao,
                        [ProgressByCourseJob(courses=ids, show_not_started_learners=True)],
                        tmp_path / "out",
                        format=clusters.Deadly(at=ids[2]),
                        executor=dask_executor(client, in_flight=1),
                    )

    with pytest.raises(ExportError) as caught:
        asyncio.run(main())
    ((name, error),) = caught.value.missing.items()
    assert name == f"progress_by_course/course/{ids[2]}"
    assert type(error) is ExportError
    assert "KilledWorker" in str(error)
    assert len(read_manifest(tmp_path / "out").shards) == 3
    rows = rows_of(tmp_path / "out", "progress_by_course", ProgressByCourseJob().table)
    assert {row["course_id"] for row in rows} == {*ids} - {ids[2]}
