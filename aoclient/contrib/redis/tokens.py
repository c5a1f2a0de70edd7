"""A token in Redis, shared by the processes of all machines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from aoclient.contrib.redis.link import Link, Script, link_to, milliseconds
from aoclient.errors import ConfigurationError
from aoclient.secret import Secret
from aoclient.tokens import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aoclient.tokens import Token

_log = logging.getLogger("aoclient")

_LOCK_FOR = 15.0
_LOOK_EVERY = 0.02  # seconds between looks at a lock another process holds
_LONGEST = 10 * 365 * 86_400.0  # seconds; Redis takes no time to live without an end

# A lock that is there already with one's own name was taken by a command whose answer was lost.
_LOCK = Script("""
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
""")
DELETE_IF_SAME = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")


class Cipher(Protocol):
    """What keeps the token unreadable in Redis; ``cryptography.fernet.Fernet(key)`` is one."""

    def encrypt(self, data: bytes) -> bytes:
        """Return the data unreadable."""
        ...

    def decrypt(self, token: bytes) -> bytes:
        """Return the data; raise where it was encrypted with another key, or changed."""
        ...


class RedisTokenStore:
    """One token for each account, and one request for a new one among all processes.

    The lock ends by itself, so that a process that is killed while it asks delays the others by ``lock_for`` at most.

    Args:
        redis: URL, or a `Link`, or a client of `redis.asyncio`.
        cipher: Encrypts what is stored. All processes need the same key; what cannot be decrypted counts as none.
        lock_for: Seconds the right to ask for a new token lasts. A request that takes longer may be made twice.

    Raises:
        MissingExtraError: The package redis is not installed.
        ConfigurationError: The URL cannot be used, or ``lock_for`` is not above 0.
    """

    def __init__(self, redis: str | Link | Any, *, cipher: Cipher | None = None, lock_for: float = _LOCK_FOR) -> None:
        # Any: a client of redis.asyncio
        if not 0 < lock_for < math.inf:
            raise ConfigurationError(f"lock_for must be a number above 0, got {lock_for!r}")
        self._link = link_to(redis)
        self._cipher = cipher
        self._lock_for = lock_for

    async def load(self, account: str) -> Token | None:
        """Return the token of the account; None where there is none that can be read.

        Raises:
            OSError: Redis is away; so for all verbs.
        """
        kept = await self._kept(account)
        return None if kept is None else self._parse(kept, account)

    async def save(self, account: str, token: Token) -> None:
        """Keep the token in place of the one before, as long as it lives."""
        text = Secret(to_text(token, account))
        kept = text if self._cipher is None else self._cipher.encrypt(text.reveal().encode())
        await self._link.call("SET", _key(account), kept, "PX", milliseconds(min(token.lifetime, _LONGEST)))

    async def discard(self, account: str, token: Token) -> None:
        """Forget this very token; another one that has taken its place stays."""
        kept = await self._kept(account)
        parsed = None if kept is None else self._parse(kept, account)
        if kept is not None and parsed is not None and parsed.value == token.value:
            await self._link.run(DELETE_IF_SAME, [_key(account)], kept)

    @asynccontextmanager
    async def refreshing(self, account: str) -> AsyncGenerator[None, None]:
        """Hold the right to ask for a new token, among all processes, until it is done or ``lock_for`` is over."""
        key = f"aoclient:{{{account}}}:lock"
        owner = secrets.token_hex(16)
        taking = self._take(key, owner)
        try:
            while not await asyncio.shield(taking):
                await asyncio.sleep(_LOOK_EVERY)
                taking = self._take(key, owner)
            yield
        finally:
            # Also where nobody knows whether it was taken.
            await asyncio.shield(self._link.start(self._release(key, owner, after=taking)))

    def _take(self, key: str, owner: str) -> asyncio.Task[Any]:
        return self._link.begin(_LOCK, [key], owner, milliseconds(self._lock_for))

    async def _release(self, key: str, owner: str, *, after: asyncio.Task[Any]) -> None:
        await asyncio.wait([after])
        with contextlib.suppress(OSError):  # a lock that stays, because Redis is away, ends by itself
            await self._link.run(DELETE_IF_SAME, [key], owner)

    async def _kept(self, account: str) -> bytes | None:
        return cast("bytes | None", await self._link.call("GET", _key(account)))

    def _parse(self, kept: bytes, account: str) -> Token | None:
        if self._cipher is not None:
            try:
                kept = self._cipher.decrypt(kept)
            except Exception:  # noqa: BLE001  # whatever a cipher raises, the token cannot be read
                _log.warning("the token in Redis cannot be decrypted: another process has another key, or none")
                return None
        return from_text(kept, account)


def _key(account: str) -> str:
    return f"aoclient:{{{account}}}:token"
