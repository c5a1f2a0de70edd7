"""Texts of others on a terminal: what would move the cursor or turn the line around is shown, not done."""

from __future__ import annotations

import json
import re

_UNSEEN = re.compile(r"[^\S ]|[^\s\x20-\x7e]")
"""Candidates: white space other than the space, and all that is not ASCII."""


def shown(text: str) -> str:
    r"""Return a text with its control and format characters written as ``\x1b`` or ``\u202e``."""
    return _UNSEEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def json_text(value: object, *, indent: int | None = None, encoding: str | None = None) -> str:
    """Return JSON that can stand on a terminal and in an output of that encoding; it reads back as the same value."""
    is_unicode = encoding is None or encoding.lower().startswith("utf")
    text = json.dumps(value, ensure_ascii=not is_unicode, indent=indent)
    return _UNSEEN.sub(_escaped_in_json, text) if is_unicode else text


def _escaped_in_json(found: re.Match[str]) -> str:
    character = found[0]
    # json.dumps escapes what is below space, so a line break here is its own indentation.
    return character if character == "\n" or character.isprintable() else json.dumps(character)[1:-1]
