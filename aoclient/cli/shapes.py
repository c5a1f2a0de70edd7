"""What the command line has to know of a declared type: is it a flag, a choice, a list, a map, a nested input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs

Kind = Literal["flag", "word", "choice", "text", "number", "date", "list", "map", "nested"]


@attrs.frozen
class Shape:
    """The shape of one option or of what is inside it.

    Attributes:
        kind: ``word`` is a flag or a text that is sent as it is.
        choices: Texts a ``choice`` takes.
        item: What a ``list`` or a ``map`` holds.
        fields: Shapes of the fields of a ``nested`` input.
        required: Names of those that must be given.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    item: Shape | None = None
    fields: Mapping[str, Shape] = attrs.field(factory=dict[str, "Shape"])
    required: tuple[str, ...] = ()


@attrs.frozen
class Option:
    """One option of an action."""

    name: str
    shape: Shape
    required: bool


def options_of(cls: Any) -> tuple[Option, ...]:  # Any: an action or a nested input, any attrs class
    """Return the options of an action, the required ones first, else as in its class; ``extra`` is none of them."""
    return _options_of(cls)


@cache
def _options_of(cls: Any) -> tuple[Option, ...]:
    declared = [each for each in attrs.fields(attrs.resolve_types(cls)) if each.name != "extra"]
    declared.sort(key=lambda each: (each.default is not attrs.NOTHING, each.inherited))
    return tuple(Option(each.name, _shape_of(each.type), each.default is attrs.NOTHING) for each in declared)


def _shape_of(declared: Any) -> Shape:  # Any: a type or a generic alias
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, UnionType):
        members = [each for each in arguments if each is not NoneType and get_origin(each) is not Literal]
        return Shape("word") if members == [bool, str] else _shape_of(members[0])
    if origin is Sequence:
        return Shape("list", item=_shape_of(arguments[0]))
    if origin is Mapping:
        return Shape("map", item=_shape_of(arguments[1]))
    if attrs.has(declared):
        inner = options_of(declared)
        return Shape(
            "nested",
            fields={each.name: each.shape for each in inner},
            required=tuple(each.name for each in inner if each.required),
        )
    if issubclass(declared, Enum):
        return Shape("choice", choices=tuple(str(each.value) for each in declared))
    return Shape(_PLAIN.get(declared, "text"))


_PLAIN: Mapping[type, Kind] = {bool: "flag", int: "number"}
