"""Locks on files among the processes of one machine; the system gives a lock back when its holder dies."""

from __future__ import annotations

import os

try:
    import fcntl
except ImportError:  # pragma: no cover  # Windows: one process does not see the lock of another
    fcntl = None  # type: ignore[assignment]


def take(descriptor: int) -> bool:
    """Take the lock of an open file without a wait; False if somebody else holds it."""
    if fcntl is None:  # pragma: no cover  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def give_back(descriptor: int) -> None:
    """Give the lock back and close the file; closing does not where a process forked meanwhile has it open too."""
    try:
        if fcntl is not None:  # pragma: no branch  # Windows
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
