"""The events of the vendor's page, one class each, declared once; `EVENTS` has them by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from attrs import Attribute, field, frozen

from aoclient.errors import WebhookError
from aoclient.model import NO_EXTRA, JsonValue, wire
from aoclient.webhooks.models import Certificate, Course, CourseGroup, Learner, Lesson, Named, Quiz

_declared: dict[str, type[Event]] = {}


def _check_event(instance: Event, _: Attribute[str], event: str) -> None:
    if instance.NAME and event not in instance.names():
        raise WebhookError(f"{type(instance).__name__} is no event {event[:60]!r}")


@frozen(kw_only=True, weakref_slot=False)
class Event:
    """Something that happened in an academy.

    Attributes:
        id: Opaque text, the same each time this event is delivered, so that it can be handled once. An empty text where
            the payload has none.
        event: Name, ``course.started``.
        academy: Where it happened.
        extra: What else the payload holds, and the raw value of a field that cannot be read.

    Raises:
        WebhookError: ``event`` is the name of another event.
    """

    NAME: ClassVar[str] = ""
    """The vendor's name."""

    HEADING: ClassVar[str] = ""
    """Heading of the vendor's page where it differs from the name; the event may come under either."""

    id: str = ""
    event: str = field(validator=_check_event)
    academy: Named = field(factory=Named)
    extra: Mapping[str, object] = NO_EXTRA

    @event.default
    def _default_event(self) -> str:
        return self.NAME

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        if cls.NAME:
            _declared[cls.NAME] = cls

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names the event may come under, the usual one first."""
        return (cls.NAME, cls.HEADING) if cls.HEADING else (cls.NAME,)


@frozen(kw_only=True, weakref_slot=False)
class UnknownEvent(Event):
    """An event that is not on the vendor's page, or a payload that says of no event.

    Attributes:
        payload: All of it, as parsed JSON. `dumps` writes this and nothing else.
    """

    payload: Mapping[str, JsonValue]


@frozen(kw_only=True, weakref_slot=False)
class CourseStarted(Event):
    """A learner started a course.

    Attributes:
        course: Which.
        learner: Who.

    Doc: course.started
    """

    NAME = "course.started"
    course: Course = field(factory=Course)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class CourseFinished(Event):
    """A learner finished a course.

    The sample on the vendor's page is called ``lesson.finished`` and has a lesson; under that name it is a
    `LessonFinished`.

    Attributes:
        course: Which.
        lesson: Perhaps the last lesson; None where the payload has none.
        learner: Who.

    Doc: course.finished
    """

    NAME = "course.finished"
    course: Course = field(factory=Course)
    lesson: Lesson | None = field(default=None, metadata=wire(only_when_set=True))
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class CourseGroupStarted(Event):
    """A learner started a group of courses.

    Attributes:
        group: Which.
        learner: Who.

    Doc: course_group.started
    """

    NAME = "course_group.started"
    group: CourseGroup = field(factory=CourseGroup)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class CourseGroupFinished(Event):
    """A learner finished a group of courses.

    Attributes:
        group: Which.
        learner: Who.

    Doc: course_group.finished
    """

    NAME = "course_group.finished"
    group: CourseGroup = field(factory=CourseGroup)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class LearnerCourseCertificateIssued(Event):
    """A learner got a certificate, and its files are made.

    Attributes:
        course: For which.
        certificate: Links to it.
        learner: Who.

    Doc: learner.course_certificate.issued
    """

    NAME = "learner.course_certificate.issued"
    course: Course = field(factory=Course)
    certificate: Certificate = field(factory=Certificate)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class LessonStarted(Event):
    """A learner started a lesson.

    Attributes:
        course: Where the lesson is.
        lesson: Which.
        learner: Who.

    Doc: lesson.started
    """

    NAME = "lesson.started"
    course: Course = field(factory=Course)
    lesson: Lesson = field(factory=Lesson)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class LessonFinished(Event):
    """A learner finished a lesson.

    Attributes:
        course: Where the lesson is.
        lesson: Which.
        learner: Who.

    Doc: lesson.finished
    """

    NAME = "lesson.finished"
    course: Course = field(factory=Course)
    lesson: Lesson = field(factory=Lesson)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class QuizStarted(Event):
    """A learner started a quiz.

    Attributes:
        course: Where the quiz is.
        quiz: Which.
        learner: Who.

    Doc: quiz.started
    """

    NAME = "quiz.started"
    course: Course = field(factory=Course)
    quiz: Quiz = field(factory=Quiz)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class QuizFinished(Event):
    """A learner finished a quiz, passed or not.

    Attributes:
        course: Where the quiz is.
        quiz: Which, with the score.
        learner: Who.

    Doc: quiz.finished
    """

    NAME = "quiz.finished"
    course: Course = field(factory=Course)
    quiz: Quiz = field(factory=Quiz)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class AcademyLearnerSignUp(Event):
    """Somebody registered in the academy.

    Attributes:
        learner: Who.

    Doc: academy.learner.sign_up
    """

    NAME = "academy.learner.sign_up"
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class LearnerCourseAvailable(Event):
    """Learners got access to published courses, perhaps through teams.

    Attributes:
        teams: Through which.
        learners: Who.
        courses: To which.
        course_groups: To which groups.

    Doc: learner.course.available
    """

    NAME = "learner.course.available"
    teams: list[Named] = field(factory=list[Named])
    learners: list[Learner] = field(factory=list[Learner])
    courses: list[Course] = field(factory=list[Course])
    course_groups: list[CourseGroup] = field(factory=list[CourseGroup])


@frozen(kw_only=True, weakref_slot=False)
class LearnerEndQuizAttempts(Event):
    """A learner used up all attempts at a quiz.

    Attributes:
        quiz: Which, id and name only.
        learner: Who.

    Doc: learner.end_quiz_attempts
    """

    NAME = "learner.end_quiz_attempts"
    quiz: Quiz = field(factory=Quiz)
    learner: Learner = field(factory=Learner)


@frozen(kw_only=True, weakref_slot=False)
class TeamNewLearners(Event):
    """Learners came into teams, or into the ``No Team``.

    Attributes:
        team: Which; a list, though the vendor's key is in the singular.
        learners: Who.
        courses: What the teams have.
        course_groups: What groups the teams have.

    Doc: team.new.learners
    """

    NAME = "team.new_learners"
    HEADING = "team.new.learners"
    team: list[Named] = field(factory=list[Named])
    learners: list[Learner] = field(factory=list[Learner])
    courses: list[Course] = field(factory=list[Course])
    course_groups: list[CourseGroup] = field(factory=list[CourseGroup])


EVENTS: Mapping[str, type[Event]] = MappingProxyType(_declared)
"""Every event class by the vendor's name, in the order of the page."""
