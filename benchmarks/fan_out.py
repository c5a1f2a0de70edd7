"""What a fan-out costs on top of the calls: no-op items, as completed and in order; CPU for one item, and memory."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from itertools import repeat

from measure import Stopwatch, at_most, child, figure, finish, middle, peak_mb, rounds_of

from aoclient import actions
from aoclient.agenda import Agenda
from aoclient.fanout import FanOut
from aoclient.paging import PageSizes

CONCURRENCY = 256
ACTION = actions.Learners()


async def nothing(_: object) -> list[actions.Learner]:
    await asyncio.sleep(0)
    return []


async def gathered(items: int) -> dict[str, float]:
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one() -> list[actions.Learner]:
        async with slots:
            return await nothing(ACTION)

    with Stopwatch() as watch:
        await asyncio.gather(*(one() for _ in range(items)))
    return watch.report()


async def fanned(items: int, *, ordered: bool) -> dict[str, float]:
    agenda = Agenda(
        concurrency=CONCURRENCY, max_pairs=1000, sizes=PageSizes(), ordered=ordered, look_ahead=8, retry_failed=0
    )
    todo = repeat(ACTION, items)
    seen = 0
    before = peak_mb()
    with Stopwatch() as watch:
        async with FanOut(todo, send=nothing, agenda=agenda, concurrency=CONCURRENCY, on_error="collect") as outcomes:
            async for _ in outcomes:
                seen += 1
    assert seen == items
    return watch.report(more_mb=peak_mb() - before)


def run(items: int, way: str) -> dict[str, float]:
    if way == "gather":
        before = peak_mb()
        return asyncio.run(gathered(items)) | {"more_mb": peak_mb() - before}
    return asyncio.run(fanned(items, ordered=way == "ordered"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    many = 20_000 if quick else 1_000_000
    sizes = {"gather": many // 10, "completed": many, "ordered": many}
    cases = {way: lambda way=way: child("fan_out.py", "run", sizes[way], way) for way in sizes}
    got = rounds_of(cases, 1 if quick else 3)
    us = {way: middle(got[way], "cpu") * 1e6 / sizes[way] for way in got}
    few = {way: child("fan_out.py", "run", 10_000, way)["more_mb"] for way in ("completed", "ordered")}
    figures = [
        at_most(f"fan-out, us for an item, as completed, {many} items", us["completed"], 3.0),
        at_most(f"fan-out, us for an item, ordered, {many} items", us["ordered"], 5.0),
        figure("gather and a semaphore, us for an item", us["gather"], ""),
    ]
    for way, more in few.items():
        figures.append(at_most(f"fan-out, MB, {way}, {many} items", middle(got[way], "more_mb"), 3.0))
        figures.append(figure(f"fan-out, MB, {way}, 10 000 items", more, ""))
    figures.append(figure(f"gather and a semaphore, MB, {many // 10} items", middle(got["gather"], "more_mb"), ""))
    finish(figures, us)


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        print(json.dumps(run(int(sys.argv[2]), sys.argv[3])))
    else:
        main()
