"""Files get their names in one step or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK}


def publish(private: Path, final: Path) -> None:
    """Give a synced file its own name, for good.

    Raises:
        FileExistsError: There is one of that name; it is left as it is.
    """
    try:
        os.link(private, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():  # the lock keeps others away on file systems without hard links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from None
        private.rename(final)
    else:
        private.unlink()
    sync(final.parent)


def replace(private: Path, final: Path) -> None:
    """Give a synced file its own name, in the place of what has that name."""
    private.replace(final)
    sync(final.parent)


def write_synced(path: Path, text: str) -> Path:
    """Write a file that survives a loss of power, and return its path."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path


def sync(folder: Path) -> None:
    """Have the names in a folder survive a loss of power."""
    if os.name != "posix":  # pragma: no cover  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
