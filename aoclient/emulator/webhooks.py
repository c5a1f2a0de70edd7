"""Where the emulator sends its webhooks, how often it tries, and what goes wrong on the way on purpose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from aoclient.errors import ConfigurationError
from aoclient.secret import Secret
from aoclient.webhooks import sign

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

Post: TypeAlias = Callable[[bytes, Mapping[str, str]], Awaitable[int]]
"""Takes a body and its headers to a receiver and returns the HTTP status."""


def _secret(text: str | Secret) -> Secret:
    sign(b"", text)  # refuses a blank one
    return Secret(text)


@frozen
class Webhooks:
    """A webhook of the academy. The defaults are those of the package the vendor seems to use.

    A delivery is good when the answer is 2xx and complete in time. All else is tried again, with the same body and the
    same signature: a redirect too. The vendor's HTTP client follows 301 and 302 with a GET that has no body, which no
    receiver can take for a delivery; here they count as failures at once.

    Args:
        to: URL; or an async function of body and headers that returns the status, for a receiver in process.
        secret: Signs the bodies.
        tries: Requests for one delivery at most.
        wait_scale: Shrinks or stretches the waits between them, which are 10 s, 100 s, 1000 s and so on.
        timeout: Seconds a receiver has for its whole answer.
        concurrency: Deliveries on their way at once. With 1 they leave in the order of what happened, unless one of
            them has to be tried again.
        shuffle: Each delivery is held back for up to so many seconds, drawn at random, so that they overtake each
            other.
        duplicates: Part of the deliveries that is sent twice though the first one was good, from 0 to 1.
        lost: Part of the deliveries that is never sent, from 0 to 1.
        seed: The same seed and the same events meet the same faults.

    Raises:
        ConfigurationError: A value is not one of these; the message has it.
    """

    to: str | Post
    secret: Secret = field(converter=_secret)
    tries: int = field(default=3, kw_only=True)
    wait_scale: float = field(default=1.0, kw_only=True)
    timeout: float = field(default=3.0, kw_only=True)
    concurrency: int = field(default=1, kw_only=True)
    shuffle: float = field(default=0.0, kw_only=True)
    duplicates: float = field(default=0.0, kw_only=True)
    lost: float = field(default=0.0, kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.to, str) and not _is_url(self.to):
            raise ConfigurationError(f"Webhooks(to=...) must be an absolute http or https URL, got {self.to!r}")
        for name, least in (("tries", 1), ("concurrency", 1), ("wait_scale", 0), ("shuffle", 0)):
            if not getattr(self, name) >= least:
                raise ConfigurationError(f"Webhooks({name}=...) must be from {least}, got {getattr(self, name)!r}")
        if not self.timeout > 0:
            raise ConfigurationError(f"Webhooks(timeout=...) must be above 0, got {self.timeout!r}")
        for name in ("duplicates", "lost"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"Webhooks({name}=...) must be from 0 to 1, got {getattr(self, name)!r}")

    def wait_after(self, attempt: int) -> float:
        """Return the seconds between an attempt, counted from 1, and the next one."""
        return self.wait_scale * 10.0**attempt  # ExponentialBackoffStrategy of spatie/laravel-webhook-server

    def headers(self, body: bytes) -> Mapping[str, str]:
        """Return the headers of a delivery."""
        return {
            "User-Agent": "GuzzleHttp/7",
            "Content-Type": "application/json",
            "Signature": sign(body, self.secret),
        }


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")  # as every request would
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host)


@asynccontextmanager
async def opened(to: str | Post) -> AsyncGenerator[Post, None]:
    """Give what takes deliveries to a receiver.

    It raises OSError where no answer came: refused, cut, or no HTTP.
    """
    if not isinstance(to, str):
        yield to
        return
    import aiohttp  # noqa: PLC0415  # not needed in process

    url = to
    # aiohttp waits 300 s by itself; who calls the post has the clock. A connection is used again only while it is
    # fresh: one the receiver has just closed would look like a receiver that fails.
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=1.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding"),
        auto_decompress=False,
    ) as http:

        async def post(body: bytes, headers: Mapping[str, str]) -> int:
            try:
                async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    async for _ in answer.content.iter_any():
                        pass  # Guzzle waits for the end of the body, whatever is in it
                    return answer.status
            except aiohttp.ClientError as error:
                raise ConnectionError(type(error).__name__) from None

        yield post
