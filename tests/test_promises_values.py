"""P14: nothing is coerced in silence. A model holds what the answer said, or keeps the raw value, or reading raises."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, timedelta
from enum import Enum
from typing import Any

import attrs
import pytest

from aoclient import actions, convert
from aoclient.action import Action
from aoclient.model import wire_of
from tests.kit.trial import Figures, sized

MODELS = sorted(
    {
        each
        for each in vars(actions).values()
        if attrs.has(each) and "extra" in attrs.fields_dict(each) and not issubclass(each, Action)
    },
    key=lambda each: each.__name__,
)
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2.0, 10**18, 0.0, 1.0, 1.5, -0.5, 1e300, "", " ", "0", "1", "1.0", "01", "1e3",
    "+5",    " 7", "7 ", "0x1f", "1_000", "٣", "true", "false", "True", "None", "null", "yes", "x", "é", "nan", "inf",
    "2017-09-24T10:26:23+00:00", "2017-09-24 10:26:23", "2017-09-24", "0000-00-00", "09/24/2017", "9/4/2017 10:26",
    "10:26", "00:12:05", "1h", "25%", [], {}, [1], ["x"], {"a": 1}, {"0": "x"}, [[]], [{}], [None], [{"name": 1}],
    {"a": {"name": "x"}}, {"selected": [{"answer": 5}]}, "learner", "checkbox",
]  # fmt: skip


def says(value: Any, raw: Any) -> bool:  # noqa: PLR0911  # one rule for each kind
    """Tell whether a value says what the answer said, by the tolerance that is documented and by nothing more.

    A number may come as a text, a flag as 1 or 0 and as their texts, a whole number as a float without a part, an empty
    map as a list, a list as a map of numbers; dates and durations come as texts only.
    """
    if attrs.has(type(value)):
        return raw == [] or (isinstance(raw, dict) and is_lossless(value, raw))
    if isinstance(value, Enum):
        return type(raw) is type(value.value) and raw == value.value
    if isinstance(value, list):
        items = list(raw.values()) if isinstance(raw, dict) else raw
        return isinstance(items, list) and len(items) == len(value) and all(map(says, value, items))
    if isinstance(value, dict):
        items = {str(key): item for key, item in enumerate(raw)} if isinstance(raw, list) else raw
        return (
            isinstance(items, dict)
            and value.keys() == items.keys()
            and all(says(value[key], items[key]) for key in items)
        )
    if isinstance(value, date | timedelta):
        return isinstance(raw, str) and any(each.isdigit() for each in raw)
    if isinstance(value, bool):
        return any(raw == each and type(raw) is type(each) for each in ((True, 1, "1") if value else (False, 0, "0")))
    if isinstance(value, int | float):
        return not isinstance(raw, bool) and isinstance(raw, int | float | str) and _is_number(value, raw)
    return type(value) is type(raw) and value == raw  # texts, and null


def _is_number(value: float, raw: float | str) -> bool:
    if isinstance(raw, str) and not (raw.isascii() and raw == raw.strip() and "_" not in raw and raw.lower() != "nan"):
        return False
    try:
        return value == (float(raw) if isinstance(value, float) or isinstance(raw, str) else raw)
    except ValueError:
        return False


def is_lossless(model: Any, raw: dict[str, Any]) -> bool:
    """Tell whether each value of an answer is in the model, as what it says or as it came."""
    fields = {name: each for each in attrs.fields(type(model)) if each.name != "extra" for name in wire_of(each).names}
    for key, item in raw.items():
        if key in model.extra:
            if not (type(model.extra[key]) is type(item) and model.extra[key] == item):
                return False
        elif item is not None:  # null leaves the default
            names = wire_of(fields[key]).names
            value = getattr(model, fields[key].name)
            joined = len(names) > 1 and isinstance(value, date)
            if not (says(value, item) or (joined and isinstance(item, str))):
                # A second spelling of a field is kept in extra only where it differs from the first one.
                others = [raw[name] for name in names if name != key and raw.get(name) is not None]
                if item not in others:
                    return False
    return True


def answer(rng: random.Random, model: Any) -> dict[str, Any]:
    names = [name for each in attrs.fields(model) if each.name != "extra" for name in wire_of(each).names]
    chosen = rng.sample(names, rng.randint(0, len(names))) + rng.choice([[], ["undocumented"], ["extra"]])
    return {name: rng.choice(VALUES) for name in chosen}


def test_what_an_answer_says_is_in_the_model_or_kept_beside_it_or_raised(request):
    cases = sized(3_000, 20_000)
    rng = random.Random(5)
    ends = Counter[str]()
    wrong: list[object] = []
    for _ in range(cases):
        model = rng.choice(MODELS)
        raw = answer(rng, model)
        try:
            read = convert.structure(json.loads(json.dumps(raw)), model)
        except convert.Mismatch:
            ends["raised"] += 1
            continue
        ends["kept beside" if read.extra else "read"] += 1
        if not is_lossless(read, raw):
            wrong.append((model.__name__, raw, read))
    assert wrong == []
    assert min(ends.values()) > cases / 200
    Figures(request, "P14")(f"{cases} random answers for {len(MODELS)} models: 0 values lost, {dict(ends)}")


def test_what_is_written_again_is_read_as_the_same_model(request):
    cases = sized(100, 10_000)
    rng = random.Random(6)
    same = 0
    while same < cases:
        model = rng.choice(MODELS)
        try:
            read = convert.structure(answer(rng, model), model)
        except convert.Mismatch:
            continue
        if read.extra:
            continue
        assert convert.structure(json.loads(json.dumps(convert.unstructure(read))), model) == read
        same += 1
    Figures(request, "P14")(f"{same} models written and read again: equal")


@pytest.mark.parametrize("number", [0.0, 75.0, 1e14, 1e15, 2.0**53, 12345678901234567890.0, 1e300, -1e300, 1.5e-7])
def test_a_number_is_written_so_that_it_is_read_again(number):
    read = convert.structure({"score": number, "passing_score": number}, actions.ContentProgress)
    written = json.loads(json.dumps(convert.unstructure(read)))
    assert convert.structure(written, actions.ContentProgress) == read
    assert (read.score, read.passing_score, read.extra) == (number, number, {})


def test_the_judge_would_see_a_coercion():
    learner = actions.Learner(email="None", extra={})
    assert not is_lossless(learner, {"email": 1})
    assert not is_lossless(actions.Learner(email="1"), {"email": 1})
    assert not says(True, "yes")
    assert not says(5, "five")
    assert not says([], {"a": 1})
