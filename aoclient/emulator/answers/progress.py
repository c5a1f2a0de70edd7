"""Progress: of one learner in all courses, of all learners in one course."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from aoclient.action import Page
from aoclient.actions.progress import (
    ContentProgress,
    CourseProgress,
    LearnerProgress,
    LearnersProgressByCourse,
    ProgressInCourse,
)
from aoclient.emulator.answers.courses import image_url, open_url
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.answers.learners import minute, moment, named_academy, named_teams

if TYPE_CHECKING:
    from aoclient.emulator.catalogue import ContentEntry, CourseEntry
    from aoclient.emulator.people import Person
    from aoclient.emulator.standing import Standing, Step
    from aoclient.emulator.world import World


@answer.register(CourseProgress)
def _course_progress(action: CourseProgress, turn: Turn) -> list[ProgressInCourse]:
    learner = turn.learner(action.email)
    started = {each.course.number: each for each in turn.world.standings(learner)}
    shown = [each for each in turn.world.catalogue.courses if _is_shown(each, action.course_type, started)]
    return [
        ProgressInCourse(
            course_id=course.id,
            course_name=course.name,
            course_description=course.description,
            course_open_url=open_url(course, turn.base_url),
            course_img=image_url(turn.base_url),
            start_date=_day(course, standing.started_at if standing else None),
            finish_date=_day(course, standing.completed_at if standing else None),
            lessons_amount=len(course.contents),
            progress_amount=standing.passed if standing else 0,
            progress=standing.percent if standing else 0.0,
            content_progress=_contents(course, standing),
            academy=named_academy(turn.world) if action.with_academy else None,
            teams=named_teams(turn.world, learner) if action.with_teams else None,
        )
        for course, standing in ((course, started.get(course.number)) for course in shown)
    ]


def _is_shown(course: CourseEntry, course_type: bool | str | None, started: dict[int, Standing]) -> bool:
    # The page contradicts itself on course_type: a flag for the courses the learner can open, or one of three words.
    if course_type == "all":
        return True
    if course_type == "unpublished":
        return not course.is_published
    return course.is_published and (course_type is not True or course.number in started)


def _day(course: CourseEntry, seconds: int | None) -> date | None:
    if seconds is None:
        return None
    return moment(seconds).date() if course.is_group else moment(seconds)


def _contents(course: CourseEntry, standing: Standing | None) -> list[ContentProgress]:
    steps = standing.steps if standing else ()
    return [
        _content(content, steps[index] if index < len(steps) else None) for index, content in enumerate(course.contents)
    ]


def _content(content: ContentEntry, step: Step | None) -> ContentProgress:
    passed_at = None if step is None else step.passed_at
    common = ContentProgress(
        id=content.id,
        name=content.name,
        type="quiz" if content.is_quiz else "lesson",
        is_passed=passed_at is not None,
        started_at=None if step is None else moment(step.opened_at),
        passed_at=None if passed_at is None else moment(passed_at),
        pass_time_sec=None if step is None or passed_at is None else step.seconds,
    )
    if not content.is_quiz:
        return common
    return ContentProgress(
        id=common.id,
        name=common.name,
        type=common.type,
        is_passed=common.is_passed,
        started_at=common.started_at,
        passed_at=common.passed_at,
        pass_time_sec=common.pass_time_sec,
        score=0 if step is None else step.score,
        passing_score=content.passing_score,
        is_need_manual_approve=content.is_manual,
        is_timer_on=content.timer_minutes is not None,
        timer_minutes=content.told_minutes,
        is_timer_expired=step is not None and step.is_expired,
    )


@answer.register(LearnersProgressByCourse)
def _progress_by_course(action: LearnersProgressByCourse, turn: Turn) -> Page[LearnerProgress]:
    world = turn.world
    course = turn.course(action.course_slug if action.course_id is None else action.course_id)
    roster = world.everyone if action.show_not_started_learners else world.started[course.number - 1]
    amount = turn.quirks.amount(action.amount)
    number = 1 if action.page is None or turn.quirks.ignores_page else action.page
    learners = map(world.learner, roster.page((number - 1) * amount, amount))
    return Page([_row(world, learner, course) for learner in learners], number)


def _row(world: World, learner: Person, course: CourseEntry) -> LearnerProgress:
    standing = world.standing(learner, course)
    completed_at = None if standing is None else standing.completed_at
    teams = [world.catalogue.teams[number - 1] for number in learner.teams]
    return LearnerProgress(
        email=learner.email,
        full_name=learner.name,
        first_name=learner.first_name,
        last_name=learner.last_name,
        started_at=None if standing is None else minute(standing.started_at),
        completed_at=None if completed_at is None else minute(completed_at),
        status="Not started" if standing is None else "In progress" if completed_at is None else "Completed",
        duration=timedelta(minutes=course.minutes),
        view_time=timedelta(seconds=0 if standing is None else standing.seconds),
        total_amount=len(course.contents),
        passed_amount=0 if standing is None else standing.passed,
        course_score=0.0 if standing is None else standing.percent,
        teams=[team.name for team in teams if course.number in team.courses] or ["No Team"],
    )
