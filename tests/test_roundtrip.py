"""Whatever an action holds: a server reads from the form what the client put in, for every declared action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, timedelta, timezone
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from aoclient import forms, wire
from aoclient.actions import ACTIONS
from aoclient.errors import InvalidOptionError

# Wild texts find what is wrong with escaping; plain ones pass the checks of the actions.
WORDS = ["ann+x@example.com", "some_key", "0", "1", "10", "all", "published", "True", "Lzq0weBKvR72E72olW4X", " x"]
texts = st.sampled_from(WORDS) | st.text(max_size=12)
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))])
moments = st.datetimes(timezones=zones)
days = st.dates()
day_texts = days.map(str) | moments.map(lambda moment: moment.replace(microsecond=0, tzinfo=None).isoformat(" "))
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(1, 100) | st.integers(),
    bool: st.booleans(),
    date: days | moments,
}


def values_of(declared: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a declared type; an action may refuse some of them."""
    made_of = OF_PARTS.get(get_origin(declared))
    if made_of is not None:
        return made_of(*get_args(declared))
    if attrs.has(declared):
        return objects_of(declared)
    return st.sampled_from(list(declared)) if issubclass(declared, Enum) else PLAIN[declared]


def any_of(*members: Any) -> st.SearchStrategy[Any]:
    kinds = [each for each in members if each is not NoneType]
    return day_texts | PLAIN[date] if set(kinds) == {date, str} else st.one_of(map(values_of, kinds))


OF_PARTS: Mapping[Any, Callable[..., st.SearchStrategy[Any]]] = {
    Union: any_of,
    UnionType: any_of,
    Literal: lambda *values: st.sampled_from(values),
    Sequence: lambda item: st.lists(values_of(item), min_size=1, max_size=3),
    Mapping: lambda _, item: st.dictionaries(texts, values_of(item), min_size=1, max_size=3),
}
OF_NAMES = {"key": st.from_regex(r"\w{1,9}", fullmatch=True)}  # few texts are snake case


@st.composite
def objects_of(draw: st.DrawFn, cls: Any) -> Any:
    """Return an action or a nested input with any of its options, unless it refuses them."""
    arguments: dict[str, Any] = {}
    for attribute in attrs.fields(attrs.resolve_types(cls)):
        if attribute.name != "extra" and (attribute.default is attrs.NOTHING or draw(st.booleans())):
            values = OF_NAMES[attribute.name] if attribute.name in OF_NAMES else values_of(attribute.type)
            arguments[attribute.name] = draw(values | st.just([]) if attribute.metadata else values)
    try:
        return cls(**arguments)
    except InvalidOptionError:
        reject()


few = settings(
    max_examples=40,
    deadline=None,  # two cores, shared
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],  # what an action refuses is no news here
)


@pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
@few
@given(st.data())
def test_an_action_is_read_from_the_form_it_was_written_as(cls, data):
    action = data.draw(objects_of(cls))
    try:
        request = wire.encode(action)
    except InvalidOptionError:
        reject()
    read = wire.read(request.body)
    assert read == action
    assert type(read) is cls
    assert read.effect is action.effect
    assert wire.encode(read).body == request.body


leaves = st.text(min_size=1, max_size=6)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1), inner, min_size=1, max_size=3)
    ),
)


@few
@given(st.dictionaries(leaves.map("undocumented {}".format), trees, max_size=3))
def test_undocumented_options_come_through_beside_the_others(extra):
    action = ACTIONS["learners"](email="ann@example.com", extra=extra)
    try:
        request = wire.encode(action)
    except InvalidOptionError:
        reject()
    assert wire.read(request.body) == action
    assert forms.encode(wire.tree(action)).encode() == request.body
