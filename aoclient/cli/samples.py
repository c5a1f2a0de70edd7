"""Samples of events, made from what the event classes declare."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs

from aoclient.model import wire_of
from aoclient.webhooks import Event, Lesson, Quiz

E = TypeVar("E", bound=Event)

_TEXTS: Mapping[str, str] = {
    "email": "ann@example.com",
    "full_name": "Ann Smith",
    "first_name": "Ann",
    "last_name": "Smith",
    "link_to_pdf": "https://example.com/certificate.pdf",
    "link_to_img": "https://example.com/certificate.png",
    "verify_link": "https://example.com/verify",
}
"""Texts that others than a name or an id go into."""

_AT = datetime(2021, 12, 10, 14, 12, 52, tzinfo=UTC)


def sample(event: type[E], event_id: str) -> E:
    """Return an event as it might come, the same one each time; a class that grows a field gets it here too."""
    return cast("E", _made(event, event, event_id, ""))


def _made(model: Any, event: type[Event], model_id: str, label: str) -> Any:  # Any: an attrs class, an instance of it
    values = {
        each.name: model_id if each.name == "id" else _value(each.type, each.name, event, label)
        for each in attrs.fields(attrs.resolve_types(model))
        if each.name not in ("event", "extra") and _is_sent(each, model, event)
    }
    return model(**values)


def _is_sent(attribute: attrs.Attribute[Any], model: Any, event: type[Event]) -> bool:
    """Tell whether the vendor would send a field: how somebody did in a lesson or a quiz is known at its end."""
    if model not in (Lesson, Quiz) or not wire_of(attribute).only_when_set:
        return True
    return event.NAME.endswith(".finished") or (event.NAME.endswith(".started") and attribute.name == "start_date")


def _value(kind: Any, name: str, event: type[Event], label: str) -> Any:  # Any: a type, and a value of it
    kinds = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is list:
        return [_value(kinds[0], name.removesuffix("s"), event, label)]
    kind = kinds[0] if kinds else kind
    if attrs.has(kind):
        return _made(kind, event, f"{name}-1", name.replace("_", " ").capitalize())
    return _PLAIN.get(kind) or _TEXTS.get(name) or (label if name == "name" else f"{label} {name.replace('_', ' ')}")


_PLAIN: Mapping[type, object] = {bool: True, int: 5, float: 5.0, datetime: _AT}
