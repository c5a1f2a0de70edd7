"""``aoclient demo``: an academy in this process, a whole export under its rate limit, and files to look at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from attrs import frozen
from cyclopts import Parameter, validators
from rich.console import Console
from rich.table import Table

from aoclient import __version__
from aoclient.cli.counted import Counted
from aoclient.cli.watching import watched
from aoclient.emulator import Emulator
from aoclient.export import CoursesJob, LearnersJob, ProgressByCourseJob, QuizStatisticsJob, TeamsJob, export
from aoclient.senders.http import Http
from aoclient.session import Session
from aoclient.settings import Rate
from aoclient.wire import API_PATH

if TYPE_CHECKING:
    from aoclient.export import Manifest

_CONCURRENCY = 32

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def demo(
    *,
    out: Path = Path("aoclient-demo"),
    learners: Count = 2000,
    courses: Count = 6,
    rate: str = "25/1",
    latency: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.02,
) -> None:
    """Start an emulated academy here and export it: everybody's progress in every course, and the quiz statistics.

    Parameters
    ----------
    out
        Folder for the files.
    learners
        Learners of the academy.
    courses
        Its courses.
    rate
        Calls it allows, as calls/seconds; the export keeps to it.
    latency
        Seconds before each of its answers.
    """
    plan = Plan(out=out, learners=learners, courses=courses, rate=Rate.parse(rate), latency=latency)
    asyncio.run(run(plan, Console(stderr=True), Console()))


@frozen(kw_only=True)
class Plan:
    """What the demo is to do; ``latency`` is in seconds."""

    out: Path
    learners: int
    courses: int
    rate: Rate
    latency: float


async def run(plan: Plan, progress_to: Console, table_to: Console) -> None:
    """Export an emulated academy into ``plan.out`` and say what was done.

    Raises:
        ExportError: Parts are missing; the files hold all others.
        OSError: The files cannot be written.
    """
    jobs = [
        CoursesJob(),
        TeamsJob(),
        LearnersJob(),
        ProgressByCourseJob(show_not_started_learners=True),
        QuizStatisticsJob(),
    ]
    emulator = Emulator(learners=plan.learners, courses=plan.courses, rate=plan.rate, latency=plan.latency)
    async with emulator.serve() as url, _network(url, plan.rate) as counted:
        session = Session("client-id", "client-secret", sender=counted, rate=plan.rate, max_concurrency=_CONCURRENCY)
        async with session as ao:
            progress_to.print(f"An academy of {plan.learners} learners is at {url}, its rate limit {_pace(plan.rate)}.")
            started = asyncio.get_running_loop().time()
            async with watched(jobs, counted, progress_to) as take:
                manifest = await export(ao, jobs, plan.out, resume=False, progress=take)
            seconds = asyncio.get_running_loop().time() - started
    table_to.print(_table(manifest, emulator.journal.requests(API_PATH), seconds, plan.rate))
    table_to.print(f"The files are in {plan.out.resolve()}", soft_wrap=True, highlight=False)


@asynccontextmanager
async def _network(url: str, rate: Rate) -> AsyncGenerator[Counted]:
    http = Http(url, user_agent=f"aoclient/{__version__} aoclient-demo", max_concurrency=_CONCURRENCY)
    try:
        yield Counted(http, rate)
    finally:
        await http.aclose()


def _pace(rate: Rate) -> str:
    return f"{rate.calls} calls in {rate.per:g} s"


def _table(manifest: Manifest, calls: int, seconds: float, rate: Rate) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("courses", f"{manifest.rows_of('courses')}"),
        ("learners", f"{manifest.rows_of('learners')}"),
        ("calls made", f"{calls}"),
        ("rows of progress", f"{manifest.rows_of('progress_by_course')}"),
        ("quiz statistics", f"{manifest.rows_of('quiz_statistics')}"),
        ("seconds", f"{seconds:.1f}"),
        ("calls/s", f"{calls / seconds:.1f} of {rate.calls / rate.per:g} allowed"),
    ):
        table.add_row(name, value)
    return table
