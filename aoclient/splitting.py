"""One action cut into several, so that no request has more pairs than PHP keeps, and their answers merged.

PHP's ``max_input_vars`` cuts a form after 1000 pairs without a word: status 200, the rest is lost. The cut here is made
between records, on the options an action declares in ``Spec.split``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from aoclient import forms, options, wire
from aoclient.errors import InvalidOptionError
from aoclient.model import Acknowledged

if TYPE_CHECKING:
    from aoclient.action import Action

T = TypeVar("T")


@attrs.frozen
class _Record:
    """What is never cut: one entry of a list option, or one entry of one list in a map option."""

    option: str
    key: str | None
    value: object
    pairs: int


def split(action: Action[T], max_pairs: int) -> list[Action[T]]:
    """Return actions that do together what the given one does, each in at most ``max_pairs`` pairs.

    Raises:
        InvalidOptionError: It cannot be cut so small. Nothing was sent.
    """
    pairs = forms.count(wire.tree(action))
    if pairs <= max_pairs:
        return [action]
    records = list(_records(action))
    fixed = pairs - sum(record.pairs for record in records)
    largest = max((record.pairs for record in records), default=0)
    if fixed + largest > max_pairs or not records:
        raise InvalidOptionError(
            f"needs {fixed + largest} form pairs in one request, and the server keeps {max_pairs}",
            path="options",
            action=action.spec.name,
        )
    return [_part(action, group) for group in _groups(records, max_pairs - fixed)]


def _records(action: Action[Any]) -> Iterator[_Record]:
    written = options.write(action)
    for option in action.spec.split:
        value: object = getattr(action, option)
        plain = written.get(option)
        if isinstance(value, Mapping):
            plain_entries = cast("Mapping[str, Sequence[object]]", plain)
            for key, entries in cast("Mapping[str, Sequence[object]]", value).items():
                for entry, raw in zip(entries, plain_entries[key], strict=True):
                    yield _Record(option, key, entry, _pairs(raw))
        elif value is not None:
            for entry, raw in zip(cast("Sequence[object]", value), cast("Sequence[object]", plain), strict=True):
                yield _Record(option, None, entry, _pairs(raw))


def _pairs(raw: object) -> int:
    return forms.count({"entry": cast("forms.FormValue", raw)})


def _groups(records: Sequence[_Record], room: int) -> Iterator[list[_Record]]:
    group: list[_Record] = []
    taken = 0
    for record in records:
        if taken + record.pairs > room:
            yield group
            group, taken = [], 0
        group.append(record)
        taken += record.pairs
    yield group


def _part(action: Action[T], group: Sequence[_Record]) -> Action[T]:
    values: dict[str, Any] = dict.fromkeys(action.spec.split)
    for record in group:
        if record.key is None:
            values[record.option] = [*(values[record.option] or ()), record.value]
        else:
            lists: dict[str, list[object]] = values[record.option] or {}
            lists.setdefault(record.key, []).append(record.value)
            values[record.option] = lists
    return attrs.evolve(action, **values)


def merge(answers: Sequence[T]) -> T:
    """Return the answer of the whole from the answers of its parts, at least one: maps united, counts summed."""
    first = answers[0]
    if isinstance(first, dict):
        return cast("T", _union(cast("Sequence[dict[str, Any]]", answers)))
    if isinstance(first, Acknowledged):
        return cast("T", Acknowledged([cast("Acknowledged", answer).value for answer in answers]))
    counts = [each.name for each in attrs.fields(type(first)) if each.name != "extra"]  # type: ignore[arg-type]  # a model
    sums = {name: sum(getattr(answer, name) for answer in answers) for name in counts}
    return cast("T", attrs.evolve(cast("Any", first), **sums))


def _union(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    united: dict[str, Any] = {}
    for answer in answers:
        for key, value in answer.items():
            both = key in united and isinstance(value, dict)
            united[key] = {**united[key], **value} if both else value
    return united
