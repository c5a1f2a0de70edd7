"""The kinds of plain option values: how each declared type is checked, written to a form and read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from aoclient import dates
from aoclient.errors import InvalidOptionError

if TYPE_CHECKING:
    from enum import Enum

Step = Callable[[Any, str], Any]  # Any: a value of the declared type, known only at run time


@frozen
class Kind:
    """How values of one declared type are checked, written and read; each step takes the value and its path."""

    check: Step
    write: Callable[[Any], object]  # Any: as in Step
    read: Step


def refused(expected: str, value: object, path: str) -> InvalidOptionError:
    """Return the error for a value that is not what was expected."""
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN_AT_MOST else f"{shown[:_SHOWN_AT_MOST]}..."
    return InvalidOptionError(f"expected {expected}, got {shown}", path=path)


_SHOWN_AT_MOST = 60


def check_text(value: object, path: str) -> str:
    """Return a text that arrives as it is sent.

    Raises:
        InvalidOptionError: It is blank, or no text.
    """
    if not isinstance(value, str):
        raise refused("a text", value, path)
    if not value.strip():
        # Laravel's middleware trims texts and turns '' into null: a blank text arrives as an option left out.
        raise refused("a text that is not blank (the server reads a blank one as left out)", value, path)
    return value


def _check_whole(value: object, path: str) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused("a whole number", value, path)
    return value


def _check_flag(value: object, path: str) -> object:
    if not isinstance(value, bool):
        raise refused("True or False", value, path)
    return value


def _check_flag_or_text(value: object, path: str) -> object:
    # The page says "string True/False" where booleans elsewhere are 1/0; a text is passed through for a server that
    # compares with the word.
    if isinstance(value, bool):
        return value
    text = check_text(value, path)
    return _FLAGS.get(text, text)


def _check_id(value: object, path: str) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return check_text(value, path)


def _check_date(value: object, path: str) -> date:
    if isinstance(value, str):
        return _read_date(value, path)
    if not isinstance(value, date):
        raise refused("a date or a datetime", value, path)
    return _in_utc(value, path)


def _read_date(value: object, path: str) -> date:
    try:
        return _in_utc(dates.read_day(cast("str", value)), path)
    except (TypeError, ValueError, OverflowError):
        raise refused("a date Y-m-d or Y-m-d H:i:s", value, path) from None


def _in_utc(value: date, path: str) -> date:
    try:
        return dates.to_utc(value) if isinstance(value, datetime) else value
    except OverflowError:
        raise refused("a moment from the year 1 to 9999 in UTC", value, path) from None


def _read_whole(value: object, path: str) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise refused("a whole number", value, path)


_WHOLE = re.compile(r"\s*[+-]?(0|[1-9]\d{0,18})\s*", re.ASCII)  # what Laravel's rule "integer" takes


def _read_flag(value: object, path: str) -> bool:
    if isinstance(value, str) and value in _FLAGS:
        return _FLAGS[value]
    raise refused("1 or 0", value, path)


def _same(value: object) -> object:
    return value


def choice(cls: type[Enum]) -> Kind:
    """Return the kind of an enum, whose values are texts or whole numbers."""
    values = [each.value for each in cls]

    def check(value: object, path: str) -> object:
        for member in cls:
            if value is member or (type(value) is type(member.value) and value == member.value):  # True is no 1 here
                return member
        raise refused(f"one of {', '.join(map(repr, values))}", value, path)

    def read_choice(value: object, path: str) -> object:
        return check(_read_whole(value, path) if isinstance(values[0], int) else value, path)

    return Kind(check, lambda value: value.value, read_choice)


_FLAGS = {"1": True, "0": False}

FLAG_OR_TEXT = Kind(_check_flag_or_text, _same, _check_flag_or_text)
ID = Kind(_check_id, _same, check_text)
PLAIN: Mapping[Any, Kind] = {
    str: Kind(check_text, _same, check_text),
    int: Kind(_check_whole, _same, _read_whole),
    bool: Kind(_check_flag, _same, _read_flag),
    date: Kind(_check_date, dates.write_sent, _read_date),
}
