"""Rows as lines of JSON: by msgspec where it is installed, else by code written for each table; the bytes are equal."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import import_module
from itertools import starmap
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aoclient.export.columns import Row, Table

    Lines = Callable[[Sequence[Row]], bytes]

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Returns a value as JSON text without blanks."""


def _import_msgspec() -> Any:  # Any: the module, which need not be there
    try:
        return import_module("msgspec")
    except ImportError:  # pragma: no cover  # the tests have it
        return None


_msgspec = _import_msgspec()


def lines_of(table: Table) -> Lines:
    """Return what writes rows of a table, each as an object in a line of its own."""
    schema = tuple(table.schema.items())
    return _writer(schema) if _msgspec is None else _quick_writer(schema)


@lru_cache(maxsize=64)
def _quick_writer(schema: tuple[tuple[str, str], ...]) -> Lines:
    rename = {f"v{number}": name for number, (name, _) in enumerate(schema)}
    row_type = _msgspec.defstruct("Row", list(rename), rename=rename, gc=False)
    encode_lines = _msgspec.json.Encoder().encode_lines

    def write(rows: Sequence[Row]) -> bytes:
        try:
            return cast("bytes", encode_lines(list(starmap(row_type, rows))))
        except OverflowError:  # pragma: no cover  # whole numbers beyond 64 bits, nested; newer versions take them
            return _writer(schema)(rows)

    return write


_TEXTS: Mapping[str, str] = {
    "text": "text({0})",
    "integer": "whole({0})",
    "number": "repr({0}) if {0} - {0} == 0 else encode({0})",  # no number is left of infinities and NaN
    "flag": "'true' if {0} else 'false'",
    "timestamp": "'\"' + {0}.isoformat()[:-6] + 'Z\"'",  # as `write_moment` does
    "duration": "whole({0})",
    "json": "encode_json({0})",
}
"""How a value that is not None is written, by the kind of its column."""


@lru_cache(maxsize=64)
def _writer(schema: tuple[tuple[str, str], ...]) -> Lines:
    """Return a function that does what `encode` does with a dict of each row, in a third of the time."""
    values = [f"v{number}" for number in range(len(schema))]
    pieces: list[str] = []
    for value, (name, kind) in zip(values, schema, strict=True):
        pieces.append(repr(f"{',' if pieces else '{'}{encode(name)}:"))
        pieces.append(f"'null' if {value} is None else {_TEXTS[kind].format(value)}")
    pieces.append(repr("}\n"))
    code = [
        "def write(rows):",
        "    lines = []",
        f"    for {', '.join(values)}, in rows:",
        f"        lines.append(''.join(({', '.join(pieces)})))",
        "    return ''.join(lines).encode()",
    ]
    known: dict[str, Any] = dict(_NAMES)
    exec("\n".join(code), known)  # noqa: S102  # the names of columns stand in it as quoted texts
    return cast("Lines", known["write"])


def _encode_json(value: object) -> str:
    if type(value) is list:  # of texts mostly
        try:
            return f"[{','.join(map(encode_basestring, cast('list[str]', value)))}]"
        except TypeError:
            pass
    return encode(value)


_NAMES: Mapping[str, object] = {
    "encode": encode,
    "encode_json": _encode_json,
    "text": encode_basestring,
    "whole": int.__repr__,
}
