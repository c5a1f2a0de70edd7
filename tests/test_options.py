"""Options: checked by their declared type, written and read back by the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import Any, Literal

import pytest
from attrs import field, frozen

from aoclient import options
from aoclient.errors import InvalidOptionError
from aoclient.model import Id


class Operator(StrEnum):
    EQUAL = "="
    LESS = "<"


class Period(IntEnum):
    DAY = 1
    WEEK = 7


@frozen(kw_only=True)
class Person:
    email: str
    type: Literal["a"] | Operator | None = None

    def __attrs_post_init__(self) -> None:
        options.normalize(self, "person")


@frozen(kw_only=True)
class Options:
    text: str | None = None
    whole: int | None = None
    flag: bool | None = None
    flag_or_text: bool | str | None = None
    id: Id | None = None
    also_id: str | int | None = None
    day: date | str | None = None
    operator: Operator | Literal["=", "<"] | None = None
    period: Period | Literal[1, 7] | None = None
    texts: Sequence[str] | None = None
    maybe_texts: Sequence[str] | None = field(default=None, metadata=options.MAY_BE_EMPTY)
    days: Sequence[date | str] | None = None
    people: Sequence[Person] | None = None
    records: Mapping[str, Sequence[str]] | None = None
    extra: Mapping[str, object] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        options.normalize(self, "options")


@frozen(kw_only=True)
class Needy:
    first: str
    second: int

    def __attrs_post_init__(self) -> None:
        options.normalize(self, "options")


AT = datetime(2017, 7, 24, 10, 26, 23, tzinfo=UTC)

GOOD: list[tuple[str, Any, Any, Any]] = [  # option, given, kept, written
    ("text", "a", "a", "a"),
    ("text", " a ", " a ", " a "),
    ("whole", 0, 0, 0),
    ("whole", -5, -5, -5),
    ("flag", True, True, True),
    ("flag", False, False, False),
    ("flag_or_text", False, False, False),
    ("flag_or_text", "1", True, True),
    ("flag_or_text", "False", "False", "False"),
    ("id", "abc", "abc", "abc"),
    ("id", 5, "5", "5"),
    ("also_id", 5, "5", "5"),
    ("day", date(2021, 12, 8), date(2021, 12, 8), "2021-12-08"),
    ("day", AT.astimezone(timezone(timedelta(hours=3))), AT, "2017-07-24 10:26:23"),
    ("day", AT.replace(tzinfo=None, microsecond=5), AT, "2017-07-24 10:26:23"),
    ("day", "2021-12-08", date(2021, 12, 8), "2021-12-08"),
    ("day", "2017-07-24T10:26:23.5Z", AT, "2017-07-24 10:26:23"),
    ("operator", "<", Operator.LESS, "<"),
    ("operator", Operator.EQUAL, Operator.EQUAL, "="),
    ("period", 7, Period.WEEK, 7),
    ("texts", ["a", "b"], ("a", "b"), ["a", "b"]),
    ("texts", iter("ab"), ("a", "b"), ["a", "b"]),
    ("texts", {"a": 1}.keys(), ("a",), ["a"]),
    ("maybe_texts", ["a"], ("a",), ["a"]),
    ("days", ["2021-12-08", AT], (date(2021, 12, 8), AT), ["2021-12-08", "2017-07-24 10:26:23"]),
    ("people", [Person(email="a")], (Person(email="a"),), [{"email": "a"}]),
    ("people", [Person(email="a", type="<")], (Person(email="a", type="<"),), [{"email": "a", "type": "<"}]),
    ("records", {"a@x.co": ["q"]}, {"a@x.co": ("q",)}, {"a@x.co": ["q"]}),
]


def as_form(value: object) -> Any:
    """Return a written value as a form gives it back: texts."""
    if isinstance(value, Mapping):
        return {key: as_form(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_form(each) for each in value]
    return str(int(value)) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("name", "given", "kept", "written"), GOOD)
def test_a_value_is_kept_written_and_read_back(name: str, given: object, kept: object, written: object):
    made = Options(**{name: given})
    assert getattr(made, name) == kept
    assert type(getattr(made, name)) is type(kept)
    assert options.write(made) == {name: written}
    assert Options(**options.read(Options, {name: as_form(written)}, "options")) == made


def test_what_is_none_is_not_sent():
    assert options.write(Options()) == {}
    assert options.write(Options(maybe_texts=[])) == {}
    assert Options(maybe_texts=()).maybe_texts is None


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("text", 5, "options[text]: expected a text, got 5"),
        ("text", "", "options[text]: expected a text that is not blank"),
        ("text", " \t", "options[text]: expected a text that is not blank"),
        ("text", ["a" * 100], f"options[text]: expected a text, got ['{'a' * 58}..."),
        ("whole", True, "options[whole]: expected a whole number, got True"),
        ("whole", "5", "options[whole]: expected a whole number, got '5'"),
        ("whole", 5.0, "options[whole]: expected a whole number, got 5.0"),
        ("flag", 1, "options[flag]: expected True or False, got 1"),
        ("flag", "True", "options[flag]: expected True or False, got 'True'"),
        ("flag_or_text", 1, "options[flag_or_text]: expected a text, got 1"),
        ("id", True, "options[id]: expected a text, got True"),
        ("id", 5.0, "options[id]: expected a text, got 5.0"),
        ("day", 5, "options[day]: expected a date or a datetime, got 5"),
        ("day", "08.12.2021", "options[day]: expected a date Y-m-d or Y-m-d H:i:s, got '08.12.2021'"),
        ("day", "0001-01-01T00:00:00+05:00", "options[day]: expected a date Y-m-d or Y-m-d H:i:s"),
        (
            "day",
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
            "options[day]: expected a moment from the year 1 to 9999 in UTC",
        ),
        ("operator", "=>", "options[operator]: expected one of '=', '<', got '=>'"),
        ("operator", ["="], "options[operator]: expected one of '=', '<', got ['=']"),
        ("period", 2, "options[period]: expected one of 1, 7, got 2"),
        ("texts", "abc", "options[texts]: expected a list, got 'abc'"),
        ("texts", b"abc", "options[texts]: expected a list, got b'abc'"),
        ("texts", {"a": 1}, "options[texts]: expected a list, got {'a': 1}"),
        ("texts", 5, "options[texts]: expected a list, got 5"),
        ("texts", [], "options[texts]: expected at least one entry; an empty list cannot be sent"),
        ("texts", ["a", 5], "options[texts][1]: expected a text, got 5"),
        ("texts", ["a", None], "options[texts][1]: expected a text, got None"),
        ("maybe_texts", "", "options[maybe_texts]: expected a list, got ''"),
        ("people", [{"email": "a"}], "options[people][0]: expected a Person, got {'email': 'a'}"),
        ("records", ["a"], "options[records]: expected a map, got ['a']"),
        ("records", {}, "options[records]: expected at least one entry; an empty map cannot be sent"),
        ("records", {5: ["a"]}, "options[records]: expected a text, got 5"),
        ("records", {"": ["a"]}, "options[records]: expected a text that is not blank"),
        ("records", {"a": "q"}, "options[records][a]: expected a list, got 'q'"),
        ("records", {"a": ["q", 1]}, "options[records][a][1]: expected a text, got 1"),
    ],
)
def test_what_is_not_of_its_type_is_refused_with_its_path(name: str, given: object, message: str):
    with pytest.raises(InvalidOptionError) as caught:
        Options(**{name: given})
    assert str(caught.value).startswith(message)
    assert caught.value.path == message.split(": ", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("whole", " +5 ", 5),
        ("flag", "0", False),
        ("flag_or_text", "0", False),
        ("texts", {"0": "a", "5": "b"}, ("a", "b")),  # a gap in the indices makes a map of a list
        ("records", [["q"]], {"0": ("q",)}),  # keys 0, 1, 2.. make a list of a map
        ("people", [{"email": "a", "more": "b"}], (Person(email="a"),)),
    ],
)
def test_a_form_is_read_as_php_shows_it(name: str, text: object, value: object):
    assert options.read(Options, {name: text, "unknown": "x", "extra": "y"}, "options") == {name: value}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("text", ["a"], "options[text]: expected a text, got ['a']"),
        ("whole", "05", "options[whole]: expected a whole number, got '05'"),
        ("whole", "5.0", "options[whole]: expected a whole number, got '5.0'"),
        ("whole", "1_0", "options[whole]: expected a whole number, got '1_0'"),
        ("whole", ["5"], "options[whole]: expected a whole number, got ['5']"),
        ("flag", "true", "options[flag]: expected 1 or 0, got 'true'"),
        ("flag", ["1"], "options[flag]: expected 1 or 0, got ['1']"),
        ("day", ["2021-12-08"] * 10, "options[day]: expected a date Y-m-d or Y-m-d H:i:s"),
        ("period", "2", "options[period]: expected one of 1, 7, got 2"),
        ("texts", "a", "options[texts]: expected a list, got 'a'"),
        ("records", "a", "options[records]: expected a map, got 'a'"),
        ("records", {"a": ["q", ""]}, "options[records][a][1]: expected a text that is not blank"),
        ("people", ["a"], "options[people][0]: expected the fields of a Person, got 'a'"),
        ("people", [{"type": "<"}], "options[people][0]: email must be given"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_with_its_path(name: str, text: object, message: str):
    with pytest.raises(InvalidOptionError) as caught:
        options.read(Options, {name: text}, "options")
    assert str(caught.value).startswith(message)


def test_required_options_are_named_when_they_are_missing():
    assert options.construct(Needy, {"first": "a", "second": 1}, "options") == Needy(first="a", second=1)
    with pytest.raises(InvalidOptionError, match=r"options: first and second must be given"):
        options.construct(Needy, {}, "options")
    with pytest.raises(InvalidOptionError, match=r"options\[first\]: is required, got None"):
        Needy(first=None, second=1)  # type: ignore[arg-type]
