"""The bearer token: one for all calls, renewed by one shared request before it ends."""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import define

from aoclient import forms
from aoclient.action import Effect
from aoclient.errors import (
    AoError,
    ClientClosedError,
    ConfigurationError,
    DeadlineError,
    Outcome,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    TransportError,
    WrongEventLoopError,
)
from aoclient.later import Later
from aoclient.secret import Secret
from aoclient.tokens import TOKEN_REQUEST, Token, TokenStore, account_of, read_token
from aoclient.wire import TOKEN_PATH, Request, Response, Sender

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator, Callable, Generator

    from aoclient import refusals
    from aoclient.settings import Timeouts
else:
    refusals = Later("aoclient.refusals", globals())

_log = logging.getLogger("aoclient")

_PART_BEFORE_END = 0.1  # of the lifetime
_SECONDS_BEFORE_END = 300.0
_JITTER = 0.1  # processes that got their tokens together do not renew them together
_WAIT_AFTER_FAILURE = 30.0  # seconds until a failed early renewal is tried again


@define(eq=False)
class _Held:
    """The token in use; both times are the loop's."""

    token: Token
    renew_at: float
    ends_at: float
    loop: asyncio.AbstractEventLoop


class Authorized:
    """Send each request with a token that works.

    The first calls wait for one shared token request, however many they are and whichever of them is cancelled. The
    token is renewed in the background while the old one still works: at 90 % of its life, or five minutes before its
    end if that is later. A 401 makes that very token stale and comes back as it is; the next call waits for another.

    Args:
        inner: Gets the requests, the one for a token included.
        client_id: Of the OAuth application.
        client_secret: Of the OAuth application.
        store: Where tokens are shared.
        rng: For the jitter.
        base_url: With the client id it names the account in the store.
        now: Unix time, for what is kept in the store.

    Raises:
        ConfigurationError: The id or the secret is empty or holds a control character.
    """

    def __init__(
        self,
        inner: Sender,
        *,
        client_id: str,
        client_secret: Secret,
        store: TokenStore,
        rng: random.Random,
        base_url: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        _check("client_id", Secret(client_id))
        _check("client_secret", client_secret)
        self._inner = inner
        self._client_id = client_id
        self._client_secret = client_secret
        self._store = store
        self._rng = rng
        self._account = account_of(base_url, client_id)
        self._now = now
        self._held: _Held | None = None
        self._refused: Secret | None = None
        self._renewal: asyncio.Task[Token | AoError] | None = None
        self._patience = 0.0  # seconds it may take
        self._closed = False
        self._store_failed = False

    async def send(self, request: Request) -> Response:
        """Send the request with a token; the response comes back whatever its status.

        Raises:
            AoError: There is no token, and the request was not sent; or the inner sender's.
        """
        held = self._held
        if held is not None and held.loop.time() < held.renew_at:  # as nearly always
            token = held.token
        else:
            token = await self._usable(request)
        request.progress.phase = "answer"  # until an inner sender knows better: from here on it may have been sent
        response = await self._inner.send(
            request.with_header("Authorization", f"{token.type} {token.value.reveal()}")  # in no variable of ours
        )
        if response.status >= refusals.FIRST_REDIRECT and _is_refused(response):
            if response.status == HTTPStatus.UNAUTHORIZED:
                request.progress.phase = "token"  # cut off in the store, it was still not executed
            await self._discard(token)
        return response

    async def aclose(self) -> None:
        """End the renewal that is under way; calls that wait for it get `ClientClosedError`."""
        self._closed = True
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _usable(self, request: Request) -> Token:
        now = asyncio.get_running_loop().time()
        held = self._held
        if held is not None and now < held.ends_at:
            if now >= held.renew_at and not self._closed:
                self._renewed(request.timeouts)
            return held.token
        if self._closed:
            raise ClientClosedError("the session is closed", action=request.name)
        request.progress.phase = "token"
        while True:
            renewal, patience = self._renewed(request.timeouts), self._patience
            # Other than awaiting the task, this leaves it alone when the waiter is cancelled.
            await asyncio.wait([renewal])
            if renewal.cancelled():  # by us, or by somebody who cancels all tasks of the loop
                if self._closed:
                    reason = "the session was closed while this call waited for a token"
                    raise ClientClosedError(reason, action=request.name)
                continue
            result = renewal.result()
            if isinstance(result, Token):
                return result
            if not isinstance(result, DeadlineError) or patience >= request.timeouts.total:
                raise _own_copy(result, request.name)  # else it was begun by a call with less time than this one has

    async def _discard(self, token: Token) -> None:
        self._refused = token.value
        if self._held is not None and self._held.token.value == token.value:
            self._held = None
        with self._tolerating_the_store():
            await self._store.discard(self._account, token)

    # --- renewal -------------------------------------------------------------------------------------------------

    def _renewed(self, timeouts: Timeouts) -> asyncio.Task[Token | AoError]:
        """Return the renewal that is under way, begun now if none is."""
        if self._renewal is None or self._renewal.done():  # cancelled before its first step it stands here
            self._renewal = asyncio.create_task(self._renew(timeouts), name="aoclient token renewal")
            self._patience = timeouts.total
        return self._renewal

    async def _renew(self, timeouts: Timeouts) -> Token | AoError:
        """Return the new token, or why there is none: a result, so that nobody has to fetch it."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeouts.total):
                return await self._shared_or_new(timeouts)
        except AoError as error:
            failure = _as_failure(error)
        except TimeoutError:
            failure = DeadlineError(f"no token: none came within {timeouts.total:g} s", phase="token")
        finally:
            self._renewal = None
        if self._held is not None:
            self._held.renew_at = min(loop.time() + _WAIT_AFTER_FAILURE, self._held.ends_at)
        return failure

    async def _shared_or_new(self, timeouts: Timeouts) -> Token:
        stored = await self._stored()
        if stored is not None:
            return stored
        async with self._alone():
            stored = await self._stored()  # another holder may have got one meanwhile
            if stored is not None:
                return stored
            # The server counts from a moment between the request and its answer.
            asked_at, asked_at_unix = asyncio.get_running_loop().time(), self._now()
            token = read_token(await self._inner.send(self._request(timeouts)), asked_at_unix)
            self._hold(token, asked_at + token.lifetime)
            with self._tolerating_the_store():
                await self._store.save(self._account, token)
            return token

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None, None]:
        """Hold the right to ask for a token, where the store gives it."""
        async with AsyncExitStack() as stack:
            with self._tolerating_the_store():
                await stack.enter_async_context(self._store.refreshing(self._account))
            try:
                yield
            finally:
                with self._tolerating_the_store():
                    await stack.aclose()

    async def _stored(self) -> Token | None:
        """Hold and return the token of the store, if it is another one than the one to be replaced and works."""
        token = None
        with self._tolerating_the_store():
            token = await self._store.load(self._account)
        worn = self._held.token.value if self._held is not None else None
        if token is None or token.expired(self._now()) or token.value in (worn, self._refused):
            return None
        self._hold(token, asyncio.get_running_loop().time() + token.left(self._now()))
        return token

    def _hold(self, token: Token, ends_at: float) -> None:
        margin = min(token.lifetime * _PART_BEFORE_END, _SECONDS_BEFORE_END)
        margin *= self._rng.uniform(1 - _JITTER, 1 + _JITTER)
        self._held = _Held(token, renew_at=ends_at - margin, ends_at=ends_at, loop=asyncio.get_running_loop())

    def _request(self, timeouts: Timeouts) -> Request:
        return Request(
            name=TOKEN_REQUEST,
            effect=Effect.READS,  # a new token does not end the others
            path=TOKEN_PATH,
            timeouts=timeouts,
            read=lambda response: read_token(response, self._now()),
            body=forms.encode(
                {
                    "grant_type": "client_credentials",
                    "client_id": self._client_id,
                    "client_secret": self._client_secret.reveal(),
                    "scope": "",
                }
            ).encode("ascii"),
        )

    @contextmanager
    def _tolerating_the_store(self) -> Generator[None, None, None]:
        """Go on without the store when it fails: a token of one's own is better than none."""
        try:
            yield
        except OSError as error:
            if not self._store_failed:
                _log.warning("the token store fails, tokens are not shared: %s", error)
            self._store_failed = True


def _check(name: str, text: Secret) -> None:
    if not text or not text.reveal().isprintable():
        raise ConfigurationError(f"{name} is empty, or holds a line break or another control character")


def _is_refused(response: Response) -> bool:
    """Return whether the token was not accepted: a 401, or Laravel's redirect to its login page."""
    if response.status == HTTPStatus.UNAUTHORIZED:
        return True
    if not refusals.FIRST_REDIRECT <= response.status < refusals.FIRST_ERROR:
        return False
    location = response.headers.get("location", "").split("?", maxsplit=1)[0].rstrip("/")
    return location.endswith("/login")


def _as_failure(error: AoError) -> AoError:
    """Return the error of a token request as that of a call: the action was not sent, so the call may be repeated.

    What would be refused again is not: a wrong secret, a wrong address.
    """
    if isinstance(error, ClientClosedError | WrongEventLoopError):
        return error
    failure = copy.copy(error)  # without the traceback, whose frames belong to the task
    failure.message = f"no token: {error.message}"
    failure.args = (failure.message,)
    passing = isinstance(error, TransportError | RateLimitError | ServerError | ResponseDecodeError)
    is_refused = error.outcome is Outcome.REFUSED  # a certificate that does not hold
    failure.outcome = Outcome.NOT_EXECUTED if passing and not is_refused else Outcome.REFUSED
    if isinstance(failure, DeadlineError):
        failure.phase = "token"
    return failure


def _own_copy(error: AoError, action: str) -> AoError:
    """Return a copy for one of the waiters: a raised exception collects the frames of whoever raises it."""
    own = copy.copy(error)
    own.action = action
    return own
