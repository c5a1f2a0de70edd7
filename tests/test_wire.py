"""Requests out of actions and answers out of responses; and the same from the server's side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import actions, convert, errors, forms, wire
from aoclient.action import ACTIONS, Action, Effect, Page, Paged
from aoclient.errors import AoError, InvalidOptionError, ResponseError, ResponseSchemaError
from aoclient.model import Acknowledged, Clock, wire_of
from aoclient.settings import Timeouts
from aoclient.wire import Response, answer, decode, encode, parse_tree, read
from tests.test_jsontext import REFUSED

EVERY = pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
CONFIDENTIAL = [cls for cls in ACTIONS.values() if cls.spec.confidential]


def bare(cls: type[Action[Any]]) -> Any:
    """Return an action without its options, which `decode` does not ask for."""
    action = object.__new__(cls)
    if issubclass(cls, Paged):
        object.__setattr__(action, "page", None)
    return action


def response(body: object, status: int = 200, **headers: str) -> Response:
    """Return a response; a body that is not bytes is written as JSON."""
    return Response(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


# --- requests ----------------------------------------------------------------------------------------------------


def test_a_request_has_the_form_the_name_and_the_effect():
    request = encode(
        actions.Learners(email="ann+x@example.com", with_teams=True), timeouts=Timeouts(total=5), priority=3
    )
    assert request.body == (b"action=learners&options%5Bemail%5D=ann%2Bx%40example.com&options%5Bwith_teams%5D=1")
    assert (request.name, request.effect, request.path) == ("learners", Effect.READS, "/api/v1/")
    assert (request.timeouts.total, request.priority, request.progress.attempts) == (5, 3, 0)
    assert request.read(response([])) == []
    assert "ann" not in repr(request)


def test_without_options_the_body_is_the_action_alone():
    assert encode(actions.Learners()).body == b"action=learners"


def test_undocumented_options_go_beside_the_others():
    action = actions.Learners(email="a@x.co", extra={"only": True, "list": ["x"]})
    assert wire.tree(action) == {"action": "learners", "options": {"email": "a@x.co", "only": True, "list": ["x"]}}
    with pytest.raises(InvalidOptionError) as caught:
        encode(actions.Learners(extra={"a]": 1}))
    assert caught.value.action == "learners"


def test_a_form_is_read_back_into_its_action():
    action = actions.Learners(email="ann@example.com", with_teams=False, dates=["2022-01-01", "2022-01-02"])
    assert read(encode(action).body) == action
    assert read("action=learners+&options[email]=a@x.co") == actions.Learners(email="a@x.co")
    assert read("action=learners&options=") == actions.Learners()


def test_options_nobody_declared_are_extra():
    assert read("action=learners&options[new][a]=1&other=2").extra == {"new": {"a": "1"}}
    assert read("action=learners&options[]=x&options[]=y").extra == {"0": "x", "1": "y"}


def test_what_php_cuts_off_is_not_read():
    body = "action=learners&options[email]=a@x.co&options[with_teams]=1"
    assert read(body, max_pairs=2) == actions.Learners(email="a@x.co")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "action: there is no action None"),
        ("action=no", "action: there is no action 'no'"),
        ("action[]=learners", "action: there is no action ['learners']"),
        ("action=learners&options=x", "learners: options: expected options by name, got a text"),
        ("action=learners&options[with_teams]=yes", "learners: options[with_teams]: expected 1 or 0, got 'yes'"),
        ("action=learnersWithScore", "learnersWithScore: options: score must be given"),
    ],
)
def test_a_form_that_holds_no_action_is_refused(body: str, message: str):
    with pytest.raises(InvalidOptionError) as caught:
        read(body)
    assert str(caught.value) == message


def test_a_tree_is_read_like_a_form():
    assert parse_tree({"action": "learners"}) == actions.Learners()


FORM = st.lists(
    st.tuples(
        st.sampled_from(["action", "options", "options[email]", "options[dates][]", "options[a][b][", "options[0]"]),
        st.sampled_from(["learners", "courses", "1", "", "%FF", "a%00b", "2022-01-01"]),
    ),
    max_size=5,
)


@settings(max_examples=120, deadline=None, database=None)
@given(FORM.map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)) | st.binary(max_size=30))
def test_no_form_makes_reading_fail_otherwise(body: str | bytes):
    try:
        action = read(body)
    except InvalidOptionError:
        return
    assert isinstance(action, Action)


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "emails"),
    [
        ([{"learners": [{"email": "a"}, {"email": "b"}]}], ["a", "b"]),
        ({"learners": [{"email": "a"}]}, ["a"]),
        ([{"learners": [{"email": "a"}]}, {"learners": [{"email": "b"}]}], ["a", "b"]),
        ({"0": {"learners": [{"email": "a"}]}, "2": {"learners": []}}, ["a"]),
        ({"learners": {"0": {"email": "a"}, "3": {"email": "b"}}}, ["a", "b"]),
        ([], []),
        ([{"learners": []}], []),
    ],
)
def test_the_rows_of_a_page_come_in_several_wrappers(body: object, emails: list[str]):
    page = decode(actions.LearnersProgressByCourse(course_id="c", page=3), response(body))
    assert [row.email for row in page] == emails
    assert page.number == 3
    assert decode(actions.LearnersProgressByCourse(course_id="c"), response(body)).number == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "answer: expected a list, got a map"),
        ({"rows": []}, "answer: expected a list, got a map"),
        ([[]], "answer: expected a map with the key 'learners', got a list"),
        ([{"rows": []}], "answer: expected a map with the key 'learners', got a map"),
        ([{"learners": None}], "answer: expected a list, got null"),
        ({"learners": {"email": "a"}}, "answer: expected a list, got a map"),
        ({"learners": [{}, 5]}, "answer[1]: expected a map, got 5"),
        ("canary-7f3a", "answer: expected a list, got a text"),
    ],
)
def test_a_page_of_another_shape_is_a_schema_error(body: object, message: str):
    with pytest.raises(ResponseSchemaError) as caught:
        decode(actions.LearnersProgressByCourse(course_id="c"), response(body, **{"content-type": "text/html"}))
    error = caught.value
    assert error.message == message
    assert (error.action, error.status, error.content_type) == ("learnersProgressByCourse", 200, "text/html")
    assert error.excerpt == json.dumps(body)
    assert error.__cause__ is None


@EVERY
def test_an_error_is_raised_whatever_the_status(cls: type[Action[Any]]):
    for status in (200, 400, 404):
        with pytest.raises(errors.ApiError, match="No such thing") as caught:
            decode(bare(cls), response({"error": {"message": "No such thing"}}, status))
        assert caught.value.action == cls.spec.name


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_nasty_body_is_one_of_our_errors_for_every_action(body: bytes):
    for cls in ACTIONS.values():
        if not body.strip() and cls.answer_type is Acknowledged:
            assert decode(bare(cls), response(body)) == Acknowledged(None)
            continue
        with pytest.raises(ResponseError) as caught:
            decode(bare(cls), response(body))
        assert caught.value.__context__ is None
        assert caught.value.excerpt == "" or not cls.spec.confidential


@pytest.mark.parametrize("cls", CONFIDENTIAL)
@pytest.mark.parametrize(
    "body",
    [b'{"link": "canary-7f3a', b'["canary-7f3a"]', b'"canary-7f3a"', b'{"link": ["canary-7f3a"]}', b"canary-7f3a"],
)
def test_nothing_of_a_confidential_answer_is_quoted(cls: type[Action[Any]], body: bytes):
    with pytest.raises(ResponseError) as caught:
        decode(bare(cls), response(body))
    assert "canary-7f3a" not in f"{caught.value} {caught.value.args} {vars(caught.value)}"


def test_there_is_a_confidential_action():
    assert [cls.spec.name for cls in CONFIDENTIAL] == ["createLoginToken"]


@cache
def _keys() -> list[str]:
    """Return every key that a model declares."""
    found: set[str] = {"x", "0", "1"}
    pending = [cls.answer_type for cls in ACTIONS.values()]
    while pending:
        kind = pending.pop()
        pending += get_args(kind)
        if attrs.has(kind) and kind is not Acknowledged:
            for each in attrs.fields(attrs.resolve_types(kind)):
                found.update(wire_of(each).names)
                pending.append(each.type)
    return sorted(found)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "1", "5.5", "1e999", "2021-12-08", "2017-07-24T10:26:23+00:00", "00:10:50", "7:41 AM"])
    | st.sampled_from(["01/01/2022", "9999-12-31T23:59:59-23:59", 10**400, "9" * 5000])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(st.deferred(lambda: st.sampled_from(_keys())), inner), max_size=8).map(dict)
    ),
    max_leaves=20,
)


def _mutated(body: bytes, at: int, piece: bytes) -> bytes:
    place = at % (len(body) + 1)
    return body[:place] + piece + body[place + len(piece) :]


BODIES = st.binary(max_size=20) | st.builds(
    _mutated,
    JSON.map(lambda value: json.dumps(value).encode()),
    st.integers(0, 10**6),
    st.just(b"") | st.binary(max_size=3),
)


@settings(max_examples=120, deadline=None, database=None)
@given(BODIES, st.sampled_from([200, 200, 200, 204, 302, 401, 422, 500, 503]))
def test_only_our_errors_come_out_of_any_body(body: bytes, status: int):
    for cls in ACTIONS.values():
        try:
            value = decode(bare(cls), response(body, status))
        except AoError as error:
            shown = str(error)
        else:
            shown = json.dumps(convert.unstructure(value.rows if isinstance(value, Page) else value), allow_nan=False)
        assert shown.encode()  # no half of a surrogate pair, no infinity


# --- the server's side -------------------------------------------------------------------------------------------

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    int: st.integers(-(10**15), 10**15),
    float: st.floats(-1e15, 1e15, allow_subnormal=False),
    bool: st.booleans(),
    datetime: st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda moment: moment.replace(microsecond=0)
    ),
    date: st.dates(),
    NoneType: st.none(),
    Acknowledged: st.builds(Acknowledged, st.none() | st.booleans() | st.lists(st.text(max_size=3), max_size=2)),
    timedelta: st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a declared answer type."""
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return st.one_of(*(values_of(each) for each in arguments if get_origin(each) not in (list, dict)))
    if get_origin(kind) is list:
        return st.lists(values_of(arguments[0]), max_size=2)
    if get_origin(kind) is dict:
        return st.dictionaries(st.sampled_from("01ab"), values_of(arguments[1]), max_size=3)
    if kind not in PLAIN:
        fields = attrs.fields(attrs.resolve_types(kind))
        return st.builds(kind, **{each.name: _values_of_field(each) for each in fields if each.name != "extra"})
    return PLAIN[kind]


def _values_of_field(attribute: attrs.Attribute[Any]) -> st.SearchStrategy[Any]:
    values = values_of(attribute.type)
    if isinstance(wire_of(attribute).clock, Clock):
        return values.map(lambda moment: moment and moment.replace(second=0))
    return values


@EVERY
@settings(max_examples=15, deadline=None, database=None)
@given(data=st.data())
def test_what_a_server_answers_is_what_a_client_gets(cls: type[Action[Any]], data: st.DataObject):
    action = bare(cls)
    value = data.draw(values_of(cls.answer_type))
    if issubclass(cls, Paged):
        value = Page([value], 1)
    body = answer(action, value)
    assert body.isascii()
    got = decode(action, response(body))
    assert (list(got) if isinstance(got, Page) else got) == (list(value) if isinstance(value, Page) else value)


def test_a_server_answers_as_php_does():
    assert answer(actions.Learners(), []) == b"[]"
    learner = actions.Learner(email="é/@x.co", extra={"new": {}})
    assert answer(actions.Learners(), [learner]).startswith(b'[{"email":"\\u00e9\\/@x.co","name":null,')
    assert answer(actions.Learners(), [learner]).endswith(b',"new":[]}]')
    assert answer(actions.LearnersProgressByCourse(course_id="c"), Page([], 1)) == b'[{"learners":[]}]'


def test_forms_and_trees_of_every_field_agree():
    tree: Mapping[str, Any] = {"action": "learners", "options": {"email": "a@x.co"}}
    assert parse_tree(tree) == read(forms.encode(tree))
