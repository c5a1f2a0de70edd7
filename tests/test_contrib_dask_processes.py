"""Exports on a Dask cluster of real processes: one of them killed at any moment, and where the secret is not."""

import asyncio
import pickle
import random
from collections import Counter

from aoclient.export import ProgressByCourseJob
from tests.kit import clusters, killing
from tests.kit.exporting import rows_of
from tests.kit.trial import sized

TRIALS = sized(1, 8)


def test_a_worker_killed_at_any_moment_loses_no_row_and_brings_none_twice(tmp_path, monkeypatch):
    rng = random.Random("kill -9 a worker")

    async def main():
        emulator = clusters.academy()
        async with emulator.serve() as url:
            for name, value in clusters.environment(emulator, url).items():
                monkeypatch.setenv(name, value)
            await clusters.export_jobs(tmp_path / "whole")
            async with clusters.cluster(n_workers=3, processes=True, local_directory=str(tmp_path)) as client:
                for trial in range(TRIALS):
                    await clusters.killed_export(client, emulator, tmp_path / f"{trial}", rng)
        return emulator

    emulator = asyncio.run(main())
    expected = killing.contents(tmp_path / "whole")
    for trial in range(TRIALS):
        assert killing.contents(tmp_path / f"{trial}") == expected
        rows = rows_of(tmp_path / f"{trial}", "progress_by_course", ProgressByCourseJob().table)
        courses = [course.id for course in emulator.world.catalogue.courses]
        everybody = [row["email"] for row in rows_of(tmp_path / f"{trial}", "learners", clusters.jobs()[2].table)]
        assert len(set(everybody)) == len(everybody) == clusters.LEARNERS
        assert Counter((row["course_id"], row["email"]) for row in rows) == Counter(
            (course, email) for course in courses for email in everybody
        )


def state_of(dask_scheduler):
    """Return what the scheduler knows of each task, of its plugins and of what was logged of workers."""
    texts = [pickle.dumps(task.run_spec).decode("latin-1") for task in dask_scheduler.tasks.values()]
    texts += [repr(vars(dask_scheduler)), repr(list(dask_scheduler.tasks.values()))]
    return texts
