"""What the payloads of webhooks hold: people, courses and what is in them.

A field is None, or an empty text for an id, where the payload has no value. ``extra`` has the keys nobody declared, and
the raw value of a field that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from aoclient.model import NO_EXTRA, Id, wire


@frozen(kw_only=True, weakref_slot=False)
class Named:
    """An academy or a team by its id and name.

    Attributes:
        id: Opaque id.
        name: As people see it.
        extra: What else the payload holds.
    """

    id: Id = ""
    name: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Learner:
    """A learner, who is known by the address.

    Attributes:
        email: Identifies the learner.
        full_name: First and last name.
        first_name: First name.
        last_name: Last name.
        extra: What else the payload holds.
    """

    email: str = ""
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Course:
    """A course. The folder fields come with some events only.

    Attributes:
        id: Opaque id.
        name: As people see it.
        is_in_folder: Whether the course lies in a folder.
        folder_name: Folder as people see it; an empty text for none.
        folder_id: Opaque id; an empty text for none.
        folder_category: Category of the folder; an empty text for none.
        extra: What else the payload holds.
    """

    id: Id = ""
    name: str | None = None
    is_in_folder: bool | None = field(default=None, metadata=wire(only_when_set=True))
    folder_name: str | None = field(default=None, metadata=wire(only_when_set=True))
    folder_id: Id | None = field(default=None, metadata=wire(only_when_set=True))
    folder_category: str | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class CourseGroup:
    """A group of courses. The folder fields come with some events only.

    Attributes:
        id: Opaque id.
        name: As people see it.
        is_in_folder: Whether the group lies in a folder.
        folder_name: Folder as people see it; an empty text for none.
        folder_id: Opaque id; an empty text for none.
        folder_category: Category of the folder; an empty text for none.
        extra: What else the payload holds.
    """

    id: Id = ""
    name: str | None = None
    is_in_folder: bool | None = field(default=None, metadata=wire(only_when_set=True))
    folder_name: str | None = field(default=None, metadata=wire(only_when_set=True))
    folder_id: Id | None = field(default=None, metadata=wire(only_when_set=True))
    folder_category: str | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Lesson:
    """A lesson, and when the learner was in it.

    Attributes:
        id: Opaque id.
        name: As people see it.
        start_date: When the learner started it, UTC.
        finish_date: When the learner finished it, UTC; None as long as it is not finished.
        extra: What else the payload holds.
    """

    id: Id = ""
    name: str | None = None
    start_date: datetime | None = field(default=None, metadata=wire(only_when_set=True))
    finish_date: datetime | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Quiz:
    """A quiz, and how the learner did in it.

    All from ``finish_date`` on is None until the quiz is finished; `LearnerEndQuizAttempts` has id and name only.

    Attributes:
        id: Opaque id.
        name: As people see it.
        start_date: When the learner started it, UTC.
        finish_date: When the learner finished it, UTC.
        spent_time_sec: Seconds the learner took.
        score: Points the learner got.
        passing_score: Points that pass the quiz.
        is_need_manual_approve: Whether somebody checks the answers by hand.
        is_timer_on: Whether the time is limited.
        timer_minutes: Minutes given for the quiz.
        is_timer_expired: Of the timer, as the vendor sends it.
        is_passed: Whether the learner passed it.
        extra: What else the payload holds.
    """

    id: Id = ""
    name: str | None = None
    start_date: datetime | None = field(default=None, metadata=wire(only_when_set=True))
    finish_date: datetime | None = field(default=None, metadata=wire(only_when_set=True))
    spent_time_sec: int | None = field(default=None, metadata=wire(only_when_set=True))
    score: float | None = field(default=None, metadata=wire(as_text=True, only_when_set=True))
    passing_score: float | None = field(default=None, metadata=wire(only_when_set=True))
    is_need_manual_approve: bool | None = field(default=None, metadata=wire(only_when_set=True))
    is_timer_on: bool | None = field(default=None, metadata=wire(only_when_set=True))
    timer_minutes: int | None = field(default=None, metadata=wire(only_when_set=True))
    is_timer_expired: bool | None = field(default=None, metadata=wire(only_when_set=True))
    is_passed: bool | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Certificate:
    """A certificate for a course.

    Attributes:
        link_to_pdf: Link to it as a PDF.
        link_to_img: Link to it as a picture.
        verify_link: Link to the page that shows it is genuine.
        issue_date: When it was issued, UTC.
        extra: What else the payload holds.
    """

    link_to_pdf: str | None = None
    link_to_img: str | None = None
    verify_link: str | None = None
    issue_date: datetime | None = None
    extra: Mapping[str, object] = NO_EXTRA
