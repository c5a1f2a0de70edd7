"""A token in a file, shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from aoclient import flock
from aoclient.tokens import LoopLocks, from_text, to_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aoclient.tokens import Token

_TRY_AGAIN_AFTER = 0.05  # seconds between looks at a lock another process holds


class FileTokenStore:
    """One token in one file, readable by its owner alone.

    The file says whose token it is, so it never serves another account: a second account on the same file takes the
    place of the first. A file that cannot be understood counts as none. Beside it stands a lock file, ``<name>.lock``;
    on Windows the lock is seen by this process alone.

    Args:
        path: The file. Its directory must exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._locks = LoopLocks()

    async def load(self, account: str) -> Token | None:
        """Return the token of the account, expired or not; None where there is none that can be read.

        Raises:
            OSError: The file is there and cannot be opened.
        """
        return await to_thread.run_sync(_load, self._path, account)

    async def save(self, account: str, token: Token) -> None:
        """Replace the file in one step: a reader sees the old token or the new one, never half of one.

        Raises:
            OSError: The directory cannot be written.
        """
        await to_thread.run_sync(_save, self._path, account, token)

    async def discard(self, account: str, token: Token) -> None:
        """Remove the file if it still holds this very token.

        Another process may replace it between the look and the removal; that costs one more token request.

        Raises:
            OSError: The directory cannot be written.
        """
        await to_thread.run_sync(_discard, self._path, account, token)

    @asynccontextmanager
    async def refreshing(self, account: str) -> AsyncGenerator[None, None]:  # noqa: ARG002  # the file has one lock
        """Hold the right to ask for a new token, among all processes that use the file.

        The system gives the lock back when its holder dies.

        Raises:
            OSError: The lock file cannot be opened.
        """
        async with self._locks.here():
            descriptor = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                while not flock.take(descriptor):  # noqa: ASYNC110  # another process sets no event
                    await asyncio.sleep(_TRY_AGAIN_AFTER)
                yield
            finally:
                flock.give_back(descriptor)


def _load(path: Path, account: str) -> Token | None:
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return from_text(text, account)


def _save(path: Path, account: str, token: Token) -> None:
    # mkstemp makes the file with mode 0600; the same directory, so that replacing it is one step.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(to_text(token, account))
        os.replace(temporary, path)  # noqa: PTH105  # mkstemp gives a text
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _discard(path: Path, account: str, token: Token) -> None:
    kept = _load(path, account)
    if kept is not None and kept.value == token.value:
        path.unlink(missing_ok=True)
