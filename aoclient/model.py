"""How an answer model says what it looks like on the wire: metadata of attrs fields, and nothing that runs.

A model is an ``attrs.frozen`` class, keyword-only. A field's default is what it holds when the answer has no value for
it, or none that can be read; a field without a default must be readable, or the whole answer is refused. The type says
what Python gets; `wire` says what the vendor sends, where that differs from one key of the field's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, Union, final

from attrs import evolve, frozen

if TYPE_CHECKING:
    from attrs import Attribute

Id: TypeAlias = str | int
"""An id of the vendor: opaque. Letters mostly; ``getTeams`` shows integers."""

JsonValue: TypeAlias = Union[bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"], None]  # noqa: UP007
"""Parsed JSON of a shape the vendor does not describe."""


class Clock(Enum):
    """How a time of day is spelt beside a ``m/d/Y`` date."""

    BARE = "g:i A"
    """``7:41 AM``, in the progress by course."""

    PADDED = "h:i A"
    """``07:40 AM``, in the quiz statistic."""


@frozen
class Wire:
    """What stands on the wire for one field.

    Attributes:
        names: Keys to look under, the usual one first.
        clock: Set where the field is joined of two keys, a date and a time of day; ``names`` are then these two.
        as_text: The vendor writes this number as text.
        only_when_set: The vendor leaves the key out where there is no value; all others are then null.
    """

    names: tuple[str, ...]
    clock: Clock | None = None
    as_text: bool = False
    only_when_set: bool = False


def wire(
    *names: str, clock: Clock | None = None, as_text: bool = False, only_when_set: bool = False
) -> Mapping[str, Wire]:
    """Return ``metadata=`` for a field whose wire form differs from one key of its own name."""
    return {_KEY: Wire(names, clock, as_text, only_when_set)}


def wire_of(attribute: Attribute[Any]) -> Wire:  # Any: an attrs field of whatever type
    """Return what stands on the wire for an attrs field."""
    found = attribute.metadata.get(_KEY)
    if not isinstance(found, Wire):
        return Wire((attribute.name,))
    return found if found.names else evolve(found, names=(attribute.name,))


_KEY = "aoclient.wire"


@final
class NoExtra(Mapping[str, object]):
    """The empty mapping that all models share whose answer held nothing unknown. It cannot be changed."""

    __slots__ = ()

    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return hash(NoExtra)

    def __repr__(self) -> str:
        return "{}"

    def __reduce__(self) -> str:
        return "NO_EXTRA"


NO_EXTRA = NoExtra()


@frozen(weakref_slot=False)
class Acknowledged:
    """An answer the vendor does not describe.

    Attributes:
        value: The parsed JSON untouched, ``["done"]`` mostly; None for an empty body. For a call that was split, the
            values of its parts in a list.
    """

    value: JsonValue
