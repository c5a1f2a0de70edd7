"""Access taken away and given back, learners deleted."""

from __future__ import annotations

from aoclient.actions.access import DeletedCount, DeleteLearners, ReturnLearnersAccess, RevokeLearnersAccess
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.model import Acknowledged


@answer.register(RevokeLearnersAccess)
def _revoke(action: RevokeLearnersAccess, turn: Turn) -> Acknowledged:
    blocked = turn.world.blocked
    found = {number for number in map(turn.world.find, action.learners) if number is not None}
    turn.effect = f"{len(found - blocked)} revoked"
    blocked |= found
    return Acknowledged(["done"])


@answer.register(ReturnLearnersAccess)
def _return(action: ReturnLearnersAccess, turn: Turn) -> Acknowledged:
    blocked = turn.world.blocked
    found = {number for number in map(turn.world.find, action.learners) if number in blocked}
    turn.effect = f"{len(found)} returned"
    blocked -= found
    return Acknowledged(["done"])


@answer.register(DeleteLearners)
def _delete(action: DeleteLearners, turn: Turn) -> DeletedCount:
    world = turn.world
    found = [*map(world.find, action.emails or ()), *(world.find_id(str(each)) for each in action.ids or ())]
    numbers = {number for number in found if number is not None}
    for number in numbers:
        world.delete(number)
    turn.effect = f"{len(numbers)} deleted{' for good' if action.is_permanently_delete else ''}"
    return DeletedCount(deleted=len(numbers))
