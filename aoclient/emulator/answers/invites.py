"""Invitations: made, looked at, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.actions.invites import CheckLearnerInvite, DeleteLearnerInvite, InvitedCount, InviteLearners, InviteState
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.answers.learners import moment
from aoclient.emulator.records import Invite, Mail
from aoclient.model import Acknowledged

if TYPE_CHECKING:
    from aoclient.emulator.world import World


def is_set(flag: bool | str | None) -> bool:
    """Tell whether a flag is on that may also come as a word."""
    return flag is True or (isinstance(flag, str) and flag.lower() == "true")


@answer.register(InviteLearners)
def _invite(action: InviteLearners, turn: Turn) -> InvitedCount:
    world = turn.world
    invites = [
        Invite(
            each.email,
            name=each.name,
            type=str(each.type),
            teams=[world.team(str(team_id)).number for team_id in each.teams or ()],
        )
        for each in action.learners
    ]
    invited = sum(world.entrance.invite(each) for each in invites)
    if is_set(action.is_send_email):
        world.mails += [Mail(each.email, "invitation") for each in invites]
    turn.effect = f"{invited} invited"
    return InvitedCount(invited=invited)


@answer.register(CheckLearnerInvite)
def _check(action: CheckLearnerInvite, turn: Turn) -> dict[str, InviteState]:
    return {email: _state(turn.world, email) for email in action.emails}


def _state(world: World, email: str) -> InviteState:
    invite = world.invites.get(email.lower())
    number = world.find(email)
    used_at: int | None = None
    if invite is not None:
        used_at = invite.used_at
    elif number is not None and number <= world.population:
        used_at = world.learner(number).registered_at  # whom the academy was made with was invited before
    else:
        return InviteState(is_found=False)
    return InviteState(is_found=True, is_used=used_at is not None, used_at=None if used_at is None else moment(used_at))


@answer.register(DeleteLearnerInvite)
def _delete(action: DeleteLearnerInvite, turn: Turn) -> Acknowledged:
    world = turn.world
    invites = learners = 0
    for email in action.emails:
        number = world.find(email)
        invite = world.invites.get(email.lower())
        if invite is not None and invite.used_at is None:
            del world.invites[email.lower()]
            world.variables.pop(email.lower(), None)
            invites += 1
        elif number is not None and is_set(action.is_delete_users):
            world.delete(number)
            learners += 1
    turn.effect = f"{invites} invites deleted, {learners} learners deleted"
    return Acknowledged(["done"])
