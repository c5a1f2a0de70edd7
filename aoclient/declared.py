"""What a model declares, field by field, in the form that all its readers are made of."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from aoclient.model import Wire, wire_of
from aoclient.quirks import Hook, ItemsHook, many

if TYPE_CHECKING:
    from collections.abc import Callable


@attrs.frozen
class Declared:
    """One field of a model.

    Attributes:
        name: Of the attribute.
        kind: A type or a generic alias, without None.
        optional: Whether null is a value of it.
        default: As attrs keeps it; NOTHING where the field is required.
        wire: What stands on the wire.
        hook: Reads one value of the kind, or raises `Mismatch`.
        read_items: Reads the items, where the kind is a list; it takes over what it is given.
    """

    name: str
    kind: Any
    optional: bool
    default: Any
    wire: Wire
    hook: Hook
    read_items: ItemsHook | None

    @property
    def required(self) -> bool:
        """Whether an answer without it is refused."""
        return self.default is attrs.NOTHING

    @property
    def is_always_there(self) -> bool:
        """Whether the vendor sends its keys even when there is no value."""
        return not self.wire.only_when_set and (self.wire.clock is not None or len(self.wire.names) == 1)


def fields_of(model: Any, hook_of: Callable[[Any], Hook]) -> list[Declared]:  # Any: an attrs class
    """Return the fields of a model but for ``extra``."""
    fields: list[Declared] = []
    for attribute in attrs.fields(attrs.resolve_types(model)):
        if attribute.name == "extra":
            continue
        kind: Any = attribute.type
        optional = is_union(kind) and NoneType in get_args(kind) and not is_json(kind)
        if optional:
            kind = Union[tuple(each for each in get_args(kind) if each is not NoneType)]  # noqa: UP007  # of a tuple
        items = get_args(kind)[0] if get_origin(kind) is list else None
        read_items = None if items is None else many(hook_of(items), items)
        wire = wire_of(attribute)
        fields.append(Declared(attribute.name, kind, optional, attribute.default, wire, hook_of(kind), read_items))
    return fields


def is_union(kind: Any) -> bool:  # Any: here and below a type or a generic alias
    """Tell whether a type is a union."""
    return get_origin(kind) in (Union, UnionType)


def is_json(kind: Any) -> bool:
    """Tell whether a type is `JsonValue`.

    Not by ``==``: where attrs resolves the types of a model, the alias inside the alias is resolved too.
    """
    return is_union(kind) and {bool, int, float, str, NoneType} < set(get_args(kind))
