"""The state of an academy: a made population that costs nothing until it is looked at, and what was changed since."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from aoclient.emulator import people
from aoclient.emulator.catalogue import Catalogue, CourseEntry, TeamEntry
from aoclient.emulator.ids import Ids
from aoclient.emulator.people import Person, Standing
from aoclient.emulator.roster import BLOCK, Roster

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence


class Refusal(Exception):  # noqa: N818  # an answer of the academy, not a fault of the emulator
    """The academy says no; the text is what it says."""


@define(eq=False)
class Invite:
    """An invitation. Times are unix seconds.

    Attributes:
        email: Whom it is for.
        name: Full name, empty where none was given.
        type: ``learner`` or ``manager``.
        teams: Numbers of the teams that will be joined.
        used_at: When it was accepted, or None.
    """

    email: str
    name: str = ""
    type: str = "learner"
    teams: list[int] = field(factory=list[int])
    used_at: int | None = None


@define(eq=False)
class LoginLink:
    """A link that logs one learner in, once.

    Attributes:
        email: Whom it logs in.
        first_name: For a learner who is not registered yet.
        last_name: For a learner who is not registered yet.
        teams: Numbers of the teams that are joined.
        target: Path it leads to.
        is_used: Whether it was opened.
    """

    email: str
    first_name: str
    last_name: str
    teams: tuple[int, ...]
    target: str
    is_used: bool = False


@frozen
class Mail:
    """A mail the academy would have sent: to whom, and what it is."""

    to: str
    what: str


class World:
    """One academy.

    Args:
        learners: Learners it is made with; each one is made when it is looked at.
        courses: Courses it teaches.
        teams: Teams it has.
        seed: The same seed makes the same academy.
        clock: Returns unix seconds.
    """

    def __init__(self, *, learners: int, courses: int, teams: int, seed: int, clock: Callable[[], float]) -> None:
        self.population = learners
        self.seed = seed
        self.clock = clock
        self.catalogue = Catalogue(courses=courses, teams=teams, seed=seed)
        self.academy_id = Ids(seed, "academy").of(1)
        self.invites: dict[str, Invite] = {}
        self.links: dict[str, LoginLink] = {}
        self.mails: list[Mail] = []
        self.blocked: set[int] = set()
        self.variables: dict[str, dict[str, str | int]] = {}
        self.defaults: dict[str, str | int | None] = {"department": None}
        self._attempts: dict[int, dict[str, int]] = {}
        self._log_ins: dict[int, list[int]] = {}
        self._memberships: dict[int, tuple[int, ...]] = {}
        self._newcomers: dict[int, Person] = {}
        self._numbers: dict[str, int] = {}
        self._removed: list[int] = []
        self._is_removed: set[int] = set()
        self._next_number = learners + 1
        self._learner_ids = Ids(seed, "learner")
        self._link_ids = Ids(seed, "link")

        busy = frozenset[int]().union(*(course.started for course in self.catalogue.courses))
        self.everyone = self._roster(0, range(BLOCK), self._newcomer_numbers)
        self.passive = self._roster(
            people.KEEN, [each for each in range(BLOCK) if each not in busy], self._newcomer_numbers
        )
        self.repeated = self._roster(
            people.LOG_INS, [each for each in range(BLOCK) if each not in people.ONCE_PLACES], self._came_again
        )
        self.started = [self._roster(people.KEEN, course.started) for course in self.catalogue.courses]
        self.completed = [self._roster(people.KEEN, course.completed) for course in self.catalogue.courses]
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
        return int(self.clock())

    # --- looking ---

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
        teams = self._memberships.get(number)
        return made if teams is None else evolve(made, teams=teams)

    def _made(self, number: int) -> Person:
        if number > self.population:
            return self._newcomers[number]
        return people.person(number, self.population, len(self.catalogue.teams), self.seed)

    def standing(self, learner: Person, course: CourseEntry) -> Standing | None:
        """Return how far a learner is in a course, or None when they did not start it."""
        return None if learner.number > self.population else people.standing(learner, course, self.seed)

    def standings(self, learner: Person) -> list[Standing]:
        """Return how far a learner is in each course they started."""
        if learner.number > self.population:
            return []
        return list(people.standings(learner, self.catalogue, self.seed))

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
        return 0 if number is None else self._attempts.get(number, {}).get(quiz_id, 0)

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

    def join(self, number: int, teams: Sequence[int]) -> bool:
        """Put a learner into teams; tell whether that changed anything."""
        return self._set_teams(number, tuple(sorted({*self.learner(number).teams, *teams})))

    def leave(self, number: int, teams: Sequence[int]) -> bool:
        """Take a learner out of teams; tell whether that changed anything."""
        return self._set_teams(number, tuple(each for each in self.learner(number).teams if each not in teams))

    def _set_teams(self, number: int, teams: tuple[int, ...]) -> bool:
        changed = teams != self.learner(number).teams
        if changed:
            self._memberships[number] = teams
        return changed

    def add_attempt(self, number: int, quiz_id: str) -> int:
        """Give a learner one more attempt at a quiz and return how many they were given."""
        given = self._attempts.setdefault(number, {})
        given[quiz_id] = given.get(quiz_id, 0) + 1
        return given[quiz_id]

    def delete(self, number: int) -> None:
        """Delete a learner and all that belongs to them."""
        email = self._made(number).email.lower()
        self._numbers.pop(email, None)
        self._newcomers.pop(number, None)
        self.invites.pop(email, None)
        self.variables.pop(email, None)
        self._memberships.pop(number, None)
        self._log_ins.pop(number, None)
        self.blocked.discard(number)
        self._attempts.pop(number, None)
        self._is_removed.add(number)
        self._removed.append(number)

    def invite(self, invite: Invite) -> bool:
        """Keep an invitation, unless the address is invited or registered already; tell whether it was kept."""
        key = invite.email.lower()
        if key in self.invites or self.find(key) is not None:
            return False
        self.invites[key] = invite
        return True

    def accept(self, email: str) -> Person:
        """Accept the invitation of an address and return the learner it becomes.

        Raises:
            Refusal: There is no invitation, or it was accepted already.
        """
        invite = self.invites.get(email.lower())
        if invite is None:
            raise Refusal("Invite not found")
        if invite.used_at is not None:
            raise Refusal("Invite is used already")
        first, _, last = invite.name.partition(" ")
        return self._register(invite.email, first, last, tuple(invite.teams))

    def _register(self, email: str, first_name: str, last_name: str, teams: tuple[int, ...]) -> Person:
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
        return newcomer

    def add_link(self, link: LoginLink) -> str:
        """Keep a login link and return its token."""
        token = self._link_ids.of(len(self.links) + 1)
        self.links[token] = link
        return token

    def open_link(self, token: str) -> LoginLink | None:
        """Log in with the token of a link, which registers a learner who is not yet; None for a token there is not.

        Raises:
            Refusal: The link was used already, or the learner may not enter.
        """
        link = self.links.get(token)
        if link is None:
            return None
        if link.is_used:
            raise Refusal("This link was used already")
        number = self.find(link.email)
        if number in self.blocked:
            raise Refusal("Access is revoked")
        if number is None:
            number = self._register(link.email, link.first_name, link.last_name, link.teams).number
        else:
            self.join(number, link.teams)
        link.is_used = True
        self._log_ins.setdefault(number, []).append(self.now)
        return link


_MADE_EMAIL = re.compile(r"learner([1-9]\d*)@example\.com", re.ASCII)
