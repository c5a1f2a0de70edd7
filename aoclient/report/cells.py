"""Counts by keys of small whole numbers, and numbers for things that have names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable


@define
class Cells:
    """Sums by key. Every thing that is counted is in one cell alone, so any choice of cells can be added up."""

    _sums: dict[tuple[int, ...], list[int]] = field(factory=dict[tuple[int, ...], list[int]])

    def add(self, key: tuple[int, ...], *amounts: int) -> None:
        """Add amounts, as many for each key, to the sums of a key."""
        sums = self._sums.get(key)
        if sums is None:
            self._sums[key] = list(amounts)
        else:
            for at, amount in enumerate(amounts):
                sums[at] += amount

    def rows(self) -> list[list[int]]:
        """Return each key and its sums as one list, by key."""
        return [[*key, *sums] for key, sums in sorted(self._sums.items())]


@define
class Numbered:
    """Numbers from 0 for keys, in the order they are seen, and a name for each.

    Attributes:
        names: By number.
    """

    names: list[str] = field(factory=list[str])
    _numbers: dict[str, int] = field(factory=dict[str, int])

    def number(self, key: str, name: str | None = None) -> int:
        """Return the number of a key, a new one where it has none. Its first name stays; without one it is the key."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.names)
            self.names.append(name or key)
        return number


@define
class TeamSets:
    """The teams, and each combination of teams somebody is in.

    Attributes:
        teams: Names of the teams, numbered.
        sets: Numbers of the teams of each combination, by its own number; 0 is no team.
    """

    teams: Numbered = field(factory=Numbered)
    sets: list[tuple[int, ...]] = field(factory=lambda: [()])
    _numbers: dict[tuple[int, ...], int] = field(factory=lambda: {(): 0})

    def number(self, teams: Iterable[str]) -> int:
        """Return the number of a combination, given by the names of the teams in any order."""
        return self._number(tuple(sorted({self.teams.number(name) for name in teams})))

    def joined(self, one: int, other: int) -> int:
        """Return the number of two combinations together."""
        return one if one == other else self._number(tuple(sorted({*self.sets[one], *self.sets[other]})))

    def _number(self, teams: tuple[int, ...]) -> int:
        number = self._numbers.setdefault(teams, len(self.sets))
        if number == len(self.sets):
            self.sets.append(teams)
        return number
