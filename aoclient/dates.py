"""The date, time and duration texts of the vendor, read and written. All times are UTC.

Six spellings occur: ATOM (``2017-07-24T10:26:23+00:00``, most fields), a date alone (``2021-12-08``, the progress of a
group), ``m/d/Y`` with ``g:i A`` or with ``h:i A``, and for fields the page does not describe what Laravel's models
write: ``Y-m-d H:i:s`` before version 7, ISO with microseconds and ``Z`` since.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from aoclient.model import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
T = TypeVar("T")

_HOURS_MINUTES = re.compile(r"(\d{1,9}):([0-5]\d)", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_CLOCK = re.compile(r"(0?[1-9]|1[0-2]):([0-5]\d) ([AP])M", re.ASCII | re.IGNORECASE)
_NOON = 12


class Kept(dict[K, T]):
    """What keys mean, each read once; as many as ``most`` are kept, so a lookup costs no more than that of a dict."""

    def __init__(self, read: Callable[[K], T], *, most: int) -> None:
        super().__init__()
        self._read = read
        self._most = most

    def __missing__(self, key: K) -> T:
        value = self._read(key)
        if len(self) < self._most:
            self[key] = value
        return value


def _read_midnight(text: str) -> datetime:
    found = _SLASHED.fullmatch(text)
    if found is None:
        raise ValueError(f"expected month/day/year as in 01/31/2022, got {text!r}")
    month, day, year = map(int, found.groups())
    return datetime(year, month, day, tzinfo=UTC)


def _read_clock(text: str) -> timedelta:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a time of day as in 7:41 AM, got {text!r}")
    return timedelta(hours=int(found[1]) % _NOON + (_NOON if found[3] in "pP" else 0), minutes=int(found[2]))


MIDNIGHTS = Kept(_read_midnight, most=8192)
"""Midnight by ``m/d/Y``; anything else is a ValueError, and what is no text a TypeError, here and below."""

CLOCKS = Kept(_read_clock, most=4096)
"""Time since midnight by ``g:i A`` or ``h:i A``."""


def read_slashed(day: str, clock: str | None) -> datetime:
    """Join ``01/31/2022`` and ``7:41 AM`` (or ``07:41 AM``); without a clock it is midnight.

    Raises:
        ValueError: They are spelt otherwise.
    """
    midnight = MIDNIGHTS[day]
    return midnight if clock is None else midnight + CLOCKS[clock]


def write_slashed(moment: datetime, clock: Clock) -> tuple[str, str]:
    """Return the date and the time of day as the vendor spells them; seconds are lost, as they are there."""
    moment = to_utc(moment)
    hour = moment.hour % _NOON or _NOON
    half = "AM" if moment.hour < _NOON else "PM"
    text = f"{hour:02d}" if clock is Clock.PADDED else str(hour)
    return f"{moment.month:02d}/{moment.day:02d}/{moment.year:04d}", f"{text}:{moment.minute:02d} {half}"


def read_moment(text: str) -> datetime:
    """Read any spelling that has a date and a time in one text; one without a zone is UTC.

    Raises:
        ValueError: It is none of them, a date alone included.
        OverflowError: It lies outside the years 1 to 9999 in UTC.
    """
    if len(text) <= len("2021-12-08"):
        raise ValueError(f"expected a date with a time, got {text!r}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(text.upper())  # "t" and "z" are as good
    if text[26:27].isdecimal() and text[26] >= "5" and text[19] == ".":
        moment += timedelta(microseconds=1)  # a seventh digit is rounded, as msgspec does
    return moment if moment.tzinfo is UTC else in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """Return the same moment in UTC; one without a zone is UTC already.

    Raises:
        OverflowError: It lies outside the years 1 to 9999 in UTC.
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_day(text: str) -> date:
    """Read a date alone as `date`, anything longer as `datetime`; raises as `read_moment` does."""
    return date.fromisoformat(text) if len(text) == len("2021-12-08") else read_moment(text)


def write_day(day: date) -> str:
    """Write a `datetime` as ATOM and a `date` alone as ``Y-m-d``."""
    return to_utc(day).isoformat() if isinstance(day, datetime) else day.isoformat()


def _read_minutes(text: str) -> timedelta:
    found = _HOURS_MINUTES.fullmatch(text)
    if found is None:
        raise ValueError
    return timedelta(0, int(found[1]) * 3600 + int(found[2]) * 60)  # by position: half the time of keywords


def _read_duration(text: str) -> timedelta:
    try:
        return _MINUTES[text[:-3]] + _SECONDS[text[-3:]]
    except (KeyError, ValueError):
        raise ValueError(f"expected a duration hh:mm:ss, got {text!r}") from None


_MINUTES = Kept(_read_minutes, most=8192)
_SECONDS = {f":{number:02d}": timedelta(0, number) for number in range(60)}
DURATIONS = Kept(_read_duration, most=8192)  # a day has 86 400 of them, so of those behind the first the parts are kept
"""Duration by ``hh:mm:ss``; the hours may pass 24 and 99."""


def read_duration(text: str) -> timedelta:
    """Read ``hh:mm:ss``; the hours may pass 24 and 99.

    Raises:
        ValueError: It is spelt otherwise.
    """
    return DURATIONS[text]


def write_duration(duration: timedelta) -> str:
    """Write ``hh:mm:ss``, parts of a second dropped."""
    minutes, seconds = divmod(duration.days * 86400 + duration.seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def write_sent(day: date) -> str:
    """Write an option as the vendor takes it: ``Y-m-d``, or ``Y-m-d H:i:s`` in UTC. Never ISO with a ``T``."""
    return to_utc(day).replace(tzinfo=None).isoformat(" ") if isinstance(day, datetime) else day.isoformat()


def to_utc(moment: datetime) -> datetime:
    """Return the moment in UTC and whole seconds; one without a zone is UTC already.

    Raises:
        OverflowError: It lies outside the years 1 to 9999 in UTC.
    """
    if moment.tzinfo is not UTC:
        moment = in_utc(moment)
    return moment.replace(microsecond=0) if moment.microsecond else moment
