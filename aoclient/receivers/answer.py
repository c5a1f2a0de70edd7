"""What the sender of a webhook is told: a status and a line of text, the same for all who are told the same."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

_TEXT: Mapping[str, str] = {"Content-Type": "text/plain; charset=utf-8"}


@frozen
class Answer:
    """An HTTP response, for an adapter to send.

    Attributes:
        status: HTTP status. The sender takes any 2xx for success, and tries again after anything else.
        body: As it is.
        headers: By name.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default=_TEXT)


ACCEPTED = Answer(200, b"accepted\n")

UNREADABLE = Answer(400, b"the body is no event, or ended early\n")
NOT_AUTHENTIC = Answer(401, b"the signature is missing or wrong\n")
WRONG_METHOD = Answer(405, b"webhooks are posted\n", {**_TEXT, "Allow": "POST"})
TOO_SLOW = Answer(408, b"the body took too long\n", {**_TEXT, "Connection": "close"})
TOO_LARGE = Answer(413, b"the body is too large\n")
ENCODED = Answer(415, b"the body must come without content encoding\n")

FAILED = Answer(503, b"not handled, send it again\n")
BUSY = Answer(503, b"too busy, send it again later\n")
ELSEWHERE = Answer(503, b"another process is at it, send it again later\n")
CLOSED = Answer(503, b"not open, send it again later\n")
