"""Parsed JSON of the vendor into answer models and back: one cattrs converter; its quirks are in `aoclient.quirks`.

A field that cannot be read holds its default; its raw value is then kept in the model's ``extra`` under the vendor's
key, beside the keys nobody declared, and the log says so once. So no record is lost for one field.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin

import attrs
from cattrs import Converter

from aoclient import dates
from aoclient.declared import Declared, fields_of, is_json, is_union
from aoclient.makers import from_map
from aoclient.model import NO_EXTRA, Acknowledged, Id, wire_of
from aoclient.quirks import (
    EXACT,
    PLAIN,
    Hook,
    Mismatch,
    dict_hook,
    enum_hook,
    list_hook,
    mapped,
    read_id,
    union_hook,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Mismatch", "structure", "unstructure"]

T = TypeVar("T")

logger = logging.getLogger("aoclient.convert")


def structure(value: object, into: type[T]) -> T:
    """Turn parsed JSON into a model, or a list or map of models, which takes over the list or map it is given.

    Raises:
        Mismatch: The outer shape is not what is declared.
    """
    return cast("T", reader(cast("Any", into))(value, into))


def unstructure(value: object) -> object:
    """Turn a model, or a list or map of models, into what the vendor would send, ready for ``json.dumps``."""
    return _converter.unstructure(value)


# --- models ------------------------------------------------------------------------------------------------------


def _read(declared: Declared, raw: Mapping[str, object]) -> object:
    """Return the value of a field, or NOTHING where the default holds."""
    if declared.wire.clock is not None:
        return _read_joined(declared.wire.names, raw)
    present = [raw[name] for name in declared.wire.names if name in raw]
    for item in present:
        if item is not None:
            return declared.hook(item, declared.kind)
    if declared.required and not present:
        raise Mismatch("a value", None)
    if declared.optional or not present:
        return None if declared.required else attrs.NOTHING
    return declared.hook(None, declared.kind)


def _read_joined(names: tuple[str, ...], raw: Mapping[str, object]) -> object:
    day, clock = (raw.get(name) for name in names)
    if day is None and clock is None:
        return attrs.NOTHING
    if type(day) is str and (clock is None or type(clock) is str):
        try:
            return dates.read_slashed(day, clock)
        except ValueError:
            pass
    raise Mismatch("a date m/d/Y and a time of day", day)


def _model_hook(model: Any) -> Hook:  # Any: an attrs class
    fields = fields_of(model, hook_of)
    known = {name for each in fields for name in each.wire.names}
    # Most fields stand under one key and have a default: they are read in one pass over the answer's own keys.
    simple = [each for each in fields if len(each.wire.names) == 1 and not each.required]
    by_key = {
        each.wire.names[0]: (each.name, each.kind if each.kind in EXACT else None, each.optional, each)
        for each in simple
    }
    others = [each for each in fields if each not in simple]

    def read_model(value: object, _: object = None) -> object:
        raw = mapped(value) if value == [] else value  # an empty map is [] in PHP
        if type(raw) is not dict:
            return _no_map(value, model)
        values: dict[str, object] = {}
        extra: dict[str, object] = {}
        for key, item in cast("dict[str, object]", raw).items():
            found = by_key.get(key)
            if found is None:
                if key not in known:
                    extra[key] = item
                continue
            name, exact, optional, declared = found
            if type(item) is exact:
                values[name] = item
            elif item is not None or not optional:
                try:
                    values[name] = declared.hook(item, declared.kind)
                except Mismatch as mismatch:
                    extra[key] = item
                    _log_once(model, name, mismatch)
        for each in others:
            _read_other(each, cast("dict[str, object]", raw), values, extra, model)
        return model(**values, extra=extra or NO_EXTRA)

    return from_map(model, fields, read_model)


def _no_map(value: object, model: Any) -> object:  # Any: an attrs class
    if type(value) is model:  # read already, in the place of its map: see `quirks.ItemsHook`
        return value
    raise Mismatch("a map", value)


def _read_other(
    declared: Declared, raw: dict[str, object], values: dict[str, object], extra: dict[str, object], model: Any
) -> None:
    try:
        item = _read(declared, raw)
    except Mismatch as mismatch:
        if declared.required:
            mismatch.path.insert(0, declared.wire.names[0])
            raise
        extra.update((name, raw[name]) for name in declared.wire.names if name in raw)
        _log_once(model, declared.name, mismatch)
        return
    if item is not attrs.NOTHING:
        values[declared.name] = item
    if declared.wire.clock is None:  # a second key with another value is not lost
        used, *spare = [name for name in declared.wire.names if raw.get(name) is not None] or [""]
        extra.update((name, raw[name]) for name in spare if raw[name] != raw[used])


_logged: set[tuple[object, str]] = set()


def _log_once(model: Any, name: str, mismatch: Mismatch) -> None:  # Any: an attrs class
    if (model, name) not in _logged:
        _logged.add((model, name))
        logger.warning(
            "%s.%s cannot be read and is kept in extra: expected %s", model.__name__, name, mismatch.expected
        )


# --- the way back ------------------------------------------------------------------------------------------------

_AS_IT_IS = frozenset({str, int, bool, NoneType})


def _model_writer(model: Any, converter: Converter) -> Callable[[Any], dict[str, object]]:  # Any: an attrs class
    fields = [(attribute.name, wire_of(attribute)) for attribute in attrs.fields(model) if attribute.name != "extra"]

    def write_model(value: Any) -> dict[str, object]:  # Any: an instance of the class
        raw: dict[str, object] = {}
        for name, wire in fields:
            item = getattr(value, name)
            if item is None and wire.only_when_set:
                continue
            if wire.clock is not None:
                texts = (None, None) if item is None else dates.write_slashed(item, wire.clock)
                raw.update(zip(wire.names, texts, strict=True))
            else:
                plain: object = item if type(item) in _AS_IT_IS else converter.unstructure(item)
                raw[wire.names[0]] = str(plain) if wire.as_text and plain is not None else plain
        raw.update(value.extra)
        return raw

    return write_model


def _write_number(value: float) -> float:
    # PHP's JSON writes 75.0 as 75, and from 1e15 on an exponent: hundreds of digits would be no number to a reader.
    return int(value) if value.is_integer() and abs(value) < _WITH_EXPONENT else value


_WITH_EXPONENT = 1e15


# --- the converter -----------------------------------------------------------------------------------------------


def _is_origin(origin: type) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def hook_of(kind: Any) -> Hook:  # Any: a type or a generic alias
    """Return what reads a value of a kind."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return enum_hook(kind)  # cattrs would take the hook of str for a StrEnum
    return cast("Hook", _converter.get_structure_hook(kind))


@lru_cache(maxsize=256)
def reader(kind: Any) -> Hook:  # Any: a type or a generic alias
    """Return what reads an answer of a kind, and takes over the list or map it is given.

    It is its to change, since an answer of which a part fails here is refused: nobody wants the JSON once more.
    """
    make = {list: list_hook, dict: dict_hook}.get(get_origin(kind))
    return hook_of(kind) if make is None else make(kind, reader, takes_over=True)


def _make_union_hook(kind: Any) -> Hook:
    return read_id if kind == Id else union_hook({each: hook_of(each) for each in get_args(kind)})


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    for kind, hook in PLAIN.items():
        converter.register_structure_hook(kind, hook)
    factories: list[tuple[Callable[[Any], bool], Callable[[Any], Hook]]] = [
        (is_union, _make_union_hook),
        (is_json, lambda _: lambda value, _: value),
        (_is_origin(list), lambda kind: list_hook(kind, hook_of)),
        (_is_origin(dict), lambda kind: dict_hook(kind, hook_of)),
        (attrs.has, _model_hook),
    ]
    for applies, factory in factories:  # the last one registered is asked first
        converter.register_structure_hook_factory(applies, factory)
    converter.register_structure_hook(Acknowledged, lambda value, _: Acknowledged(value))
    converter.register_unstructure_hook(datetime, dates.write_day)
    converter.register_unstructure_hook(date, dates.write_day)
    converter.register_unstructure_hook(timedelta, dates.write_duration)
    converter.register_unstructure_hook(float, _write_number)
    converter.register_unstructure_hook_factory(attrs.has, _model_writer)
    converter.register_unstructure_hook(Acknowledged, lambda acknowledged: acknowledged.value)
    return converter


_converter = _make_converter()
