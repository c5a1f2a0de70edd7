"""Data on stdout: one JSON document, lines of JSON, or a table for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, cast

from attrs import frozen
from cyclopts import Group, Parameter

from aoclient.cli.exits import UsageError
from aoclient.cli.text import json_text

Format = Literal["json", "jsonl", "table"]


@Parameter(group=Group("Output", sort_key=5), negative="")
@frozen(kw_only=True)
class Output:
    """How data is written; a table on a terminal and lines of JSON elsewhere."""

    json: Annotated[bool, Parameter(help="One JSON document.")] = False
    jsonl: Annotated[
        bool, Parameter(help="One line of JSON for each row; the default where stdout is no terminal.")
    ] = False
    table: Annotated[bool, Parameter(help="A table for people; the default on a terminal.")] = False

    @property
    def format(self) -> Format:
        """The one that is asked for.

        Raises:
            UsageError: Several are.
        """
        asked: list[Format] = [name for name in ("json", "jsonl", "table") if getattr(self, name)]
        if len(asked) > 1:
            raise UsageError(f"--{asked[0]} does not go with --{asked[1]}")
        return asked[0] if asked else "table" if sys.stdout.isatty() else "jsonl"


OutputOptions = Annotated[Output, Parameter(name="*")]
NO_OUTPUT = Output()
"""What a command has where nothing is said."""


def write_rows(rows: Iterable[Any], form: Format) -> None:  # Any: JSON, here and below
    """Write rows one by one; a table waits for the last of them."""
    writer = Writer(form)
    for row in rows:
        writer.write(row)
    writer.close()


class Writer:
    """Writes rows as they come."""

    def __init__(self, form: Format) -> None:
        self.count = 0
        self._form = form
        self._kept: list[Any] = []

    def write(self, row: Any) -> None:
        """Write one row, or keep it for the table."""
        self.count += 1
        if self._form == "table":
            self._kept.append(row)
        elif self._form == "jsonl":
            _line(json_text(row, encoding=sys.stdout.encoding))
        else:
            sys.stdout.write(("[\n" if self.count == 1 else ",\n") + json_text(row, encoding=sys.stdout.encoding))

    def close(self) -> None:
        """End the document, or write the table."""
        if self._form == "json":
            _line("\n]" if self.count else "[]")
        elif self._form == "table":
            from aoclient.cli.tables import print_rows

            print_rows(self._kept)


def write_one(value: Any, form: Format) -> None:
    """Write a single thing: a document, a line, or a table with a line for each field."""
    if form == "table" and isinstance(value, Mapping):
        from aoclient.cli.tables import print_fields

        print_fields(cast("Mapping[str, Any]", value))
    else:
        _line(json_text(value, indent=2 if form == "json" else None, encoding=sys.stdout.encoding))


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")


@contextmanager
def counting(*, is_shown: bool) -> Generator[Callable[[int], None]]:
    """Show on a terminal how many rows there are so far; the count goes away at the end."""
    if not (is_shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("0 rows") as status:
        yield lambda rows: status.update(f"{rows} rows")
