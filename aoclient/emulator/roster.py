"""Who belongs to a listing, by arithmetic: any page of a million rows is found without walking to it.

Learners come in blocks of 20. In each block the same places belong to a listing, turned by a random amount that depends
on the block alone. So the members of a block are known from its number, and the block of the k-th member from k.
Deleted learners are kept in a sorted list of places, newcomers follow at the end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

from aoclient.emulator.ids import mix

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

BLOCK = 20


def place_of(number: int, seed: int, salt: int) -> int:
    """Return the place, 0 to 19, of a learner in the block it is in, after turning."""
    block, index = divmod(number - 1, BLOCK)
    return (index + mix(seed, salt, block)) % BLOCK


class Roster:
    """The numbers of the learners that belong to one listing, in ascending order, newcomers last.

    Args:
        seed: Of the academy.
        salt: Listings with the same salt are turned together, so that their places can be compared.
        places: Places of a block that belong to the listing.
        population: Learners the academy was made with.
        removed: Numbers of deleted learners in the order of deletion; it only grows.
        newcomers: Returns the members whose number is above the population, or who joined the listing later.
    """

    def __init__(
        self,
        *,
        seed: int,
        salt: int,
        places: Collection[int],
        population: int,
        removed: Sequence[int],
        newcomers: Callable[[], Sequence[int]],
    ) -> None:
        self._seed = seed
        self._salt = salt
        self._places = frozenset(places)
        self._population = population
        self._removed = removed
        self._removed_seen = 0
        self._gaps: list[int] = []
        self._newcomers = newcomers
        full, rest = divmod(population, BLOCK)
        self._made = full * len(self._places) + sum(1 for index in self._members(full) if index < rest)

    def __len__(self) -> int:
        return self._made - len(self._current_gaps()) + len(self._newcomers())

    def page(self, offset: int, amount: int) -> list[int]:
        """Return the numbers of at most ``amount`` members after the first ``offset``."""
        gaps = self._current_gaps()
        found: list[int] = []
        # Before the i-th gap stand gap - i members that are still there.
        passed = bisect_right(range(len(gaps)), offset, key=lambda index: gaps[index] - index)
        for ordinal, number in self._from(offset + passed):
            if len(found) == amount:
                return found
            if passed < len(gaps) and gaps[passed] == ordinal:
                passed += 1
            else:
                found.append(number)
        start = max(0, offset - (self._made - len(gaps)))
        return found + list(self._newcomers()[start : start + amount - len(found)])

    def __iter__(self) -> Iterator[int]:
        gaps = set(self._current_gaps())
        for ordinal, number in self._from(0):
            if ordinal not in gaps:
                yield number
        yield from self._newcomers()

    def _from(self, ordinal: int) -> Iterator[tuple[int, int]]:
        if not self._places:
            return
        block, skip = divmod(ordinal, len(self._places))
        while ordinal < self._made:
            first = block * BLOCK + 1
            for index in self._members(block)[skip:]:
                if first + index > self._population:
                    return
                yield ordinal, first + index
                ordinal += 1
            block, skip = block + 1, 0

    def _members(self, block: int) -> list[int]:
        turn = mix(self._seed, self._salt, block)
        return sorted((place - turn) % BLOCK for place in self._places)

    def _ordinal(self, number: int) -> int | None:
        """Return how many made members stand before a learner, or None when the learner is none."""
        block, index = divmod(number - 1, BLOCK)
        members = self._members(block)
        at = bisect_left(members, index)
        if number > self._population or at == len(members) or members[at] != index:
            return None
        return block * len(members) + at

    def _current_gaps(self) -> list[int]:
        for number in self._removed[self._removed_seen :]:
            ordinal = self._ordinal(number)
            if ordinal is not None:
                insort(self._gaps, ordinal)
        self._removed_seen = len(self._removed)
        return self._gaps
