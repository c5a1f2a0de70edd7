"""Teams, and who is in them."""

from __future__ import annotations

from aoclient.actions.learners import Named
from aoclient.actions.teams import AddLearnersToTeams, GetTeams, RemoveLearnersFromTeams, Team
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.records import Invite, Mail
from aoclient.model import Acknowledged


@answer.register(GetTeams)
def _teams(action: GetTeams, turn: Turn) -> list[Team]:
    catalogue = turn.world.catalogue

    def courses(numbers: tuple[int, ...]) -> list[Named]:
        return [Named(id=number, name=catalogue.courses[number - 1].name) for number in numbers]

    return [
        Team(id=team.id, name=team.name, courses=None if action.records is None else courses(team.courses))
        for team in catalogue.teams
    ]


@answer.register(AddLearnersToTeams)
def _add(action: AddLearnersToTeams, turn: Turn) -> Acknowledged:
    world = turn.world
    teams = [world.team(str(each)).number for each in action.teams]
    joining: list[int] = []
    invited = 0
    for email in action.learners:
        number = world.find(email)
        invite = world.invites.get(email.lower())
        if number is not None:
            joining.append(number)
        elif invite is not None:
            invite.teams = sorted({*invite.teams, *teams})
        elif action.send_invites:
            invited += world.entrance.invite(Invite(email, teams=list(teams)))
            world.mails.append(Mail(email, "invitation"))
    turn.effect = f"{world.memberships.join(joining, teams)} added, {invited} invited"
    return Acknowledged(["done"])


@answer.register(RemoveLearnersFromTeams)
def _remove(action: RemoveLearnersFromTeams, turn: Turn) -> Acknowledged:
    world = turn.world
    removals = [(each.email, [world.team(str(team)).number for team in each.teams]) for each in action.learners]
    removed = 0
    for email, teams in removals:
        number = world.find(email)
        invite = world.invites.get(email.lower())
        if number is not None:
            removed += world.memberships.leave(number, teams)
        elif invite is not None:
            invite.teams = [each for each in invite.teams if each not in teams]
    turn.effect = f"{removed} removed"
    return Acknowledged(["done"])
