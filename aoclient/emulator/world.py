"""The state of an academy: a made population that costs nothing until it is looked at, and what was changed since."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from attrs import evolve

from aoclient.emulator import people
from aoclient.emulator.announcer import Announcer
from aoclient.emulator.calendar import Calendar
from aoclient.emulator.catalogue import Catalogue, CourseEntry, TeamEntry
from aoclient.emulator.entrance import Entrance
from aoclient.emulator.ids import Ids
from aoclient.emulator.memberships import Memberships
from aoclient.emulator.people import Person
from aoclient.emulator.progress import Progress
from aoclient.emulator.records import Mail, Refusal
from aoclient.emulator.roster import BLOCK, Roster

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from aoclient.emulator.standing import Standing


class World:
    """One academy.

    Args:
        learners: Learners it is made with; each one is made when it is looked at.
        courses: Courses it teaches.
        teams: Teams it has.
        seed: The same seed makes the same academy.
        clock: Returns unix seconds.

    Attributes:
        calendar: What time it is here.
        announcer: Tells of what happens.
        base_url: Where links point, with no slash at the end.
        progress: Who is how far in what.
        memberships: Who is in which team.
        entrance: Invitations and login links.
    """

    def __init__(self, *, learners: int, courses: int, teams: int, seed: int, clock: Callable[[], float]) -> None:
        self.population = learners
        self.seed = seed
        self.calendar = Calendar(clock)
        self.base_url = ""
        self.catalogue = Catalogue(courses=courses, teams=teams, seed=seed)
        self.academy_id = Ids(seed, "academy").of(1)
        self.entrance = Entrance(self, seed)
        self.invites = self.entrance.invites
        self.links = self.entrance.links
        self.memberships = Memberships(self)
        self.mails: list[Mail] = []
        self.blocked: set[int] = set()
        self.variables: dict[str, dict[str, str | int]] = {}
        self.defaults: dict[str, str | int | None] = {"department": None}
        self._log_ins: dict[int, list[int]] = {}
        self._newcomers: dict[int, Person] = {}
        self._numbers: dict[str, int] = {}
        self._removed: list[int] = []
        self._is_removed: set[int] = set()
        self._next_number = learners + 1
        self._learner_ids = Ids(seed, "learner")

        self.announcer = Announcer(self, seed)
        self.progress = Progress(
            self.catalogue, population=learners, seed=seed, removed=self._removed, newcomers=self._newcomers
        )
        self.started = self.progress.started
        self.completed = self.progress.completed
        self.passive = self.progress.passive
        self.everyone = self._roster(0, range(BLOCK), self._newcomer_numbers)
        self.repeated = self._roster(
            people.LOG_INS, [each for each in range(BLOCK) if each not in people.ONCE_PLACES], self._came_again
        )
        self.countries = {
            iso: self._roster(people.COUNTRY, [at for at, each in enumerate(people.COUNTRIES) if each[0] == iso])
            for iso, _, _ in people.COUNTRIES
        }

    def _roster(
        self, salt: int, places: Collection[int], newcomers: Callable[[], Sequence[int]] = tuple[int]
    ) -> Roster:
        return Roster(
            seed=self.seed,
            salt=salt,
            places=places,
            population=self.population,
            removed=self._removed,
            newcomers=newcomers,
        )

    def _newcomer_numbers(self) -> Sequence[int]:
        return list(self._newcomers)

    def _came_again(self) -> Sequence[int]:
        return sorted(number for number in self._log_ins if self._joined_repeated(number))

    def _joined_repeated(self, number: int) -> bool:
        before = self._made(number).log_ins
        return before <= 1 < before + len(self._log_ins[number])

    @property
    def now(self) -> int:
        """Unix seconds."""
        return self.calendar.now

    # --- looking ---

    @property
    def last_number(self) -> int:
        """The highest number a learner ever had."""
        return self._next_number - 1

    def has(self, number: int) -> bool:
        """Tell whether a number, from 1 to the last one, is one of a learner who was not deleted."""
        return number not in self._is_removed

    def find(self, email: str) -> int | None:
        """Return the number of the learner with an address, or None."""
        key = email.lower()
        if key in self._numbers:
            return self._numbers[key]
        found = _MADE_EMAIL.fullmatch(key)
        number = int(found[1]) if found else 0
        return number if 1 <= number <= self.population and number not in self._is_removed else None

    def find_id(self, learner_id: str) -> int | None:
        """Return the number of the learner with an id, or None."""
        number = self._learner_ids.number(learner_id, self._next_number - 1)
        return None if number is None or number in self._is_removed else number

    def learner_id(self, number: int) -> str:
        """Return the id of a learner."""
        return self._learner_ids.of(number)

    def learner(self, number: int) -> Person:
        """Return a learner as they are now."""
        made = self._made(number)
        log_ins = self._log_ins.get(number)
        if log_ins:
            made = evolve(made, log_ins=made.log_ins + len(log_ins), last_login_at=log_ins[-1])
        teams = self.memberships.changed(number)
        return made if teams is None else evolve(made, teams=teams)

    def _made(self, number: int) -> Person:
        if number > self.population:
            return self._newcomers[number]
        return people.person(number, self.population, len(self.catalogue.teams), self.seed)

    def standing(self, learner: Person, course: CourseEntry) -> Standing | None:
        """Return how far a learner is in a course, or None when they did not start it."""
        return self.progress.standing(learner, course)

    def standings(self, learner: Person) -> list[Standing]:
        """Return how far a learner is in each course they started."""
        return self.progress.standings(learner)

    def registered_between(self, first: float, last: float) -> Iterator[int]:
        """Return the numbers of the learners who registered from one moment to the other, both included."""

        def registered(number: int) -> int:
            return people.registered_at(number, self.population, self.seed)

        made = range(1, self.population + 1)
        start = bisect_left(made, first, key=registered)
        for number in made[start:]:
            if registered(number) > last:
                break
            if number not in self._is_removed:
                yield number
        yield from (each.number for each in self._newcomers.values() if first <= each.registered_at <= last)

    def attempts(self, email: str, quiz_id: str) -> int:
        """Return how many further attempts at a quiz a learner was given."""
        number = self.find(email)
        return 0 if number is None else self.progress.given(number, quiz_id)

    # --- changing ---

    def team(self, team_id: str) -> TeamEntry:
        """Return a team.

        Raises:
            Refusal: There is none.
        """
        found = self.catalogue.team(team_id)
        if found is None:
            raise Refusal("Team not found")
        return found

    def delete(self, number: int) -> None:
        """Delete a learner and all that belongs to them."""
        email = self._made(number).email.lower()
        self._numbers.pop(email, None)
        self._newcomers.pop(number, None)
        self.invites.pop(email, None)
        self.variables.pop(email, None)
        self.memberships.forget(number)
        self._log_ins.pop(number, None)
        self.blocked.discard(number)
        self.progress.delete(number)
        self._is_removed.add(number)
        self._removed.append(number)

    def register(self, email: str, first_name: str, last_name: str, teams: Sequence[int] = ()) -> Person:
        """Make a learner, who also joins the teams of an invitation.

        Raises:
            Refusal: The address is one of a learner already.
        """
        if self.find(email) is not None:
            raise Refusal("Learner is registered already")
        invite = self.invites.get(email.lower())
        if invite is not None:
            invite.used_at = self.now
            teams = (*teams, *invite.teams)
        newcomer = Person(
            number=self._next_number,
            email=email,
            first_name=first_name,
            last_name=last_name,
            registered_at=self.now,
            teams=tuple(sorted({*teams})),
        )
        self._next_number += 1
        self._newcomers[newcomer.number] = newcomer
        self._numbers[email.lower()] = newcomer.number
        self.announcer.signed_up(newcomer.number)
        if newcomer.teams:
            self.memberships.announce({newcomer.number: ()}, newcomer.teams)
        else:
            self.announcer.joined(None, [newcomer.number])
        return newcomer

    def log_in(self, number: int) -> None:
        """Note that a learner logged in."""
        self._log_ins.setdefault(number, []).append(self.now)


_MADE_EMAIL = re.compile(r"learner([1-9]\d*)@example\.com", re.ASCII)
