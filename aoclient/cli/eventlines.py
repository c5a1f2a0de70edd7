"""Events as they come: lines of JSON, one document, or a line for people each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import attrs

from aoclient.cli import rows
from aoclient.cli.output import Format, Writer
from aoclient.cli.text import json_text, shown
from aoclient.webhooks import Event, UnknownEvent

_WIDTH = 35  # of the longest name of an event, and two blanks
_NAMED_AT_MOST = 3


class EventWriter:
    """Writes events one by one, and at once."""

    def __init__(self, form: Format) -> None:
        self._writer = None if form == "table" else Writer(form)

    def write(self, event: Event) -> None:
        """Write one event."""
        if self._writer is None:
            print(f"{datetime.now():%H:%M:%S}  {line_of(event)}")  # noqa: DTZ005  # the clock on the wall of the reader
        else:
            self._writer.write(rows.plain(event))
        sys.stdout.flush()

    def close(self) -> None:
        """End the document, where there is one."""
        if self._writer is not None:
            self._writer.close()


def line_of(event: Event) -> str:
    """Return an event in one line: its name, who it is about, and what."""
    if isinstance(event, UnknownEvent):
        return f"{shown(event.event or 'no event'):{_WIDTH}}{json_text(event.payload)}"
    return f"{event.event:{_WIDTH}}{'  '.join(_things(event))}"


def _things(event: Event) -> Iterator[str]:
    """Yield the learners, then all else that has a name."""
    names = [each.name for each in attrs.fields(type(event)) if each.name not in ("academy", "extra")]
    values = {name: getattr(event, name) for name in names}
    people = [values.pop(name) for name in ("learner", "learners") if name in values]
    for value in [*people, *values.values()]:
        found = [getattr(each, "email", "") or getattr(each, "name", "") for each in _listed(value)]
        shortly = [shown(each) for each in found if each]
        if shortly:
            more = len(shortly) - _NAMED_AT_MOST
            yield ", ".join(shortly[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _listed(value: Any) -> list[Any]:  # Any: a model, a list of them, or what has no name
    return cast("Any", value) if isinstance(value, list) else [value]
