"""Who the learners are, as far as the report needs it: their teams and when they were seen last.

Kept for each learner: the address, two numbers. Names are kept of those alone who stand in the table of the page.
"""

from __future__ import annotations

import heapq
from array import array
from typing import TYPE_CHECKING

from attrs import define, field

from aoclient.report.cells import TeamSets
from aoclient.report.reading import Row, day_of, teams_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_LISTED = 2000
"""Learners in the table of the page at most."""

NEVER = 0
"""The day of who was never seen; other days are ordinals."""

UNKNOWN = -1
"""The day of who is not among the learners of the export."""


@define
class Listed:
    """A learner in the table of the page.

    Attributes:
        name: As people see it.
        email: Address.
        courses: For each course that was begun: its number, percent passed, seconds spent, 1 where it is completed.
    """

    name: str
    email: str
    courses: list[tuple[int, int, int, int]] = field(factory=list[tuple[int, int, int, int]])


@define
class People:
    """The learners by address.

    Args:
        is_anonymous: Nobody is listed.

    Attributes:
        teams: The combinations of teams there are.
        listed: Who stands in the table of the page, by number.
    """

    is_anonymous: bool = False
    teams: TeamSets = field(factory=TeamSets)
    listed: dict[int, Listed] = field(factory=dict[int, Listed])
    _numbers: dict[str, int] = field(factory=dict[str, int])
    _team_sets: array[int] = field(factory=lambda: array("l"))
    _seen: array[int] = field(factory=lambda: array("l"))
    _has_teams: bool = False

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def has_teams(self) -> bool:
        """Whether the learners came with their teams."""
        return self._has_teams

    def read(self, rows: Iterable[Row]) -> None:
        """Take the rows of ``learners``; those who were not seen for the longest time are listed."""
        found = self._read(rows)
        if self.is_anonymous:
            for _ in found:
                pass
        else:
            self.listed = {
                number: Listed(name, email) for _, number, name, email in heapq.nsmallest(MOST_LISTED, found)
            }

    def _read(self, rows: Iterable[Row]) -> Iterator[tuple[int, int, str, str]]:
        for row in rows:
            number = self.number(row)
            if number is None:
                continue
            day = day_of(row.get("last_login_at"))
            self._seen[number] = NEVER if day is None else day.toordinal()
            if row.get("teams") is not None:
                self._has_teams = True
                self._team_sets[number] = self.teams.number(teams_of(row["teams"]))
            yield self._seen[number], number, str(row.get("name") or ""), str(row["email"])

    def number(self, row: Row) -> int | None:
        """Return the number of the learner of a row, a new one where there is none; None without an address."""
        email = str(row.get("email") or "").lower()
        if not email:
            return None
        number = self._numbers.get(email)
        if number is None:
            number = self._numbers[email] = len(self._numbers)
            self._team_sets.append(0)
            self._seen.append(UNKNOWN)
        return number

    def meet(self, row: Row) -> None:
        """Take the teams of a learner from a row of progress, beside those of other rows; list the first ones."""
        number = self.number(row)
        if number is None:
            return
        self._team_sets[number] = self.teams.joined(
            self._team_sets[number], self.teams.number(teams_of(row.get("teams")))
        )
        if not self.is_anonymous and self._seen[number] == UNKNOWN and len(self.listed) < MOST_LISTED:
            self.listed.setdefault(number, Listed(str(row.get("full_name") or ""), str(row["email"])))

    def team_set(self, number: int | None) -> int:
        """Return the combination of teams of a learner."""
        return 0 if number is None else self._team_sets[number]

    def seen(self, number: int | None) -> int:
        """Return the day a learner was seen last, `NEVER` or `UNKNOWN`."""
        return UNKNOWN if number is None else self._seen[number]

    def everybody(self) -> Iterator[tuple[int, int]]:
        """Give the combination of teams and the day last seen of each learner of the export."""
        return ((teams, day) for teams, day in zip(self._team_sets, self._seen, strict=True) if day != UNKNOWN)
