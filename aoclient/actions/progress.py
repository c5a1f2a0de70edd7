"""How far learners are: one learner in all courses, or all learners in one course."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import ClassVar

from attrs import field, frozen

from aoclient.action import Action, Effect, Paged, Spec
from aoclient.actions.learners import Named
from aoclient.model import NO_EXTRA, Clock, Id, wire


@frozen(kw_only=True, weakref_slot=False)
class ContentProgress:
    """How far a learner is in one lesson or quiz. The last six fields are of quizzes only, None for lessons.

    Attributes:
        id: Opaque id; an empty text where the answer has none.
        name: As people see it.
        type: ``lesson`` or ``quiz``.
        is_passed: Whether the learner passed it.
        started_at: When it was opened first, UTC; None when it was not.
        passed_at: When it was passed, UTC; None when it was not.
        pass_time_sec: Seconds it took to pass.
        score: Points the learner got.
        passing_score: Points that pass the quiz.
        is_need_manual_approve: Whether somebody checks the answers by hand.
        is_timer_on: Whether the time is limited; None where the vendor sends null.
        timer_minutes: Minutes given for the quiz.
        is_timer_expired: Of the timer, as the vendor sends it. The page says "learner managed to finish quiz in time".
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    id: Id = ""
    name: str | None = None
    type: str | None = None
    is_passed: bool | None = None
    started_at: datetime | None = None
    passed_at: datetime | None = None
    pass_time_sec: int | None = None
    score: float | None = field(default=None, metadata=wire(as_text=True, only_when_set=True))
    passing_score: float | None = field(default=None, metadata=wire(only_when_set=True))
    is_need_manual_approve: bool | None = field(default=None, metadata=wire(only_when_set=True))
    is_timer_on: bool | None = field(default=None, metadata=wire("is_timer_on", "is_time_on", only_when_set=True))
    timer_minutes: int | None = field(default=None, metadata=wire(only_when_set=True))
    is_timer_expired: bool | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class ProgressInCourse:
    """How far one learner is in one course or group.

    Attributes:
        course_id: Opaque id; an empty text where the answer has none.
        course_name: As people see it.
        course_description: Text.
        course_open_url: Link that opens the course.
        course_img: Link to the cover image.
        course_type: ``all``, ``published`` or ``unpublished``, where the vendor sends it.
        start_date: When the learner started, None when they did not: a `datetime` in UTC for a course, a `date` alone
            for a group.
        finish_date: When the learner completed it, None when they did not; as ``start_date``.
        lessons_amount: Lessons and quizzes in the course.
        progress_amount: Those passed.
        progress: Passed of all, in percent.
        content_progress: Each lesson and quiz.
        academy: Academy the learner is registered in; only with ``with_academy``. The page does not name its key.
        teams: Teams the learner is a member of; only with ``with_teams``. The page does not name its key.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    course_id: Id = ""
    course_name: str | None = None
    course_description: str | None = None
    course_open_url: str | None = None
    course_img: str | None = None
    course_type: str | None = field(default=None, metadata=wire(only_when_set=True))
    start_date: date | None = None
    finish_date: date | None = None
    lessons_amount: int | None = None
    progress_amount: int | None = None
    progress: float | None = None
    content_progress: list[ContentProgress] = field(factory=list[ContentProgress])
    academy: Named | None = field(default=None, metadata=wire(only_when_set=True))
    teams: list[Named] | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class LearnerProgress:
    """How far one learner is in the course that was asked for.

    Attributes:
        email: Identifies the learner; an empty text where the answer has none.
        full_name: First and last name.
        first_name: First name.
        last_name: Last name.
        started_at: UTC, to the minute; None when the learner did not start.
        completed_at: UTC, to the minute; None when the learner did not complete the course.
        status: In words, ``Completed``.
        duration: Estimated time the course needs.
        view_time: Time the learner spent in it.
        total_amount: Contents in the course.
        passed_amount: Contents the learner passed.
        course_score: Score the learner got for the course.
        teams: Names of the teams in which the course is available; ``No Team`` may stand alone.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    email: str = ""
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    started_at: datetime | None = field(default=None, metadata=wire("startDate", "startTime", clock=Clock.BARE))
    completed_at: datetime | None = field(
        default=None, metadata=wire("completionDate", "completionTime", clock=Clock.BARE)
    )
    status: str | None = None
    duration: timedelta | None = None
    view_time: timedelta | None = field(default=None, metadata=wire("viewTime"))
    total_amount: int | None = field(default=None, metadata=wire("totalAmount"))
    passed_amount: int | None = field(default=None, metadata=wire("passedAmount", as_text=True))
    course_score: float | None = field(default=None, metadata=wire("courseScore"))
    teams: list[str] = field(factory=list[str])
    extra: Mapping[str, object] = NO_EXTRA


COURSE_TYPES = ("all", "published", "unpublished")
"""The words `CourseProgress` takes as ``course_type``."""


@frozen(kw_only=True)
class CourseProgress(Action[list[ProgressInCourse]]):
    """Show how far one learner is in all active courses and groups.

    Args:
        email: Address of the learner.
        course_type: Which courses. The page contradicts itself: a flag in one table (only courses the learner can
            open), ``all``, ``published`` or ``unpublished`` in the other. Both are sent as they are.
        with_academy: Add the academy the learner is registered in.
        with_teams: Add the teams the learner is a member of.

    Answer:
        A list of `ProgressInCourse`, empty when there is none.

    Raises:
        InvalidOptionError: ``course_type`` is another word. Nothing was sent.
        ApiError: The academy refused.

    Doc: courseProgress
    """

    spec: ClassVar = Spec(name="courseProgress", effect=Effect.READS)

    email: str
    course_type: bool | str | None = None
    with_academy: bool | None = None
    with_teams: bool | None = None

    def check(self) -> None:
        """Refuse words the page does not know."""
        if isinstance(self.course_type, str) and self.course_type not in COURSE_TYPES:
            raise self.refuse(
                "course_type", f"expected True, False or one of {', '.join(COURSE_TYPES)}, got {self.course_type!r}"
            )


@frozen(kw_only=True)
class LearnersProgressByCourse(Paged[LearnerProgress]):
    """Show how far the learners are in one course. Name it by ``course_id`` or by ``course_slug``, not both.

    Args:
        course_id: Id of the course, the field "API, Course ID" of its settings.
        course_slug: Slug of the course, the field "course URL" of its settings.
        show_not_started_learners: Also list learners who did not start the course.
        page: Number of the page, from 1; the first when left out.
        amount: Rows on a page, at least 1; the server's own number when left out.

    Answer:
        A `Page` of `LearnerProgress`, empty behind the last one.

    Raises:
        InvalidOptionError: Neither or both of ``course_id`` and ``course_slug``, or ``page`` or ``amount`` below 1.
            Nothing was sent.
        ApiError: The academy refused.

    Doc: learnersProgressByCourse
    """

    spec: ClassVar = Spec(name="learnersProgressByCourse", effect=Effect.READS, rows="learners")

    course_id: Id | None = None
    course_slug: str | None = None
    show_not_started_learners: bool | None = None

    def check(self) -> None:
        """Refuse what does not name exactly one course; the page calls both required, the server takes either."""
        super().check()
        if self.course_id is None and self.course_slug is None:
            raise self.refuse("course_id", "is required, or course_slug")
        if self.course_id is not None and self.course_slug is not None:
            raise self.refuse("course_slug", "give course_id or course_slug, not both")
