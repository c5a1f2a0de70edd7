"""Models out of parsed JSON and back, with every quirk of the answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import convert
from aoclient.convert import Mismatch, structure, unstructure
from aoclient.model import NO_EXTRA, Acknowledged, Clock, Id, JsonValue, wire


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    ONE = 1


@frozen(kw_only=True, weakref_slot=False)
class Inner:
    id: Id = ""
    name: str | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Model:
    text: str = ""
    maybe: str | None = None
    whole: int | None = None
    number: float | None = None
    flag: bool | None = None
    moment: datetime | None = None
    day: date | None = None
    length: timedelta | None = None
    inner: Inner | None = None
    inners: list[Inner] = field(factory=list)
    by_name: dict[str, Inner] = field(factory=dict)
    anything: JsonValue = None
    colour: Colour | None = None
    level: Level | None = None
    flag_or_text: bool | str | None = None
    number_or_flag: float | bool = 0.0
    started_at: datetime | None = field(default=None, metadata=wire("startDate", "startTime", clock=Clock.BARE))
    passed_at: datetime | None = field(default=None, metadata=wire("passDate", "passTime", clock=Clock.PADDED))
    amount: int | None = field(default=None, metadata=wire("Amount", as_text=True))
    timer: bool | None = field(default=None, metadata=wire("timer_on", "time_on", only_when_set=True))
    words: list[str] = field(factory=list, metadata=wire("Words", "words"))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Strict:
    link: str
    amount: int | None = field(metadata=wire("amount", "count"))
    extra: Mapping[str, object] = NO_EXTRA


AT = datetime(2017, 7, 24, 10, 26, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _log_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(convert, "_logged", set())


@pytest.mark.parametrize(
    ("key", "raw", "name", "value"),
    [
        ("text", "", "text", ""),
        ("maybe", None, "maybe", None),
        ("whole", 5, "whole", 5),
        ("whole", "5", "whole", 5),
        ("whole", "-5", "whole", -5),
        ("whole", "9007199254740993", "whole", 9007199254740993),
        ("whole", "5.00", "whole", 5),
        ("whole", 5.0, "whole", 5),
        ("number", 75, "number", 75.0),
        ("number", 75.5, "number", 75.5),
        ("number", "75.5", "number", 75.5),
        ("number", "1.0E+25", "number", 1e25),
        ("flag", True, "flag", True),
        ("flag", 1, "flag", True),
        ("flag", 0, "flag", False),
        ("flag", "1", "flag", True),
        ("flag", "0", "flag", False),
        ("moment", "2017-07-24T10:26:23+00:00", "moment", AT),
        ("moment", "2017-07-24T12:26:23+02:00", "moment", AT),
        ("moment", "2017-07-24 10:26:23", "moment", AT),
        ("moment", "2017-07-24T10:26:23.000000Z", "moment", AT),
        ("day", "2021-12-08", "day", date(2021, 12, 8)),
        ("day", "2017-07-24T10:26:23+00:00", "day", AT),
        ("length", "100:00:01", "length", timedelta(hours=100, seconds=1)),
        ("inner", {"id": "a"}, "inner", Inner(id="a")),
        ("inner", {"id": 2}, "inner", Inner(id=2)),
        ("inner", [], "inner", Inner()),
        ("inners", [{"id": "a"}], "inners", [Inner(id="a")]),
        ("inners", {"0": {"id": "a"}, "2": {"id": "b"}}, "inners", [Inner(id="a"), Inner(id="b")]),
        ("by_name", [], "by_name", {}),
        ("by_name", {}, "by_name", {}),
        ("by_name", {"x": {"id": "a"}}, "by_name", {"x": Inner(id="a")}),
        ("by_name", [{"id": "a"}], "by_name", {"0": Inner(id="a")}),
        ("anything", {"a": [1, None, "x"]}, "anything", {"a": [1, None, "x"]}),
        ("anything", None, "anything", None),
        ("colour", "red", "colour", Colour.RED),
        ("level", 1, "level", Level.ONE),
        ("flag_or_text", True, "flag_or_text", True),
        ("flag_or_text", "published", "flag_or_text", "published"),
        ("flag_or_text", 1, "flag_or_text", True),
        ("number_or_flag", 3, "number_or_flag", 3.0),
        ("Amount", "5", "amount", 5),
        ("time_on", True, "timer", True),
        ("words", ["a"], "words", ["a"]),
    ],
)
def test_a_value_is_read_as_its_declared_type(key: str, raw: object, name: str, value: object):
    model = structure({key: raw}, Model)
    assert model == Model(**{name: value})
    assert type(getattr(model, name)) is type(value)
    assert model.extra is NO_EXTRA


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("text", None),  # never "None"
        ("text", 1),  # never "1"
        ("text", True),
        ("maybe", 1),
        ("maybe", ["a"]),
        ("whole", True),
        ("whole", 5.5),
        ("whole", "5.5"),
        ("whole", "1_000"),
        ("whole", " 5"),
        ("whole", "\u0665"),
        ("whole", ""),
        ("whole", "1" * 30),
        ("whole", "1E999"),
        ("whole", []),
        ("number", True),
        ("number", "nan"),
        ("number", "1e999"),
        ("number", "abc"),
        ("number", 10**400),
        ("number", float("inf")),
        ("number", {}),
        ("flag", 2),
        ("flag", "true"),
        ("flag", 1.0),
        ("flag", -1),
        ("moment", "2021-12-08"),
        ("moment", "0000-00-00 00:00:00"),
        ("moment", "-0001-11-30T00:00:00+00:00"),
        ("moment", "0001-01-01T00:00:00+23:59"),
        ("moment", 1500892000),
        ("day", "08.12.2021"),
        ("day", 5),
        ("length", "00:61:00"),
        ("length", "999999999:00:00:00"),
        ("length", 5),
        ("inner", "x"),
        ("inner", [1]),
        ("inners", None),
        ("inners", {}),  # PHP writes an empty list as []
        ("inners", {"0": {"id": "a"}, "b": {}}),
        ("inners", {"²": {}}),
        ("inners", "x"),
        ("inners", [{"id": "a"}, "x"]),
        ("by_name", "x"),
        ("by_name", {"a": "x"}),
        ("colour", "green"),
        ("colour", []),
        ("level", True),
        ("level", "1"),
        ("flag_or_text", 5),
        ("number_or_flag", "abc"),
        ("Amount", "five"),
        ("timer_on", "yes"),
        ("Words", None),
    ],
)
def test_what_cannot_be_read_costs_one_field_and_stays_in_extra(
    key: str, raw: object, caplog: pytest.LogCaptureFixture
):
    given_fields = {"maybe": "kept"} if key != "maybe" else {"text": "kept"}
    with caplog.at_level(logging.WARNING, "aoclient.convert"):
        models = structure([{**given_fields, key: raw}] * 2, list[Model])
    assert models == [Model(**given_fields, extra={key: raw})] * 2
    (record,) = caplog.records  # once, not once a row
    assert record.getMessage().startswith("Model.")
    assert "kept in extra: expected" in record.getMessage()
    assert unstructure(models[0])[key] == raw  # type: ignore[index]


def test_unknown_fields_are_kept_and_not_logged(caplog: pytest.LogCaptureFixture):
    model = structure({"text": "a", "new": {"x": [1]}, "newer": None}, Model)
    assert model.extra == {"new": {"x": [1]}, "newer": None}
    assert not caplog.records


def test_null_and_a_missing_key_are_the_default():
    assert structure({"maybe": None, "whole": None, "timer_on": None}, Model) == Model() == structure({}, Model)


def test_the_first_key_with_a_value_wins():
    assert structure({"timer_on": None, "time_on": True}, Model).timer is True
    assert structure({"timer_on": True, "time_on": True}, Model) == Model(timer=True)
    assert structure({"timer_on": False, "time_on": True}, Model) == Model(timer=False, extra={"time_on": True})


def test_a_date_and_a_time_of_day_are_joined():
    model = structure({"startDate": "01/02/2022", "startTime": "7:41 PM", "passDate": "01/02/2022"}, Model)
    assert model.started_at == datetime(2022, 1, 2, 19, 41, tzinfo=UTC)
    assert model.passed_at == datetime(2022, 1, 2, tzinfo=UTC)
    assert structure({"startDate": None, "startTime": None}, Model) == Model()


@pytest.mark.parametrize(
    ("day", "clock"), [("2022-01-02", "7:41 AM"), ("01/02/2022", "25:00"), (None, "7:41 AM"), ("01/02/2022", 7)]
)
def test_a_date_that_cannot_be_joined_keeps_both_keys(day: object, clock: object):
    model = structure({"startDate": day, "startTime": clock}, Model)
    assert model == Model(extra={"startDate": day, "startTime": clock})
    assert unstructure(model)["startDate"] == day  # type: ignore[index]


def test_a_field_without_a_default_is_required():
    assert structure({"link": "x", "count": 5}, Strict) == Strict(link="x", amount=5)
    assert structure({"link": "x", "amount": None}, Strict) == Strict(link="x", amount=None)
    for raw, path in (
        ({"amount": 1}, "answer['link']: expected a value, got null"),
        ({"link": None, "amount": 1}, "answer['link']: expected a text, got null"),
        ({"link": 5, "amount": 1}, "answer['link']: expected a text, got 5"),
        ({"link": "x"}, "answer['amount']: expected a value, got null"),
        ([], "answer['link']: expected a value, got null"),
    ):
        with pytest.raises(Mismatch) as caught:
            structure(raw, Strict)
        assert str(caught.value) == path


@pytest.mark.parametrize(
    ("raw", "into", "message"),
    [
        ("x", Model, "answer: expected a map, got a text"),
        ([1], Model, "answer: expected a map, got a list"),
        (None, list[Model], "answer: expected a list, got null"),
        ({"a": {}}, list[Model], "answer: expected a list, got a map"),
        (["a", 1, None], list[Id], "answer[2]: expected an id, text or whole number, got null"),
        ([{}, True], list[Model], "answer[1]: expected a map, got True"),
        ({"a@x.co": {"q": 5.5}}, dict[str, dict[str, Model]], "answer['a@x.co']['q']: expected a map, got 5.5"),
        ({"k" * 500: 1}, dict[str, Model], f"answer['{'k' * 59}...]: expected a map, got 1"),
        (10**100, list[Model], f"answer: expected a list, got 1{'0' * 59}..."),
        ("x", dict[str, Model], "answer: expected a map, got a text"),
    ],
    ids=str,
)
def test_a_wrong_outer_shape_is_named_with_its_place_and_no_text(raw: object, into: Any, message: str):
    with pytest.raises(Mismatch) as caught:
        structure(raw, into)
    assert str(caught.value) == message


def test_an_acknowledgement_is_untouched():
    for raw in (["done"], True, None, {"a": 1}, "", 0):
        assert structure(raw, Acknowledged) == Acknowledged(raw)
        assert unstructure(Acknowledged(raw)) == raw


def test_a_model_is_written_as_the_vendor_writes_it():
    model = Model(
        text="a",
        number=75.0,
        moment=AT,
        day=date(2021, 12, 8),
        length=timedelta(hours=100),
        inner=Inner(id=2, extra={"more": 1}),
        inners=[Inner(id="a")],
        by_name={"x": Inner()},
        colour=Colour.RED,
        started_at=datetime(2022, 1, 2, 7, 41, tzinfo=UTC),
        passed_at=datetime(2022, 1, 2, 0, 5, tzinfo=UTC),
        amount=5,
        timer=True,
    )
    assert json.loads(json.dumps(unstructure([model]))) == [
        {
            "text": "a",
            "maybe": None,
            "whole": None,
            "number": 75,
            "flag": None,
            "moment": "2017-07-24T10:26:23+00:00",
            "day": "2021-12-08",
            "length": "100:00:00",
            "inner": {"id": 2, "name": None, "more": 1},
            "inners": [{"id": "a", "name": None}],
            "by_name": {"x": {"id": "", "name": None}},
            "anything": None,
            "colour": "red",
            "level": None,
            "flag_or_text": None,
            "number_or_flag": 0,
            "startDate": "01/02/2022",
            "startTime": "7:41 AM",
            "passDate": "01/02/2022",
            "passTime": "12:05 AM",
            "Amount": "5",
            "timer_on": True,
            "Words": [],
        }
    ]


def test_a_key_that_is_only_there_with_a_value_is_left_out_without_one():
    assert "timer_on" not in unstructure(Model())  # type: ignore[operator]
    assert unstructure(Model())["Amount"] is None  # type: ignore[index]
    assert unstructure(Model(number=0.5))["number"] == 0.5  # type: ignore[index]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab:-", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab01", max_size=2), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["text", "maybe", "whole", "number", "flag", "moment", "day", "length", "colour", "level", "flag_or_text"]
KEYS += ["number_or_flag", "startDate", "startTime", "Amount", "unknown", "0"]


@settings(max_examples=200, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_nothing_is_lost_or_coerced_on_the_way_there_and_back(raw: dict[str, object]):
    written = unstructure(structure(raw, Model))
    empty = unstructure(Model())
    assert isinstance(written, dict)
    assert isinstance(empty, dict)
    for key, item in raw.items():
        if key == "Amount" and item is not None and written[key] != item:
            assert float(written[key]) == item  # the vendor writes it as text
        elif key in ("text", "maybe"):
            assert (type(written[key]), written[key]) == (type(item), item)
        else:
            assert written[key] == item or (item is None and written[key] == empty[key])
    assert {key: item for key, item in written.items() if key not in raw} == {
        key: item for key, item in empty.items() if key not in raw
    }


def test_defaults_made_by_a_factory_are_not_shared():
    assert structure({"inners": "x"}, Model).inners is not structure({"inners": "x"}, Model).inners
