"""Variables of learners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.actions.variables import GetLearnerVariable, SetLessonVariables
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.records import Invite, Mail
from aoclient.model import Acknowledged, JsonValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aoclient.emulator.world import World


@answer.register(SetLessonVariables)
def _set(action: SetLessonVariables, turn: Turn) -> Acknowledged:
    world = turn.world
    turn.academy(action.academy_id)
    values = invited = 0
    for email, variables in action.records.items():
        key = email.lower()
        if world.find(email) is None and key not in world.invites:
            if not action.is_invite_learner_if_not_found:
                continue
            invited += world.entrance.invite(Invite(email))
            world.mails.append(Mail(email, "invitation"))
        held = world.variables.setdefault(key, {})
        for variable in variables:
            world.defaults.setdefault(variable.key, variable.default_value)
            held[variable.key] = variable.value
            values += 1
    turn.effect = f"{values} values set, {invited} invited"
    return Acknowledged(["done"])


@answer.register(GetLearnerVariable)
def _get(action: GetLearnerVariable, turn: Turn) -> dict[str, dict[str, JsonValue]]:
    return {email: _of_learner(turn.world, email, names) for email, names in action.records.items()}


def _of_learner(world: World, email: str, names: Sequence[str]) -> dict[str, JsonValue]:
    number = world.find(email)
    if number is None:
        return {}  # an invited person has variables, but no profile that shows them yet
    defaults: dict[str, JsonValue] = {**world.defaults, "department": world.learner(number).department}
    held: dict[str, JsonValue] = {**defaults, **world.variables.get(email.lower(), {})}
    return {name: held[name] for name in names if name in held}
