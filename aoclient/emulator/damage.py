"""What a fault makes of an answer: other bytes, another status, or no answer at all."""

from __future__ import annotations

import zlib
from email.utils import formatdate
from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import frozen

from aoclient import phpjson
from aoclient.emulator.oauth import INVALID_CLIENT
from aoclient.emulator.quirks import PHP_WARNING
from aoclient.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aoclient.emulator.faults import Fault
    from aoclient.model import JsonValue


class Delivery(Enum):
    """How an answer reaches the client."""

    WHOLE = "whole"
    NOTHING = "nothing"
    """The connection is closed with no byte sent."""
    HALF = "half"
    """Half of the body, then the connection is closed."""
    STALL = "stall"
    """Silence, then the connection is closed."""
    DRIP = "drip"
    """Whole, a few bytes at a time."""


@frozen(eq=False)
class Outgoing:
    """An answer on its way out.

    Attributes:
        response: The whole of it; what it would be, where it is not sent.
        delivery: How much of it is sent, and how.
        seconds: How long a stall or a drip takes.
    """

    response: Response
    delivery: Delivery = Delivery.WHOLE
    seconds: float = 0.0


JSON = "application/json"
HTML = "text/html; charset=UTF-8"


def json_response(status: int, value: JsonValue, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with JSON as PHP writes it."""
    return Response(status, {"content-type": JSON, **(headers or {})}, phpjson.dumps(value).encode("ascii"))


def html_response(status: int, headers: Mapping[str, str] | None = None, title: str = "") -> Response:
    """Return a page of the server or of a proxy before it."""
    title = title or f"{status} {HTTPStatus(status).phrase}"
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(status, {"content-type": HTML, **(headers or {})}, page.encode())


def login_page() -> Response:
    """Return the page a browser gets that is not logged in."""
    return html_response(HTTPStatus.OK, title="Log in")


def instead(fault: Fault, *, now: float, base_url: str, is_token_route: bool) -> Outgoing:
    """Return what answers a request that is not executed."""
    if fault.kind in ("refuse", "close-before-read"):
        return Outgoing(html_response(HTTPStatus.BAD_GATEWAY), Delivery.NOTHING)
    if fault.kind in ("301", "302", "307", "308"):
        default = f"{base_url}/login" if fault.kind == "302" else "https://other.example.com/api/v1/"
        return Outgoing(html_response(int(fault.kind), {"location": fault.to or default}))
    if fault.kind == "html-200":
        return Outgoing(login_page())
    if fault.kind == "error-200":
        return Outgoing(json_response(HTTPStatus.OK, {"error": {"message": "Something went wrong"}}))
    if fault.kind == "401":
        body: JsonValue = INVALID_CLIENT if is_token_route else {"message": "Unauthenticated."}
        return Outgoing(json_response(HTTPStatus.UNAUTHORIZED, body))
    headers: dict[str, str] = {}
    if fault.retry_after is not None:
        headers["retry-after"] = str(fault.retry_after)
    if fault.date is not None:
        headers |= {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + fault.date, usegmt=True)}
    return Outgoing(_failure(int(fault.kind), fault.body, headers))


_WORDS = {429: "Too Many Attempts.", 500: "Server Error", 503: "Service Unavailable"}


def _failure(status: int, body: str, headers: Mapping[str, str]) -> Response:
    words = _WORDS.get(status, HTTPStatus(status).phrase)
    if body == "json":
        return json_response(status, {"message": words}, headers)
    if body == "html":
        return html_response(status, headers)
    return Response(status, {"content-type": HTML, **headers}, words.encode() if body == "text" else b"")


def after(fault: Fault, response: Response) -> Outgoing:
    """Return what becomes of the answer to a request that was executed."""
    delivery = _DELIVERIES.get(fault.kind)
    if delivery is not None:
        return Outgoing(response, delivery, fault.seconds)
    headers = dict(response.headers)
    status, body = response.status, response.body
    match fault.kind:
        case "500-after":
            return Outgoing(json_response(HTTPStatus.INTERNAL_SERVER_ERROR, {"message": "Server Error"}, headers))
        case "204":
            status, body = HTTPStatus.NO_CONTENT, b""
        case "gzip-bomb":
            headers["content-encoding"] = "gzip"
            body = _bomb(fault.size)
        case "content-type":
            headers["content-type"] = HTML
        case _:
            body = _BODIES[fault.kind](body)
    return Outgoing(Response(status, headers, body))


_DELIVERIES = {
    "drop-after": Delivery.NOTHING,
    "half-body": Delivery.HALF,
    "stall": Delivery.STALL,
    "drip": Delivery.DRIP,
}

_BODIES: Mapping[str, Callable[[bytes], bytes]] = {
    "empty-200": lambda body: b"",  # noqa: ARG005  # all take the body
    "truncated": lambda body: body[: len(body) // 2],
    "broken": lambda body: b'{"learners": [,' + body,
    "charset": lambda body: body.decode().encode("utf-16"),
    "warning": lambda body: PHP_WARNING + body,
    "bom": lambda body: b"\xef\xbb\xbf" + body,
}


@lru_cache(maxsize=2)
def _bomb(size: int) -> bytes:
    """Return gzip data that inflates to so many MiB of blanks, which JSON may begin with."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    blanks = b" " * (1 << 20)
    return b"".join([*(packer.compress(blanks) for _ in range(size)), packer.flush()])
