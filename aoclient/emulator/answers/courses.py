"""Courses, who completed or left them, and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.actions.courses import (
    Certificate,
    Certificates,
    Churn,
    Course,
    CourseCompletion,
    Courses,
    LearnersChurnAtContent,
    LearnersCourseComplete,
)
from aoclient.emulator.announcer import certificate_url
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.answers.learners import moment, summary
from aoclient.emulator.records import Refusal

if TYPE_CHECKING:
    from aoclient.emulator.catalogue import CourseEntry


def open_url(course: CourseEntry, base_url: str) -> str:
    """Return the link that opens a course or a group."""
    return f"{base_url}/group/{course.id}/open" if course.is_group else f"{base_url}/course/{course.slug}/open"


def image_url(base_url: str) -> str:
    """Return the link to the cover, which is the same for all courses."""
    return f"{base_url}/img/upload_img.png"


@answer.register(Courses)
def _courses(_: Courses, turn: Turn) -> list[Course]:
    return [
        Course(
            id=course.id,
            slug=course.slug,
            name=course.name,
            description=course.description,
            img=image_url(turn.base_url),
            course_open_url=open_url(course, turn.base_url),
            is_in_group=False,
            is_scorm=False,
            is_ribbon_enabled=course.ribbon is not None,
            ribbon_text=course.ribbon or "",
        )
        for course in turn.world.catalogue.courses
    ]


@answer.register(LearnersCourseComplete)
def _complete(action: LearnersCourseComplete, turn: Turn) -> list[CourseCompletion]:
    world, course = turn.world, turn.course(action.course_id)
    completions: list[CourseCompletion] = []
    for number in world.completed[course.number - 1]:
        learner = summary(world, number)
        standing = world.standing(world.learner(number), course)
        passed_at = None if standing is None else standing.completed_at
        completions.append(
            CourseCompletion(
                name=learner.name,
                date_of_passing=None if passed_at is None else moment(passed_at),
                score=learner.score,
                courses_completed=learner.courses_completed,
                spent_time_in_academy=learner.spent_time_in_academy,
                certificates_amount=learner.certificates_amount,
                company=learner.company,
            )
        )
    return completions


@answer.register(LearnersChurnAtContent)
def _churn(action: LearnersChurnAtContent, turn: Turn) -> list[Churn]:
    world, course = turn.world, turn.course(action.course_id)
    wanted = next((each for each in course.contents if action.content_id in (each.id, each.slug)), None)
    if wanted is None:
        raise Refusal("Content not found")
    churned: list[Churn] = []
    for number in world.started[course.number - 1]:
        learner = world.learner(number)
        standing = world.standing(learner, course)
        if standing is None or standing.completed_at is not None or standing.steps[-1].content is not wanted:
            continue
        last = standing.steps[-1]
        churned.append(
            Churn(
                email=learner.email,
                name=learner.name,
                churn_date=moment(last.left_at),
                spent_time_in_academy=sum(each.seconds for each in world.standings(learner)),
                spent_time_in_content=last.seconds,
                registered_at=moment(learner.registered_at),
            )
        )
    return churned


@answer.register(Certificates)
def _certificates(action: Certificates, turn: Turn) -> list[Certificate]:
    learner = turn.learner(action.email)
    learner_id = turn.world.learner_id(learner.number)
    certificates: list[Certificate] = []
    for each in turn.world.standings(learner):
        if each.completed_at is not None:
            url = certificate_url(turn.base_url, learner_id, each.course)
            certificates.append(
                Certificate(
                    issued_date=moment(each.completed_at),
                    course_name=each.course.name,
                    url_to_pdf=f"{url}.pdf",
                    url_to_image=f"{url}.jpg",
                )
            )
    return certificates
