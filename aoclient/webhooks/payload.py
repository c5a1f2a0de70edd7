"""The body of a webhook into an event, and an event into the body the vendor would send for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast, get_origin

import attrs

from aoclient import jsontext, phpjson, structs
from aoclient.convert import Mismatch, structure, unstructure
from aoclient.errors import WebhookError
from aoclient.quirks import listed
from aoclient.webhooks.event import EVENTS, Event, UnknownEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aoclient.model import JsonValue


def parse(payload: bytes) -> Event:
    """Return the event a body holds. Check it with `verify` first.

    The class goes by the name in the payload alone. A name that is not on the vendor's page makes an `UnknownEvent`,
    and so does a payload without one. A field that is missing, or cannot be read, holds its default; ``extra`` then has
    the raw value.

    Args:
        payload: The body.

    Raises:
        WebhookError: The body is no JSON, or not a map.
    """
    msgspec = jsontext.speed()
    found = None if msgspec is None else _read_quickly(payload, msgspec)
    return _read(payload) if found is None else found


def _read(payload: bytes) -> Event:
    try:
        value = jsontext.loads(payload)
    except ValueError:
        raise WebhookError("the body is no JSON") from None
    if value == []:  # PHP's empty map
        value = {}
    if not isinstance(value, dict):
        raise WebhookError("the body is JSON, but not a map")
    name = value.get("event")
    cls = _by_name().get(name, Event) if isinstance(name, str) else Event
    event = structure(_reshaped(value, cls), cls)
    if cls is Event:
        return UnknownEvent(id=event.id, event=event.event, academy=event.academy, payload=value)
    return event


def dumps(event: Event) -> bytes:
    """Return the body the vendor would send: JSON as PHP writes it, moments in UTC and whole seconds.

    Raises:
        WebhookError: The event holds what cannot be written: NaN, half of a surrogate pair, an object in ``extra``.
    """
    try:
        body = phpjson.dumps(event.payload if isinstance(event, UnknownEvent) else unstructure(event)).encode("ascii")
        jsontext.loads(body)  # finds halves of surrogate pairs, which Python writes and PHP refuses
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise WebhookError(f"this {type(event).__name__} cannot be written as JSON") from None
    return body


@cache
def _name_reader(msgspec: Any) -> Callable[[bytes], Any]:  # Any: the module, and a struct with the name
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(msgspec.defstruct("Name", [("event", str)])).decode
    return decode


def _read_quickly(payload: bytes, msgspec: Any) -> Event | None:  # Any: the module
    """Return an event that is as the vendor describes it; any other has to be read another way."""
    try:
        cls = _by_name().get(_name_reader(msgspec)(payload).event)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if cls is None:
        return None
    read = structs.reader_of(msgspec, cls)  # type: ignore[arg-type]  # as for `_shapes`
    return None if read is None else read(payload)


@cache
def _by_name() -> Mapping[str, type[Event]]:
    return {name: cls for cls in EVENTS.values() for name in cls.names()}


# --- shapes ------------------------------------------------------------------------------------------------------

# The page has learner in most events and a list of learners in two; teams in one and a list called team in another.
# What comes under the other key, one in place of a list or a list of one, is read all the same.
_OTHER_KEY = {
    "learner": "learners",
    "learners": "learner",
    "team": "teams",
    "teams": "team",
    "course": "courses",
    "courses": "course",
}


@cache
def _shapes(cls: type[Event]) -> Mapping[str, bool]:
    """Return the fields of a class that have another key, and whether each is a list."""
    fields = attrs.fields(attrs.resolve_types(cls))
    return {each.name: get_origin(each.type) is list for each in fields if each.name in _OTHER_KEY}


def _reshaped(value: Mapping[str, JsonValue], cls: type[Event]) -> Mapping[str, JsonValue]:
    raw = dict(value)
    if type(raw.get("id")) is int:
        raw["id"] = str(raw["id"])  # ids of getTeams are integers; this one has to be the same text each time
    for key, many in _shapes(cls).items():  # type: ignore[arg-type]  # for mypy the class has the hash of its instances
        if raw.get(key) is None and _OTHER_KEY[key] in raw:
            raw[key] = raw.pop(_OTHER_KEY[key])
        if key in raw:
            raw[key] = _as_list(raw[key]) if many else _as_one(raw[key])
    return raw


def _as_list(value: JsonValue) -> JsonValue:
    try:
        return cast("list[JsonValue]", listed(value))
    except Mismatch:
        return [value] if isinstance(value, dict) and value else value


def _as_one(value: JsonValue) -> JsonValue:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
