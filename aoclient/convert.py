"""Parsed JSON of the vendor into answer models and back: one cattrs converter, one hook for each quirk.

What is tolerated is listed here with the sample that forced it; nothing else is coerced: null never becomes ``"None"``,
1 never becomes ``"1"``. A field that cannot be read holds its default; its raw value is then kept in the model's
``extra`` under the vendor's key, beside the keys nobody declared, and the log says so once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import attrs
from cattrs import Converter

from aoclient import dates
from aoclient.model import NO_EXTRA, Acknowledged, Id, JsonValue, Wire, wire_of

T = TypeVar("T")
Hook = Callable[[object, Any], Any]  # what cattrs calls: the value, and the type it is to become

logger = logging.getLogger("aoclient.convert")


class Mismatch(ValueError):  # noqa: N818  # never leaves this package: it becomes a ResponseSchemaError
    """A value is not what the model declares.

    Attributes:
        path: Where it stands, as keys and indices from the outside in.
        expected: What was expected, in words.
    """

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = got
        self.path: list[str | int] = []

    def __str__(self) -> str:
        place = "".join(f"[{step!r}]" for step in self.path)
        shown = repr(self.got) if isinstance(self.got, int | float | NoneType) else f"a {_json_name(self.got)}"
        return f"answer{place}: expected {self.expected}, got {shown}"


def structure(value: object, into: type[T]) -> T:
    """Turn parsed JSON into a model, or a list or map of models.

    Raises:
        Mismatch: The outer shape is not what is declared.
    """
    return _converter.structure(value, into)


def unstructure(value: object) -> object:
    """Turn a model, or a list or map of models, into what the vendor would send, ready for ``json.dumps``."""
    return _converter.unstructure(value)


# --- values ------------------------------------------------------------------------------------------------------


def _text(value: object, _: object = None) -> str:
    if type(value) is str:
        return value
    raise Mismatch("a text", value)


def _id(value: object, _: object = None) -> str | int:
    # Hash ids are texts; getTeams with courses shows "id": 2.
    if type(value) is str or type(value) is int:
        return value
    raise Mismatch("an id, text or whole number", value)


def _whole(value: object, _: object = None) -> int:
    # "passedAmount": "5" in the progress by course; PHP writes 75.0 as 75 and may write 5 as 5.0.
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and len(value) <= _LONGEST_NUMBER:
        try:
            return int(value)
        except ValueError:
            pass
    raise Mismatch("a whole number", value)


def _number(value: object, _: object = None) -> float:
    # "score": "5" in courseProgress; "progress" => 75.0, which PHP's JSON writes as 75.
    if type(value) is float and isfinite(value):
        return value
    if (type(value) is int or type(value) is str) and len(str(value)) <= _LONGEST_NUMBER:
        try:
            number = float(value)
        except ValueError:
            pass
        else:
            if isfinite(number):
                return number
    raise Mismatch("a number", value)


def _flag(value: object, _: object = None) -> bool:
    # Columns without a cast come as 1/0 or "1"/"0".
    if type(value) is bool:
        return value
    if type(value) is int or type(value) is str:
        found = _FLAGS.get(str(value))
        if found is not None:
            return found
    raise Mismatch("true or false", value)


def _moment(value: object, _: object = None) -> datetime:
    if type(value) is str:
        try:
            return dates.read_moment(value)
        except (ValueError, OverflowError):
            pass
    raise Mismatch("a date with a time", value)


def _day(value: object, _: object = None) -> date:
    # "start_date": "2021-12-08" for a group, "2021-12-09T15:23:19+00:00" for a course.
    if type(value) is str:
        try:
            return dates.read_day(value)
        except (ValueError, OverflowError):
            pass
    raise Mismatch("a date, with a time or without", value)


def _duration(value: object, _: object = None) -> timedelta:
    if type(value) is str:
        try:
            return dates.read_duration(value)
        except (ValueError, OverflowError):
            pass
    raise Mismatch("a duration hh:mm:ss", value)


_LONGEST_NUMBER = 20  # digits of a 64-bit number and its sign
_FLAGS = {"1": True, "0": False}


def _json_name(value: object) -> str:
    names = {str: "text", bool: "flag", dict: "map", list: "list"}
    return names.get(type(value), type(value).__name__)


# --- lists and maps ----------------------------------------------------------------------------------------------


def _list_hook(kind: Any, converter: Converter) -> Hook:
    (item_kind,) = get_args(kind)
    hook = converter.get_structure_hook(item_kind)

    def read_list(value: object, _: object) -> list[object]:
        if type(value) is dict and all(key.isdecimal() for key in cast("dict[str, object]", value)):
            # PHP's array_filter keeps the keys, so that a list arrives as {"0":..,"2":..}.
            value = list(cast("dict[str, object]", value).values())
        if type(value) is not list:
            raise Mismatch("a list", value)
        items = cast("list[object]", value)
        try:
            return [hook(item, item_kind) for item in items]
        except Mismatch:
            _raise_with_place(enumerate(items), hook, item_kind)
            raise

    return read_list


def _dict_hook(kind: Any, converter: Converter) -> Hook:
    _, item_kind = get_args(kind)
    hook = converter.get_structure_hook(item_kind)

    def read_map(value: object, _: object) -> dict[str, object]:
        if type(value) is list:
            # PHP writes an empty map as [], and one whose keys are 0,1,2.. as a list.
            value = {str(index): item for index, item in enumerate(cast("list[object]", value))}
        if type(value) is not dict:
            raise Mismatch("a map", value)
        items = cast("dict[str, object]", value)
        try:
            return {key: hook(item, item_kind) for key, item in items.items()}
        except Mismatch:
            _raise_with_place(items.items(), hook, item_kind)
            raise

    return read_map


def _raise_with_place(items: Iterable[tuple[int | str, object]], hook: Hook, kind: object) -> None:
    """Read the items again one by one and name the first bad one, so that good answers pay nothing for it."""
    for step, item in items:
        try:
            hook(item, kind)
        except Mismatch as mismatch:
            mismatch.path.insert(0, step)
            raise


# --- models ------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Field:
    name: str
    kind: object
    optional: bool
    default: object
    wire: Wire
    hook: Hook

    def read(self, raw: Mapping[str, object]) -> object:
        if self.wire.clock is not None:
            return _read_joined(self.wire.names, raw)
        present = [name for name in self.wire.names if name in raw]
        for name in present:
            if raw[name] is not None:
                return self.hook(raw[name], self.kind)
        if present and not self.optional:
            return self.hook(None, self.kind)
        return self.missing()

    def missing(self) -> object:
        if isinstance(self.default, attrs.Factory):  # type: ignore[arg-type]  # a class, which the stubs show as a function
            return self.default.factory()
        if self.default is attrs.NOTHING:
            raise Mismatch("a value", None)
        return self.default


def _read_joined(names: tuple[str, ...], raw: Mapping[str, object]) -> datetime | None:
    day, clock = (raw.get(name) for name in names)
    if day is None and clock is None:
        return None
    if type(day) is str and (clock is None or type(clock) is str):
        try:
            return dates.read_slashed(day, clock)
        except (ValueError, OverflowError):
            pass
    raise Mismatch("a date m/d/Y and a time of day", day)


def _fields(model: Any, converter: Converter) -> list[_Field]:
    fields: list[_Field] = []
    for attribute in attrs.fields(attrs.resolve_types(model)):
        kind = attribute.type
        optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
        if optional and kind != JsonValue:
            kind = Union[tuple(each for each in get_args(kind) if each is not NoneType)]  # noqa: UP007  # of a tuple
        if attribute.name != "extra":
            hook = converter.get_structure_hook(kind)
            fields.append(_Field(attribute.name, kind, optional, attribute.default, wire_of(attribute), hook))
    return fields


def _model_hook(model: Any, converter: Converter) -> Hook:
    fields = _fields(model, converter)
    known = {name for each in fields for name in each.wire.names}

    def read_model(value: object, _: object) -> object:
        raw = cast("dict[str, object]", {} if value == [] else value)  # an empty map is [] in PHP
        if type(raw) is not dict:
            raise Mismatch("a map", value)
        extra = {key: item for key, item in raw.items() if key not in known}
        values: dict[str, object] = {}
        for each in fields:
            try:
                values[each.name] = each.read(raw)
            except Mismatch as mismatch:
                if each.default is attrs.NOTHING:
                    mismatch.path.insert(0, each.wire.names[0])
                    raise
                values[each.name] = each.missing()
                extra.update((name, raw[name]) for name in each.wire.names if name in raw)
                _log_once(model, each.name, mismatch)
        return model(**values, extra=extra or NO_EXTRA)

    return read_model


_logged: set[tuple[object, str]] = set()


def _log_once(model: Any, name: str, mismatch: Mismatch) -> None:
    if (model, name) not in _logged:
        _logged.add((model, name))
        logger.warning(
            "%s.%s cannot be read and is kept in extra: expected %s", model.__name__, name, mismatch.expected
        )


# --- the way back ------------------------------------------------------------------------------------------------


def _model_writer(model: Any, converter: Converter) -> Callable[[Any], dict[str, object]]:
    fields = [(attribute.name, wire_of(attribute)) for attribute in attrs.fields(model) if attribute.name != "extra"]

    def write_model(value: Any) -> dict[str, object]:
        raw: dict[str, object] = {}
        for name, wire in fields:
            item = getattr(value, name)
            if item is None and wire.only_when_set:
                continue
            if wire.clock is not None:
                texts = (None, None) if item is None else dates.write_slashed(item, wire.clock)
                raw.update(zip(wire.names, texts, strict=True))
            else:
                plain = converter.unstructure(item)
                raw[wire.names[0]] = str(plain) if wire.as_text and plain is not None else plain
        return raw | dict(value.extra)

    return write_model


def _write_number(value: float) -> float:
    return int(value) if value.is_integer() else value  # PHP's JSON writes 75.0 as 75


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    for kind, hook in _VALUES.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(lambda kind: kind == Id, _id)
    converter.register_structure_hook_func(lambda kind: kind == JsonValue, lambda value, _: value)
    converter.register_structure_hook_factory(lambda kind: get_origin(kind) is list, _list_hook)
    converter.register_structure_hook_factory(lambda kind: get_origin(kind) is dict, _dict_hook)
    converter.register_structure_hook_factory(attrs.has, _model_hook)
    converter.register_structure_hook(Acknowledged, lambda value, _: Acknowledged(value))
    converter.register_unstructure_hook(datetime, dates.write_day)
    converter.register_unstructure_hook(date, dates.write_day)
    converter.register_unstructure_hook(timedelta, dates.write_duration)
    converter.register_unstructure_hook(float, _write_number)
    converter.register_unstructure_hook_factory(attrs.has, _model_writer)
    converter.register_unstructure_hook(Acknowledged, lambda acknowledged: acknowledged.value)
    return converter


_VALUES: Mapping[Any, Hook] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _flag,
    datetime: _moment,
    date: _day,
    timedelta: _duration,
}

_converter = _make_converter()
