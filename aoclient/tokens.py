"""Tokens: what one is, how it is read from an answer, and where it is kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakKeyDictionary

from attrs import field, frozen

from aoclient.errors import ResponseSchemaError
from aoclient.later import Later
from aoclient.secret import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aoclient import refusals
    from aoclient.model import JsonValue
    from aoclient.wire import Response
else:
    refusals = Later("aoclient.refusals", globals())

TOKEN_REQUEST = "oauth/token"  # noqa: S105  # a name
"""What the request for a token is called in errors."""


@frozen(kw_only=True)
class Token:
    """A bearer token.

    Attributes:
        value: The token itself; never shown.
        type: What stands before it in the header. The server may test it case-sensitively, so it is not the server's
            own spelling.
        lifetime: Seconds it was given for.
        expires_at: Unix time of its end, by the clock of the machine that got it. Only for a token that comes out of a
            store; the one who got it counts ``lifetime`` on a monotonic clock.
    """

    value: Secret = field(converter=Secret)
    type: str = "Bearer"
    lifetime: float
    expires_at: float

    def left(self, now: float) -> float:
        """Return the seconds it still works at a unix time; never more than its lifetime, whatever the clocks say."""
        return min(self.expires_at - now, self.lifetime)

    def expired(self, now: float) -> bool:
        """Return whether it has ended at a unix time."""
        return self.left(now) <= 0


def account_of(base_url: str, client_id: str) -> str:
    """Return the name a store keeps the token of an account under: a hash, so it tells neither."""
    return hashlib.sha256(f"{base_url.rstrip('/')}\n{client_id}".encode()).hexdigest()


# --- reading -----------------------------------------------------------------------------------------------------


def read_token(response: Response, now: float) -> Token:
    """Return the token of an answer.

    Args:
        response: Of the token route.
        now: Unix time, for ``expires_at``.

    Raises:
        AuthenticationError: Client id or secret are not accepted.
        ApiError: The server refuses, or fails.
        UnexpectedRedirectError: A 3xx.
        ResponseDecodeError: The body is no JSON.
        ResponseSchemaError: The body is JSON without a token.
    """
    value = refusals.parse(response.status, response.headers, response.body, name=TOKEN_REQUEST, confidential=True)
    text = value.get("access_token") if isinstance(value, dict) else None
    # What is no visible ASCII cannot stand in a header.
    if not isinstance(value, dict) or not isinstance(text, str) or not (text.isascii() and text.isprintable() and text):
        raise ResponseSchemaError(
            "the answer has no access_token",
            action=TOKEN_REQUEST,
            status=response.status,
            content_type=response.headers.get("content-type", ""),
        )
    lifetime = _lifetime(value.get("expires_in"))
    return Token(value=Secret(text), lifetime=lifetime, expires_at=now + lifetime)


def _lifetime(value: JsonValue) -> float:
    """Return ``expires_in`` as seconds; where it cannot be read an hour, since a token that ends early is renewed."""
    seconds = _number(value)
    return _HOUR if seconds is None or math.isinf(seconds) else max(0.0, seconds)


def _number(value: object) -> float | None:
    """Return a number, also one written as a text; None for what is none, NaN included."""
    try:
        number = float(cast("float", value))
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


_HOUR = 3600.0


# --- keeping -----------------------------------------------------------------------------------------------------


def to_text(token: Token, account: str) -> str:
    """Return a token as a store outside of the process keeps it, with the secret in clear text."""
    return json.dumps(
        {
            "account": account,
            "value": token.value.reveal(),
            "lifetime": token.lifetime,
            "expires_at": token.expires_at,
        }
    )


def from_text(text: str | bytes, account: str) -> Token | None:
    """Return the token `to_text` wrote; None where it is of another account or cannot be understood."""
    try:
        kept: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(kept, dict):
        return None
    fields = cast("dict[str, object]", kept)
    value = fields.get("value")
    lifetime, expires_at = (_number(fields.get(name)) for name in ("lifetime", "expires_at"))
    if fields.get("account") != account or lifetime is None or expires_at is None:
        return None
    if not isinstance(value, str) or not (value.isascii() and value.isprintable() and value):
        return None
    return Token(value=Secret(value), lifetime=lifetime, expires_at=expires_at)


class TokenStore(Protocol):
    """Where tokens are kept, so that those who share it ask for one token between them.

    ``account`` is what `account_of` returns. A store that cannot be reached raises `OSError`: the session then works
    with a token of its own.
    """

    async def load(self, account: str) -> Token | None:
        """Return the token of the account, expired or not; None where there is none that can be read."""
        ...

    async def save(self, account: str, token: Token) -> None:
        """Keep the token in place of the one before."""
        ...

    async def discard(self, account: str, token: Token) -> None:
        """Forget this very token; another one that has taken its place stays."""
        ...

    def refreshing(self, account: str) -> AbstractAsyncContextManager[None]:
        """Hold the right to ask for a new token. Whoever had to wait for it loads again before asking."""
        ...


class LoopLocks:
    """A lock in each event loop: where somebody had to wait for one, it is of no use in another loop."""

    def __init__(self) -> None:
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def here(self) -> asyncio.Lock:
        """Return the lock of the running loop."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


class MemoryTokenStore:
    """Tokens in this process, for the sessions of one event loop; lost with it."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._locks = LoopLocks()

    async def load(self, account: str) -> Token | None:
        """Return the token of the account, or None."""
        return self._tokens.get(account)

    async def save(self, account: str, token: Token) -> None:
        """Keep the token in place of the one before."""
        self._tokens[account] = token

    async def discard(self, account: str, token: Token) -> None:
        """Forget this very token."""
        kept = self._tokens.get(account)
        if kept is not None and kept.value == token.value:  # its end may be by the clock of another
            del self._tokens[account]

    @asynccontextmanager
    async def refreshing(self, account: str) -> AsyncGenerator[None, None]:  # noqa: ARG002  # one lock does for all accounts
        """Hold the right to ask for a new token."""
        async with self._locks.here():
            yield
