"""Jobs that send calls about learners: what is known of each one beforehand tells whose answers may have changed."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from attrs import field, frozen

from aoclient import actions
from aoclient.export.jobs import Job, Part, texts_of
from aoclient.export.quizzes import all_quizzes
from aoclient.export.windows import all_learners
from aoclient.forms import MAX_PAIRS
from aoclient.model import Id
from aoclient.splitting import split

if TYPE_CHECKING:
    from aoclient.action import Action
    from aoclient.actions import Learner
    from aoclient.session import Session

T = TypeVar("T")

LEARNERS_PER_SHARD = 100
"""A kill loses the calls for at most so many learners of each shard under way."""

LEARNERS_PER_CALL = 20
"""Learners in one call for quiz statistics, whose answers are long."""

_ACTIVITY = (
    "last_login_at",
    "spent_time_in_academy",
    "lessons_opened",
    "lessons_completed",
    "courses_completed",
    "certificates_amount",
    "score",
)
"""What the list of learners tells of what each one did."""


@frozen
class Known:
    """A learner a job asks for.

    Attributes:
        email: Address.
        mark: Changes when the answers about the learner may have; an empty text where nothing tells.
        quizzes: Ids, for quiz statistics.
    """

    email: str
    mark: str = ""
    quizzes: Sequence[Id] = ()


@frozen(kw_only=True)
class PerLearner(Job):
    """A job whose shards are batches of learners."""

    scope = "email"
    tells: ClassVar[Sequence[str]] = _ACTIVITY
    """Fields of a learner that change when the answers of this job may have."""

    @abstractmethod
    def known(self, ao: Session) -> AsyncIterator[Known]:
        """Give the learners; may send actions to find out.

        Raises:
            AoError: They could not be found out.
        """

    @abstractmethod
    def calls(self, learners: Sequence[Known]) -> Sequence[Action[Any]]:  # Any: whatever they answer
        """Return what asks for some learners."""

    async def shards(self, ao: Session) -> AsyncIterator[Part]:
        """List a shard for each batch of learners."""
        number = 0
        async for batch in _batches(self.known(ao), LEARNERS_PER_SHARD):
            number += 1
            yield Part(key_of(number), self.calls(batch), {each.email: each.mark for each in batch})


def key_of(number: int) -> str:
    """Return the key of a batch of learners."""
    return f"learners/{number}"


@frozen(kw_only=True)
class _Emails(PerLearner):
    added = ("email",)

    emails: Sequence[str] | None = field(default=None, converter=texts_of)

    @abstractmethod
    def make(self, email: str) -> Action[Any]:  # Any: whatever it answers
        """Return the call for one learner."""

    async def known(self, ao: Session) -> AsyncIterator[Known]:
        """Give the learners."""
        if self.emails is None:
            async for learner in _everybody(ao):
                yield Known(learner.email, _mark(learner, self.tells))
        else:
            for email in filter(None, dict.fromkeys(self.emails)):
                yield Known(email)

    def calls(self, learners: Sequence[Known]) -> Sequence[Action[Any]]:
        """Return a call for each learner."""
        return [self.make(each.email) for each in learners]


@frozen(kw_only=True)
class CourseProgressJob(_Emails):
    """The progress of each learner in all courses, with each lesson and quiz: a call for each learner.

    Args:
        emails: Addresses of learners; all learners of the academy when None.
    """

    sends = actions.CourseProgress
    key = ("email", "course_id")

    def make(self, email: str) -> Action[Any]:  # Any: whatever it answers
        """Return the call for one learner."""
        return actions.CourseProgress(email=email)


@frozen(kw_only=True)
class CertificatesJob(_Emails):
    """The certificates of each learner: a call for each learner.

    Args:
        emails: Addresses of learners; all learners of the academy when None.
    """

    sends = actions.Certificates
    key = ("email",)
    is_row_per_key = False  # no column tells the certificates of a learner apart
    tells = ("certificates_amount", "courses_completed")

    def make(self, email: str) -> Action[Any]:  # Any: whatever it answers
        """Return the call for one learner."""
        return actions.Certificates(email=email)


def _copied(given: Mapping[str, Iterable[Id]] | None) -> Mapping[str, tuple[Id, ...]] | None:
    return None if given is None else {email: tuple(quizzes) for email, quizzes in given.items()}


@frozen(kw_only=True)
class QuizStatisticsJob(PerLearner):
    """How learners did in quizzes, question by question: a call for each 20 learners.

    Args:
        records: Ids of quizzes by address of a learner. None: all learners of the academy in all quizzes of the courses
            somebody started. The vendor has no list of quizzes; they are found through the progress of a few learners.
    """

    sends = actions.GetLearnersQuizStatistic
    key = ("email", "quiz_id")

    records: Mapping[str, Sequence[Id]] | None = field(default=None, converter=_copied)

    async def known(self, ao: Session) -> AsyncIterator[Known]:
        """Give the learners, each with their quizzes."""
        if self.records is not None:
            for email, some in self.records.items():
                yield Known(email, quizzes=some)
            return
        quizzes = await all_quizzes(ao)
        if quizzes:
            async for learner in _everybody(ao):
                yield Known(learner.email, _mark(learner, self.tells, *map(str, quizzes)), quizzes)

    def calls(self, learners: Sequence[Known]) -> Sequence[Action[Any]]:
        """Return a call for each 20 learners, or more where they have many quizzes."""
        batches = (learners[at : at + LEARNERS_PER_CALL] for at in range(0, len(learners), LEARNERS_PER_CALL))
        asked = ({each.email: each.quizzes for each in batch} for batch in batches)
        return [part for some in asked for part in split(actions.GetLearnersQuizStatistic(records=some), MAX_PAIRS)]


def _mark(learner: Learner, fields: Iterable[str], *further: str) -> str:
    """Return the mark of a learner: a hash over fields, an empty text where the vendor sent none of them."""
    values = [getattr(learner, name) for name in fields]
    if all(value is None for value in values):
        return ""
    return hashlib.sha256(repr([*map(str, values), *further]).encode()).hexdigest()[:16]


async def _everybody(ao: Session) -> AsyncIterator[Learner]:
    """Give each learner once; an answer may hold one without an address, or twice."""
    given: set[str] = set()
    async for learners in all_learners(ao):
        for learner in learners:
            if learner.email.strip() and learner.email not in given:
                given.add(learner.email)
                yield learner


async def _batches(items: AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
