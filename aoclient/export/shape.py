"""What the answer of an action is made of: one model or many, under keys or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast, get_args, get_origin

from attrs import frozen

from aoclient.action import Action, Paged

Keyed: TypeAlias = tuple[tuple[str, ...], Iterable[object]]
"""Keys of an answer, and the items that stand under them."""


@frozen
class Shape:
    """What an answer is made of.

    Attributes:
        model: Type of each item, a class or a generic alias.
        keys: Names for the keys the items stand under.
        parts: Gives the items of an answer with their keys.
    """

    model: Any  # Any: a type or a generic alias
    keys: tuple[str, ...]
    parts: Callable[[object], Iterator[Keyed]]


def shape_of(action: type[Action[Any]]) -> Shape:  # Any: whatever it answers
    """Return what the answers of an action are made of."""
    answer = action.answer_type
    if issubclass(action, Paged):
        return Shape(answer, (), _many)
    if get_origin(answer) is list:
        return Shape(get_args(answer)[0], (), _many)
    if get_origin(answer) is not dict:
        return Shape(answer, (), _one)
    inner = get_args(answer)[1]
    depth = 2 if get_origin(inner) is dict else 1
    names = _KEYS.get(action.spec.name, ("key", "name"))
    return Shape(get_args(inner)[1] if depth > 1 else inner, names[:depth], _under_two if depth > 1 else _under_one)


_KEYS: Mapping[str, tuple[str, ...]] = {
    "checkLearnerInvite": ("email",),
    "getLearnersQuizStatistic": ("email", "quiz_id"),
    "getLearnerVariable": ("email", "name"),
}


def _one(answer: object) -> Iterator[Keyed]:
    yield (), [answer]


def _many(answer: object) -> Iterator[Keyed]:
    yield (), cast("list[object]", answer)


def _under_one(answer: object) -> Iterator[Keyed]:
    return (((key,), [item]) for key, item in cast("dict[str, object]", answer).items())


def _under_two(answer: object) -> Iterator[Keyed]:
    for key, inner in cast("dict[str, dict[str, object]]", answer).items():
        yield from (((key, name), [item]) for name, item in inner.items())
