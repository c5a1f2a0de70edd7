"""What must hold whatever comes in: a function for each door, for fuzzers and for the corpus that is kept."""

from __future__ import annotations

import base64
import hmac
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aoclient import forms, jsontext, wire
from aoclient.action import Action
from aoclient.errors import (
    AoError,
    ApiError,
    InvalidOptionError,
    ResponseDecodeError,
    ResponseSchemaError,
    WebhookError,
)
from aoclient.receivers import intake
from aoclient.tokens import read_token
from aoclient.webhooks import dumps, parse, sign, verify
from tests.samples import SAMPLES

CORPUS = Path(__file__).parent.parent / "corpus"
KNOWN = (ResponseDecodeError, ResponseSchemaError, ApiError)
SECRETS = ("whsec-fuzz-1", "whsec-fuzz-2")


def answer(action: Action[Any], body: bytes) -> str:
    """Decode a body as the answer of an action, with the ``speed`` extra and without: both end the same way."""
    ends = []
    for module in dict.fromkeys((jsontext._msgspec, None)):
        with patch.object(jsontext, "_msgspec", module):
            ends.append(_end(lambda: wire.decode(action, _response(body))))
    assert ends[0] == ends[-1], f"{action.spec.name}: {ends}"
    return ends[0][0]


def _response(body: bytes) -> wire.Response:
    return wire.Response(200, {"content-type": "application/json"}, body)


def _end(read: Callable[[], object], refusals: tuple[type[AoError], ...] = KNOWN) -> tuple[str, Any]:
    """Return what was read, or a documented error in words."""
    try:
        return "answer", read()
    except refusals as error:
        words = str(error)
        name = type(error).__name__
    assert words.isprintable(), words
    return name, words


def answers(data: bytes) -> None:
    """The first byte picks the action."""
    if data:
        answer(SAMPLES[data[0] % len(SAMPLES)], data[1:])


def tokens(data: bytes) -> None:
    """The answer of the token route is a token, or a documented error that quotes nothing of it."""
    end, what = _end(lambda: read_token(_response(data), 0.0))
    if end == "answer":
        assert math.isfinite(what.lifetime)
        assert what.value.reveal().isprintable()


def form(data: bytes) -> None:
    """Any form is read; it is an action or refused as none, and what can be written again says the same."""
    tree = forms.decode(data)
    _end(lambda: wire.read(data), (InvalidOptionError,))
    end, written = _end(lambda: forms.encode(tree), (InvalidOptionError,))
    if end == "answer":
        assert forms.decode(written) == tree
        assert written.isascii()


def webhook(data: bytes) -> None:
    """Any body is an event or refused, the same with the ``speed`` extra and without; what is written of an event is
    read and written as the same bytes.

    The events need not be equal: PHP writes an empty map as an empty list.
    """
    end, event = _end(lambda: parse(data), (WebhookError,))
    with patch.object(jsontext, "_msgspec", None):
        assert _end(lambda: parse(data), (WebhookError,)) == (end, event)
    end, written = _end(lambda: dumps(event), (WebhookError,)) if end == "answer" else (end, b"")
    if end == "answer":
        assert dumps(parse(written)) == written
        assert verify(written, sign(written, SECRETS[1]), SECRETS)


def headers(data: bytes) -> None:
    """Whatever the headers are, nothing raises and nothing that is not signed is authentic."""
    names = [b"signature", b"content-encoding", b"content-length"]
    pairs = []
    for line in data.split(b"\n"):
        name, _, value = line.partition(b":")
        pairs.append((_text(name or names[len(line) % 3]), _text(value)))
    for given in (pairs, dict(pairs)):
        for text in intake.noted_of(given)["signature"]:
            is_right = text in _right()
            assert verify(b"{}", text, SECRETS, encodings=("hex", "upper-hex", "base64")) is is_right
    for length in intake.noted_of(pairs)["content-length"]:
        intake._is_above(length, 262_144)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


@lru_cache
def _right() -> frozenset[str]:
    digests = [hmac.digest(secret.encode(), b"{}", "sha256") for secret in SECRETS]
    return frozenset(
        text for each in digests for text in (each.hex(), each.hex().upper(), base64.b64encode(each).decode())
    )


DOORS: Mapping[str, Callable[[bytes], None]] = {
    "answers": answers,
    "tokens": tokens,
    "forms": form,
    "webhooks": webhook,
    "headers": headers,
}


def kept(door: str) -> dict[str, bytes]:
    """Return the corpus of a door by name."""
    return {path.stem: path.read_bytes() for path in sorted((CORPUS / door).iterdir())}
