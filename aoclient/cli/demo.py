"""``aoclient demo``: an academy in this process, a whole export under its rate limit, and files to look at."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, TypeAlias, cast

from attrs import define, frozen
from cyclopts import Parameter, validators
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aoclient import convert
from aoclient.action import Page
from aoclient.actions import GetLearnersQuizStatistic, LearnerProgress, LearnersProgressByCourse, QuizStatistic
from aoclient.agenda import Done
from aoclient.emulator import Emulator
from aoclient.session import Session
from aoclient.settings import Rate
from aoclient.wire import API_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aoclient.action import Action

_LEARNERS_PER_CALL = 20

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


@define
class _Tally:
    learners: int = 0
    courses: int = 0
    progress_rows: int = 0
    statistics: int = 0
    calls: int = 0
    seconds: float = 0.0


async def run(plan: Plan, progress_to: Console, table_to: Console) -> None:
    """Export an emulated academy into ``plan.out`` and say what was done.

    Raises:
        AoError: The export failed; the files hold what came before.
        OSError: The files cannot be written.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(learners=plan.learners, courses=plan.courses, rate=plan.rate, latency=plan.latency)
    tally = _Tally()
    async with (
        emulator.serve() as url,
        Session("client-id", "client-secret", base_url=url, rate=plan.rate, max_concurrency=32) as ao,
    ):
        progress_to.print(f"An academy of {plan.learners} learners is at {url}, its rate limit {_pace(plan.rate)}.")
        started = asyncio.get_running_loop().time()
        await _export(ao, plan.out, tally, progress_to)
        tally.seconds = asyncio.get_running_loop().time() - started
        tally.calls = emulator.journal.requests(API_PATH)
    table_to.print(_table(tally, plan))
    table_to.print(f"The files are in {plan.out.resolve()}", soft_wrap=True, highlight=False)


async def _export(ao: Session, folder: Path, tally: _Tally, console: Console) -> None:
    courses = [str(course.id) for course in await ao.courses()]
    emails = [learner.email for learner in await ao.learners()]
    contents = [content for course in await ao.course_progress(email=emails[0]) for content in course.content_progress]
    quizzes = [str(content.id) for content in contents if content.type == "quiz"]
    tally.learners, tally.courses = len(emails), len(courses)
    with ExitStack() as stack:
        progress_file = stack.enter_context((folder / "progress.jsonl").open("w", encoding="utf-8"))
        statistics_file = stack.enter_context((folder / "quiz_statistics.jsonl").open("w", encoding="utf-8"))
        bars = stack.enter_context(_bars(console))
        rows_bar = bars.add_task("progress by course, rows", total=len(courses) * len(emails))
        learners_bar = bars.add_task("quiz statistics, learners", total=len(emails))
        async with ao.fan_out(_todo(courses, emails, quizzes), concurrency=32, on_error="raise") as outcomes:
            async for outcome in outcomes:
                if not isinstance(outcome, Done):
                    continue  # raised already
                if isinstance(outcome.answer, Page):
                    course = cast("LearnersProgressByCourse", outcome.action).course_id
                    _write(progress_file, ({"course_id": course, **_plain(row)} for row in outcome.answer))
                    tally.progress_rows += len(outcome.answer)
                    bars.advance(rows_bar, len(outcome.answer))
                else:
                    _write(statistics_file, _statistics_of(outcome.answer))
                    tally.statistics += sum(map(len, outcome.answer.values()))
                    bars.advance(learners_bar, len(outcome.answer))


_Answer: TypeAlias = Page[LearnerProgress] | dict[str, dict[str, QuizStatistic]]


def _todo(courses: Sequence[str], emails: Sequence[str], quizzes: Sequence[str]) -> Iterator[Action[_Answer]]:
    for course in courses:
        yield LearnersProgressByCourse(course_id=course, show_not_started_learners=True)
    for start in range(0, len(emails) if quizzes else 0, _LEARNERS_PER_CALL):
        some = emails[start : start + _LEARNERS_PER_CALL]
        yield GetLearnersQuizStatistic(records=dict.fromkeys(some, quizzes))


def _statistics_of(answer: dict[str, dict[str, QuizStatistic]]) -> Iterator[dict[str, object]]:
    for email, by_quiz in answer.items():
        for quiz, statistic in by_quiz.items():
            yield {"email": email, "quiz_id": quiz, **_plain(statistic)}


def _plain(model: object) -> dict[str, object]:
    return cast("dict[str, object]", convert.unstructure(model))


def _write(file: IO[str], rows: Iterable[dict[str, object]]) -> None:
    file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _pace(rate: Rate) -> str:
    return f"{rate.calls} calls in {rate.per:g} s"


def _table(tally: _Tally, plan: Plan) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    reached, ideal = tally.calls / tally.seconds, plan.rate.calls / plan.rate.per
    for name, value in (
        ("courses", f"{tally.courses}"),
        ("learners", f"{tally.learners}"),
        ("calls made", f"{tally.calls}"),
        ("rows of progress", f"{tally.progress_rows}"),
        ("quiz statistics", f"{tally.statistics}"),
        ("seconds", f"{tally.seconds:.1f}"),
        ("calls/s", f"{reached:.1f} of {ideal:g} allowed"),
    ):
        table.add_row(name, value)
    return table
