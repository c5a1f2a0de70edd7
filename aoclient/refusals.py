"""How the server says no, in all its shapes, and how a response becomes JSON or an error.

An application error is ``{"error": {"message": ..}}`` and may come with status 200. Laravel adds ``{"message": ..,
"errors": {..}}``, the token route ``{"error": "invalid_client", "error_description": ..}``, proxies HTML. No strange
shape makes this fail; what is missing falls back to the status.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aoclient import jsontext
from aoclient.errors import (
    AoError,
    AuthenticationError,
    Outcome,
    ResponseDecodeError,
    ServerError,
    UnavailableError,
    UnexpectedRedirectError,
    escaped,
    for_status,
)

if TYPE_CHECKING:
    from aoclient.model import JsonValue

Headers = Mapping[str, str]

FIRST_REDIRECT, FIRST_ERROR = int(HTTPStatus.MULTIPLE_CHOICES), int(HTTPStatus.BAD_REQUEST)
"""Statuses each answer is compared with, as plain numbers: on Python 3.11 a look-up on the enum takes 0.1 us."""


def parse(
    status: int, headers: Headers, body: bytes, *, name: str, confidential: bool = False, may_be_empty: bool = False
) -> JsonValue:
    """Return the JSON of a body that is an answer.

    Args:
        status: HTTP status.
        headers: By lower-case name.
        body: Inflated bytes.
        name: Action, for the error.
        confidential: The body may hold a secret, so no error quotes it.
        may_be_empty: An empty body is an answer, None.

    Raises:
        ApiError: The server refuses, whatever the status.
        UnexpectedRedirectError: A 3xx.
        ResponseDecodeError: The body is no JSON.
    """
    if FIRST_REDIRECT <= status < FIRST_ERROR:
        raise _redirect(status, headers, name, confidential=confidential)
    try:
        value, is_json = jsontext.loads(body), True
    except ValueError:
        value, is_json = None, False
    if status >= FIRST_ERROR or type(value) is dict:  # else it is no refusal
        error = refusal(status, headers, value, is_json=is_json, name=name)
        if error is not None:
            raise error
    if is_json:
        return value
    if may_be_empty and not body.strip():
        return None
    raise ResponseDecodeError(
        _what_it_is(body),
        action=name,
        status=status,
        content_type=headers.get("content-type", ""),
        excerpt="" if confidential else excerpt_of(body),
    )


def refusal(status: int, headers: Headers, value: JsonValue, *, is_json: bool, name: str) -> AoError | None:
    """Return the error a response stands for, or None when it may be an answer."""
    fields = value if isinstance(value, dict) else {}
    if status < FIRST_ERROR and not fields.get("error"):
        return None
    cls = for_status(status)
    waits = retry_after(headers)
    in_its_own_words = is_json and "message" in fields
    if cls is UnavailableError and not in_its_own_words and waits is None:
        cls = ServerError  # a proxy's page: the request may have reached the application
    return cls(
        message_of(fields) or _phrase(status),
        action=name,
        status=status,
        errors=_errors_of(status, fields),
        retry_after=waits,
    )


def message_of(fields: Mapping[str, JsonValue]) -> str:
    """Return the server's own words in one line, or an empty text: Laravel's message is often empty."""
    error = fields.get("error")
    if isinstance(error, dict):
        words, hint = _text(error.get("message")) or _text(error.get("error")), ""
    else:
        words = _text(fields.get("error_description")) or _text(fields.get("message")) or _text(error)
        hint = _text(fields.get("hint"))
    return _line(f"{words} ({hint})" if words and hint else words or hint, _LONGEST_MESSAGE)


_LONGEST_MESSAGE = 1000


def retry_after(headers: Headers) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for, or None where it is neither a number nor an HTTP date.

    A date is measured against the server's own ``Date``, not against this machine's clock.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("date", ""))
    return max(0.0, until - (time.time() if now is None else now))


_SECONDS = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)  # whole by the standard; some servers write parts


def excerpt_of(body: bytes) -> str:
    """Return the first 200 characters of a body, control characters escaped."""
    return _line(body[: 4 * _EXCERPT].decode("utf-8", "replace"), _EXCERPT)


_EXCERPT = 200


def _line(text: str, at_most: int) -> str:
    return escaped(text[:at_most])


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()  # none after -0000, which is UTC
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _redirect(status: int, headers: Headers, name: str, *, confidential: bool) -> AoError:
    location = re.split("[?#]", headers.get("location", ""), maxsplit=1)[0]
    if location.rstrip("/").endswith("/login"):
        error = AuthenticationError("the server wants a login: the token was not accepted", action=name, status=status)
        error.outcome = Outcome.UNKNOWN  # Laravel's own check answers 401 where JSON is wanted: this is another's
        return error
    place = "" if confidential else f" to {_line(location, _EXCERPT)!r}"  # it may be the very link that is secret
    return UnexpectedRedirectError(
        f"redirected{place}, which is not followed: a redirected POST loses its form or gives it to another host;"
        " check the base URL",
        action=name,
        status=status,
    )


def _what_it_is(body: bytes) -> str:
    start = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "the body is empty, expected JSON"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<body")):
        return "the body is an HTML page, expected JSON (a login page or a proxy's)"
    return "the body is no JSON"


def _text(value: JsonValue) -> str:
    return value.strip() if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    if status < FIRST_ERROR:
        return "the server reports an error and does not say which"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _errors_of(status: int, fields: Mapping[str, JsonValue]) -> Mapping[str, Sequence[str]]:
    found = fields.get("errors")
    if found is None and status == HTTPStatus.UNPROCESSABLE_ENTITY and "message" not in fields:
        found = cast("JsonValue", dict(fields))  # Laravel 5.4 sends the map alone
    if not isinstance(found, dict):
        return {}
    return {
        option: [text for text in (texts if isinstance(texts, list) else [texts]) if isinstance(text, str)]
        for option, texts in found.items()
    }
