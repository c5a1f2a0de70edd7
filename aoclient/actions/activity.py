"""How present the learners are: who logs in again, and who registered and did nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from aoclient.action import Action, Effect, Spec
from aoclient.actions.learners import Learner
from aoclient.model import NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class LearnerLogIns(Learner):
    """A `Learner` and how often they logged in.

    Attributes:
        log_ins_amount: Times the learner logged in.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    log_ins_amount: int | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class PassiveLearner:
    """A learner who opened no lesson.

    Attributes:
        email: Identifies the learner; an empty text where the answer has none.
        name: Full name.
        registered_at: UTC.
        company: Link to the learner's company.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    email: str = ""
    name: str | None = None
    registered_at: datetime | None = None
    company: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class LearnersRepeatedLogIns(Action[list[LearnerLogIns]]):
    """List the learners who logged in more than once.

    Answer:
        A list of `LearnerLogIns`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: learnersRepeatedLogIns
    """

    spec: ClassVar = Spec(name="learnersRepeatedLogIns", effect=Effect.READS)


@frozen(kw_only=True)
class PassiveLearners(Action[list[PassiveLearner]]):
    """List the learners who registered and then opened no lesson.

    Answer:
        A list of `PassiveLearner`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: passiveLearners
    """

    spec: ClassVar = Spec(name="passiveLearners", effect=Effect.READS)
