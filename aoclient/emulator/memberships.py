"""Who is in which team, and what the teams can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aoclient.emulator.catalogue import CourseEntry, TeamEntry
    from aoclient.emulator.world import World


class Memberships:
    """The teams of learners, as far as they changed since the academy was made.

    Args:
        world: The academy.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._changed: dict[int, tuple[int, ...]] = {}

    def changed(self, number: int) -> tuple[int, ...] | None:
        """Return the teams of a learner if they changed, else None."""
        return self._changed.get(number)

    def forget(self, number: int) -> None:
        """Forget a learner."""
        self._changed.pop(number, None)

    def join(self, numbers: Iterable[int], teams: Sequence[int]) -> int:
        """Put learners into teams; return how many of them were not in all of them."""
        before = {number: self._world.learner(number).teams for number in numbers}
        changed = {number: held for number, held in before.items() if not set(teams) <= set(held)}
        for number, held in changed.items():
            self._changed[number] = tuple(sorted({*held, *teams}))
        self.announce(changed, teams)
        return len(changed)

    def announce(self, before: Mapping[int, Sequence[int]], teams: Iterable[int]) -> None:
        """Announce who is new in which team, and which courses this brings."""
        gained: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        held = {number: {*those} for number, those in before.items()}
        for team in dict.fromkeys(teams):
            new = [number for number, has in held.items() if team not in has]
            self._world.announcer.joined(team, new)
            taught = self._world.catalogue.teams[team - 1].courses
            for number in new:
                known = self._taught(held[number])
                gained.setdefault((team, tuple(each for each in taught if each not in known)), []).append(number)
                held[number].add(team)
        self._world.announcer.available(gained)

    def leave(self, number: int, teams: Sequence[int]) -> bool:
        """Take a learner out of teams; tell whether that changed anything."""
        before = self._world.learner(number).teams
        after = tuple(each for each in before if each not in teams)
        if after == before:
            return False
        self._changed[number] = after
        if not after:
            self._world.announcer.joined(None, [number])
        return True

    def give_course(self, team: TeamEntry, course: CourseEntry) -> bool:
        """Let a team take a course; tell whether it could not before. Looks at every learner."""
        if course.number in team.courses:
            return False
        held = {number: self._world.learner(number).teams for number in self._world.everyone}
        new = [number for number, has in held.items() if team.number in has and course.number not in self._taught(has)]
        self._world.catalogue.give(team, course)
        self._world.announcer.available({(team.number, (course.number,)): new})
        return True

    def _taught(self, teams: Iterable[int]) -> set[int]:
        return {course for each in teams for course in self._world.catalogue.teams[each - 1].courses}
