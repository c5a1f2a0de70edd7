"""The state a test begins with, said in one place: who is there, and who is only invited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from aoclient.emulator.records import Invite, Refusal

if TYPE_CHECKING:
    from aoclient.emulator.academy import Emulator
    from aoclient.emulator.world import World


@frozen
class Registered:
    """A learner.

    Args:
        email: Address, not in use yet.
        name: Full name.
        teams: Names or ids of teams.
        started: Names, slugs or ids of courses of which the first content is open.
        finished: The same of courses that are passed.
        variables: What their variables hold, by name.
        is_revoked: Access is taken away.
    """

    email: str
    name: str = field(default="", kw_only=True)
    teams: Sequence[str] = field(default=(), kw_only=True)
    started: Sequence[str] = field(default=(), kw_only=True)
    finished: Sequence[str] = field(default=(), kw_only=True)
    variables: Mapping[str, str | int] = field(factory=dict[str, "str | int"], kw_only=True)
    is_revoked: bool = field(default=False, kw_only=True)

    def enter(self, emulator: Emulator) -> None:
        """Come into an academy.

        Raises:
            Refusal: The academy says no.
        """
        world = emulator.world
        courses = [_course(world, each) for each in (*self.started, *self.finished)]
        first_name, _, last_name = self.name.partition(" ")
        pupil = emulator.sign_up(
            self.email, first_name=first_name, last_name=last_name, teams=[_team(world, each) for each in self.teams]
        )
        for index, course in enumerate(courses):
            if index < len(self.started):
                pupil.start_course(course)
            else:
                pupil.finish_course(course)
        if self.variables:
            world.variables[self.email.lower()] = dict(self.variables)
        if self.is_revoked:
            world.blocked.add(pupil.person.number)


@frozen
class Invited:
    """Somebody who is invited and has not come yet.

    Args:
        email: Address, neither invited nor registered yet.
        name: Full name.
        type: What they become.
        teams: Names or ids of teams they will join.
    """

    email: str
    name: str = field(default="", kw_only=True)
    type: Literal["learner", "manager"] = field(default="learner", kw_only=True)
    teams: Sequence[str] = field(default=(), kw_only=True)

    def enter(self, emulator: Emulator) -> None:
        """Be invited into an academy.

        Raises:
            Refusal: The academy says no.
        """
        world = emulator.world
        teams = [world.team(_team(world, each)).number for each in self.teams]
        if not world.entrance.invite(Invite(self.email, self.name, self.type, teams)):
            raise Refusal(f"{self.email} is invited or registered already")


def _team(world: World, name: str) -> str:
    teams = world.catalogue.teams
    for each in teams:
        if name in (each.id, each.name):
            return each.id
    raise Refusal(f"there is no team {name!r}, only {', '.join(each.name for each in teams)}")


def _course(world: World, name: str) -> str:
    courses = world.catalogue.courses
    for each in courses:
        if name in (each.id, each.slug, each.name):
            return each.id
    raise Refusal(f"there is no course {name!r}, only {', '.join(each.name for each in courses)}")
