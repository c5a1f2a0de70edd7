"""How far a delivery is. Here and not beside the stores, which live in several rooms that do not know each other."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What a store says of a delivery somebody wants to begin."""

    NEW = "new"
    """It is theirs to handle, until the lease ends."""

    IN_PROGRESS = "in progress"
    """Another one has it."""

    DONE = "done"
    """It was handled to success."""
