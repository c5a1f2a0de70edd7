"""One POST with aiohttp: no redirects, no cookies, no retries, a bounded body, and errors without aiohttp's objects."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp import hdrs
from aiohttp.payload import Payload
from yarl import URL

from aoclient.action import Effect
from aoclient.errors import (
    AoError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    Outcome,
    ReadError,
    ResponseTooLargeError,
)
from aoclient.senders.home import HomeLoop
from aoclient.senders.interrupt import Countdowns, Interrupt
from aoclient.wire import API_PATH, TOKEN_PATH, Request, Response

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

_KEEP_ALIVE = 10.0  # seconds; below what servers use, so that few connections are found closed
_MIB = 2**20
_ADDS = Effect.ADDS  # compared for each request; a look-up on an enum takes 0.1 us on Python 3.11


class Http:
    """Send each request as one POST and return the answer, whatever its status.

    The sessions of aiohttp are made at the first call, in the loop of that call. Actions that must not be repeated get
    a connection of their own: on a kept one the server may just be hanging up, and then nobody knows whether it read
    the form. A session given as ``http`` has its own pool, cookies and proxies, so neither holds for it; it is never
    closed.

    Args:
        base_url: ``https://host``, with a port and a path if need be.
        max_concurrency: Connections at once.
        http: A session of aiohttp to use instead of an own one.
        user_agent: As sent.
        allow_insecure: Take ``http://`` for a host that is not this machine.
        trust_env: Take the proxy from the environment (``HTTPS_PROXY``, ``NO_PROXY``). A netrc file is never read.
        max_response_bytes: Longest body of an answer, inflated.
        max_token_bytes: The same for the answer of the token route.

    Raises:
        ConfigurationError: The address, the user agent or the session cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        max_concurrency: int = 10,
        http: aiohttp.ClientSession | None = None,
        user_agent: str,
        allow_insecure: bool = False,
        trust_env: bool = False,
        max_response_bytes: int = 64 * _MIB,
        max_token_bytes: int = 64 * 1024,
    ) -> None:
        url = _base(base_url, allow_insecure=allow_insecure)
        if not (user_agent.isascii() and user_agent.isprintable()):
            raise ConfigurationError("the user agent (app_name) may hold visible ASCII characters only, no line break")
        if http is not None and http.auth is not None:
            raise ConfigurationError(
                "http: a session with auth cannot be used, the header it sets is the token's place"
            )
        self._root = str(url).rstrip("/")
        self._where = url.authority
        self._max_concurrency = max_concurrency
        self._borrowed = http
        self._headers: dict[str, str] = {hdrs.ACCEPT: "application/json", hdrs.USER_AGENT: user_agent}
        self._proxy = _proxy_of(url) if trust_env else None
        self._max_response_bytes = max_response_bytes
        self._max_token_bytes = max_token_bytes
        self._routes: dict[str, tuple[URL, int]] = {}
        self._countdowns = Countdowns()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._home = HomeLoop()
        self._in_flight: set[Interrupt] = set()
        self._idle = asyncio.Event()
        self._closed = False

    async def send(self, request: Request) -> Response:
        """Send one POST.

        ``request.progress.phase`` becomes ``connect``, and ``answer`` once the server may have got something.

        Raises:
            ConnectError: Nothing was sent.
            ReadError: No whole answer came.
            DeadlineError: Connecting, or the next bytes of the answer, took longer than the request allows.
            ResponseTooLargeError: The body is longer than allowed.
            ClientClosedError: It was closed, before or meanwhile.
            WrongEventLoopError: It belongs to another event loop.
        """
        loop = self._home.enter()
        if self._closed:
            raise ClientClosedError("the session is closed", action=request.name)
        alone = request.effect is _ADDS
        session = self._borrowed or self._sessions.get(alone) or self._open(alone=alone)
        url, limit = self._routes.get(request.path) or self._route(request.path)
        request.progress.phase = "connect"
        interrupt = Interrupt(loop, self._countdowns[request.timeouts.read])  # struck by aclose as well
        try:
            with interrupt:
                self._in_flight.add(interrupt)
                answer = await session.post(
                    url,
                    data=_Form(request, interrupt),
                    headers={**self._headers, **request.headers} if self._borrowed else request.headers,
                    allow_redirects=False,  # 307 and 308 would send the form, client secret included, to another host
                    raise_for_status=False,
                    auto_decompress=True,
                    timeout=_connecting(request.timeouts.connect),
                )
                if answer.content.is_eof():  # a short body comes with the headers, and the connection is free again
                    body: bytes | None = answer.content.read_nowait()
                else:
                    async with answer:  # leaving it unread hangs up
                        body = await _read(answer.content, limit, interrupt)
                if body is None or len(body) > limit:
                    raise _too_large(answer, limit, request)
                return Response(answer.status, answer.headers, body)
        except (aiohttp.ClientError, OSError, RuntimeError) as caught:  # RuntimeError: aiohttp's session is closed
            # Raised below, outside of this block: what aiohttp raises holds the request, headers and all.
            failure = self._failure(caught, request, is_closed=self._closed or session.closed)
        except asyncio.CancelledError as cancelled:
            # A timeout of the caller keeps this as its cause, and aiohttp's frames have the headers as variables.
            cancelled.__traceback__ = None
            raise
        finally:
            self._in_flight.discard(interrupt)
            if self._closed and not self._in_flight:
                self._idle.set()
        raise failure

    async def aclose(self) -> None:
        """End the calls in flight with `ClientClosedError` and close the connections; a second time it does nothing.

        Raises:
            WrongEventLoopError: It belongs to another event loop.
        """
        self._home.enter()
        self._closed = True
        async with AsyncExitStack() as stack:
            for session in self._sessions.values():
                stack.push_async_callback(session.close)
            for interrupt in self._in_flight:
                interrupt.strike()
            if self._in_flight:
                self._idle.clear()
                await self._idle.wait()

    def _open(self, *, alone: bool) -> aiohttp.ClientSession:
        session = self._sessions[alone] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_concurrency,
                force_close=alone,
                keepalive_timeout=None if alone else _KEEP_ALIVE,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            proxy=self._proxy,
        )
        return session

    def _route(self, path: str) -> tuple[URL, int]:
        """Return the URL of a path, and how long the body of an answer may be there."""
        limit = self._max_token_bytes if path == TOKEN_PATH else self._max_response_bytes
        route = self._routes[path] = URL(self._root + path), limit
        return route

    def _failure(self, caught: Exception, request: Request, *, is_closed: bool) -> AoError:
        """Return the error that stands for one of aiohttp's, with nothing of it but the reason."""
        phase = request.progress.phase
        sent = phase == "answer"
        if is_closed:
            closed = ClientClosedError("the session was closed while the call was under way", action=request.name)
            closed.outcome = Outcome.UNKNOWN if sent else Outcome.NOT_EXECUTED
            return closed
        if isinstance(caught, TimeoutError):
            text = (
                f"no further byte of the answer within {request.timeouts.read:g} s"
                if sent
                else f"no connection to {self._where} within {request.timeouts.connect:g} s"
            )
            return DeadlineError(text, phase=phase, action=request.name)
        if sent:
            return ReadError(
                f"the connection broke before the answer was whole: {_reason(caught)}", action=request.name
            )
        unconnected = ConnectError(f"no connection to {self._where}: {_reason(caught)}", action=request.name)
        if isinstance(caught, aiohttp.ClientConnectorCertificateError):
            unconnected.outcome = Outcome.REFUSED  # by us, and again on a second try
        return unconnected


def _too_large(answer: aiohttp.ClientResponse, limit: int, request: Request) -> ResponseTooLargeError:
    return ResponseTooLargeError(
        f"the body is longer than {limit} bytes, inflated",
        action=request.name,
        status=answer.status,
        content_type=answer.headers.get("content-type", ""),
    )


async def _read(content: aiohttp.StreamReader, limit: int, interrupt: Interrupt) -> bytes | None:
    """Return a body, or None as soon as it is longer than allowed."""
    chunks: list[bytes] = []
    size = 0
    interrupt.start()
    async for chunk in content.iter_any():
        interrupt.start()
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            return None
    return b"".join(chunks)


class _Form(Payload):
    """The body of a request, which notes the moment it is written.

    From then on the server may have got it, and its answer is waited for. A trace would tell as much, but slows every
    call by a fifth, and aiohttp's own payload of bytes warns above 1 MiB.
    """

    def __init__(self, request: Request, interrupt: Interrupt) -> None:
        super().__init__(request.body, content_type="application/x-www-form-urlencoded")
        self._request = request
        self._interrupt = interrupt

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._request.body)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the form as text, for middlewares of a borrowed session."""
        return self._request.body.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the form."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the form, or as much of it as there is to be."""
        self._request.progress.phase = "answer"
        self._interrupt.start()
        await writer.write(self._request.body[:content_length])


def _base(text: str, *, allow_insecure: bool) -> URL:
    """Return the base URL; no message quotes it, since it may hold a password."""
    try:
        url = URL(text)
        (url.host or "").encode("idna")  # as the look-up of the name does; two dots in a row have no such form
    except ValueError:
        raise ConfigurationError("base_url is no URL") from None
    if url.scheme not in ("http", "https") or not url.host or not text.isprintable():
        raise ConfigurationError(
            "base_url must be https://host, with a port and a path if need be, as https://app.academyocean.com is"
        )
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ConfigurationError("base_url must have no user, no password, no ? and no #")
    if url.scheme == "http" and not allow_insecure and not _is_loopback(url.host):
        raise ConfigurationError(
            f"base_url would send the client secret to {url.host} unencrypted; use https://, or say "
            "allow_insecure=True (--allow-insecure on the command line)"
        )
    if f"{url.path.rstrip('/')}/".endswith(API_PATH):
        raise ConfigurationError(f"base_url must end before {API_PATH}, which is added")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxy_of(url: URL) -> str | None:
    # aiohttp's own trust_env would read netrc as well, which may set the Authorization header.
    host = cast("str", url.host)
    return None if proxy_bypass(host) else getproxies().get(url.scheme)


@lru_cache(maxsize=8)  # one for each of the few settings in use, not one for each call
def _connecting(seconds: float) -> aiohttp.ClientTimeout:
    # aiohttp's timers for the answer and for the whole are two or three for each call; see Countdown.
    return aiohttp.ClientTimeout(total=None, connect=seconds if math.isfinite(seconds) else None)


def _reason(error: Exception) -> str:
    """Return why, without the error's own text: that may quote the URL, the request or what the server wrote."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
