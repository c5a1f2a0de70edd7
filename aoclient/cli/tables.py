"""Rows as a table on a terminal: the columns that fit, and a word about those that do not."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aoclient.cli.text import json_text, shown

_WIDEST = 40
_GAP = 2
_NO_TERMINAL = 10_000


def print_rows(rows: Sequence[Any]) -> None:  # Any: JSON, here and below
    """Print rows with a column for each field that has a value anywhere."""
    flat = [cast("Mapping[str, Any]", row) if isinstance(row, Mapping) else {"value": row} for row in rows]
    columns = [
        name for name in dict.fromkeys(name for row in flat for name in row) if any(_has(row, name) for row in flat)
    ]
    if not columns:
        print(f"{len(rows)} rows", file=sys.stderr)
        return
    console = _console()
    cells = {name: [_cell(row.get(name)) for row in flat] for name in columns}
    widths = {name: min(_WIDEST, max(map(cell_len, [name, *cells[name]]))) for name in columns}
    kept = _fitting(widths, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name in kept:
        is_number = all(isinstance(row.get(name), int | float | None) for row in flat)
        table.add_column(shown(name), justify="right" if is_number else "left", no_wrap=True, width=widths[name])
    for each in zip(*(cells[name] for name in kept), strict=True):
        table.add_row(*map(Text, each))
    console.print(table)
    hidden = [name for name in columns if name not in kept]
    words = (
        f", and {len(hidden)} columns that do not fit: {', '.join(map(shown, hidden))}; --json has all"
        if hidden
        else ""
    )
    print(f"{len(rows)} rows{words}", file=sys.stderr)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print one thing, a line for each of its fields."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(shown(name), Text(_cell(value)))
    _console().print(table)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # `exit_code` knows that a reader who has enough is no failure; rich thinks it is


def _console() -> Console:
    # Where stdout is a file nothing is cut; rich itself keeps to NO_COLOR.
    return _Console(highlight=False, width=None if sys.stdout.isatty() else _NO_TERMINAL)


def _fitting(widths: Mapping[str, int], room: int) -> list[str]:
    kept: list[str] = []
    for name, width in widths.items():
        room -= width + _GAP
        if room < -_GAP and kept:
            break
        kept.append(name)
    return kept


def _has(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) not in (None, [], {})


def _cell(value: Any) -> str:
    """Return one line of text; of a list of texts or of named things their names, of others their number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _names(cast("Any", value))
    return shown(value) if isinstance(value, str) else json_text(value)


def _names(items: list[Any]) -> str:
    names = [_name(each) for each in items]
    return f"{len(names)} entries" if None in names else shown(", ".join(map(str, names)))


def _name(value: Any) -> object:
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        return named["name"] if set(named) == {"id", "name"} else None
    return value if isinstance(value, str) else None
