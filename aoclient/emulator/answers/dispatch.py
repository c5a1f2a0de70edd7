"""The door to all answers: one function that takes any action, and what its handlers work with."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from attrs import define

from aoclient.emulator.quirks import Quirks
from aoclient.emulator.records import Refusal
from aoclient.emulator.world import World

if TYPE_CHECKING:
    from aoclient.action import Action
    from aoclient.emulator.catalogue import CourseEntry
    from aoclient.emulator.people import Person


@define
class Turn:
    """One action being executed.

    Attributes:
        world: The academy.
        quirks: Its habits.
        base_url: Where its links point, with no slash at the end.
        effect: What the handler changed, in words, for the journal.
    """

    world: World
    quirks: Quirks
    base_url: str
    effect: str = ""

    def learner(self, email: str) -> Person:
        """Return the learner with an address.

        Raises:
            Refusal: There is none.
        """
        number = self.world.find(email)
        if number is None:
            raise Refusal("Learner not found")
        return self.world.learner(number)

    def course(self, id_or_slug: object) -> CourseEntry:
        """Return a course by its id or slug.

        Raises:
            Refusal: There is none.
        """
        found = self.world.catalogue.course(str(id_or_slug))
        if found is None:
            raise Refusal("Course not found")
        return found

    def academy(self, academy_id: object) -> None:
        """Check the id of the academy.

        Raises:
            Refusal: It is another one.
        """
        if academy_id != self.world.academy_id:
            raise Refusal("Academy not found")


@singledispatch
def answer(action: Action[Any], turn: Turn) -> Any:  # noqa: ARG001  # Any: the answer of whatever action it is
    """Execute an action and return its answer.

    Raises:
        Refusal: The academy says no, and nothing was changed.
    """
    raise Refusal(f"The emulator cannot answer {action.spec.name}")
