"""Which deliveries are being handled and which are done: what a store has to do, and one in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol

from aoclient.errors import ConfigurationError
from aoclient.webhooks.state import State


class DeliveryStore(Protocol):
    """Where receivers that share it remember deliveries, so that each is handled once.

    ``key`` is a text of 64 hex digits and ``owner`` a text that no other receiver has. Each verb takes effect in one
    step, whoever else calls at the same time. A store that cannot be reached raises; the delivery is then answered 503.
    """

    async def open(self) -> None:
        """Get ready; a second time does nothing. Raises where the store cannot work at all."""
        ...

    async def begin(self, key: str, owner: str, *, lease: float) -> State:
        """Take a delivery for ``lease`` seconds, unless it is done or in progress, be it with ``owner`` itself."""
        ...

    async def renew(self, key: str, owner: str, *, lease: float) -> bool:
        """Have the lease end ``lease`` seconds from now; False, and nothing else, where ``owner`` does not hold it."""
        ...

    async def done(self, key: str) -> None:
        """Remember as handled, whoever holds the lease."""
        ...

    async def release(self, key: str, owner: str) -> None:
        """Forget a delivery in progress that ``owner`` holds; nothing else."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections. The next call of another verb opens again: receivers may share a store."""
        ...


class MemoryStore:
    """Deliveries in this process, on the clock of its event loop; lost with it.

    Args:
        forget_after: Seconds a delivery is remembered as done. The sender's last try comes under 3 minutes after the
            first, unless somebody has it sent again by hand.
        max_size: Most deliveries remembered as done; the oldest go first. One takes about 240 bytes.

    Raises:
        ConfigurationError: A number is not above 0.
    """

    def __init__(self, *, forget_after: float = 86_400.0, max_size: int = 100_000) -> None:
        if not forget_after > 0 or max_size < 1:
            raise ConfigurationError(f"expected numbers above 0, got {forget_after=!r}, {max_size=!r}")
        self._forget_after = forget_after
        self._max_size = max_size
        self._leases: dict[str, tuple[str, float]] = {}  # owner and end, by key
        # When it is forgotten, by key; the soonest first. The first of a plain dict takes ever longer to find the more
        # were deleted before it.
        self._done: OrderedDict[str, float] = OrderedDict()

    async def open(self) -> None:
        """Do nothing."""

    async def begin(self, key: str, owner: str, *, lease: float) -> State:
        """Take a delivery for ``lease`` seconds, unless it is done or in progress."""
        return self.begin_now(key, owner, lease=lease, now=_now())

    def begin_now(self, key: str, owner: str, *, lease: float, now: float) -> State:
        """Do what `begin` does, for one who need not wait and has the time of the loop."""
        self._forget(now)
        if key in self._done:
            return State.DONE
        if key in self._leases and self._leases[key][1] > now:
            return State.IN_PROGRESS
        self._leases[key] = owner, now + lease
        return State.NEW

    async def renew(self, key: str, owner: str, *, lease: float) -> bool:
        """Have the lease end ``lease`` seconds from now, if ``owner`` holds it."""
        if self._leases.get(key, ("", 0.0))[0] != owner:
            return False
        self._leases[key] = owner, _now() + lease
        return True

    async def done(self, key: str) -> None:
        """Remember as handled."""
        self.done_now(key, now=_now())

    def done_now(self, key: str, *, now: float) -> None:
        """Do what `done` does, as `begin_now` does."""
        self._leases.pop(key, None)
        self._done[key] = now + self._forget_after
        self._done.move_to_end(key)
        if len(self._done) > self._max_size:
            self._done.popitem(last=False)

    async def release(self, key: str, owner: str) -> None:
        """Forget a delivery in progress that ``owner`` holds."""
        if self._leases.get(key, ("", 0.0))[0] == owner:
            del self._leases[key]

    async def aclose(self) -> None:
        """Do nothing: what is remembered stays."""

    def _forget(self, now: float) -> None:
        while self._done and next(iter(self._done.values())) <= now:
            self._done.popitem(last=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
