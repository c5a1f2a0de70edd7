"""The table of an export, derived from the answer model: its columns, and how an answer becomes rows.

Names and types are the same in every format. A value is None where the answer has none.

=========  =========================  ========================  ===============  =======================  ===========
type       in a row (Python)          JSON lines                CSV, SQLite      Parquet, frames          DuckDB
=========  =========================  ========================  ===============  =======================  ===========
text       `str`                      text                      text             string                   VARCHAR
integer    `int`, at most 64 bits     number                    integer          int64                    BIGINT
number     `float`                    number                    real             double                   DOUBLE
flag       `bool`                     true, false               true/false, 1/0  bool                     BOOLEAN
timestamp  `datetime` in UTC          ``2022-01-31T07:41:00Z``  the same text    timestamp[us, UTC]       TIMESTAMPTZ
duration   `int`, whole seconds       number                    integer          duration[s]              BIGINT
json       lists, maps, plain values  as they are               JSON text        string with JSON text    JSON
=========  =========================  ========================  ===============  =======================  ===========
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeAlias, Union, cast, get_args, get_origin

import attrs

from aoclient.export.moments import write_moment
from aoclient.export.reading import moment, reader
from aoclient.export.shape import shape_of
from aoclient.model import Id, JsonValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aoclient.action import Action

Row: TypeAlias = tuple[Any, ...]  # Any: values by the types of the columns
"""One row: a value for each column, in their order."""


class Kind(StrEnum):
    """The type of a column; the table at the top says what it is in each format."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    JSON = "json"


@attrs.frozen
class Column:
    """A column.

    Attributes:
        name: Of the model's field, the option of the action or the key of the answer's map.
        kind: Its type.
        about: What it holds, as the model says it.
    """

    name: str
    kind: Kind
    about: str = attrs.field(default="", eq=False)


@attrs.frozen(eq=False)
class Table:
    """The columns of one job and the way from its answers to rows.

    Attributes:
        columns: First what the action was asked with, then keys of the answer, then the fields of the model. The last
            one of a model is ``extra``: what the answer held beside, or None.
        key: Columns that tell what a row is about, in whatever export; empty where none do.
        scope: The column by which rows belong to a shard; None where all are in one.
    """

    columns: tuple[Column, ...]
    _rows: Callable[[Any, Any], list[Row]]
    key: tuple[str, ...] = ()
    scope: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> dict[str, str]:
        """Type by name, in order; plain, for a ledger."""
        return {column.name: column.kind.value for column in self.columns}

    @property
    def schema_hash(self) -> str:
        """Hash over names and types."""
        return hashlib.sha256(json.dumps(list(self.schema.items())).encode()).hexdigest()

    def rows(self, action: Action[Any], answer: object) -> list[Row]:  # Any: whatever it answers
        """Return the rows of an answer."""
        return self._rows(action, answer)


def table_of(
    action: type[Action[Any]],  # Any: whatever it answers
    added: tuple[str, ...] = (),
    *,
    key: tuple[str, ...] = (),
    scope: str | None = None,
) -> Table:
    """Return the table of the answers of an action.

    Args:
        action: Its class.
        added: Options that become columns in front.
        key: As the table has it.
        scope: As the table has it.
    """
    return _table_of(cast("Any", action), added, key, scope)  # mypy does not take the class of a model for hashable


@cache
def _table_of(action: Any, added: tuple[str, ...], key: tuple[str, ...], scope: str | None) -> Table:
    shape = shape_of(action)
    asked = [Column(name, Kind.TEXT, "As it was asked for.") for name in added]
    keys = [Column(name, Kind.TEXT, "Key of the answer.") for name in shape.keys]
    read: Callable[..., list[Row]]
    if attrs.has(shape.model):
        fields, read = _fields_of(shape.model, len(asked) + len(keys))
    else:
        fields, read = [Column("value", Kind.JSON, "As the vendor sends it.")], _read_values

    def rows(action: Action[Any], answer: object) -> list[Row]:
        front = [str(getattr(action, name)) for name in added]
        parts = [read(items, *front, *keys) for keys, items in shape.parts(answer)]
        return parts[0] if len(parts) == 1 else [row for part in parts for row in part]

    return Table((*asked, *keys, *fields), rows, key, scope)


def _read_values(items: Iterable[object], *front: str) -> list[Row]:
    return [(*front, plain(item)) for item in items]


# --- a model ------------------------------------------------------------------------------------------------------


def rows_of_models(model: type, models: Sequence[object]) -> tuple[list[Column], list[Row]]:
    """Return the columns of a model, and a row for each of the models, which are of that class."""
    columns, read = _fields_of(model, 0)
    return columns, read(models)


def _fields_of(model: Any, fronts: int) -> tuple[list[Column], Callable[..., list[Row]]]:  # Any: an attrs class
    about = _about(model)
    fields = sorted(attrs.fields(attrs.resolve_types(model)), key=lambda each: each.name == "extra")
    columns = [Column(each.name, _kind_of(each.name, each.type), about.get(each.name, "")) for each in fields]
    ready = {each.name for each in fields if each.type in _READY}
    return columns, reader(columns, fronts, plain, ready=ready)


_READY = (str, str | None, bool, bool | None, float, float | None, datetime, datetime | None, list[str])
"""Types of fields whose values are as their columns have them."""


def _kind_of(name: str, declared: Any) -> Kind:  # Any: a type or a generic alias
    if name == "extra" or declared == JsonValue:
        return Kind.JSON
    is_union = get_origin(declared) in (Union, UnionType)
    kinds = tuple(each for each in get_args(declared) if each is not NoneType) if is_union else (declared,)
    if kinds == get_args(Id):
        return Kind.TEXT
    return _KINDS.get(kinds[0], Kind.JSON) if len(kinds) == 1 else Kind.JSON


_KINDS: Mapping[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    bool: Kind.FLAG,
    date: Kind.TIMESTAMP,
    datetime: Kind.TIMESTAMP,
    timedelta: Kind.DURATION,
}


def _seconds(value: timedelta) -> int:
    return value.days * 86_400 + value.seconds


def plain(value: object) -> object:
    """Return a value of an answer as JSON has it: models as maps by field name, times as text, durations as seconds."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    names = _names_of(cast("Any", kind))
    if names:
        items = ((name, getattr(value, name)) for name in names)
        return {name: plain(item) for name, item in items if name != "extra" or item}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, date):
        return write_moment(moment(value))
    return _seconds(value) if isinstance(value, timedelta) else value


_AS_THEY_ARE = frozenset({str, int, float, bool, NoneType})


@cache
def _names_of(kind: Any) -> tuple[str, ...]:  # Any: mypy does not take the class of a model for hashable
    """Return the names of the fields of a model, none of what is no model."""
    return tuple(each.name for each in attrs.fields(kind)) if attrs.has(kind) else ()


def _about(model: Any) -> dict[str, str]:  # Any: an attrs class
    """Return the text of each attribute from the docstrings of a model and of those it extends."""
    texts: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        section = (cls.__doc__ or "").partition("Attributes:\n")[2]
        texts |= {name: re.sub(r"\s+", " ", text).strip() for name, text in _ATTRIBUTE.findall(section)}
    return texts


_ATTRIBUTE = re.compile(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)
