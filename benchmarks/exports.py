"""An export of the progress of all learners to JSON lines, against copying the bytes and against other clients."""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs import course_pages, round_trips
from measure import at_least, at_most, child, figure, finish, middle, ratio, rounds_of, server, spread

CONCURRENCY = 32
LATENCY = 0.020
LOOK_AHEAD = 8  # that of an export


def shortest(courses: int, rows: int) -> float:
    """Return the seconds of an export that takes no CPU: whole round trips, each of as many requests as are allowed."""
    requests = sum(1 for _ in course_pages(courses, rows))
    return max(math.ceil(requests / CONCURRENCY), round_trips(requests // courses, LOOK_AHEAD)) * LATENCY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    large = {"courses": 10 if quick else 200, "rows": 2000}
    middling = {"courses": 5 if quick else 50, "rows": 2000}
    with server(latency=LATENCY * 1000) as base, tempfile.TemporaryDirectory() as folder:

        def program(script: str, **job: Any) -> Callable[[], Any]:
            out = str(Path(folder) / "out.jsonl")
            given = {"job": "pages", "base": base, "concurrency": CONCURRENCY, "out": out, **job}
            return lambda: child(script, json.dumps(given))

        program("bare.py", program="raw", **large)()  # the server keeps its answers from now on
        got = rounds_of(
            {
                "raw": program("bare.py", program="raw", uvloop=True, **large),
                "speed": program("ours.py", uvloop=True, **large),
                "core": program("ours.py", core=True, **large),
            },
            1 if quick else 3,
        )
        peers = rounds_of(
            {
                "raw": program("bare.py", program="raw", uvloop=True, **middling),
                "speed": program("ours.py", uvloop=True, **middling),
                "core": program("ours.py", core=True, **middling),
                "aiohttp and gather": program("bare.py", program="gather", **middling),
                "httpx and pydantic": program("others.py", program="httpx", **middling),
                "requests in 32 threads": program("others.py", program="requests", **middling),
                "dlt, parallelized": program("with_dlt.py", **middling),
            },
            1 if quick else 3,
        )
        slow = program("others.py", program="requests", **{**middling, "concurrency": 1})()
        small = program("ours.py", uvloop=True, courses=2 if quick else 12, rows=2000)()
    rows = large["courses"] * large["rows"]
    figures = []
    for mode, wall, cpu in (("speed", 1.10, 2.4), ("core", 1.5, 6.0)):
        for key, goal in (("wall", wall), ("cpu", cpu)):
            value, noise = ratio(got[mode], got["raw"], key), spread(got[mode], got["raw"], key)
            figures.append(at_most(f"export of {rows} rows to JSONL, {mode} / raw copy, {key}", value, goal, noise))
    more = middle(got["speed"], "peak_mb") - small["peak_mb"]
    figures.append(at_most(f"export, MB more for {rows} rows than for 24 000", more, 1.5))
    goals = {
        "core": None,
        "aiohttp and gather": 1.9,
        "httpx and pydantic": 7.1,
        "requests in 32 threads": None,
        "dlt, parallelized": 7.6,
    }
    least = shortest(**middling)
    for name, goal in goals.items():
        value = ratio(peers[name], peers["speed"], "wall")
        label = f"export of {middling['courses'] * 2000} rows, {name} / aoclient, wall"
        figures.append(figure(label, value, "") if goal is None else at_least(label, value, goal))
        if goal is not None:
            figures.append(figure(f"{label}, if aoclient took no CPU", middle(peers[name], "wall") / least, ""))
    label = "export, requests one after the other / aoclient, wall"
    figures += [
        at_least(label, slow["wall"] / middle(peers["speed"], "wall"), 28),
        figure(f"{label}, if aoclient took no CPU", slow["wall"] / least, ""),
    ]
    finish(figures, {name: {key: middle(each, key) for key in each[0]} for name, each in {**got, **peers}.items()})


if __name__ == "__main__":
    main()
