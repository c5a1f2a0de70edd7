"""Academies of the account, and links that log a learner in to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from attrs import field, frozen

from aoclient import options
from aoclient.action import Action, Effect, Spec
from aoclient.model import NO_EXTRA, Id


@frozen(kw_only=True, weakref_slot=False)
class Academy:
    """An academy of the account.

    Attributes:
        id: Opaque id, which `CreateLoginToken` and `SetLessonVariables` take; an empty text where the answer has none.
        name: As people see it.
        slug: Subdomain on the vendor's domain.
        is_cname_enabled: Whether it is published on a domain of its own.
        cname_domain: That domain.
        is_private: Whether only invited people may enter.
        is_published: Whether it is published.
        learners_amount: Learners in it.
        created_at: UTC.
        content_amount: Courses and groups in it.
        access_request_amount: Requests for access not yet approved.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    id: Id = ""
    name: str | None = None
    slug: str | None = None
    is_cname_enabled: bool | None = None
    cname_domain: str | None = None
    is_private: bool | None = None
    is_published: bool | None = None
    learners_amount: int | None = None
    created_at: datetime | None = None
    content_amount: int | None = None
    access_request_amount: int | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class LoginLink:
    """A link that logs one learner in, once. Whoever has it is that learner, so its ``repr`` hides it.

    Attributes:
        link: Absolute URL.
        extra: What else the answer holds; hidden too, since it may hold the link under another name.
    """

    link: str = field(repr=False)  # no default: an answer without a link is none
    extra: Mapping[str, object] = field(default=NO_EXTRA, repr=False)


@frozen(kw_only=True)
class Academies(Action[list[Academy]]):
    """List the academies of the account.

    Answer:
        A list of `Academy`.

    Raises:
        ApiError: The account may not see them.

    Doc: academies
    """

    spec: ClassVar = Spec(name="academies", effect=Effect.READS, is_lasting=True)


@frozen(kw_only=True)
class CreateLoginToken(Action[LoginLink]):
    """Make a link that logs one learner in, once.

    A second visit to the link fails; ask for a new one. Without a target the learner lands on the list of courses. Name
    the target by slug (``course``, with it ``lesson`` or ``quiz``) or by id (``course_id``, with it ``content_id``),
    never both ways. Not repeated once it may have been executed: each call makes one more link that works.

    Args:
        academy_id: Academy the link opens; see `Academies`.
        email: Address of the learner.
        first_name: First name, for a learner who is not registered yet.
        last_name: Last name, for a learner who is not registered yet.
        course: Slug of the course to open.
        lesson: Slug of the lesson to open; needs ``course``, and a course that may be taken in any order.
        quiz: Slug of the quiz to open; needs ``course``, and a course that may be taken in any order.
        ignore_academy_privacy_mode: Whether the link opens a private academy too; the server takes True when left out.
        course_id: Id of the course to open.
        content_id: Id of the lesson or quiz to open; needs ``course_id``.
        teams: Ids of the teams the learner joins; none when empty or left out.

    Answer:
        `LoginLink`.

    Raises:
        InvalidOptionError: A target named both ways, ``lesson`` beside ``quiz``, or a part without the course it needs.
            Nothing was sent.
        OutcomeUnknownError: It may or may not have been executed; asking again makes another link.
        ApiError: The academy refused.

    Doc: createLoginToken
    """

    spec: ClassVar = Spec(name="createLoginToken", effect=Effect.ADDS, confidential=True)

    academy_id: Id
    email: str
    first_name: str | None = None
    last_name: str | None = None
    course: str | None = None
    lesson: str | None = None
    quiz: str | None = None
    ignore_academy_privacy_mode: bool | None = None
    course_id: Id | None = None
    content_id: Id | None = None
    teams: Sequence[Id] | None = field(default=None, metadata=options.MAY_BE_EMPTY)

    def check(self) -> None:
        """Refuse targets that are none; the page contradicts itself on ``course_id`` alone, which is let through."""
        by_slug = [name for name in ("course", "lesson", "quiz") if getattr(self, name) is not None]
        by_id = [name for name in ("course_id", "content_id") if getattr(self, name) is not None]
        if by_slug and by_id:
            raise self.refuse(by_id[0], f"does not go with {by_slug[0]}: name the target by slugs or by ids")
        if by_slug and self.course is None:
            raise self.refuse(by_slug[0], "needs course")
        if self.lesson is not None and self.quiz is not None:
            raise self.refuse("quiz", "does not go with lesson: give one of them")
        if by_id and self.course_id is None:
            raise self.refuse("content_id", "needs course_id")
