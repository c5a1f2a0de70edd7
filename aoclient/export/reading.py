"""Code that makes rows of models, written for each model out of its columns, as attrs itself writes ``__init__``.

An export spends most of its time here and in what writes the rows, so no function is called for a value that is
already as its column holds it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, cast

from aoclient.model import NO_EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from aoclient.export.columns import Column, Row

_STEPS: Mapping[str, str] = {
    "text": "if type({0}) is not str and {0} is not None: {0} = str({0})",
    # Most are of one digit of Python's, which compare in a fifth of the time.
    "integer": f"if {{0}} is not None and not {1 - 2**30} <= {{0}} < {2**30} and not {-(2**63)} <= {{0}} < {2**63}: "
    "extra, {0} = beside(extra, {1!r}, {0}), None",
    "number": "if type({0}) is not float and {0} is not None: {0} = float({0})",
    "flag": "",
    "timestamp": "if type({0}) is not datetime and {0} is not None: {0} = moment({0})",
    "duration": "if {0} is not None: {0} = {0}.days * 86_400 + {0}.seconds if {0}.days else {0}.seconds",
    "json": "if {0} is not None: {0} = plain({0})",
}
"""What a value of a model goes through, by the kind of its column."""


def reader(
    columns: Iterable[Column], fronts: int, plain: Callable[[object], object], ready: Container[str]
) -> Callable[..., list[Row]]:
    """Return a function that makes rows of models: it takes the models, and the values of the first columns.

    Args:
        columns: Those of the model.
        fronts: How many columns stand in front of them.
        plain: Turns a value into JSON.
        ready: Names of columns whose values are already as the column has them.
    """
    names = [column.name for column in columns]
    front = [f"f{number}" for number in range(fronts)]
    values = {name: "extra" if name == "extra" else f"v{number}" for number, name in enumerate(names)}
    lines = ["extra = None"]
    if "extra" in values:
        lines = ["extra = item.extra", "extra = None if extra is NO_EXTRA else plain(extra)"]
    for column in columns:
        if column.name != "extra":
            value = values[column.name]
            step = "" if column.name in ready else _STEPS[column.kind].format(value, column.name)
            lines += [f"{value} = item.{column.name}", step]
    code = [
        f"def read({', '.join(['items', *front])}):",
        "    rows = []",
        "    for item in items:",
        *(f"        {line}" for line in lines),
        f"        rows.append(({', '.join([*front, *values.values()])},))",
        "    return rows",
    ]
    known: dict[str, Any] = {**_NAMES, "plain": plain}
    exec("\n".join(code), known)  # noqa: S102  # made of nothing but the names of our own fields
    return cast("Callable[..., list[Row]]", known["read"])


def moment(value: date) -> datetime:
    """Return a time; for a date alone its midnight."""
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)


def _beside(extra: dict[str, object] | None, name: str, value: int) -> dict[str, object]:
    """Return what is kept beside the columns with a number no column holds, as text."""
    return {**(extra or {}), name: str(value)}


_NAMES: Mapping[str, object] = {
    "NO_EXTRA": NO_EXTRA,
    "beside": _beside,
    "datetime": datetime,
    "moment": moment,
}
