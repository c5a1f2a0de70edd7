"""aoclient: one job a process, with the extra ``speed`` or with the core packages only."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from measure import Stopwatch

given = {
    "core": False,
    "hidden": [],
    "uvloop": False,
    "rate": None,
    "per": 1.0,
    "format": "jsonl",
    "different": 1,
    "target": None,
    "round": {},
    **json.loads(sys.argv[1]),
}


class Hidden:
    """Makes packages as if they were not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name in given["hidden"] or (given["core"] and name == "msgspec"):
            raise ImportError(name)


sys.meta_path.insert(0, Hidden)  # type: ignore[arg-type]  # all that is asked of it

from aoclient import Rate, Session, actions  # noqa: E402  # behind the line above
from aoclient.action import Action  # noqa: E402

SMALL = actions.Learners(email="ann@example.com")


def session(job: dict[str, Any]) -> Session:
    rate = None if job["rate"] is None else Rate(job["rate"], per=job["per"])
    return Session("id", "secret", base_url=job["base"], max_concurrency=job["concurrency"], rate=rate)


async def workers(ao: Session, calls: int, concurrency: int) -> None:
    todo = iter(range(calls))

    async def work() -> None:
        for _ in todo:
            await ao.learners(email="ann@example.com")

    await asyncio.gather(*(work() for _ in range(concurrency)))


async def small(job: dict[str, Any], ao: Session) -> dict[str, float]:
    await workers(ao, job["concurrency"], job["concurrency"])
    with Stopwatch() as watch:
        await workers(ao, job["calls"], job["concurrency"])
    return watch.report()


async def fanned(job: dict[str, Any], ao: Session) -> dict[str, float]:
    async def fan_out(calls: int) -> None:
        async with ao.fan_out(SMALL for _ in range(calls)) as outcomes:
            async for _ in outcomes:
                pass

    await fan_out(job["concurrency"])  # the first imports anyio, 13 ms; the peers' imports stand before the clock too
    with Stopwatch() as watch:
        await fan_out(job["calls"])
    return watch.report()


async def loaded(ao: Session) -> None:
    """Import what is imported late and make what is made once: the peers' imports stand before the clock too."""
    # With the page named it is one call, and no listing that teaches the session how long pages are.
    async with ao.fan_out([actions.LearnersProgressByCourse(course_id="warm-100", page=1, amount=100)]) as outcomes:
        async for outcome in outcomes:
            assert outcome.answer


async def listing(job: dict[str, Any], ao: Session) -> dict[str, float]:
    await loaded(ao)
    todo = [actions.LearnersProgressByCourse(course_id=f"c{at}-{rows}") for at, rows in enumerate(job["lengths"])]
    rows = 0
    with Stopwatch() as watch:
        async with ao.fan_out(iter(todo), look_ahead=job["look_ahead"], ordered=job["ordered"]) as outcomes:
            async for outcome in outcomes:
                rows += len(outcome.answer)
    assert rows == sum(job["lengths"])
    return watch.report()


async def paced(job: dict[str, Any], ao: Session) -> dict[str, float]:
    """Keep as many calls waiting as there is room for, for so many seconds."""
    ends_at = time.monotonic() + job["seconds"]

    def todo() -> Iterator[Action[Any]]:
        while time.monotonic() < ends_at:
            yield SMALL

    with Stopwatch() as watch:
        async with ao.fan_out(todo()) as outcomes:
            async for outcome in outcomes:
                assert outcome.answer
    return watch.report()


async def exported(job: dict[str, Any], ao: Session) -> dict[str, float]:
    from aoclient.export import ProgressByCourseJob, export

    await loaded(ao)
    rows = job["rows"]
    courses = [f"c{number}.{number % job['different'] * rows}-{rows}" for number in range(job["courses"])]
    jobs, settings = [ProgressByCourseJob(courses=courses)], {"format": job["format"], **job["round"]}
    with tempfile.TemporaryDirectory() as folder, Stopwatch() as watch:
        await export(ao, jobs, job["target"] or f"{folder}/export", **settings)
    return watch.report()


JOBS = {"small": small, "fanned": fanned, "listing": listing, "paced": paced, "pages": exported}


async def main(job: dict[str, Any]) -> dict[str, float]:
    async with session(job) as ao:
        return await JOBS[job["job"]](job, ao)


if __name__ == "__main__":
    if given["uvloop"]:
        import uvloop

        print(json.dumps(uvloop.run(main(given))))
    else:
        print(json.dumps(asyncio.run(main(given))))
