"""Quizzes: what learners answered, and further attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from attrs import field, frozen

from aoclient.action import Action, Effect, Spec
from aoclient.model import NO_EXTRA, Acknowledged, Clock, Id, wire


@frozen(kw_only=True, weakref_slot=False)
class QuizAnswer:
    """An answer to a question.

    Attributes:
        answer: Text that was chosen or written.
        is_right: Whether it is correct.
        is_has_image: Whether it has an image.
        image_url: Link to the image; an empty text where there is none.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    answer: str | None = None
    is_right: bool | None = None
    is_has_image: bool | None = field(default=None, metadata=wire("isHasImage"))
    image_url: str | None = field(default=None, metadata=wire("imageUrl"))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class QuizAnswers:
    """The answers of one learner to one question.

    Attributes:
        selected: Those the learner chose, wrote or uploaded.
        missed: Those the learner missed.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    selected: list[QuizAnswer] = field(factory=list[QuizAnswer])
    missed: list[QuizAnswer] = field(factory=list[QuizAnswer])
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class QuizQuestion:
    """A question and how one learner did on it.

    Attributes:
        id: Opaque id; an empty text where the answer has none.
        name: Text of the question.
        number: Place in the quiz, from 1.
        type: Kind of question, ``checkbox``.
        is_has_image: Whether it had an image when the quiz was taken.
        image_url: Link to the image; an empty text where there is none.
        is_passed: Whether the learner answered correctly.
        is_expired: Whether the timer ran out on this question.
        checker_comment: What the person who graded wrote about it.
        time_spent: Time the learner spent on it.
        answers: What the learner answered.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    id: Id = ""
    name: str | None = None
    number: int | None = None
    type: str | None = None
    is_has_image: bool | None = field(default=None, metadata=wire("isHasImage"))
    image_url: str | None = field(default=None, metadata=wire("imageUrl"))
    is_passed: bool | None = None
    is_expired: bool | None = field(default=None, metadata=wire("isExpired"))
    checker_comment: str | None = field(default=None, metadata=wire("checkerComment"))
    time_spent: timedelta | None = None
    answers: QuizAnswers = field(factory=QuizAnswers)
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class QuizStatistic:
    """How one learner did in one quiz.

    Attributes:
        name: Name of the quiz.
        score: Points the learner got.
        passing_score: Points that pass the quiz.
        is_passed: Whether the learner passed.
        spent_time: Time the learner spent on the quiz.
        spent_time_seconds: The same in seconds.
        passed_at: When the learner passed, UTC, to the minute; None when they did not.
        is_timer_on: Whether the time was limited when the quiz was taken.
        is_expired: Of the timer, as the vendor sends it. The page says "whether or not the learner finished in time".
        is_manual_approve_on: Whether somebody checked the answers by hand.
        global_comment: What the person who graded wrote about the whole; None where there is nothing.
        pass_percent: How much of the quiz is passed, in percent.
        questions: Each question.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    name: str | None = None
    score: float | None = None
    passing_score: float | None = None
    is_passed: bool | None = None
    spent_time: timedelta | None = None
    spent_time_seconds: int | None = None
    passed_at: datetime | None = field(default=None, metadata=wire("pass_date", "pass_time", clock=Clock.PADDED))
    is_timer_on: bool | None = field(default=None, metadata=wire("is_timer_on", "is_time_on"))
    is_expired: bool | None = None
    is_manual_approve_on: bool | None = None
    global_comment: str | None = field(default=None, metadata=wire("globalComment"))
    pass_percent: float | None = None
    questions: list[QuizQuestion] = field(factory=list[QuizQuestion])
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class GetLearnersQuizStatistic(Action[dict[str, dict[str, QuizStatistic]]]):
    """Show how learners did in quizzes, question by question.

    Args:
        records: Ids of quizzes by address of a learner, at least one each. A long map goes out in several requests.

    Answer:
        `QuizStatistic` by quiz id, by address. What the server does not find is left out.

    Raises:
        ApiError: The academy refused.

    Doc: getLearnersQuizStatistic
    """

    spec: ClassVar = Spec(name="getLearnersQuizStatistic", effect=Effect.READS, split=("records",))

    records: Mapping[str, Sequence[Id]]


@frozen(kw_only=True)
class AddLearnerQuizAttempts(Action[Acknowledged]):
    """Give a learner one more attempt at a quiz.

    Each call adds one, so it is not repeated once it may have been executed. No action shows how many attempts are
    left.

    Args:
        quiz_id: Id of the quiz, from its settings.
        email: Address of the learner.

    Answer:
        `Acknowledged`; the vendor does not describe the answer.

    Raises:
        OutcomeUnknownError: It may or may not have been executed.
        ApiError: The academy refused.

    Doc: addLearnerQuizAttempts
    """

    spec: ClassVar = Spec(name="addLearnerQuizAttempts", effect=Effect.ADDS)

    quiz_id: Id
    email: str
