"""Bracketed form text: written as PHP's ``http_build_query`` writes it, read as PHP fills ``$_POST``.

What PHP would read differently from what was meant is refused here with the path of the value: keys that end early or
turn into list indices, numbers that have no text, nesting PHP drops without a word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, Union, cast
from urllib.parse import quote_plus, unquote_to_bytes

from aoclient.errors import InvalidOptionError

FormValue: TypeAlias = Union[  # noqa: UP007  # a recursive alias needs the text form
    bool, int, float, str, Sequence["FormValue"], Mapping[str, "FormValue"], None
]
"""What a form can hold. It comes back as texts, and lists and maps of texts."""

FormTree: TypeAlias = dict[str, Any]  # Any: texts, lists and maps nested as the form says
"""A decoded form: texts, lists where PHP has the keys 0, 1, 2.., maps for all others."""

MAX_PAIRS = 1000
"""PHP's ``max_input_vars``: the pairs of a form after this many are cut off without a word."""

MAX_DEPTH = 64
"""PHP's ``max_input_nesting_level``: a field with more brackets than this takes its whole top-level name with it."""


# --- writing -----------------------------------------------------------------------------------------------------


def encode(tree: Mapping[str, FormValue]) -> str:
    """Write a form; ``{"options": {"teams": ["t1"]}}`` becomes ``options%5Bteams%5D%5B0%5D=t1``.

    True and False are ``1`` and ``0``. None, empty lists and empty maps are left out, in a list before it is numbered.

    Raises:
        InvalidOptionError: PHP would read something else; the message has the path of the value.
    """
    return "&".join(_pairs(tree))


def count(tree: Mapping[str, FormValue]) -> int:
    """Return the number of pairs the form of ``tree`` has.

    Raises:
        InvalidOptionError: As `encode` does.
    """
    return len(_pairs(tree))


def _pairs(tree: Mapping[str, FormValue]) -> list[str]:
    pairs: list[str] = []
    for key, value in tree.items():
        if _is_harmless(key):
            collect(pairs, value, key, key, 0)
        else:
            _check_top_key(key)
            collect(pairs, value, _quote(key, key), key, 0)
    return pairs


def collect(pairs: list[str], value: object, name: str, path: str, depth: int) -> None:
    """Add the pairs of a value to others.

    Args:
        pairs: Of the form so far.
        value: What the form can hold.
        name: Where it stands, quoted: ``options%5Bteams%5D``.
        path: The same for an error: ``options[teams]``.
        depth: Brackets in the name.

    Raises:
        InvalidOptionError: As `encode` does.
    """
    if depth > MAX_DEPTH:
        raise InvalidOptionError(f"nested deeper than the {MAX_DEPTH} levels PHP reads", path=f"{path[:60]}...")
    if value is None:
        return
    if isinstance(value, str):  # most values are texts; the abstract classes below take their time
        pairs.append(f"{name}={_quote(value, path)}")
    elif type(value) is dict or isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            if _is_harmless(key):
                if type(item) is str and depth < MAX_DEPTH and _PLAIN.fullmatch(item):  # as most are
                    pairs.append(f"{name}%5B{key}%5D={item.replace('@', '%40')}")
                else:
                    collect(pairs, item, f"{name}%5B{key}%5D", f"{path}[{key}]", depth + 1)
            else:
                text = _check_key(key, path)
                inner = f"{path}[{text}]"
                collect(pairs, item, f"{name}%5B{_quote(text, inner)}%5D", inner, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        index = 0
        for place, item in enumerate(cast("Sequence[object]", value)):
            before = len(pairs)
            collect(pairs, item, f"{name}%5B{index}%5D", f"{path}[{place}]", depth + 1)
            index += len(pairs) > before  # what is left out takes no number: a gap would make a map of the list
    else:
        pairs.append(f"{name}={_quote(_plain(value, path), path)}")


def _plain(value: object, path: str) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise InvalidOptionError("expected a whole number of at most 64 bits", path=path)
        return str(int(value))
    if isinstance(value, float):
        return _float(value, path)
    raise InvalidOptionError(
        f"expected a text, a number, True or False, a list or a map, got a {type(value).__name__}", path=path
    )


def _float(value: float, path: str) -> str:
    """Write a float with 14 significant digits as PHP's ``%.14G`` does."""
    if not math.isfinite(value):
        raise InvalidOptionError(f"{value} has no form text", path=path)
    if value.is_integer() and abs(value) < 10**14:
        return f"{value:.0f}"
    digits, exponent = f"{value:.13e}".split("e")
    power = int(exponent)
    if -5 < power < 14:  # noqa: PLR2004  # bounds of %.14G
        return f"{value:.{13 - power}f}".rstrip("0").rstrip(".")
    digits = digits.rstrip("0")
    return f"{digits}{'0' if digits.endswith('.') else ''}E{power:+d}"


def _quote(text: str, path: str) -> str:
    if _PLAIN.fullmatch(text):
        return text.replace("@", "%40")
    try:
        return quote_plus(text, safe="").replace("~", "%7E")
    except UnicodeEncodeError:
        raise InvalidOptionError("holds half of a surrogate pair, which is no text", path=ascii(path)[1:-1]) from None


_PLAIN = re.compile(r"[A-Za-z0-9_.@-]*")  # most texts are ids and addresses
_HARMLESS = re.compile(r"[A-Za-z0-9_-]+")


def _is_harmless(key: object) -> bool:
    """Tell quickly of the usual keys that they mean to PHP what they say, and need no quoting."""
    return type(key) is str and ((key.isidentifier() and key.isascii()) or _HARMLESS.fullmatch(key) is not None)


def _check_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidOptionError(f"expected texts as keys, got {key!r}", path=path)
    if not key.strip():
        raise InvalidOptionError(f"the key {key!r} is blank, which PHP reads as the next index of a list", path=path)
    for character, shown in (("]", "]"), ("\0", "NUL")):
        if character in key:
            raise InvalidOptionError(f"the key {key!r} holds {shown}, where PHP ends the key", path=path)
    return key


def _check_top_key(key: object) -> None:
    text = _check_key(key, "")
    for character in " .[":
        if character in text:
            raise InvalidOptionError(f"the name {text!r} holds {character!r}, which PHP turns into '_'")


# --- reading -----------------------------------------------------------------------------------------------------


class _Array(dict[int | str, "str | _Array"]):
    """A PHP array: it remembers the index after the highest it ever had."""

    __slots__ = ("_following",)

    def __init__(self) -> None:
        super().__init__()
        self._following: int | None = None

    def key_for(self, step: str | None) -> int | str:
        """Return the key that ``[step]`` stands for; None is ``[]``, the next index."""
        key = (self._following or 0) if step is None else _key(step)
        if isinstance(key, int) and (self._following is None or key >= self._following):
            self._following = key + 1
        return key


def decode(body: str | bytes, *, max_pairs: int | None = None) -> FormTree:
    """Read a form as PHP does; every leaf is a text. Bytes that are no UTF-8 become U+FFFD.

    Args:
        body: The form.
        max_pairs: Ignore what comes after so many pairs, as ``max_input_vars`` does. None ignores nothing.
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    pairs = [pair for pair in raw.split(b"&") if pair]
    array = _Array()
    for pair in pairs[:max_pairs]:
        name, _, value = pair.partition(b"=")
        _register(array, _unquote(name).partition("\0")[0].lstrip(" "), _unquote(value))
    return {str(key): _as_tree(value) for key, value in array.items()}


def _unquote(quoted: bytes) -> str:
    return unquote_to_bytes(quoted.replace(b"+", b" ")).decode("utf-8", "replace")


def _register(array: _Array, name: str, value: str) -> None:
    """Put one pair into the array, as ``php_register_variable_ex`` of PHP's main/php_variables.c does."""
    first, steps = _cut(name)
    if not first:
        return
    if len(steps) > MAX_DEPTH:
        array.pop(_key(first), None)
        return
    key = array.key_for(first)
    for step in steps:
        inner = array.get(key)
        if not isinstance(inner, _Array):
            inner = array[key] = _Array()
        array = inner
        key = array.key_for(step)
        if isinstance(key, int) and key > _HIGHEST_INDEX:
            return  # PHP finds no next index and drops the value
    array[key] = value


def _cut(name: str) -> tuple[str, list[str | None]]:
    """Cut ``a[b][]`` into its name and its steps; None stands for the next index."""
    first, bracket, rest = name.partition("[")
    steps: list[str | None] = []
    while first and bracket:
        step, closing, rest = rest.partition("]")
        if not closing:
            if not steps:
                first += "_" + step.replace("[", "_")  # no bracket closes: it is part of the name
            elif len(steps) == MAX_DEPTH:
                steps.append(None)  # PHP counts a bracket before it looks for the one that closes it
            break
        steps.append(None if len(step) <= 1 and not step.strip(_PHP_SPACE) else step)
        bracket = "[" if rest.startswith("[") else ""  # what follows a closed bracket is lost
        rest = rest[1:]
    return first.replace(" ", "_").replace(".", "_"), steps


_PHP_SPACE = " \t\n\r\v\f"
_HIGHEST_INDEX = 2**63 - 1


def _key(text: str) -> int | str:
    """Return a canonical whole number of 64 bits as int, as PHP's arrays do, and any other text as it is."""
    if len(text) <= 20 and text.isascii() and text.removeprefix("-").isdecimal():  # noqa: PLR2004  # digits of 64 bits
        number = int(text)
        if str(number) == text and -(2**63) <= number <= _HIGHEST_INDEX:
            return number
    return text


def _as_tree(value: str | _Array) -> Any:  # Any: see FormTree
    if isinstance(value, str):
        return value
    if list(value) == list(range(len(value))):
        return [_as_tree(each) for each in value.values()]
    return {str(key): _as_tree(each) for key, each in value.items()}
