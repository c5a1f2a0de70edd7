"""How near the ideal time calls over HTTP come: many small ones, one long listing, and listings of all lengths."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

from jobs import round_trips
from measure import at_least, at_most, child, figure, finish, middle, ratio, rounds_of, server, spread

ROWS = 100


def program(script: str, base: str, **job: Any) -> Callable[[], Any]:
    """Return a case that also counts the calls the server got."""

    def case() -> Any:
        urlopen(f"{base}/reset").read()
        report = child(script, json.dumps({"base": base, **job}))
        return report | {"calls": json.load(urlopen(f"{base}/times"))["api"]}

    return case


def efficiency(latency: float, concurrency: int, *, quick: bool) -> tuple[list[dict[str, Any]], object]:
    calls = concurrency * (10 if quick else 50)
    ideal = calls / concurrency * latency / 1000
    job = {"concurrency": concurrency, "calls": calls}
    with server(latency=latency) as base:
        cases = {
            "bare": program("bare.py", base, job="small", **job),
            "ours": program("ours.py", base, job="fanned", **job),
            "uvloop": program("ours.py", base, job="fanned", uvloop=True, **job),
        }
        got = rounds_of(cases, 2 if quick else 5)
    reached = {name: ideal / middle(reports, "wall") for name, reports in got.items()}
    name = f"efficiency, {latency:g} ms x {concurrency}"
    goal = round(reached["bare"], 3) if (latency, concurrency) == (20, 64) else 0.97
    return [
        at_least(f"{name}, fan-out", reached["ours"], goal),
        at_least(f"{name}, fan-out with uvloop", reached["uvloop"], goal),
        figure(f"{name}, worker loop of bare aiohttp", reached["bare"], ""),
        figure(
            f"{name}, fan-out, x the worker loop of the same round",
            ratio(got["bare"], got["ours"], "wall"),
            "",
            noise=spread(got["bare"], got["ours"], "wall"),
        ),
    ], reached


def one_course(*, quick: bool) -> tuple[list[dict[str, Any]], object]:
    pages = 20 if quick else 200
    course = {"concurrency": 16, "lengths": [pages * ROWS - 50], "ordered": True}
    with server(latency=20) as base:
        cases = {
            f"ahead {ahead}": program("ours.py", base, job="listing", look_ahead=ahead, **course) for ahead in (1, 8)
        }
        got = rounds_of(cases, 1 if quick else 5)
    faster, noise = ratio(got["ahead 1"], got["ahead 8"], "wall"), spread(got["ahead 1"], got["ahead 8"], "wall")
    wasted = middle(got["ahead 8"], "calls") - pages - 1  # and one to warm up
    name = f"one course of {pages} pages, look-ahead 8"
    return [
        at_least(f"{name}, x sequential", faster, 7.4, noise),
        figure(f"{name}, x sequential, by round trips alone", round_trips(pages, 1) / round_trips(pages, 8), ""),
        at_most(f"{name}, requests too many", wasted, 7),
    ], {name: middle(reports, "wall") for name, reports in got.items()}


def many_courses(*, quick: bool) -> tuple[list[dict[str, Any]], object]:
    """The longest course has 100 pages, the one at place n has 100 / n.

    Pages of one course go 8 at once, so no order is faster than the longest one. That its second page exists nobody
    knows before its first came: the bound beside the ideal has that round trip too. The worker loop of bare aiohttp
    knows all pages beforehand, asks for as many of a course as it likes and makes dicts: what the machine itself does.
    """
    lengths = [max(1, 100 // place) * ROWS - 50 for place in range(1, 51)]
    pages = sum(-(-rows // ROWS) for rows in lengths)
    figures, raw = [], {}
    with server(latency=20) as base:
        for concurrency in (64,) if quick else (16, 64):
            ideal = max(pages / concurrency, 100 / 8) * 0.020
            bound = max(pages / concurrency, 1 + 99 / 8) * 0.020
            job = {"job": "listing", "concurrency": concurrency, "lengths": lengths}
            cases = {
                "ours": program("ours.py", base, look_ahead=8, ordered=False, **job),
                "bare": program("bare.py", base, **job),
            }
            got = rounds_of(cases, 1 if quick else 5)
            ours, bare = middle(got["ours"], "wall"), middle(got["bare"], "wall")
            name = f"50 Zipf courses, {pages} pages, {concurrency} in flight"
            figures += [
                at_most(f"{name}, time / ideal", ours / ideal, 1.10),
                figure(f"{name}, time / bound of who knows no length", ours / bound, ""),
                figure(f"{name}, worker loop of bare aiohttp, all pages known, time / ideal", bare / ideal, ""),
                figure(f"{name}, requests / pages", (middle(got["ours"], "calls") - 1) / pages, ""),
            ]
            raw[concurrency] = {"ideal": ideal, "bound": bound, "wall": ours, "bare": bare}
    return figures, raw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    parts = [efficiency(latency, at_once, quick=quick) for latency, at_once in ((20, 16), (100, 64), (20, 64))]
    parts += [one_course(quick=quick), many_courses(quick=quick)]
    finish([each for figures, _ in parts for each in figures], [raw for _, raw in parts])


if __name__ == "__main__":
    main()
