"""Who the learners are: lists of learners, by e-mail, score, date of registration and country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias

from attrs import field, frozen

from aoclient.action import Action, Effect, Spec
from aoclient.model import NO_EXTRA, Id, wire


class Operator(StrEnum):
    """How a value is compared with the one given."""

    EQUAL = "="
    GREATER = ">"
    LESS = "<"
    GREATER_OR_EQUAL = ">="
    LESS_OR_EQUAL = "<="
    NOT_EQUAL = "<>"


OperatorText: TypeAlias = Literal["=", ">", "<", ">=", "<=", "<>"]
"""The texts an `Operator` may be given as."""

Day: TypeAlias = date | str
"""A `date`, a `datetime` (UTC if it has no zone), or a text ``2017-07-25`` or ``2017-07-25 23:59:59`` in UTC."""


@frozen(kw_only=True, weakref_slot=False)
class Named:
    """An academy, a team or a course by its id and name.

    Attributes:
        id: Opaque id.
        name: As people see it.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    id: Id = ""
    name: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Learner:
    """A learner and a summary of what they did. A field is None where the answer has no value.

    Attributes:
        email: Identifies the learner; an empty text where the answer has none.
        name: Full name.
        registered_at: UTC.
        score: Completed of available content over all courses, in percent.
        lessons_opened: Contents opened.
        lessons_completed: Contents completed.
        courses_completed: Courses completed.
        spent_time_in_academy: Seconds.
        certificates_amount: Certificates issued.
        company: Link to the learner's company.
        country: English name.
        country_iso_code: Two letters.
        city: Name.
        os: Operating system.
        device: Device.
        browser: Browser.
        last_login_at: UTC.
        academy: Academy the learner is registered in; only with ``with_academy``. The page does not name its key.
        teams: Teams the learner is a member of; only with ``with_teams``. The page does not name its key.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    email: str = ""
    name: str | None = None
    registered_at: datetime | None = None
    score: float | None = None
    lessons_opened: int | None = None
    lessons_completed: int | None = None
    courses_completed: int | None = None
    spent_time_in_academy: int | None = None
    certificates_amount: int | None = None
    company: str | None = None
    country: str | None = None
    country_iso_code: str | None = None
    city: str | None = None
    os: str | None = None
    device: str | None = None
    browser: str | None = None
    last_login_at: datetime | None = None
    academy: Named | None = field(default=None, metadata=wire(only_when_set=True))
    teams: list[Named] | None = field(default=None, metadata=wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class Learners(Action[list[Learner]]):
    """List the learners of the academy; all of them when no option is given.

    Args:
        email: Only the learner with this address.
        with_academy: Add the academy each learner is registered in.
        with_teams: Add the teams each learner is a member of.
        dates: Only who registered from the first to the second moment, UTC. The page uses it in its introduction only;
            `LearnersRegisteredAt` is the described way.

    Answer:
        A list of `Learner`, empty when there is none.

    Raises:
        InvalidOptionError: ``dates`` is not two moments, the first before the second. Nothing was sent.
        ApiError: The academy refused.

    Doc: learners
    """

    spec: ClassVar = Spec(name="learners", effect=Effect.READS)

    email: str | None = None
    with_academy: bool | None = None
    with_teams: bool | None = None
    dates: Sequence[Day] | None = None

    def check(self) -> None:
        """Refuse an interval that is none."""
        check_interval(self, self.dates)


def check_interval(action: Action[object], dates: Sequence[Day] | None) -> None:
    """Refuse ``dates`` that are not two moments, the first before the second, as the page demands."""
    if dates is not None:
        texts = [str(each) for each in dates]
        if len(texts) != 2 or not texts[0] < texts[1]:  # noqa: PLR2004  # from and until
            raise action.refuse("dates", f"expected two moments, the first before the second, got {', '.join(texts)}")


@frozen(kw_only=True)
class LearnersWithScore(Action[list[Learner]]):
    """List the learners whose score compares with a given one.

    Args:
        score: Completed of available content over all courses, in percent.
        operator: How a learner's score compares with it; the server takes ``=`` when left out.

    Answer:
        A list of `Learner`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: learnersWithScore
    """

    spec: ClassVar = Spec(name="learnersWithScore", effect=Effect.READS)

    score: int
    operator: Operator | OperatorText | None = None


@frozen(kw_only=True)
class LearnersRegisteredAt(Action[list[Learner]]):
    """List the learners who registered on a day, or between two moments. Give ``date`` or ``dates``, not both.

    Args:
        date: Day the registration is compared with.
        operator: How it is compared with ``date``; the server takes ``=`` when left out.
        dates: From the first to the second moment. A day without a time goes out as it is, so write the last second of
            the last day: ``datetime(2017, 9, 27, 23, 59, 59)``.

    Answer:
        A list of `Learner`, empty when there is none.

    Raises:
        InvalidOptionError: Neither or both of ``date`` and ``dates``, ``operator`` without ``date``, or ``dates`` is
            not two moments, the first before the second. Nothing was sent.
        ApiError: The academy refused.

    Doc: learnersRegisteredAt
    """

    spec: ClassVar = Spec(name="learnersRegisteredAt", effect=Effect.READS)

    date: Day | None = None
    operator: Operator | OperatorText | None = None
    dates: Sequence[Day] | None = None

    def check(self) -> None:
        """Refuse what is not exactly one filter: the server would ignore ``date`` beside ``dates``."""
        if self.date is None and self.dates is None:
            raise self.refuse("date", "is required, or dates")
        if self.date is not None and self.dates is not None:
            raise self.refuse("dates", "give date or dates, not both")
        if self.date is None and self.operator is not None:
            raise self.refuse("operator", "goes with date only")
        check_interval(self, self.dates)
