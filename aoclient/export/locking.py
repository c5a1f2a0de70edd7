"""One export at a time in one target."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aoclient import flock
from aoclient.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path


def lock(path: Path, target: Path) -> int:
    """Take the lock and return the descriptor that holds it, for `aoclient.flock.give_back`.

    Raises:
        ExportError: Another export holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if not flock.take(descriptor):
        os.close(descriptor)
        raise ExportError(f"another export is writing to {target}")
    return descriptor
