"""What the vendor's JSON holds where a value is declared, and every quirk that is tolerated, with its sample.

Nothing else is coerced: null never becomes ``"None"``, 1 never becomes ``"1"``, ``{}`` is no list. Each reader takes
the value and, for cattrs, the type it is to become; what it does not know it refuses with `Mismatch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from aoclient import dates

if TYPE_CHECKING:
    from enum import Enum

T = TypeVar("T")
Hook = Callable[[object, Any], Any]  # what cattrs calls: the value, and the type it is to become


class Mismatch(ValueError):  # noqa: N818  # never leaves this package: it becomes a ResponseSchemaError
    """A value is not what the model declares. Its text quotes no text of the answer, only numbers and keys.

    Attributes:
        path: Where it stands, as keys and indices from the outside in.
        expected: What was expected, in words.
        got: The value.
    """

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = got
        self.path: list[str | int] = []

    def __str__(self) -> str:
        place = "".join(f"[{_short(step)}]" for step in self.path)
        return f"answer{place}: expected {self.expected}, got {_shown(self.got)}"


_SHOWN_AT_MOST = 60  # characters of a key or a number in a message


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_AT_MOST else f"{text[:_SHOWN_AT_MOST]}..."


def _shown(value: object) -> str:
    if value is None:
        return "null"
    names: Mapping[type[object], str] = {str: "a text", dict: "a map", list: "a list"}
    return names.get(type(value)) or _short(value)


# --- plain values ------------------------------------------------------------------------------------------------


def _text(value: object, _: object = None) -> str:
    if type(value) is str:
        return value
    raise Mismatch("a text", value)


def read_id(value: object, _: object = None) -> str | int:
    """Read an id: hash ids are texts, ``getTeams`` with courses shows ``"id": 2``."""
    if type(value) is str or type(value) is int:
        return value
    raise Mismatch("an id, text or whole number", value)


_NUMERIC = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?", re.ASCII)  # what PHP writes; a 64-bit number


def _whole(value: object, _: object = None) -> int:
    # "passedAmount": "5" in the progress by course; "5.00" is what SQL sums may give; PHP writes 5.0 as 5.
    if type(value) is int:
        return value
    if type(value) is str and (found := _NUMERIC.fullmatch(value)):
        if found[1] is None and found[2] is None:
            return int(value)
        value = float(value)
    if type(value) is float and value.is_integer():
        return int(value)
    raise Mismatch("a whole number", value)


def _number(value: object, _: object = None) -> float:
    # "score": "5" in courseProgress; "progress" => 75.0, which PHP's JSON writes as 75.
    if type(value) is int or (type(value) is str and _NUMERIC.fullmatch(value)):
        try:
            value = float(value)
        except OverflowError:
            raise Mismatch("a number", value) from None
    if type(value) is float and isfinite(value):
        return value
    raise Mismatch("a number", value)


_FLAGS = {"1": True, "0": False}


def _flag(value: object, _: object = None) -> bool:
    # Columns without a cast come as 1/0 or "1"/"0".
    if type(value) is bool:
        return value
    if type(value) is str and value in _FLAGS:
        return _FLAGS[value]
    if type(value) is int and 0 <= value <= 1:
        return value == 1
    raise Mismatch("true or false", value)


def _read_text(read: Callable[[str], T], expected: str) -> Hook:
    def read_value(value: object, _: object = None) -> T:
        if type(value) is str:
            try:
                return read(value)
            except (ValueError, OverflowError):  # OverflowError: 0001-01-01T00:00:00+23:59 in UTC
                pass
        raise Mismatch(expected, value)

    return read_value


PLAIN: Mapping[Any, Hook] = {  # Any: types
    str: _text,
    int: _whole,
    float: _number,
    bool: _flag,
    datetime: _read_text(dates.read_moment, "a date with a time"),
    # "start_date": "2021-12-08" for a group, "2021-12-09T15:23:19+00:00" for a course.
    date: _read_text(dates.read_day, "a date, with a time or without"),
    timedelta: _read_text(dates.read_duration, "a duration hh:mm:ss"),
}
"""Readers of plain values by declared type."""

EXACT: frozenset[Any] = frozenset({str, int, bool})  # Any: types
"""Types whose values stand in JSON as they are; of a float only a reader knows that it is finite."""


NUMERIC: Mapping[Any, dates.Kept[str, Any]] = {
    int: dates.Kept(_whole, most=4096),
    float: dates.Kept(_number, most=4096),
}
"""What numbers written as text are, by declared type."""


def enum_hook(kind: type[Enum]) -> Hook:
    """Return the reader of an enum; a value that is no member, bools among numbers included, is refused."""
    members: dict[tuple[Any, object], Enum] = {(type(member.value), member.value): member for member in kind}
    expected = f"one of {', '.join(repr(member.value) for member in kind)}"

    def read_member(value: object, _: object = None) -> Enum:
        try:
            return members[type(value), value]
        except (KeyError, TypeError):  # TypeError: a list or a map
            raise Mismatch(expected, value) from None

    return read_member


def union_hook(hooks: Mapping[Any, Hook]) -> Hook:  # Any: types
    """Return the reader of a union, given one for each member: the value's own type goes first."""

    def read_either(value: object, _: object = None) -> object:
        if type(value) in hooks:
            return hooks[type(value)](value, None)
        expected: list[str] = []
        for hook in hooks.values():
            try:
                return hook(value, None)
            except Mismatch as mismatch:
                expected.append(mismatch.expected)
        raise Mismatch(" or ".join(expected), value)

    return read_either


# --- lists and maps ----------------------------------------------------------------------------------------------


def listed(value: object) -> list[object]:
    """Return a list of JSON. PHP's ``array_filter`` keeps the keys, so that one may arrive as ``{"0":..,"2":..}``.

    Raises:
        Mismatch: It is no list; ``{}`` is none either, since PHP writes an empty list as ``[]``.
    """
    got = value
    if type(value) is dict:
        items = cast("dict[str, object]", value)
        if items and all(key.isdecimal() and key.isascii() for key in items):
            return list(items.values())
    elif type(value) is list:
        return cast("list[object]", value)
    raise Mismatch("a list", got)


def mapped(value: object) -> dict[str, object]:
    """Return a map of JSON. PHP writes an empty one as ``[]``, and one whose keys are 0, 1, 2.. as a list.

    Raises:
        Mismatch: It is no map.
    """
    if type(value) is list:
        return {str(index): item for index, item in enumerate(cast("list[object]", value))}
    if type(value) is dict:
        return cast("dict[str, object]", value)
    raise Mismatch("a map", value)


ItemsHook = Callable[[list[Any]], list[Any]]  # Any: JSON, and what is made of it
"""Reads the items of a list. It takes the list over: models take the places of their maps in it.

So each map is freed when its model is there, and the garbage collector runs less: a tenth of a quiz statistic.
"""


class ModelHook:
    """Reads a model; by ``many`` the items of a list of them, which costs less for each.

    Each is made when it is first used: it takes as long to write its code as to read a thousand rows.
    """

    def __init__(self, one: Callable[[], Hook], many: Callable[[], ItemsHook]) -> None:
        self._one = one
        self._many = many

    @cached_property
    def one(self) -> Hook:
        """Reads one."""
        return self._one()

    @cached_property
    def many(self) -> ItemsHook:
        """Reads the items of a list, each in its place."""
        return self._many()

    def __call__(self, value: object, _: object = None) -> Any:  # Any: a model
        """Read one."""
        return self.one(value, None)


def many(hook: Hook, kind: Any) -> ItemsHook:  # Any: a type
    """Return what reads the items of a list."""
    return hook.many if isinstance(hook, ModelHook) else lambda items: [hook(item, kind) for item in items]


def list_hook(kind: Any, hook_of: Callable[[Any], Hook], *, takes_over: bool = False) -> Hook:  # Any: generic aliases
    """Return the reader of ``list[..]``; one that ``takes_over`` may leave models in the list it reads."""
    (item_kind,) = get_args(kind)
    hook = hook_of(item_kind)
    read_items = many(hook, item_kind)

    def read_list(value: object, _: object = None) -> list[object]:
        items: list[Any] = value if type(value) is list else listed(value)  # pyright: ignore[reportUnknownVariableType]  # JSON
        try:
            return read_items(items if takes_over else [*items])
        except Mismatch as mismatch:
            # Looked for only now, so that good answers pay nothing for knowing where they are.
            mismatch.path.insert(0, next(at for at, item in enumerate(items) if _is_bad(item, hook, item_kind)))
            raise

    return read_list


def dict_hook(kind: Any, hook_of: Callable[[Any], Hook], *, takes_over: bool = False) -> Hook:  # Any: generic aliases
    """Return the reader of ``dict[str, ..]``; one that ``takes_over`` may leave models in the map it reads."""
    _, item_kind = get_args(kind)
    hook = hook_of(item_kind)
    read_items = many(hook, item_kind)

    def read_map(value: object, _: object = None) -> dict[str, object]:
        items = mapped(value)
        try:
            found = zip(items, read_items([*items.values()]), strict=True)
        except Mismatch as mismatch:
            mismatch.path.insert(0, next(key for key, item in items.items() if _is_bad(item, hook, item_kind)))
            raise
        if not takes_over:
            return dict(found)
        items.update(found)
        return items

    return read_map


def _is_bad(item: object, hook: Hook, kind: object) -> bool:
    try:
        hook(item, kind)
    except Mismatch:
        return True
    return False
