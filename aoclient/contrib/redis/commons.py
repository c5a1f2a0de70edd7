"""What a session needs to share token, rate and answers with the other processes of its account."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aoclient.contrib.redis.answers import Remembering
from aoclient.contrib.redis.gate import RedisGate
from aoclient.contrib.redis.link import Link, link_to
from aoclient.contrib.redis.tokens import Cipher, RedisTokenStore
from aoclient.tokens import MemoryTokenStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from aoclient.tokens import TokenStore
    from aoclient.wire import Sender


class RedisCommons:
    """One token, one rate and one hold after a 429 for all processes of an account, over Redis.

    ``Session(..., redis="redis://...")`` makes one with what is set here by default; a session that is given one does
    not close it. While Redis is away each process gets a token of its own and keeps to its share of the rate, says so
    in one warning each, and joins again by itself.

    Args:
        redis: URL, or a `Link`, or a client of `redis.asyncio`, which is not closed here.
        share: Part of the rate one process takes while Redis is away; one over the number of processes keeps the rate.
        cipher: Encrypts the token, and the answers; see `Cipher`.
        keep_token: Whether the token may be in Redis at all. Without it each process gets one of its own.
        keep_answers: Whether the answers a session keeps, with ``cache_for``, are in Redis for all processes. Without
            it each keeps its own, and does not hear what the others change.
        lock_for: Seconds the right to ask for a new token lasts; a killed process delays the others by that at most.

    Attributes:
        tokens: Where the token is kept.

    Raises:
        MissingExtraError: The package redis is not installed.
        ConfigurationError: A setting cannot be used.
    """

    def __init__(
        self,
        redis: str | Link | Any,  # Any: a client of redis.asyncio
        *,
        share: float = 0.25,
        cipher: Cipher | None = None,
        keep_token: bool = True,
        keep_answers: bool = True,
        lock_for: float = 15.0,
    ) -> None:
        self._link = link_to(redis)
        self._share = share
        self._cipher = cipher
        self._keep_answers = keep_answers
        RedisGate(self._link, "", share=share)  # raises here, and not in the session
        store = RedisTokenStore(self._link, cipher=cipher, lock_for=lock_for)
        self.tokens: TokenStore = store if keep_token else MemoryTokenStore()

    def gate(self, account: str) -> RedisGate:
        """Return a gate for an account, as `account_of` names it; each session needs its own."""
        return RedisGate(self._link, account, share=self._share)

    def remembering(self, account: str, *, keep_for: float) -> Callable[[Sender], Sender] | None:
        """Return what makes a sender that shares answers which change rarely; None without ``keep_answers``."""
        if not self._keep_answers:
            return None
        return partial(Remembering, link=self._link, account=account, keep_for=keep_for, cipher=self._cipher)

    async def aclose(self) -> None:
        """Let go of the connections; sessions are closed before."""
        await self._link.aclose()
