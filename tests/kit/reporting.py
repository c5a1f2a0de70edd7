"""Exports to report on, of a small academy."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aoclient.emulator import Emulator
from aoclient.export import (
    CertificatesJob,
    CourseProgressJob,
    CoursesJob,
    Job,
    LearnersJob,
    ProgressByCourseJob,
    QuizStatisticsJob,
)
from tests.kit.exporting import run, session


def jobs_of(emulator: Emulator, *, with_teams: bool = True) -> list[Job]:
    """Return every job the report reads."""
    emails, quizzes = asyncio.run(_contents(emulator))
    return [
        CoursesJob(),
        LearnersJob(with_teams=with_teams or None),
        CourseProgressJob(emails=emails[:1]),
        ProgressByCourseJob(show_not_started_learners=True),
        QuizStatisticsJob(records=dict.fromkeys(emails, quizzes)),
        CertificatesJob(),
    ]


async def _contents(emulator: Emulator) -> tuple[list[str], list[str]]:
    async with session(emulator) as ao:
        emails = [learner.email for learner in await ao.learners()]
        courses = await ao.course_progress(email=emails[0])
        return emails, [str(each.id) for course in courses for each in course.content_progress if each.type == "quiz"]


def exported(target: Path, *, learners: int = 60, courses: int = 3, **settings: Any) -> Emulator:
    """Export an academy into a target and return it."""
    emulator = Emulator(learners=learners, courses=courses)
    run(emulator, jobs_of(emulator), target, **settings)
    return emulator
