"""Courses and what came of them: who completed one, who left it where, and the certificates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from aoclient.action import Action, Effect, Spec
from aoclient.model import NO_EXTRA, Id


@frozen(kw_only=True, weakref_slot=False)
class Course:
    """A course or a group of courses.

    Attributes:
        id: Opaque id, which `LearnersProgressByCourse` takes; an empty text where the answer has none.
        slug: Last part of the course's address.
        name: As people see it.
        description: Text.
        img: Link to the cover image.
        course_open_url: Link that opens the course.
        is_in_group: Whether it belongs to a group.
        is_scorm: Whether it is a SCORM package.
        is_ribbon_enabled: Whether the cover has a ribbon.
        ribbon_text: Text on the ribbon.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    id: Id = ""
    slug: str | None = None
    name: str | None = None
    description: str | None = None
    img: str | None = None
    course_open_url: str | None = None
    is_in_group: bool | None = None
    is_scorm: bool | None = None
    is_ribbon_enabled: bool | None = None
    ribbon_text: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class CourseCompletion:
    """A learner who completed a course. The vendor sends no address here.

    Attributes:
        name: Full name.
        date_of_passing: When the course was completed, UTC.
        score: Completed of available content over all courses, in percent.
        courses_completed: Courses completed.
        spent_time_in_academy: Seconds.
        certificates_amount: Certificates issued.
        company: Link to the learner's company.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    name: str | None = None
    date_of_passing: datetime | None = None
    score: float | None = None
    courses_completed: int | None = None
    spent_time_in_academy: int | None = None
    certificates_amount: int | None = None
    company: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Churn:
    """A learner who left a course at one lesson or quiz.

    Attributes:
        email: Identifies the learner; an empty text where the answer has none.
        name: Full name.
        churn_date: When they left, UTC.
        spent_time_in_academy: Seconds.
        spent_time_in_content: Seconds, in that lesson or quiz.
        registered_at: UTC.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    email: str = ""
    name: str | None = None
    churn_date: datetime | None = None
    spent_time_in_academy: int | None = None
    spent_time_in_content: int | None = None
    registered_at: datetime | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Certificate:
    """A certificate of a learner.

    Attributes:
        issued_date: UTC.
        course_name: Course it was issued for.
        url_to_pdf: Link to the PDF.
        url_to_image: Link to the image.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    issued_date: datetime | None = None
    course_name: str | None = None
    url_to_pdf: str | None = None
    url_to_image: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class Courses(Action[list[Course]]):
    """List the courses and groups of the academy.

    Answer:
        A list of `Course`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: courses
    """

    spec: ClassVar = Spec(name="courses", effect=Effect.READS, is_lasting=True)


@frozen(kw_only=True)
class LearnersCourseComplete(Action[list[CourseCompletion]]):
    """List the learners who completed a course.

    Args:
        course_id: Id or slug of the course.

    Answer:
        A list of `CourseCompletion`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: learnersCourseComplete
    """

    spec: ClassVar = Spec(name="learnersCourseComplete", effect=Effect.READS)

    course_id: Id


@frozen(kw_only=True)
class LearnersChurnAtContent(Action[list[Churn]]):
    """List the learners who left a course at one lesson or quiz.

    Args:
        course_id: Slug of the course, the field "course URL" of its settings.
        content_id: Slug of the lesson or quiz, the field "lesson/quiz URL" of its settings.

    Answer:
        A list of `Churn`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: learnersChurnAtContent
    """

    spec: ClassVar = Spec(name="learnersChurnAtContent", effect=Effect.READS)

    course_id: Id
    content_id: Id


@frozen(kw_only=True)
class Certificates(Action[list[Certificate]]):
    """List the certificates of a learner.

    Args:
        email: Address of the learner.

    Answer:
        A list of `Certificate`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: certificates
    """

    spec: ClassVar = Spec(name="certificates", effect=Effect.READS)

    email: str
