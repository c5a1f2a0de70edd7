"""What all events of webhooks are: `Event` and, for what is not on the vendor's page, `UnknownEvent`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from attrs import Attribute, Factory, field, frozen

from aoclient.errors import WebhookError
from aoclient.model import NO_EXTRA, JsonValue
from aoclient.webhooks.models import Named

_declared: dict[str, type[Event]] = {}

EVENTS: Mapping[str, type[Event]] = MappingProxyType(_declared)
"""Every event class by the vendor's name, in the order of the page."""


def _name_of(event: Event) -> str:
    return event.NAME


def _check_event(instance: Event, _: Attribute[str], event: str) -> None:
    if instance.NAME and event not in instance.names():
        raise WebhookError(f"{type(instance).__name__} is no event {event!r}")


@frozen(kw_only=True, weakref_slot=False)
class Event:
    """Something that happened in an academy.

    Attributes:
        id: Opaque text, the same each time this event is delivered, so that it can be handled once. An empty text where
            the payload has none.
        event: Name, ``course.started``.
        academy: Where it happened.
        extra: What else the payload holds, and the raw value of a field that cannot be read.

    Raises:
        WebhookError: ``event`` is the name of another event.
    """

    NAME: ClassVar[str] = ""
    """The vendor's name."""

    HEADING: ClassVar[str] = ""
    """Heading of the vendor's page where it differs from the name; the event may come under either."""

    id: str = ""
    event: str = field(default=Factory(_name_of, takes_self=True), validator=_check_event)
    academy: Named = field(factory=Named)
    extra: Mapping[str, object] = NO_EXTRA

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        if "NAME" in cls.__dict__:
            _declared[cls.NAME] = cls

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names the event may come under, the usual one first."""
        return (cls.NAME, cls.HEADING) if cls.HEADING else (cls.NAME,)


@frozen(kw_only=True, weakref_slot=False)
class UnknownEvent(Event):
    """An event that is not on the vendor's page, or a payload that says of no event.

    Attributes:
        payload: All of it, as parsed JSON. `dumps` writes this and nothing else.
    """

    payload: Mapping[str, JsonValue]
