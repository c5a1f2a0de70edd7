"""How answers differ from the models: fields nobody declared, and fields that cannot be read. Names only, no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import attrs

from aoclient.action import Page
from aoclient.model import wire_of


@attrs.define
class Tally:
    """What was found in the objects of one model.

    Attributes:
        objects: How many there were.
        unknown: Fields the model does not have, by name.
        unreadable: Fields of another type than declared, by the vendor's name.
    """

    objects: int = 0
    unknown: Counter[str] = attrs.field(factory=Counter[str])
    unreadable: Counter[str] = attrs.field(factory=Counter[str])

    def __str__(self) -> str:
        parts = [f"{self.objects} read"]
        for words, found in (("unknown", self.unknown), ("unreadable", self.unreadable)):
            if found:
                parts.append(f"{words}: {', '.join(f'{name} ({count})' for name, count in sorted(found.items()))}")
        return "; ".join(parts)

    @property
    def is_clean(self) -> bool:
        """Whether everything was as declared."""
        return not self.unknown and not self.unreadable


def look(value: Any, tallies: dict[str, Tally]) -> None:  # Any: a model, or whatever holds models
    """Count the differences in an answer, by the name of the model."""
    if isinstance(value, list | tuple | Page):
        for each in cast("Sequence[object]", value):
            look(each, tallies)
    elif isinstance(value, Mapping):
        look(list(cast("Mapping[str, object]", value).values()), tallies)
    elif attrs.has(cast("Any", type(value))):
        _count(value, tallies)


def _count(model: Any, tallies: dict[str, Tally]) -> None:
    tally = tallies.setdefault(type(model).__name__, Tally())
    tally.objects += 1
    known: set[str] = set()
    for attribute in attrs.fields(cast("Any", type(model))):
        if attribute.name != "extra":
            known.update(wire_of(attribute).names)
            look(getattr(model, attribute.name), tallies)
    for name in getattr(model, "extra", ()):
        (tally.unreadable if name in known else tally.unknown)[name] += 1
