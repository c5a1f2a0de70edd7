"""Answers as plain data for people and programs: the names of the models, ISO dates, durations as ``hh:mm:ss``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from typing import Any, cast

import attrs

from aoclient import dates
from aoclient.action import Page
from aoclient.model import Acknowledged, wire_of

KEYS: Mapping[str, tuple[str, ...]] = {
    "checkLearnerInvite": ("email",),
    "getLearnersQuizStatistic": ("email", "quiz_id"),
    "getLearnerVariable": ("email", "name"),
}
"""Answers that are maps, in maps: what their keys are called where each entry becomes a row."""


def plain(value: Any) -> Any:  # Any: a model or what is inside one, and JSON for it
    """Return a value as JSON has it. ``extra`` is there only where the answer held something unknown."""
    if isinstance(value, Acknowledged):
        return value.value
    if attrs.has(cast("Any", type(value))) and not isinstance(value, Page):
        return dict(_fields(value))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in cast("Sequence[object]", value)]
    return _plain_leaf(value)


def _plain_leaf(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return dates.write_duration(value)
    return value.isoformat() if isinstance(value, date) else value


def _fields(model: Any) -> Iterator[tuple[str, object]]:  # Any: an answer model
    for attribute in attrs.fields(cast("Any", type(model))):
        value = getattr(model, attribute.name)
        if attribute.name == "extra":
            if value:
                yield "extra", plain(value)
        elif value is not None or not wire_of(attribute).only_when_set:
            yield attribute.name, plain(value)


def rows_of(name: str, answer: Any) -> Iterable[Any] | None:  # Any: see plain
    """Return the rows of an answer, or None where it is one thing and no list.

    Args:
        name: Vendor's name of the action.
        answer: Its answer.
    """
    if name in KEYS:
        return _flat(cast("Mapping[str, object]", answer), KEYS[name], {})
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return map(plain, cast("Sequence[object]", answer))
    return None


def _flat(entries: Mapping[str, object], keys: tuple[str, ...], above: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    first, *others = keys
    for key, value in entries.items():
        known = {**above, first: key}
        if others:
            yield from _flat(cast("Mapping[str, object]", value), tuple(others), known)
        else:
            inner = plain(value)
            yield {**known, **(cast("dict[str, Any]", inner) if attrs.has(type(value)) else {"value": inner})}
