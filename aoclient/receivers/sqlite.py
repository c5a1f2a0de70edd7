"""Deliveries in an SQLite file: they survive a restart, and processes of one machine may share them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from aoclient.errors import ConfigurationError
from aoclient.webhooks.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

P = ParamSpec("P")
T = TypeVar("T")

_TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,  -- empty once it is done
    until REAL NOT NULL   -- unix time: end of the lease, or when a delivery that is done is forgotten
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS deliveries_until ON deliveries (until)"
_BEGIN = """
INSERT INTO deliveries (key, owner, until) VALUES (:key, :owner, :until)
ON CONFLICT (key) DO UPDATE SET owner = :owner, until = :until WHERE until <= :now
"""
_RENEW = "UPDATE deliveries SET until = ? WHERE key = ? AND owner = ?"
_DONE = "INSERT OR REPLACE INTO deliveries (key, owner, until) VALUES (?, '', ?)"
_RELEASE = "DELETE FROM deliveries WHERE key = ? AND owner = ?"
_FORGET = "DELETE FROM deliveries WHERE until <= ?"

_FORGETS_EVERY = 256  # deliveries begun
_BUSY_TIMEOUT = 5.0  # seconds another process may hold the file
_BUSY_LOOK_EVERY = 0.01  # seconds


class SQLiteStore:
    """Deliveries in a file, on the clock of the machine.

    A killed process loses nothing that is done. When the machine itself goes down, the last moments may be lost, and
    what was handled in them is handled again if it is sent again.

    Args:
        path: The file; made where it is not there. Not on a network drive.
        forget_after: Seconds a delivery is remembered as done.
        clock: Unix time in seconds.

    Raises:
        ConfigurationError: ``forget_after`` is not above 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        forget_after: float = 7 * 86_400.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not forget_after > 0:
            raise ConfigurationError(f"expected a number above 0, got {forget_after=!r}")
        self._path = os.fspath(path)
        self._forget_after = forget_after
        self._clock = clock
        self._begun = 0
        self._file: _File | None = None

    async def open(self) -> None:
        """Open the file and make its table.

        Raises:
            OSError: It cannot be opened, or is no database.
        """
        await self._call(_open)

    async def begin(self, key: str, owner: str, *, lease: float) -> State:
        """Take a delivery for ``lease`` seconds, unless it is done or in progress.

        Raises:
            OSError: The file cannot be read or written; so for all verbs.
        """
        now = self._clock()
        forgets = self._begun % _FORGETS_EVERY == 0
        self._begun += 1
        if forgets:
            await self._call(_execute, _FORGET, now)
        return await self._call(_begin, {"key": key, "owner": owner, "now": now, "until": now + lease})

    async def renew(self, key: str, owner: str, *, lease: float) -> bool:
        """Have the lease end ``lease`` seconds from now, if ``owner`` holds it."""
        return await self._call(_execute, _RENEW, self._clock() + lease, key, owner) == 1

    async def done(self, key: str) -> None:
        """Remember as handled."""
        await self._call(_execute, _DONE, key, self._clock() + self._forget_after)

    async def release(self, key: str, owner: str) -> None:
        """Forget a delivery in progress that ``owner`` holds."""
        await self._call(_execute, _RELEASE, key, owner)

    async def aclose(self) -> None:
        """Close the file; the next call of another verb opens it again."""
        if self._file is not None:
            file, self._file = self._file, None
            await file.aclose()

    async def _call(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._file is None:
            self._file = _File(self._path)
        return await self._file.call(work, *args, **kwargs)


class _File:
    """A connection and the one thread that uses it, in the order of the calls."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "aoclient-sqlite")

    async def call(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        # Shielded: what was asked is done, also where the task that asked is cancelled while it queues.
        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(lambda: self._work(work, *args, **kwargs))))

    async def aclose(self) -> None:
        closing = self._thread.submit(self._close)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))

    def _work(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            if self._connection is None:
                self._connection = _connect(self._path)
            return work(self._connection, *args, **kwargs)
        except sqlite3.Error as error:
            raise OSError(f"{self._path}: {error}") from None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


# --- in the thread -----------------------------------------------------------------------------------------------


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None)
    try:
        _to_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_TABLE)
        connection.execute(_INDEX)
    except BaseException:
        connection.close()
        raise
    return connection


def _to_wal(connection: sqlite3.Connection) -> None:
    # SQLite refuses this at once, its time-out notwithstanding, while another process opens the new file as well.
    ends_at = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_at:
                raise
            time.sleep(_BUSY_LOOK_EVERY)
        else:
            return


def _open(_: sqlite3.Connection) -> None: ...


def _begin(connection: sqlite3.Connection, row: Mapping[str, str | float]) -> State:
    if connection.execute(_BEGIN, row).rowcount == 1:
        return State.NEW
    # Gone between the two statements: its holder released it. To the one who asks that is as good as in progress.
    found = connection.execute("SELECT owner FROM deliveries WHERE key = :key", row).fetchone()
    return State.DONE if found == ("",) else State.IN_PROGRESS


def _execute(connection: sqlite3.Connection, statement: str, *values: str | float) -> int:
    return connection.execute(statement, values).rowcount
