"""The events of the vendor's page, one class each, in the order of the page."""

from __future__ import annotations

from attrs import field, frozen

from aoclient.model import wire
from aoclient.webhooks.event import Event
from aoclient.webhooks.models import Certificate, Course, CourseGroup, Learner, Lesson, Named, Quiz


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
