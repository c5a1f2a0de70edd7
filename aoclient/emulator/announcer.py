"""What happens in the academy as the events of its webhooks, for whoever listens."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aoclient import webhooks
from aoclient.emulator.ids import Ids
from aoclient.webhooks import Certificate, Course, CourseGroup, Event, Learner, Lesson, Named, Quiz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from aoclient.emulator.catalogue import CourseEntry
    from aoclient.emulator.people import Person
    from aoclient.emulator.standing import Standing, Step
    from aoclient.emulator.world import World

MOST_LEARNERS = 100
"""Learners of one event at most; more make several events. The page says nothing of it."""


def certificate_url(base_url: str, learner_id: str, course: CourseEntry) -> str:
    """Return the link to a certificate, without the ending of a file."""
    return f"{base_url}/certificates/{learner_id}/{course.slug}"


class Announcer:
    """Make an event of each thing that happens.

    Args:
        world: Where it happens.
        seed: The same seed makes the same ids.

    Attributes:
        listeners: Called with each event, in order. Nothing is made as long as there is none.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.listeners: list[Callable[[Event], None]] = []
        self._world = world
        self._rng = random.Random(f"{seed}/event")  # noqa: S311  # reproducible on purpose
        self._no_team = Named(id=Ids(seed, "team").of(0), name="No Team")

    def signed_up(self, number: int) -> None:
        """Announce a new learner."""
        self._announce(webhooks.AcademyLearnerSignUp, learner=_learner(self._world.learner(number)))

    def joined(self, team: int | None, numbers: Sequence[int]) -> None:
        """Announce learners who are new in a team; None is the ``No Team``."""
        if not self.listeners:
            return
        entry = None if team is None else self._world.catalogue.teams[team - 1]
        courses = () if entry is None else entry.courses
        for some in self._learners(numbers):
            self._announce(
                webhooks.TeamNewLearners,
                team=[self._no_team if entry is None else Named(id=entry.id, name=entry.name)],
                learners=some,
                **self._split(courses, with_folder=False),
            )

    def available(self, gained: Mapping[tuple[int, tuple[int, ...]], Sequence[int]]) -> None:
        """Announce courses that learners can take now.

        Args:
            gained: Learners, by the team that brought it and the numbers of the courses they could not take before.
        """
        if not self.listeners:
            return
        catalogue = self._world.catalogue
        for (team, numbers), learners in gained.items():
            published = [each for each in numbers if catalogue.courses[each - 1].is_published]
            if not published:
                continue
            entry = catalogue.teams[team - 1]
            for some in self._learners(learners):
                self._announce(
                    webhooks.LearnerCourseAvailable,
                    teams=[Named(id=entry.id, name=entry.name)],
                    learners=some,
                    **self._split(published, with_folder=True),
                )

    def begun(self, learner: Person, standing: Standing) -> None:
        """Announce what was just opened, and the course if it is the first of it."""
        step = standing.steps[-1]
        who = _learner(learner)
        if len(standing.steps) == 1 and step.attempts == 0:
            if standing.course.is_group:
                self._announce(webhooks.CourseGroupStarted, group=_group(standing.course), learner=who)
            else:
                self._announce(webhooks.CourseStarted, course=_course(standing.course), learner=who)
        course = _course(standing.course, with_folder=False)
        if step.content.is_quiz:
            self._announce(webhooks.QuizStarted, course=course, quiz=_begun_quiz(step), learner=who)
        else:
            self._announce(webhooks.LessonStarted, course=course, lesson=_lesson(step), learner=who)

    def ended(self, learner: Person, standing: Standing, *, attempts_left: int) -> None:
        """Announce what was just finished, and the course if it was the last of it."""
        step = standing.steps[-1]
        who = _learner(learner)
        course = _course(standing.course, with_folder=False)
        if step.content.is_quiz:
            self._announce(webhooks.QuizFinished, course=course, quiz=_ended_quiz(step), learner=who)
        else:
            self._announce(webhooks.LessonFinished, course=course, lesson=_lesson(step), learner=who)
        if not step.is_passed and attempts_left <= 0:
            quiz = Quiz(id=step.content.id, name=step.content.name)
            self._announce(webhooks.LearnerEndQuizAttempts, quiz=quiz, learner=who)
        if standing.completed_at is not None:
            self._completed(learner, standing, standing.completed_at)

    def _completed(self, learner: Person, standing: Standing, at: int) -> None:
        who = _learner(learner)
        if standing.course.is_group:
            self._announce(webhooks.CourseGroupFinished, group=_group(standing.course), learner=who)
        else:
            self._announce(webhooks.CourseFinished, course=_course(standing.course), learner=who)
        url = certificate_url(self._world.base_url, self._world.learner_id(learner.number), standing.course)
        self._announce(
            webhooks.LearnerCourseCertificateIssued,
            course=_course(standing.course),
            certificate=Certificate(
                link_to_pdf=f"{url}.pdf",
                link_to_img=f"{url}.jpg",
                verify_link=f"{url}/verify",
                issue_date=_moment(at),
            ),
            learner=who,
        )

    def _announce(self, cls: type[Event], **values: Any) -> None:  # Any: the fields of the class
        if not self.listeners:
            return
        academy = Named(id=self._world.academy_id, name="Academy")
        event_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        event = cls(id=event_id, academy=academy, **values)
        for listener in self.listeners:
            listener(event)

    def _learners(self, numbers: Sequence[int]) -> Iterator[list[Learner]]:
        for start in range(0, len(numbers), MOST_LEARNERS):
            yield [_learner(self._world.learner(number)) for number in numbers[start : start + MOST_LEARNERS]]

    def _split(self, numbers: Iterable[int], *, with_folder: bool) -> dict[str, list[Any]]:  # Any: courses or groups
        entries = [self._world.catalogue.courses[each - 1] for each in numbers]
        return {
            "courses": [_course(each, with_folder=with_folder) for each in entries if not each.is_group],
            "course_groups": [_group(each, with_folder=with_folder) for each in entries if each.is_group],
        }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _learner(learner: Person) -> Learner:
    return Learner(
        email=learner.email, full_name=learner.name, first_name=learner.first_name, last_name=learner.last_name
    )


# No course lies in a folder here; the samples have the empty fields with the events of courses alone.
def _course(course: CourseEntry, *, with_folder: bool = True) -> Course:
    if not with_folder:
        return Course(id=course.id, name=course.name)
    return Course(id=course.id, name=course.name, is_in_folder=False, folder_name="", folder_id="", folder_category="")


def _group(group: CourseEntry, *, with_folder: bool = True) -> CourseGroup:
    if not with_folder:
        return CourseGroup(id=group.id, name=group.name)
    return CourseGroup(
        id=group.id, name=group.name, is_in_folder=False, folder_name="", folder_id="", folder_category=""
    )


def _lesson(step: Step) -> Lesson:
    return Lesson(
        id=step.content.id,
        name=step.content.name,
        start_date=_moment(step.begun_at),
        finish_date=None if step.ended_at is None else _moment(step.ended_at),
    )


def _begun_quiz(step: Step) -> Quiz:
    return Quiz(id=step.content.id, name=step.content.name, start_date=_moment(step.begun_at))


def _ended_quiz(step: Step) -> Quiz:
    quiz = step.content
    return Quiz(
        id=quiz.id,
        name=quiz.name,
        start_date=_moment(step.begun_at),
        finish_date=_moment(step.left_at),
        spent_time_sec=step.last_seconds,
        score=float(step.score),
        passing_score=float(quiz.passing_score),
        is_need_manual_approve=quiz.is_manual,
        is_timer_on=quiz.timer_minutes is not None,
        timer_minutes=quiz.told_minutes,
        is_timer_expired=step.is_expired,
        is_passed=step.is_passed,
    )
