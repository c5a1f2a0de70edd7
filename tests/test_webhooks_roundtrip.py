"""Whatever an event holds: what is written is read again; and a broken body never raises anything undocumented."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoclient import WebhookError
from aoclient.model import NO_EXTRA
from aoclient.webhooks import EVENTS, Event, UnknownEvent, dumps, parse, sign, verify
from tests.golden_webhooks import VALUES

texts = st.sampled_from(["", "0", "a/b", "Анна 🔑", "\\u0000", "null"]) | st.text(max_size=8)
# Whole seconds, as the vendor writes them; years of four digits.
moments = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001  # the zone is set below
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
numbers = st.integers(-(10**15), 10**15)
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: numbers,
    float: numbers.map(float) | st.floats(-1e15, 1e15, allow_subnormal=False).map(lambda number: round(number, 6)),
    bool: st.booleans(),
    datetime: moments,
    NoneType: st.none(),
}
# An empty map and a map with the keys 0, 1, 2.. are lists to PHP, so that these cannot come back.
unknown_keys = st.text("abcxyz_é", min_size=1, max_size=4).map(lambda text: f"x{text}")
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(unknown_keys, inner, min_size=1, max_size=2),
    max_leaves=4,
)
extras = st.just(NO_EXTRA) | st.dictionaries(unknown_keys, json_values, min_size=1, max_size=2)


def values_of(declared: Any) -> st.SearchStrategy[Any]:
    if get_origin(declared) in (Union, UnionType):
        return st.one_of(map(values_of, get_args(declared)))
    if get_origin(declared) is list:
        return st.lists(values_of(get_args(declared)[0]), max_size=3)
    return objects_of(declared) if attrs.has(declared) else PLAIN[declared]


def objects_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    fields = {
        each.name: values_of(each.type) for each in attrs.fields(attrs.resolve_types(cls)) if each.name != "extra"
    }
    if issubclass(cls, Event):
        fields["event"] = st.sampled_from(cls.names())
    return st.builds(cls, extra=extras, **fields)


@pytest.mark.parametrize("cls", EVENTS.values(), ids=lambda cls: cls.__name__)
def test_an_event_comes_back_as_it_was_written(cls: type[Event]):
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(event=objects_of(cls))
    def comes_back(event: Event):
        body = dumps(event)
        again = parse(body)
        assert type(again) is cls
        assert again == event
        assert dumps(again) == body
        assert body.isascii()
        assert verify(body, sign(body, "s"), "s")

    comes_back()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(payload=st.dictionaries(unknown_keys, json_values, max_size=3), name=texts, ident=texts | numbers)
def test_an_unknown_event_comes_back_whole(payload: dict[str, Any], name: str, ident: str | int):
    payload = {"id": ident, "event": name, **payload}
    event = UnknownEvent(id=str(ident), event=name, payload=payload)
    assert parse(dumps(event)) == event


# --- broken bodies -----------------------------------------------------------------------------------------------

BODIES = [dumps(event) for event in VALUES.values()]
PIECES = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"NaN", b"\\", b"\\ud800", b"\xff", b"\0", b"[]"]


def cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body))]


def spoil(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body))
    return body[:at] + rng.choice(PIECES) + body[at + rng.randrange(4) :]


def swap_value(rng: random.Random, body: bytes) -> bytes:
    """Put another value behind one of the colons, so that the JSON often stays whole."""
    parts = body.split(b'":"')
    at = rng.randrange(1, len(parts))
    value = rng.choice([b"null", b"5", b"-1.5e300", b"[]", b"{}", b"true", b'[{"id":1}]', b'{"0":{}}', b'"\xc3\xa9"'])
    head, tail = b'":"'.join(parts[:at]), b'":"'.join(parts[at:])
    return head + b'":' + value + tail[tail.index(b'"') + 1 :]


def splice(rng: random.Random, body: bytes) -> bytes:
    other = rng.choice(BODIES)
    return body[: rng.randrange(len(body))] + other[rng.randrange(len(other)) :]


MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [cut, spoil, swap_value, splice]


def test_a_broken_body_is_an_event_or_the_documented_error_and_never_verified():
    rng = random.Random(20211212)
    secret = "whsec"
    seen = {"events": 0, "unknown": 0, "refused": 0}
    for _ in range(20_000):
        whole = rng.choice(BODIES)
        body = rng.choice(MUTATIONS)(rng, whole)
        assert verify(body, sign(whole, secret), secret) is (body == whole)
        try:
            event = parse(body)
        except WebhookError:
            seen["refused"] += 1
            continue
        seen["unknown" if isinstance(event, UnknownEvent) else "events"] += 1
        assert parse(dumps(event)).id == event.id
    assert min(seen.values()) > 100, seen
