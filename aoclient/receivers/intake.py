"""What of a request is taken in: headers that refuse it at once, and a body of bounded size in bounded time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from aoclient.receivers import answer as answers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from aoclient.receivers.answer import Answer

Headers: TypeAlias = "Mapping[str, str] | Sequence[tuple[str, str]]"
"""Headers of a request: a map, of which `items` may name one more than once, or pairs."""

Noted: TypeAlias = dict[str, list[str]]
"""All values of the headers that matter, by their name in lower case."""

_log = logging.getLogger("aoclient.receivers")


@frozen
class Intake:
    """The bounds of a request; see `Receiver`."""

    max_body_bytes: int
    body_timeout: float

    def refuse(self, noted: Noted) -> Answer | None:
        """Return the answer where headers decide it."""
        if noted["content-encoding"]:
            return answers.ENCODED  # what is signed are the bytes before any encoding, and bombs are to stay closed
        if any(_is_above(length, self.max_body_bytes) for length in noted["content-length"]):
            return answers.TOO_LARGE
        return None

    async def read(self, read: Callable[[], Awaitable[bytes]]) -> bytes | Answer:
        """Return the body, or the answer where there is none to be had: too slow, too large, broken off."""
        try:
            async with asyncio.timeout(self.body_timeout):
                return await self._read(read)
        except TimeoutError:
            return answers.TOO_SLOW
        except Exception as error:  # noqa: BLE001  # each server has errors of its own for a body that is cut or broken
            _log.info("the body of a webhook broke off: %s", type(error).__name__)
            return answers.UNREADABLE

    async def _read(self, read: Callable[[], Awaitable[bytes]]) -> bytes | Answer:
        body = bytearray()
        while chunk := await read():
            if len(body) + len(chunk) > self.max_body_bytes:
                return answers.TOO_LARGE
            body += chunk
        return bytes(body)


def noted_of(headers: Headers) -> Noted:
    """Return all values of the headers that matter, by name."""
    noted: Noted = {"signature": [], "content-encoding": [], "content-length": []}
    for name, value in headers if isinstance(headers, list) else _pairs(headers):
        values = noted.get(name.lower())
        if values is not None:
            values.append(value)
    return noted


def _pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def _is_above(length: str, limit: int) -> bool:
    # Compared as text first: int() refuses thousands of digits. What is no number is for the server to refuse.
    if len(length) < len(str(limit)):
        return False
    digits = length.strip().lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return False
    return len(digits) > len(str(limit)) or int(digits) > limit
