"""Bodies straight into models, where the ``speed`` extra is installed: msgspec checks the types while it reads.

It takes answers that are as the vendor describes them. Any other, be it one odd field in one row, is read by
`aoclient.convert`, which knows the quirks; so that there is one place for them, and both ways give equal models.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import attrs

from aoclient import convert, jsontext
from aoclient.declared import Declared, fields_of
from aoclient.makers import CANNOT, Maker, from_struct
from aoclient.model import Acknowledged, Id
from aoclient.quirks import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def reader(into: Any, *, rows: str = "") -> Callable[[bytes], Any] | None:  # Any: a generic alias, and a value of it
    """Return what reads the answer in a body, and gives None for a body that has to be read another way.

    Args:
        into: ``list`` or ``dict`` of models; for all else, and without the extra, there is no reader.
        rows: Key the list stands under in a page, ``[{"learners": [..]}]``.
    """
    msgspec, origin = jsontext.speed(), get_origin(into)
    if msgspec is None or origin not in (list, dict):
        return None
    found = _Structs(msgspec).of(get_args(into)[0] if origin is list else into)
    if found is None:
        return None
    declared, make = found
    if origin is dict:  # one that has this key may be a refusal
        return _reader(msgspec, declared, lambda value: None if "error" in value else make((value,))[0])
    if not rows:
        return _reader(msgspec, _list(declared), make)
    page = msgspec.defstruct("Page", [("rows", _list(declared))], rename={"rows": rows}, forbid_unknown_fields=True)

    def make_rows(pages: list[Any]) -> list[Any]:  # Any: structs, and models
        first, *others = [make(each.rows) for each in pages] or [[]]
        return [*first, *(row for rows in others for row in rows)] if others else first

    return _reader(msgspec, _list(page), make_rows)


@lru_cache(maxsize=256)
def reader_of(msgspec: Any, model: type[T]) -> Callable[[bytes], T | None] | None:  # Any: the module
    """Return what reads a body that is one model, and gives None for a body that has to be read another way."""
    found = _Structs(msgspec).of(model)
    if found is None:
        return None
    declared, make = found
    return _reader(msgspec, declared, lambda struct: make((struct,))[0])


def _reader(msgspec: Any, declared: Any, make: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(declared).decode  # Any: the module, types and their values

    def read(body: bytes) -> Any:
        try:
            return make(decode(body))
        except (msgspec.MsgspecError, RecursionError, *CANNOT):
            return None

    return read


class _Structs:
    """Writes down declared types the way msgspec has to see them."""

    def __init__(self, msgspec: Any) -> None:  # Any: the module
        self._msgspec = msgspec

    def of(self, kind: Any) -> tuple[Any, Maker] | None:  # Any: types
        """Return the type to read and what makes of such values what was declared; None for what holds no models."""
        origin = get_origin(kind)
        if origin in (list, dict):
            inner = self.of(get_args(kind)[-1])
            if inner is None:
                return None
            declared, make = inner
            if origin is list:
                return _list(declared), lambda lists: [make(each) for each in lists]
            return GenericAlias(dict, (str, declared)), lambda maps: [
                dict(zip(each, make(each.values()), strict=True)) for each in maps
            ]
        if isinstance(kind, type) and attrs.has(kind) and kind is not Acknowledged:
            return self._of_model(kind)
        return None

    def _of_model(self, model: type) -> tuple[Any, Maker] | None:
        names: dict[str, str] = {}
        declared: list[Any] = []
        makers: dict[str, Maker] = {}
        fields = fields_of(model, convert.hook_of)
        for field in fields:
            is_list = get_origin(field.kind) is list
            inner = self.of(get_args(field.kind)[0] if is_list else field.kind)
            if inner is not None:
                makers[field.name] = inner[1]
            kind = _plain(field) if inner is None else _list(inner[0]) if is_list else inner[0]
            for key in field.wire.names:
                name = f"v{len(names)}"
                names[name] = key
                declared.append((name, kind | None if _may_be_null(field) else kind, *self._default(field)))
        make = from_struct(model, fields, makers)
        if make is None:
            return None
        struct = self._msgspec.defstruct(
            model.__name__, declared, rename=names, forbid_unknown_fields=True, kw_only=True, gc=False
        )
        return struct, make

    def _default(self, field: Declared) -> tuple[Any, ...]:
        """Return what stands where the key is left out, as the rest of a field's definition."""
        if field.required or not field.is_always_there:
            return (None,) if not field.is_always_there else ()
        if field.default is None or field.kind in EXACT:
            return (field.default,)
        if isinstance(field.default, attrs.Factory) and get_origin(field.kind) is list:  # type: ignore[arg-type]  # a class
            return (self._msgspec.field(default_factory=field.default.factory),)
        return ()


def _list(item: Any) -> Any:  # Any: types, made at run time
    return GenericAlias(list, (item,))


def _may_be_null(field: Declared) -> bool:
    return field.optional or not field.is_always_there or field.wire.clock is not None


def _plain(field: Declared) -> Any:  # Any: types
    if field.wire.clock is not None or field.kind in (timedelta, date):
        return str
    if field.wire.as_text:
        return field.kind | str
    return field.kind if field.kind in EXACT or field.kind in (float, datetime, Id, list[str]) else Any
