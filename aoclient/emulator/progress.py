"""What was learned since the academy was made, laid over the standings it was made with, and the listings by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.emulator import standing as made
from aoclient.emulator.people import KEEN, Person
from aoclient.emulator.records import Refusal
from aoclient.emulator.roster import BLOCK, Roster

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from aoclient.emulator.catalogue import Catalogue, ContentEntry, CourseEntry
    from aoclient.emulator.standing import Standing

ATTEMPTS = 3
"""Attempts at a quiz everybody has; addLearnerQuizAttempts gives more."""


class Progress:
    """Who is how far in what.

    Args:
        catalogue: Courses of the academy.
        population: Learners it was made with.
        seed: Of the academy.
        removed: Numbers of deleted learners in the order of deletion; it only grows.
        newcomers: Learners who joined later, by number.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        population: int,
        seed: int,
        removed: Sequence[int],
        newcomers: Mapping[int, Person],
    ) -> None:
        self._catalogue = catalogue
        self._population = population
        self._seed = seed
        self._changed: dict[int, dict[int, Standing]] = {}
        self._given: dict[int, dict[str, int]] = {}
        # Who joined a listing after the academy was made, in the order of joining, so that pages do not move.
        self._starters: list[list[int]] = [[] for _ in catalogue.courses]
        self._finishers: list[list[int]] = [[] for _ in catalogue.courses]
        # Who left the listing of passive learners, deleted or not passive any more, each once.
        self._not_passive: list[int] = []
        self._not_passive_set: set[int] = set()

        def roster(places: Collection[int], joined: list[int]) -> Roster:
            return Roster(
                seed=seed,
                salt=KEEN,
                places=places,
                population=population,
                removed=removed,
                newcomers=lambda: joined,
            )

        self.started = [roster(each.started, self._starters[each.number - 1]) for each in catalogue.courses]
        self.completed = [roster(each.completed, self._finishers[each.number - 1]) for each in catalogue.courses]
        busy = frozenset[int]().union(*(course.started for course in catalogue.courses))
        self.passive = Roster(
            seed=seed,
            salt=KEEN,
            places=[each for each in range(BLOCK) if each not in busy],
            population=population,
            removed=self._not_passive,
            newcomers=lambda: [number for number in newcomers if number not in self._changed],
        )

    # --- looking ---

    def standing(self, learner: Person, course: CourseEntry) -> Standing | None:
        """Return how far a learner is in a course, or None when they did not start it."""
        changed = self._changed.get(learner.number, {}).get(course.number)
        if changed is not None or learner.number > self._population:
            return changed
        return made.standing(learner, course, self._seed)

    def standings(self, learner: Person) -> list[Standing]:
        """Return how far a learner is in each course they started."""
        if learner.number > self._population and learner.number not in self._changed:
            return []
        found = (self.standing(learner, course) for course in self._catalogue.courses)
        return [each for each in found if each is not None]

    def given(self, number: int, quiz_id: str) -> int:
        """Return how many further attempts at a quiz a learner was given."""
        return self._given.get(number, {}).get(quiz_id, 0)

    def allowed(self, number: int, content: ContentEntry) -> int:
        """Return how many attempts at a quiz a learner has in all, used ones included."""
        return ATTEMPTS + self.given(number, content.id)

    # --- changing ---

    def give_attempt(self, number: int, quiz_id: str) -> int:
        """Give a learner one more attempt at a quiz and return how many they were given."""
        given = self._given.setdefault(number, {})
        given[quiz_id] = given.get(quiz_id, 0) + 1
        return given[quiz_id]

    def begin(self, learner: Person, course: CourseEntry, index: int, at: int) -> Standing:
        """Let a learner open a lesson or begin an attempt at a quiz.

        Args:
            learner: Who.
            course: Where.
            index: Place of the content in the course.
            at: Unix seconds; later if the learner was seen in the course later.

        Raises:
            Refusal: It is locked, open or passed, or no attempt is left.
        """
        before = self.standing(learner, course)
        if before is not None:
            at = max(at, before.steps[-1].left_at)
        allowed = self.allowed(learner.number, course.contents[index])
        after = made.begin(before, course, index, at=at, attempts=allowed)
        self._changed.setdefault(learner.number, {})[course.number] = after
        if before is None:
            self._starters[course.number - 1].append(learner.number)
            self._leave_passive(learner.number)
        return after

    def end(self, learner: Person, course: CourseEntry, index: int, at: int, score: int) -> Standing:
        """Let a learner finish a lesson, or an attempt at a quiz.

        Args:
            learner: Who.
            course: Where.
            index: Place of the content in the course.
            at: Unix seconds; the moment it was opened if that is later.
            score: Points got in a quiz.

        Raises:
            Refusal: It is not open.
        """
        before = self.standing(learner, course)
        if before is None or index != len(before.steps) - 1 or before.steps[-1].ended_at is not None:
            raise Refusal("Content is not open")
        after = made.end(before, at=max(at, before.steps[-1].begun_at), score=score)
        self._changed[learner.number][course.number] = after
        if after.completed_at is not None:
            self._finishers[course.number - 1].append(learner.number)
        return after

    def delete(self, number: int) -> None:
        """Forget a learner."""
        for course in self._changed.pop(number, {}):
            for joined in (self._starters[course - 1], self._finishers[course - 1]):
                if number in joined:
                    joined.remove(number)
        self._given.pop(number, None)
        self._leave_passive(number)

    def _leave_passive(self, number: int) -> None:
        if number not in self._not_passive_set:
            self._not_passive_set.add(number)
            self._not_passive.append(number)
