"""Options of an action: checked by their declared type, written to a form tree and read back from one by the same type.

The type is the check: ``emails: Sequence[str]`` takes a list of texts, and neither one text nor a list with a number in
it. What is wrong is refused with the path of the value before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import attrs

from aoclient import forms
from aoclient.errors import InvalidOptionError
from aoclient.kinds import FLAG_OR_TEXT, ID, PLAIN, Kind, check_text, choice, refused

T = TypeVar("T")


@attrs.frozen
class _Option:
    name: str
    kind: Kind
    required: bool
    may_be_empty: bool
    path: str  # of an action's own
    key: str  # the same in a form


_MAY_BE_EMPTY = "aoclient.may_be_empty"
MAY_BE_EMPTY: Mapping[str, bool] = {_MAY_BE_EMPTY: True}
"""``metadata=`` of a list option where an empty list means the same as leaving it out."""


def normalize(owner: Any, path: str) -> None:  # Any: an action or a nested input, any attrs class
    """Check every option and put it into the one form that is kept: tuples, dicts, UTC, enum members, ids as text.

    Raises:
        InvalidOptionError: The first option that is not of its declared type, or is required and None.
    """
    for option, value in _getter(owner.__class__)(owner):
        if value is None:
            raise InvalidOptionError("is required, got None", path=f"{path}[{option.name}]")
        if option.may_be_empty and isinstance(value, Sized) and not isinstance(value, str) and not value:
            kept = None
        else:
            kept = option.kind.check(value, f"{path}[{option.name}]")
        if kept is not value:
            object.__setattr__(owner, option.name, kept)  # the class is frozen for everybody else


def write(owner: Any) -> dict[str, Any]:  # Any: as in normalize
    """Return the options that are set, as a tree for `aoclient.forms.encode`; `normalize` went before."""
    return {option.name: option.kind.write(value) for option, value in _getter(owner.__class__)(owner)}


def pairs(action: Any, found: list[str]) -> list[str]:  # Any: as in normalize
    """Add the pairs of the options that are set and of ``extra``, as `forms.encode` writes what `write` returns.

    That takes a third less than by way of the tree.

    Raises:
        InvalidOptionError: As `forms.encode` does.
    """
    for option, value in _getter(action.__class__)(action):
        forms.collect(found, option.kind.write(value), option.key, option.path, 1)
    if action.extra:
        forms.collect(found, action.extra, "options", "options", 0)
    return found


def read(cls: type[Any], tree: Mapping[str, object], path: str) -> dict[str, Any]:  # Any: as in normalize
    """Return the arguments of ``cls`` that a form holds; keys that are no option are left alone.

    Raises:
        InvalidOptionError: A value that cannot be read as its declared type.
    """
    return {
        option.name: option.kind.read(tree[option.name], f"{path}[{option.name}]")
        for option in _options(cast("Any", cls))
        if option.name in tree
    }


def construct(cls: type[T], values: Mapping[str, Any], path: str) -> T:  # Any: as in normalize
    """Return an instance of ``cls`` with these arguments.

    Raises:
        InvalidOptionError: One that is required is missing, or they do not go together.
    """
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cast("Any", cls))
    missing = [each.name for each in fields if each.default is attrs.NOTHING and each.name not in values]
    if missing:
        raise InvalidOptionError(f"{' and '.join(missing)} must be given", path=path)
    return cls(**values)


@cache
def _options(cls: Any) -> tuple[_Option, ...]:
    attributes = [each for each in attrs.fields(attrs.resolve_types(cls)) if each.name != "extra"]
    attributes.sort(key=lambda each: each.inherited)  # page and amount come from Paged and stand last
    return tuple(
        _Option(
            each.name,
            kind_of(each.type),
            required=each.default is attrs.NOTHING,
            may_be_empty=bool(each.metadata.get(_MAY_BE_EMPTY)),
            path=f"options[{each.name}]",
            key=f"options%5B{each.name}%5D",  # an identifier needs no quoting
        )
        for each in attributes
    )


@cache
def _getter(cls: Any) -> Callable[[Any], list[tuple[_Option, Any]]]:
    """Return what gets the options of an object that are set, and those that have to be.

    It is written for each class, since nearly all options are None: each call asks for them twice, and a loop over all
    of them takes three times as long.
    """
    lines = ["found = []"]
    names: dict[str, Any] = {}
    for number, option in enumerate(_options(cls)):
        names[f"option{number}"] = option
        test = "" if option.required else f"if self.{option.name} is not None: "
        lines.append(f"{test}found.append((option{number}, self.{option.name}))")
    text = "\n    ".join(["def given(self):", *lines, "return found"])
    exec(text, names)  # noqa: S102  # made of nothing but the names of our own options
    given: Callable[[Any], list[tuple[_Option, Any]]] = names["given"]
    return given


# --- one kind for each declared type -----------------------------------------------------------------------------


def kind_of(declared: Any) -> Kind:  # Any: a type or a generic alias
    """Return the kind of a declared type; ``| None`` is left aside, since None is never sent."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, UnionType):
        return _union(tuple(each for each in arguments if each is not NoneType))
    if origin in _CONTAINERS:
        return _CONTAINERS[origin](kind_of(arguments[-1]))
    if declared in PLAIN:
        return PLAIN[declared]
    return _nested(declared) if attrs.has(declared) else choice(declared)


def _union(members: tuple[Any, ...]) -> Kind:  # Any: types
    if members == (bool, str):
        return FLAG_OR_TEXT
    if set(members) == {str, int}:
        return ID
    named = [each for each in members if get_origin(each) is not Literal]  # Enum | Literal[its values], date | str
    return kind_of(named[0])


def _sequence(item: Kind) -> Kind:
    def check(value: object, path: str) -> tuple[object, ...]:
        given = cast("Any", value)  # Any: here and below, so that a check of its class does not hide it
        if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
            raise refused("a list", value, path)
        kept = tuple(item.check(each, f"{path}[{index}]") for index, each in enumerate(cast("Iterable[object]", value)))
        if not kept:
            raise InvalidOptionError("expected at least one entry; an empty list cannot be sent", path=path)
        return kept

    def read_items(value: object, path: str) -> tuple[object, ...]:
        items = cast("Any", value)
        if isinstance(items, dict):
            items = list(cast("dict[str, object]", items).values())
        if not isinstance(items, list):
            raise refused("a list", value, path)
        return tuple(item.read(each, f"{path}[{index}]") for index, each in enumerate(cast("list[object]", items)))

    return Kind(check, lambda value: [item.write(each) for each in value], read_items)


def _mapping(item: Kind) -> Kind:
    def check(value: object, path: str) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise refused("a map", value, path)
        entries = cast("Mapping[object, object]", value)
        kept = {check_text(key, path): item.check(each, f"{path}[{key}]") for key, each in entries.items()}
        if not kept:
            raise InvalidOptionError("expected at least one entry; an empty map cannot be sent", path=path)
        return kept

    def read_items(value: object, path: str) -> dict[str, object]:
        entries = cast("Any", value)
        if isinstance(entries, list):
            entries = {str(index): each for index, each in enumerate(cast("list[object]", entries))}  # keys 0, 1, 2..
        if not isinstance(entries, dict):
            raise refused("a map", value, path)
        return {key: item.read(each, f"{path}[{key}]") for key, each in cast("dict[str, object]", entries).items()}

    return Kind(check, lambda value: {key: item.write(each) for key, each in value.items()}, read_items)


def _nested(cls: type[Any]) -> Kind:
    def check(value: object, path: str) -> object:
        if not isinstance(value, cls):
            raise refused(f"a {cls.__name__}", value, path)
        return value

    def read_nested(value: object, path: str) -> object:
        if not isinstance(value, dict):
            raise refused(f"the fields of a {cls.__name__}", value, path)
        return construct(cls, read(cls, cast("dict[str, object]", value), path), path)

    return Kind(check, write, read_nested)


_CONTAINERS: Mapping[Any, Callable[[Kind], Kind]] = {Sequence: _sequence, Mapping: _mapping}  # Any: types
