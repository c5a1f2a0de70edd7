"""The JSON of a body into values: strict, and to the last field the same with and without the ``speed`` extra.

msgspec reads first where it is installed. What it does not take, the standard library decides, so that it only has to
agree on what it takes: keys given twice (the last one holds), whole numbers beyond 64 bits (kept exactly), ``-0``.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from aoclient.model import JsonValue


def loads(body: bytes) -> JsonValue:
    """Read a body: UTF-8, with or without a byte order mark.

    Refused are also, since PHP writes none of them: NaN and infinities, numbers too large for a float such as
    ``1e999``, whole numbers of more than 4300 digits, halves of surrogate pairs, nesting of hundreds of levels.

    Raises:
        ValueError: It is no JSON. The error may hold the body: do not chain it.
    """
    if _msgspec is not None:
        try:
            return cast("JsonValue", _msgspec.json.decode(body))
        except (_msgspec.MsgspecError, ValueError, RecursionError):
            pass
    text = body.removeprefix(BOM_UTF8).decode()  # the codec utf-8-sig is written in Python
    try:
        try:  # what `decode` does, without its searches for white space around the text, which is mostly not there
            value, end = _scan(text, 0)
        except StopIteration:
            value, end = None, -1
        if end != len(text):
            value = _decoder.decode(text)
        if _SURROGATE.search(text):  # a quarter of the time of two searches for a text
            json.dumps(value, ensure_ascii=False).encode()  # fails on half of a surrogate pair
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def speed() -> Any:  # Any: the module, which need not be there
    """Return msgspec, or None where it is not installed."""
    return _msgspec


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:20]} is no number of JSON")


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
_scan: Callable[[str, int], tuple[JsonValue, int]] = cast("Any", _decoder).scan_once  # Any: no stub has it


def _import_msgspec() -> Any:  # Any: the module, which need not be there
    try:
        return import_module("msgspec")
    except ImportError:
        return None


_msgspec = _import_msgspec()
