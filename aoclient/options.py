"""Options of an action: checked by their declared type, written to a form tree and read back from one by the same type.

The type is the check: ``emails: Sequence[str]`` takes a list of texts, and neither one text nor a list with a number in
it. What is wrong is refused with the path of the value before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import attrs

from aoclient import dates
from aoclient.errors import InvalidOptionError
from aoclient.model import Id

Step = Callable[[Any, str], Any]  # Any: a value of the declared type, known only at run time


@attrs.frozen
class Kind:
    """How values of one declared type are checked, written and read; each step takes the value and its path."""

    check: Step
    write: Callable[[Any], object]
    read: Step


@attrs.frozen
class _Option:
    name: str
    kind: Kind
    may_be_empty: bool


MAY_BE_EMPTY: Mapping[str, bool] = {"aoclient.may_be_empty": True}
"""``metadata=`` of a list option where an empty list means the same as leaving it out."""


def normalize(owner: Any, path: str) -> None:  # Any: an action or a nested input, any attrs class
    """Check every option and put it into the one form that is kept: tuples, dicts, UTC, enum members, ids as text.

    Raises:
        InvalidOptionError: The first option that is not of its declared type.
    """
    for option in _options(type(owner)):
        value = getattr(owner, option.name)
        if value is None:
            continue
        if option.may_be_empty and not isinstance(value, str) and not value:
            kept = None
        else:
            kept = option.kind.check(value, f"{path}[{option.name}]")
        if kept is not value:
            object.__setattr__(owner, option.name, kept)  # the class is frozen for everybody else


def write(owner: Any) -> dict[str, object]:  # Any: as in normalize
    """Return the options that are set, as a tree for `aoclient.forms.encode`."""
    tree: dict[str, object] = {}
    for option in _options(type(owner)):
        value = getattr(owner, option.name)
        if value is not None:
            tree[option.name] = option.kind.write(value)
    return tree


def read(cls: type[Any], tree: Mapping[str, object], path: str) -> dict[str, Any]:  # Any: as in normalize
    """Return the arguments of ``cls`` that a form holds; keys that are no option are left alone.

    Raises:
        InvalidOptionError: A value that cannot be read as its declared type.
    """
    return {
        option.name: option.kind.read(tree[option.name], f"{path}[{option.name}]")
        for option in _options(cls)
        if option.name in tree
    }


@cache
def _options(cls: type[Any]) -> tuple[_Option, ...]:
    attributes = [each for each in attrs.fields(attrs.resolve_types(cls)) if each.name != "extra"]
    attributes.sort(key=lambda each: each.inherited)  # page and amount come from Paged and stand last on the page
    return tuple(_Option(each.name, kind_of(each.type), bool(each.metadata)) for each in attributes)


# --- one kind for each declared type -----------------------------------------------------------------------------


def kind_of(declared: Any) -> Kind:  # Any: a type or a generic alias
    """Return the kind of a declared type; ``| None`` is left aside, since None is never sent."""
    if declared == Id:
        return _ID
    if get_origin(declared) in (Union, UnionType):
        return _union(tuple(each for each in get_args(declared) if each is not NoneType))
    if get_origin(declared) is Sequence:
        return _sequence(kind_of(get_args(declared)[0]))
    if get_origin(declared) is Mapping:
        return _mapping(kind_of(get_args(declared)[1]))
    if attrs.has(declared):
        return _nested(declared)
    if issubclass(declared, Enum):
        return _choice(declared)
    return _PLAIN[declared]


def _union(members: tuple[Any, ...]) -> Kind:
    if members == (bool, str):
        return _FLAG_OR_TEXT
    if set(members) == {str, int}:
        return _ID
    named = [each for each in members if get_origin(each) is not Literal]  # Enum | Literal[its values]
    return kind_of(named[0])


def _sequence(item: Kind) -> Kind:
    def check(value: object, path: str) -> tuple[object, ...]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise _refused("a list", value, path)
        kept = tuple(item.check(each, f"{path}[{index}]") for index, each in enumerate(cast("Iterable[object]", value)))
        if not kept:
            raise InvalidOptionError("expected at least one entry; an empty list cannot be sent", path=path)
        return kept

    def read_items(value: object, path: str) -> tuple[object, ...]:
        items = list(cast("dict[str, object]", value).values()) if isinstance(value, dict) else value
        if not isinstance(items, list):
            raise _refused("a list", value, path)
        return tuple(item.read(each, f"{path}[{index}]") for index, each in enumerate(cast("list[object]", items)))

    return Kind(check, lambda value: [item.write(each) for each in value], read_items)


def _mapping(item: Kind) -> Kind:
    def check(value: object, path: str) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise _refused("a map", value, path)
        entries = cast("Mapping[object, object]", value)
        kept = {
            cast("str", _check_text(key, path)): item.check(each, f"{path}[{key}]") for key, each in entries.items()
        }
        if not kept:
            raise InvalidOptionError("expected at least one entry; an empty map cannot be sent", path=path)
        return kept

    def read_items(value: object, path: str) -> dict[str, object]:
        entries = (
            {str(index): each for index, each in enumerate(cast("list[object]", value))}  # keys 0,1,2.. in a form
            if isinstance(value, list)
            else value
        )
        if not isinstance(entries, dict):
            raise _refused("a map", value, path)
        return {key: item.read(each, f"{path}[{key}]") for key, each in cast("dict[str, object]", entries).items()}

    return Kind(check, lambda value: {key: item.write(each) for key, each in value.items()}, read_items)


def _nested(cls: type[Any]) -> Kind:
    def check(value: object, path: str) -> object:
        if not isinstance(value, cls):
            raise _refused(f"a {cls.__name__}", value, path)
        return value

    def read_nested(value: object, path: str) -> object:
        if not isinstance(value, dict):
            raise _refused(f"the fields of a {cls.__name__}", value, path)
        return _construct(cls, read(cls, cast("dict[str, object]", value), path), path)

    return Kind(check, write, read_nested)


def _construct(cls: type[Any], values: Mapping[str, object], path: str) -> object:
    try:
        return cls(**values)
    except TypeError:
        missing = [each.name for each in attrs.fields(cls) if each.default is attrs.NOTHING and each.name not in values]
        raise InvalidOptionError(f"{', '.join(missing)} is required", path=path) from None


def _choice(cls: type[Enum]) -> Kind:
    values = [each.value for each in cls]

    def check(value: object, path: str) -> object:
        try:
            return cls(value)
        except ValueError:
            raise _refused(f"one of {', '.join(map(repr, values))}", value, path) from None

    def read_choice(value: object, path: str) -> object:
        return check(_read_whole(value, path) if isinstance(values[0], int) else value, path)

    return Kind(check, lambda value: value.value, read_choice)


# --- plain values ------------------------------------------------------------------------------------------------


def _refused(expected: str, value: object, path: str) -> InvalidOptionError:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN_AT_MOST else f"{shown[:_SHOWN_AT_MOST]}..."
    return InvalidOptionError(f"expected {expected}, got {shown}", path=path)


_SHOWN_AT_MOST = 60


def _check_text(value: object, path: str) -> object:
    if not isinstance(value, str):
        raise _refused("a text", value, path)
    if not value.strip():
        # Laravel's middleware trims texts and turns '' into null: a blank text arrives as an option left out.
        raise _refused("a text that is not blank (the server reads a blank one as left out)", value, path)
    return value


def _check_whole(value: object, path: str) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused("a whole number", value, path)
    return value


def _check_flag(value: object, path: str) -> object:
    if not isinstance(value, bool):
        raise _refused("True or False", value, path)
    return value


def _check_flag_or_text(value: object, path: str) -> object:
    # The page says "string True/False" where booleans elsewhere are 1/0; a text is passed through for a server that
    # compares with the word.
    if isinstance(value, bool):
        return value
    text = cast("str", _check_text(value, path))
    return _FLAGS.get(text, text)


def _check_id(value: object, path: str) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _check_text(value, path)


def _check_date(value: object, path: str) -> object:
    if isinstance(value, str):
        return _read_date(value, path)
    if not isinstance(value, date):
        raise _refused("a date or a datetime", value, path)
    return dates.to_utc(value) if isinstance(value, datetime) else value


def _read_whole(value: object, path: str) -> int:
    try:
        return int(cast("str", value))
    except (TypeError, ValueError):
        raise _refused("a whole number", value, path) from None


def _read_flag(value: object, path: str) -> bool:
    if isinstance(value, str) and value in _FLAGS:
        return _FLAGS[value]
    raise _refused("1 or 0", value, path)


def _read_date(value: object, path: str) -> date:
    try:
        return dates.read_day(cast("str", value))
    except (TypeError, ValueError):
        raise _refused("a date Y-m-d or Y-m-d H:i:s", value, path) from None


def _same(value: object) -> object:
    return value


_FLAGS = {"1": True, "0": False}

_FLAG_OR_TEXT = Kind(_check_flag_or_text, _same, _check_flag_or_text)
_ID = Kind(_check_id, _same, _check_text)
_PLAIN: Mapping[Any, Kind] = {
    str: Kind(_check_text, _same, _check_text),
    int: Kind(_check_whole, _same, _read_whole),
    bool: Kind(_check_flag, _same, _read_flag),
    date: Kind(_check_date, dates.write_sent, _read_date),
}
