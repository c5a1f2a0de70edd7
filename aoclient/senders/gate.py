"""What the processes of one account may have in common: a token, a rate, the wait after a 429, and answers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from aoclient.errors import ConfigurationError
from aoclient.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from aoclient.tokens import TokenStore
    from aoclient.wire import Sender


class Gate(Protocol):
    """A pace that several processes keep together. The calls of one process come to it one at a time."""

    @property
    def held_until(self) -> float:
        """Time of the loop before which nothing may go, because one of the processes met a 429."""
        ...

    async def enter(self, calls: int, per: float, *, within: float) -> str | None:
        """Wait for a turn and return its permit; None, without one, where a hold stands.

        Args:
            calls: Requests in any window, of all processes; 0 where no rate is known, and then only a hold counts.
            per: Length of the window in seconds.
            within: Seconds the caller will wait at most; nothing is reserved for a later time.
        """
        ...

    def leave(self, permit: str, *, after: float) -> None:
        """Give a permit back one window after now, and ``after`` seconds more for what may be on its way still."""
        ...

    def undo(self, permit: str) -> None:
        """Give a permit back at once: its request was never sent."""
        ...

    def refuse(self, seconds: float) -> None:
        """Hold all processes back: one met a 429."""
        ...

    def close(self) -> None:
        """Send the call that waits for its turn away without a permit, and whoever comes."""
        ...


class Commons(Protocol):
    """What has the processes of an account share one token, one rate, and answers."""

    @property
    def tokens(self) -> TokenStore:
        """Where the token is kept."""
        ...

    def gate(self, account: str) -> Gate:
        """Return the gate of an account, as `account_of` names it."""
        ...

    def remembering(self, account: str, *, keep_for: float) -> Callable[[Sender], Sender] | None:
        """Return what makes a sender that shares answers which change rarely; None where each process keeps its own."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


def commons_of(redis: str | Secret | Commons | None) -> Commons | None:
    """Return what is shared over the Redis at a URL; anything else as it is.

    Raises:
        MissingExtraError: The package redis is not installed.
        ConfigurationError: The URL cannot be used, or it is a client of Redis.
    """
    if not isinstance(redis, str | Secret):
        if redis is not None and not hasattr(redis, "remembering"):
            kind = type(redis).__qualname__  # its text may hold an address
            raise ConfigurationError(f"redis must be a URL, or a RedisCommons, which takes clients too; got a {kind}")
        return redis
    # By name: what needs an extra lives above this floor, and is loaded by those who ask for it.
    return cast("Commons", import_module("aoclient.contrib.redis").RedisCommons(Secret(redis)))
