"""Typed answers out of bytes, against the same bytes into dicts, and against pydantic.

What is measured is the whole way a body takes in a session: ``wire.decode`` with the search for refusals.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import orjson
import samples
from measure import at_most, figure, finish, middle, ratio, rounds_of, spread, timed

from aoclient import actions, jsontext, wire
from aoclient.action import Action

PAGES = 60  # different ones, so that what is kept of texts is not all that is measured
CASES: dict[str, tuple[Action[Any], Callable[[int], bytes], int, float, float]] = {
    # name: action, body by its first record, records, goal with `speed` against orjson, goal of the core against json
    "learners": (actions.Learners(), samples.learners_page, 100, 1.1, 1.5),
    "progress rows": (
        actions.LearnersProgressByCourse(course_id="c", page=1, amount=100),
        samples.progress_page,
        100,
        1.7,
        1.7,
    ),
    "quiz statistics": (
        actions.GetLearnersQuizStatistic(records={"a": ["quiz1"]}),
        samples.quiz_statistic,
        10,
        2.2,
        1.9,
    ),
}


def ours(action: Action[Any], *, fast: bool) -> Callable[[bytes], object]:
    found = jsontext._msgspec

    def read(body: bytes) -> object:
        jsontext._msgspec = found if fast else None
        try:
            return wire.decode(action, wire.Response(200, {"content-type": "application/json"}, body))
        finally:
            jsontext._msgspec = found

    return read


def over(bodies: list[bytes], read: Callable[[bytes], object]) -> Callable[[], None]:
    def work() -> None:
        for body in bodies:
            read(body)

    return work


def peers() -> dict[str, Callable[[bytes], object]]:
    try:
        import pydantic_models
    except ImportError:
        return {}
    return pydantic_models.READERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    figures = []
    raw = {}
    for name, (action, body_from, size, goal_fast, goal_core) in CASES.items():
        bodies = [body_from(page * size) for page in range(PAGES)]
        assert ours(action, fast=True)(bodies[0]) == ours(action, fast=False)(bodies[0])
        readers: dict[str, Callable[[bytes], object]] = {
            "orjson": orjson.loads,
            "json": json.loads,
            "speed": ours(action, fast=True),
            "core": ours(action, fast=False),
        }
        if name in peers():
            readers["pydantic"] = peers()[name]
        cases = {each: timed(over(bodies, read), 1 if quick else 2) for each, read in readers.items()}
        got = rounds_of(cases, 3 if quick else 21)
        raw[name] = {each: middle(reports, "cpu") * 1e6 / PAGES / 100 for each, reports in got.items()}
        for mode, floor, goal in (("speed", "orjson", goal_fast), ("core", "json", goal_core)):
            label = f"decode {name}, {mode} / {floor}.loads"
            figures.append(
                at_most(label, ratio(got[mode], got[floor], "cpu"), goal, spread(got[mode], got[floor], "cpu"))
            )
        if "pydantic" in got:
            label = f"decode {name}, pydantic / orjson.loads"
            figures.append(figure(label, ratio(got["pydantic"], got["orjson"], "cpu"), ""))
    finish(figures, {"us per record": raw})


if __name__ == "__main__":
    main()
