"""Invitations to a private academy: made, looked at, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias

from attrs import field, frozen

from aoclient import options
from aoclient.action import Action, Effect, Spec
from aoclient.model import NO_EXTRA, Acknowledged, Id


class InviteeType(StrEnum):
    """What an invited person becomes."""

    LEARNER = "learner"
    MANAGER = "manager"


InviteeTypeText: TypeAlias = Literal["learner", "manager"]
"""The texts an `InviteeType` may be given as."""


@frozen(kw_only=True)
class Invitee:
    """A person to be invited.

    Args:
        email: Address the invitation is for.
        name: Full name.
        type: What the person becomes.
        teams: Ids of the teams the person joins; none when empty or left out.

    Raises:
        InvalidOptionError: An option has the wrong type or value.
    """

    email: str
    name: str
    type: InviteeType | InviteeTypeText
    teams: Sequence[Id] | None = field(default=None, metadata=options.MAY_BE_EMPTY)

    def __attrs_post_init__(self) -> None:
        options.normalize(self, "options[learners][]")


@frozen(kw_only=True, weakref_slot=False)
class InvitedCount:
    """What became of a list of invitations.

    Attributes:
        invited: Invitations made. Fewer than asked for where one could not be made or somebody was invited already.
        extra: What else the answer holds.
    """

    invited: int  # no default: a count that cannot be read must not look like "nobody"
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class InviteState:
    """Whether an address is invited.

    Attributes:
        is_found: Whether there is an invitation.
        is_used: Whether it was accepted; None where there is none.
        used_at: When it was accepted, UTC; None when it was not.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    is_found: bool | None = None
    is_used: bool | None = None
    used_at: datetime | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class InviteLearners(Action[InvitedCount]):
    """Invite people to a private academy.

    A repeat may mail people again and counts fewer invitations, so this is not repeated once it may have been executed.

    Args:
        learners: Whom to invite, at least one. A long list goes out in several requests.
        is_send_email: Also mail the invitations. The page calls it a "string True/False"; a flag goes out as 1 or 0,
            a text as it is, for a server that compares words.

    Answer:
        `InvitedCount`.

    Raises:
        OutcomeUnknownError: It may or may not have been executed; `CheckLearnerInvite` shows it.
        ApiError: The academy refused.

    Doc: inviteLearners
    """

    spec: ClassVar = Spec(
        name="inviteLearners", effect=Effect.ADDS, split=("learners",), look_with="checkLearnerInvite"
    )

    learners: Sequence[Invitee]
    is_send_email: bool | str | None = None


@frozen(kw_only=True)
class CheckLearnerInvite(Action[dict[str, InviteState]]):
    """Look whether addresses are invited and whether they accepted.

    Args:
        emails: Addresses to look at, at least one. A long list goes out in several requests.

    Answer:
        `InviteState` by address.

    Raises:
        ApiError: The academy refused.

    Doc: checkLearnerInvite
    """

    spec: ClassVar = Spec(name="checkLearnerInvite", effect=Effect.READS, split=("emails",))

    emails: Sequence[str]


@frozen(kw_only=True)
class DeleteLearnerInvite(Action[Acknowledged]):
    """Take back invitations that are not accepted yet.

    Args:
        emails: Addresses whose invitations go, at least one. A long list goes out in several requests.
        is_delete_users: Also delete the learners who have these addresses; then nothing is repeated once it may have
            been executed. The page calls it a "string True/False"; a flag goes out as 1 or 0, a text as it is, for a
            server that compares words.

    Answer:
        `Acknowledged`, mostly ``["done"]``.

    Raises:
        OutcomeUnknownError: With ``is_delete_users``: it may or may not have been executed; `Learners` shows who is
            left.
        ApiError: The academy refused.

    Doc: deleteLearnerInvite
    """

    spec: ClassVar = Spec(
        name="deleteLearnerInvite",
        effect=Effect.SETS,
        adds_with=("is_delete_users",),
        split=("emails",),
        look_with="learners",
        deletes_people=True,
    )

    emails: Sequence[str]
    is_delete_users: bool | str | None = None
