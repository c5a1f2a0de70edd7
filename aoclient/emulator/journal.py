"""What reached the emulator and what it applied: append-only, and the judge of every promise about repeats."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from aoclient.action import Action

if TYPE_CHECKING:
    from collections.abc import Iterable


@define(eq=False)
class Received:
    """A request that reached the emulator, or a connection that was closed as it came in.

    Attributes:
        number: From 1, in the order of arrival.
        at: Unix seconds of the emulator's clock.
        method: HTTP method; empty for a connection closed as it came in.
        path: Path without the query.
        action: Vendor's name of the action as the form has it, or an empty text.
        fault: What was done to it on purpose, as the fault plan spells it, or an empty text.
        status: HTTP status that was answered; 0 where no status was.
    """

    number: int
    at: float
    method: str
    path: str
    action: str = ""
    fault: str = ""
    status: int = 0


@frozen(eq=False)
class Applied:
    """An action that was executed, whatever became of its answer.

    Attributes:
        number: From 1, in the order of execution.
        at: Unix seconds of the emulator's clock.
        action: The action as it was understood.
        effect: What it changed, in words: ``2 invited``; an empty text for an action that only reads.
        request: Number of the request that brought it.
        fault: What was done to its answer on purpose, or an empty text.
    """

    number: int
    at: float
    action: Action[Any]  # Any: whatever action it was
    effect: str
    request: int
    fault: str


@define(eq=False)
class Journal:
    """Two lists that only grow: ``received`` and ``applied``.

    Args:
        keep: Keep only the last entries of each list, so many of them; None keeps all.
    """

    keep: int | None = None
    received: deque[Received] = field(init=False)
    applied: deque[Applied] = field(init=False)
    _arrivals: int = field(default=0, init=False)
    _executions: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.received = deque(maxlen=self.keep)
        self.applied = deque(maxlen=self.keep)

    def receive(self, at: float, method: str, path: str) -> Received:
        """Note a request and return its entry, which is completed as the request is worked on."""
        self._arrivals += 1
        entry = Received(self._arrivals, at, method, path)
        self.received.append(entry)
        return entry

    def apply(self, at: float, action: Action[Any], effect: str, request: Received) -> None:
        """Note an action that was executed."""
        self._executions += 1
        self.applied.append(Applied(self._executions, at, action, effect, request.number, request.fault))

    def count(self, action: str) -> int:
        """Return how often an action was executed, by the vendor's name."""
        return sum(1 for _ in self.of(action))

    def of(self, action: str) -> Iterable[Applied]:
        """Return the executions of an action, by the vendor's name."""
        return (entry for entry in self.applied if entry.action.spec.name == action)

    def requests(self, path: str | None = None) -> int:
        """Return how many requests arrived, all of them or those for one path."""
        return sum(1 for entry in self.received if entry.method and path in (None, entry.path))
