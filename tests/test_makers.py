"""Three ways from an answer to models: by msgspec, by code written for a model, tolerantly. All give the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from attrs import field, fields, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import actions, convert, jsontext, makers, structs, wire
from aoclient.action import ACTIONS
from aoclient.convert import Mismatch
from aoclient.model import NO_EXTRA, Clock, Id, JsonValue
from aoclient.model import wire as on_wire
from tests.test_convert import Colour, Inner, Model, Strict


@frozen(kw_only=True, weakref_slot=False)
class Row:
    """Every kind of field once, as the models of the vendor have them."""

    text: str = ""
    maybe: str | None = None
    id: Id = ""
    whole: int | None = None
    number: float | None = None
    flag: bool | None = None
    moment: datetime | None = None
    day: date | None = None
    length: timedelta | None = None
    inner: Inner | None = None
    must: Inner = field(factory=Inner)
    inners: list[Inner] = field(factory=list)
    some: list[Inner] | None = None
    by_name: dict[str, Inner] = field(factory=dict)
    words: list[str] = field(factory=list)
    ids: list[Id] = field(factory=list)
    anything: JsonValue = None
    colour: Colour | None = None
    started_at: datetime | None = field(default=None, metadata=on_wire("startDate", "startTime", clock=Clock.BARE))
    amount: int | None = field(default=None, metadata=on_wire("Amount", as_text=True))
    score: float | None = field(default=None, metadata=on_wire(as_text=True, only_when_set=True))
    timer: bool | None = field(default=None, metadata=on_wire("timer_on", "time_on", only_when_set=True))
    either: list[str] = field(factory=list, metadata=on_wire("Either", "either"))
    rare: Inner | None = field(default=None, metadata=on_wire(only_when_set=True))
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class Lists:
    """A row whose list may be missing."""

    id: Id = ""
    words: list[str] = field(factory=list)
    extra: Mapping[str, object] = NO_EXTRA


LEARNER = [
    attribute.name for attribute in fields(actions.Learner) if attribute.name not in {"academy", "teams", "extra"}
]

GOOD: dict[str, Any] = {
    "text": "a",
    "maybe": None,
    "id": 5,
    "whole": 5,
    "number": 75,
    "flag": True,
    "moment": "2017-07-24T10:26:23+00:00",
    "day": "2021-12-08",
    "length": "100:00:01",
    "inner": {"id": "a", "name": None},
    "must": {"id": "a", "name": "b"},
    "inners": [{"id": "a", "name": None}],
    "some": None,
    "by_name": {"x": {"id": 1, "name": ""}},
    "words": ["No Team"],
    "ids": [1, "a"],
    "anything": {"a": [1, None]},
    "colour": "red",
    "startDate": "01/02/2022",
    "startTime": "7:41 AM",
    "Amount": "5",
    "Either": ["a"],
}

ODD: dict[str, list[Any]] = {
    "text": [None, 1, "\u00e9\U0001f600"],
    "maybe": ["", "x", 1],
    "id": ["a", 5.0, True, None, 2**70],
    "whole": [None, "5", "5.00", 5.0, 5.5, True, -0.0, 2**70, "x"],
    "number": [None, 0.1, -0.0, 2**70, 10**400, "75.5", True, []],
    "flag": [None, 0, 1, "1", 2],
    "moment": [
        None,
        "2017-07-24 10:26:23",
        "2017-07-24T10:26:23.000000Z",
        "2017-07-24T10:26:23.123456+02:00",
        "2017-07-24t10:26:23.5z",
        "2017-07-24T10:26:23.1234565Z",
        "2017-07-24T10:26:23.9999999Z",
        "2017-07-24T10:26:23.0000004+00:00",
        "2017-07-24T10:26Z",
        "2021-12-08",
        "9999-12-31T23:59:59.9999999Z",
        "0001-01-01T00:00:00+23:59",
        "x",
        1,
        [],
    ],
    "day": [None, "2021-12-09T15:23:19+00:00", "x", 5, []],
    "length": [None, "00:00:00", "00:61:00", "123:00:00", "00:00:5", "", 5, []],
    "inner": [None, [], {}, {"id": None}, {"more": 1}, "x"],
    "must": [None, [], {"id": "a"}],
    "inners": [None, [], {}, {"0": {"id": "a"}}, [{"id": "a", "name": None, "more": 1}], [1], "x"],
    "some": [[], [{"id": "a", "name": "b"}], {}],
    "by_name": [[], {}, None, {"x": 1}, [{"id": "a"}]],
    "words": [[], {}, None, [1], {"1": "a"}, "x"],
    "ids": [[], [None], {}, [True]],
    "anything": [None, 0, "", []],
    "colour": [None, "blue", "green", 1],
    "startDate": [None, "13/02/2022", "2022-01-02", 5, []],
    "startTime": [None, "07:41 pm", "25:00", 7, {}],
    "Amount": [None, 5, "x", "5.0", True, 2.0, []],
    "score": [None, 5, "5", "5.5", 0.5, True, "x"],
    "timer_on": [None, True, False, 1],
    "time_on": [None, True, False, "x"],
    "Either": [None, [], ["b"], 5],
    "either": [None, ["c"], [1]],
    "rare": [None, {}, {"id": "a", "name": None}, 5],
    "unknown": [None, 1, {"a": 1}],
    "extra": [1],
}


def _tolerant() -> Any:
    """Return a converter without any of the code that is written for a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(makers, "twin_of", lambda _: None)
        converter = convert._make_converter()
        patch.setattr(convert, "_converter", converter)
        for each in (list[Row], list[Model], list[Strict], *(spec.answer_type for spec in ACTIONS.values())):
            converter.get_structure_hook(each)  # made now, and kept
    return converter


TOLERANT = _tolerant()


def outcome(read: Any, *arguments: object) -> str:
    try:
        return repr(read(*arguments))
    except Mismatch as mismatch:
        return str(mismatch)


def quickly(body: bytes, into: Any, *, rows: str = "") -> Any:
    read = structs.reader(into, rows=rows)
    return None if read is None else read(body)


def check(rows: object, into: Any) -> bool:
    """Compare the ways; tell whether msgspec took it."""
    body = json.dumps(rows).encode()
    expected = outcome(TOLERANT.structure, jsontext.loads(body), into)
    assert outcome(convert.structure, jsontext.loads(body), into) == expected
    quick = quickly(body, into)
    assert quick is None or repr(quick) == expected
    return quick is not None


def test_an_answer_as_the_vendor_describes_it_is_read_quickly():
    assert check([GOOD], list[Row])
    assert check({"a": GOOD}, dict[str, Row])
    row = convert.structure(GOOD, Row)
    assert row.words == GOOD["words"]
    assert row.moment is not None
    assert row.moment.tzinfo is UTC
    with pytest.raises(AttributeError):
        row.text = "b"  # type: ignore[misc]  # still frozen


ALL_ODD = [(key, value) for key, values in ODD.items() for value in values]


@pytest.mark.parametrize(("key", "value"), ALL_ODD, ids=str)
def test_an_odd_value_is_read_the_same_on_every_way(key: str, value: object):
    check([GOOD, {**GOOD, key: value}], list[Row])


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_key_is_read_the_same_on_every_way(key: str):
    check([{name: value for name, value in GOOD.items() if name != key}], list[Row])


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.sampled_from(ALL_ODD), max_size=5), st.lists(st.sampled_from(list(GOOD)), max_size=2), st.data())
def test_odd_rows_are_read_the_same_on_every_way(
    odd: list[tuple[str, object]], missing: list[str], data: st.DataObject
):
    row = {**GOOD, **dict(odd)}
    for key in missing:
        row.pop(key, None)
    keys = data.draw(st.permutations(list(row)))
    check([{key: row[key] for key in keys}], list[Row])


def test_keys_given_twice_are_read_the_same_on_every_way():
    body = b'[{"id": 1, "name": "a", "name": "b"}, {"id": [], "id": 2, "name": null}]'
    expected = repr(TOLERANT.structure(jsontext.loads(body), list[Inner]))
    assert repr(convert.structure(jsontext.loads(body), list[Inner])) == expected
    assert quickly(body[:40].rsplit(b",", 1)[0] + b"]", list[Inner]) == [Inner(id=1, name="b")]


@pytest.mark.parametrize("into", [list[Model], list[Strict]])
def test_models_the_quick_ways_do_not_fit_are_read_as_well(into: Any):
    for row in ({}, {"link": "x", "count": 5}, {"link": "x", "amount": None}, {"text": "a", "whole": 1}, 5):
        check([row], into)


def test_a_class_without_slots_has_a_twin_as_well():
    @frozen(kw_only=True, slots=False)
    class Loose:
        id: Id = ""
        extra: Mapping[str, object] = NO_EXTRA

    (row,) = convert.structure([{"id": 1}], list[Loose])
    assert type(row) is Loose
    assert [row] == quickly(b'[{"id": 1}]', list[Loose]) == [Loose(id=1)]
    with pytest.raises(AttributeError):
        row.id = 2  # type: ignore[misc]  # still frozen


def test_a_class_that_cannot_be_derived_from_has_no_twin():
    @frozen(kw_only=True, weakref_slot=False)
    class Last:
        id: Id = ""
        extra: Mapping[str, object] = NO_EXTRA

        def __init_subclass__(cls) -> None:
            raise TypeError

    assert makers.twin_of(Last) is None
    assert convert.structure([{"id": 1}], list[Last]) == [Last(id=1)]
    assert convert.structure({"id": 1}, Last) == Last(id=1)
    assert quickly(b'[{"id": 1}]', list[Last]) is None


@pytest.mark.parametrize("key", ["email", "os", "registered_at"])
def test_a_row_that_lacks_a_key_is_made_without_the_tolerant_reader(key: str, monkeypatch):
    row: dict[str, object] = dict.fromkeys(LEARNER) | {"email": "a@example.com"}
    del row[key]
    assert check([row], list[actions.Learner])
    monkeypatch.setattr(actions.Learner, "__init__", None)  # the tolerant reader would call it
    (made,) = convert.structure([row], list[actions.Learner])
    assert getattr(made, key) == ("" if key == "email" else None)


def test_a_model_all_of_whose_keys_may_be_left_out_is_read_the_same_on_every_way():
    @frozen(kw_only=True, weakref_slot=False)
    class Sparse:
        id: int | None = field(default=None, metadata=on_wire(only_when_set=True))
        extra: Mapping[str, object] = NO_EXTRA

    assert convert.structure([{}, {"id": 1}], list[Sparse]) == [Sparse(), Sparse(id=1)]
    assert quickly(b'[{}, {"id": 1}]', list[Sparse]) == [Sparse(), Sparse(id=1)]
    assert outcome(convert.structure, ["x"], list[Sparse]) == "answer[0]: expected a map, got a text"


BAD_AFTER_GOOD: list[tuple[Any, Any, str]] = [
    ([GOOD, GOOD, 5], list[Row], "answer[2]: expected a map, got 5"),
    ([{"0": GOOD}, {"0": GOOD, "1": []}, {"2": GOOD, "3": 5}], list[dict[str, Row]], "answer[2]['3']"),
    ({"a": {"x": GOOD}, "b": {"x": GOOD, "y": 5}}, dict[str, dict[str, Row]], "answer['b']['y']"),
    ({"a": [GOOD, GOOD], "b": [GOOD, None]}, dict[str, list[Row]], "answer['b'][1]"),
]


@pytest.mark.parametrize(("value", "into", "message"), BAD_AFTER_GOOD, ids=str)
def test_what_cannot_be_read_is_found_among_models_that_took_the_places_of_their_maps(
    value: object, into: Any, message: str
):
    check(value, into)
    assert outcome(convert.structure, json.loads(json.dumps(value)), into).startswith(message)


def test_a_list_in_a_row_that_is_kept_as_it_came_has_no_models_in_it():
    inners = [{"id": "a", "name": None}, {"id": "b", "name": None}, 5]
    (row,) = convert.structure([{**GOOD, "inners": [*inners]}], list[Row])
    assert row.extra == {"inners": inners}


@pytest.mark.parametrize("size", [49, 50, 51, 200])
@pytest.mark.parametrize("first", [GOOD, dict(reversed(GOOD.items())), {**GOOD, "unknown": 1}, {}, []], ids=range(5))
def test_lists_of_any_length_are_read_the_same_whatever_their_first_row_is(first: object, size: int):
    check([first, *[GOOD] * (size - 1)], list[Row])


def test_models_that_lack_a_list_do_not_share_one():
    first, second = convert.structure([{"id": 1}, {"id": 2}], list[Lists])
    first.words.append("a")
    assert second.words == []


def test_a_list_that_is_not_empty_by_default_stays_so():
    @frozen(kw_only=True, weakref_slot=False)
    class Full:
        words: list[str] = field(factory=lambda: ["a"])
        maybe: str | None = None
        extra: Mapping[str, object] = NO_EXTRA

    assert convert.structure([{}], list[Full]) == quickly(b"[{}]", list[Full]) == [Full()]


def test_a_default_beside_null_is_left_to_the_tolerant_way():
    @frozen(kw_only=True, weakref_slot=False)
    class Beside:
        name: str | None = "nobody"
        extra: Mapping[str, object] = NO_EXTRA

    assert convert.structure([{"name": None}], list[Beside]) == [Beside(name="nobody")]
    assert quickly(b'[{"name": null}]', list[Beside]) is None


def test_what_holds_no_models_is_not_read_by_msgspec():
    assert quickly(b"[1]", list[Id]) is None
    assert quickly(b'{"link": "x"}', actions.LoginLink) is None
    assert quickly(b"[]", dict[str, dict[str, JsonValue]]) is None


def test_a_map_that_may_be_a_refusal_is_left_to_those_who_know():
    assert quickly(b'{"error": {"id": "a"}}', dict[str, Inner]) is None
    assert quickly(b'{"a": {"id": "a"}}', dict[str, Inner]) == {"a": Inner(id="a")}


def test_pages_are_read_by_msgspec(monkeypatch: pytest.MonkeyPatch):
    page = actions.LearnersProgressByCourse(course_id="c", page=2)
    one = [{"learners": [{"email": "a@x.co"}]}]
    for value in (one, one * 2, [], [{"learners": [], "total": 5}], one[0], [{"learners": {"1": {"email": "b@x.co"}}}]):
        response = wire.Response(200, {}, json.dumps(value).encode())
        quick = wire.decode(page, response)
        with monkeypatch.context() as patch:
            patch.setattr(jsontext, "_msgspec", None)
            assert wire.decode(page, response) == quick
        assert quick.number == 2
    assert quickly(json.dumps(one * 2).encode(), list[actions.LearnerProgress], rows="learners") is not None


def test_a_refusal_is_one_however_its_body_looks():
    with pytest.raises(Exception, match="Unauthenticated"):
        wire.decode(actions.Learners(), wire.Response(401, {}, b'{"message": "Unauthenticated."}'))
