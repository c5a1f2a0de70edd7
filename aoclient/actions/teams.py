"""Teams, and who is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias

from attrs import field, frozen

from aoclient import options
from aoclient.action import Action, Effect, Spec
from aoclient.actions.learners import Named
from aoclient.model import NO_EXTRA, Acknowledged, Id, wire


class TeamRecords(StrEnum):
    """What `GetTeams` can add to each team."""

    COURSE = "course"


TeamRecordsText: TypeAlias = Literal["course"]
"""The text a `TeamRecords` may be given as."""


@frozen(kw_only=True, weakref_slot=False)
class Team:
    """A team.

    Attributes:
        id: Opaque id; an empty text where the answer has none.
        name: As people see it.
        courses: Courses the team can take; only with ``records="course"``. Their ids are whole numbers.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    id: Id = ""
    name: str | None = None
    courses: list[Named] | None = field(default=None, metadata=wire("courses", "Courses", only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class TeamRemoval:
    """A learner, or an invited person, to be taken out of teams.

    Args:
        email: Address of the learner.
        teams: Ids of the teams the learner leaves, at least one.

    Raises:
        InvalidOptionError: An option has the wrong type or value.
    """

    email: str
    teams: Sequence[Id]

    def __attrs_post_init__(self) -> None:
        options.normalize(self, "options[learners][]")


@frozen(kw_only=True)
class GetTeams(Action[list[Team]]):
    """List the teams of the academy.

    Args:
        records: ``course`` adds the courses each team can take.

    Answer:
        A list of `Team`, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: getTeams
    """

    spec: ClassVar = Spec(name="getTeams", effect=Effect.READS, is_lasting=True)

    records: TeamRecords | TeamRecordsText | None = None


@frozen(kw_only=True)
class AddLearnersToTeams(Action[Acknowledged]):
    """Put each of the learners into each of the teams.

    Args:
        teams: Ids of the teams, at least one.
        learners: Addresses, at least one. A long list goes out in several requests.
        send_invites: Also invite addresses that are not registered; then nothing is repeated once it may have been
            executed.

    Answer:
        `Acknowledged`; the vendor does not describe the answer.

    Raises:
        OutcomeUnknownError: With ``send_invites``: it may or may not have been executed; `CheckLearnerInvite` shows who
            is invited.
        ApiError: The academy refused.

    Doc: addLearnersToTeams
    """

    spec: ClassVar = Spec(
        name="addLearnersToTeams",
        effect=Effect.SETS,
        adds_with=("send_invites",),
        split=("learners",),
        look_with="checkLearnerInvite",
    )

    teams: Sequence[Id]
    learners: Sequence[str]
    send_invites: bool | None = None


@frozen(kw_only=True)
class RemoveLearnersFromTeams(Action[Acknowledged]):
    """Take learners out of teams, each out of teams of their own.

    Args:
        learners: Who leaves which teams, at least one. A long list goes out in several requests.

    Answer:
        `Acknowledged`; the vendor does not describe the answer.

    Raises:
        ApiError: The academy refused.

    Doc: removeLearnersFromTeams
    """

    spec: ClassVar = Spec(name="removeLearnersFromTeams", effect=Effect.SETS, split=("learners",), look_with="learners")

    learners: Sequence[TeamRemoval]
