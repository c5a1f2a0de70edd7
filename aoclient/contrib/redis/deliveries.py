"""Webhook deliveries in Redis: each is handled once by all receivers of all machines."""

from __future__ import annotations

import math
from typing import Any

from aoclient.contrib.redis.link import Link, Script, link_to, milliseconds
from aoclient.contrib.redis.tokens import DELETE_IF_SAME
from aoclient.errors import ConfigurationError
from aoclient.webhooks.state import State

# A key holds the owner while its delivery is in progress, and nothing once it is done.
_BEGIN = Script("""
local owner = redis.call('GET', KEYS[1])
if not owner then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return owner
""")
_RENEW = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
""")


class RedisDeliveryStore:
    """Deliveries for a `aoclient.receivers.Receiver`, on the clock of Redis.

    What Redis forgets when it is killed may be handled again if it is sent again.

    Args:
        redis: URL, or a `Link`, or a client of `redis.asyncio`.
        forget_after: Seconds a delivery is remembered as done.
        name: Goes before the keys; receivers with the same one share deliveries.

    Raises:
        MissingExtraError: The package redis is not installed.
        ConfigurationError: The URL cannot be used, or ``forget_after`` is not above 0.
    """

    def __init__(
        self,
        redis: str | Link | Any,  # Any: a client of redis.asyncio
        *,
        forget_after: float = 7 * 86_400.0,
        name: str = "aoclient:delivery",
    ) -> None:
        if not 0 < forget_after < math.inf:
            raise ConfigurationError(f"expected a number above 0, got {forget_after=!r}")
        self._link = link_to(redis)
        self._forget_after = forget_after
        self._name = name

    async def open(self) -> None:
        """See whether Redis is there.

        Raises:
            OSError: It cannot be reached, or refuses; so for all verbs.
        """
        await self._link.call("PING")

    async def begin(self, key: str, owner: str, *, lease: float) -> State:
        """Take a delivery for ``lease`` seconds, unless it is done or in progress."""
        holder: bytes | None = await self._link.run(_BEGIN, [self._key(key)], owner, milliseconds(lease))
        if holder is None:
            return State.NEW
        return State.IN_PROGRESS if holder else State.DONE

    async def renew(self, key: str, owner: str, *, lease: float) -> bool:
        """Have the lease end ``lease`` seconds from now, if ``owner`` holds it."""
        return bool(await self._link.run(_RENEW, [self._key(key)], owner, milliseconds(lease)))

    async def done(self, key: str) -> None:
        """Remember as handled."""
        await self._link.call("SET", self._key(key), "", "PX", milliseconds(self._forget_after))

    async def release(self, key: str, owner: str) -> None:
        """Forget a delivery in progress that ``owner`` holds."""
        await self._link.run(DELETE_IF_SAME, [self._key(key)], owner)

    async def aclose(self) -> None:
        """Close the connections; the next call of another verb opens them again."""
        await self._link.aclose()

    def _key(self, key: str) -> str:
        return f"{self._name}:{key}"
