"""One export at a time in one target; the system gives the lock back when its holder dies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aoclient.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover  # Windows: one process does not see the lock of another
    fcntl = None  # type: ignore[assignment]


def lock(path: Path, target: Path) -> int:
    """Take the lock and return the descriptor that holds it.

    Raises:
        ExportError: Another export holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if fcntl is not None:  # pragma: no branch  # Windows
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ExportError(f"another export is writing to {target}") from None
    return descriptor


def unlock(descriptor: int) -> None:
    """Give the lock back, also where a process that was forked meanwhile has the descriptor open."""
    try:
        if fcntl is not None:  # pragma: no branch  # Windows
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
