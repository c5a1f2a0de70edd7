"""The samples of the vendor's page as values: JSON, PHP arrays and JavaScript alike, with their slips.

Commas may be missing or too many, keys without quotes, quotes curly; ``//`` begins a comment. ``{...}`` and ``…`` stand
for more of the same and are left out. The blotted-out addresses of one list or map are `PEOPLE`, in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PEOPLE = ("ann@example.com", "bob@example.com", "cleo@example.com")

_FILE = Path(__file__).parents[1] / "doc" / "samples.txt"
_BLOTTED = "[email\N{NO-BREAK SPACE}protected]"
_WORDS = {"true": True, "false": False, "null": None}
_TOKEN = re.compile(
    r"""
      (?P<nothing> \s+ | , | //[^\n]* | \{\.\.\.\} | … )
    | (?P<arrow> => | : )
    | (?P<open> [\[{] )
    | (?P<close> [\]}] )
    | (?P<text> "[^"\u201d\n]*["\u201d] | '[^'\n]*' | \u2018[^\u2019\n]*\u2019 )
    | (?P<number> -?\d+(\.\d+)? )
    | (?P<word> \w+ )
    """,
    re.VERBOSE,
)
_FORM = "'form_params' => "


def samples() -> Iterator[tuple[str, str]]:
    """Return heading and text of each sample, in the order of the page."""
    for block in _FILE.read_text(encoding="utf-8").split("=== ")[1:]:
        heading, _, text = block.partition("\n")
        yield heading, text


def is_request(text: str) -> bool:
    """Tell whether a sample is code that sends a request."""
    return _FORM in text


def form_in(text: str) -> object:
    """Return the form that code sends."""
    return _value(_tokens(text.partition(_FORM)[2]))


def read(text: str) -> object:
    """Return the value of a sample.

    Raises:
        ValueError: There is something behind it, or in it that is none of what is read here.
    """
    tokens = _tokens(text)
    value = _value(tokens)
    for kind, token in tokens:
        raise ValueError(f"expected nothing more, got the {kind} {token!r}")
    return value


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise ValueError(f"cannot read {text[place : place + 20]!r}")
        place = found.end()
        if found.lastgroup != "nothing":
            yield found.lastgroup, found[0]


def _value(tokens: Iterator[tuple[str, str]]) -> object:
    kind, token = next(tokens)
    return _one(kind, token, tokens)


def _one(kind: str, token: str, tokens: Iterator[tuple[str, str]]) -> object:
    match kind:
        case "open":
            return _collection(tokens)
        case "text":
            return token[1:-1]
        case "number":
            return float(token) if "." in token else int(token)
        case "word":
            return _WORDS.get(token, token)
        case _:
            raise ValueError(f"expected a value, got {token!r}")


def _collection(tokens: Iterator[tuple[str, str]]) -> object:
    """Return a list, or a map where arrows stand between keys and values."""
    found: list[object] = []
    keys: list[str] = []
    for kind, token in tokens:
        if kind == "close":
            break
        if kind == "arrow":
            keys.append(str(found.pop()))
            found.append(_value(tokens))
        else:
            found.append(_one(kind, token, tokens))
    if not keys:
        return _named(found)
    if len(keys) != len(found):
        raise ValueError(f"the keys {keys} have {len(found)} values")
    return dict(zip(_named(keys), (PEOPLE[0] if each == _BLOTTED else each for each in found), strict=True))


def _named(items: list[Any]) -> list[Any]:  # Any: keys, or values of all kinds
    people = iter(PEOPLE)
    return [next(people) if each == _BLOTTED else each for each in items]
