"""Variables of learners, which lessons show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import ClassVar, Literal, TypeAlias

from attrs import frozen

from aoclient import options
from aoclient.action import Action, Effect, Spec
from aoclient.errors import InvalidOptionError
from aoclient.model import Acknowledged, Id, JsonValue


class VariableType(IntEnum):
    """What a variable holds."""

    STRING = 0
    PARAGRAPH = 1
    NUMBER = 2
    HTML = 3
    MARKDOWN = 4


VariableTypeNumber: TypeAlias = Literal[0, 1, 2, 3, 4]
"""The numbers a `VariableType` may be given as."""


@frozen(kw_only=True)
class LessonVariable:
    """A variable to be set.

    Args:
        key: Name of the variable in snake case; the server makes a variable it does not know.
        value: What it is set to. Not blank: the server cannot set a variable to nothing. A number with a fraction goes
            as text, ``"1.5"``.
        type: What the variable holds, if it is made.
        default_value: What it holds for everybody else, if it is made; null on the server when left out.

    Raises:
        InvalidOptionError: An option has the wrong type or value.
    """

    key: str
    value: str | int
    type: VariableType | VariableTypeNumber | None = None
    default_value: str | int | None = None

    def __attrs_post_init__(self) -> None:
        options.normalize(self, _PATH)
        if not re.fullmatch(r"\w+", self.key):
            raise InvalidOptionError(
                f"expected letters, digits and underscores (snake_case), got {self.key!r}", path=f"{_PATH}[key]"
            )


_PATH = "options[records][][]"


@frozen(kw_only=True)
class SetLessonVariables(Action[Acknowledged]):
    """Set variables of learners; a variable that does not exist is made.

    Args:
        academy_id: Academy of the learners; see `Academies`.
        records: Variables by address of a learner, at least one each. A long map goes out in several requests.
        is_invite_learner_if_not_found: Also invite addresses that are not registered; they get their variables when
            they accept. Then nothing is repeated once it may have been executed.

    Answer:
        `Acknowledged`; the vendor does not describe the answer.

    Raises:
        OutcomeUnknownError: With ``is_invite_learner_if_not_found``: it may or may not have been executed;
            `CheckLearnerInvite` shows who is invited, `GetLearnerVariable` what the others have.
        ApiError: The academy refused.

    Doc: set/createLessonVariables
    """

    spec: ClassVar = Spec(
        name="setLessonVariables",
        effect=Effect.SETS,
        heading="set/createLessonVariables",
        adds_with=("is_invite_learner_if_not_found",),
        split=("records",),
        look_with="checkLearnerInvite",
    )

    academy_id: Id
    records: Mapping[str, Sequence[LessonVariable]]
    is_invite_learner_if_not_found: bool | None = None


@frozen(kw_only=True)
class GetLearnerVariable(Action[dict[str, dict[str, JsonValue]]]):
    """Show what variables of learners hold.

    Args:
        records: Names of variables by address of a learner, at least one each. A long map goes out in several requests.

    Answer:
        The value by name, by address: texts and numbers mostly, None where the vendor sends null. What the server does
        not find is left out.

    Raises:
        ApiError: The academy refused.

    Doc: getLearnerVariable
    """

    spec: ClassVar = Spec(name="getLearnerVariable", effect=Effect.READS, split=("records",))

    records: Mapping[str, Sequence[str]]
