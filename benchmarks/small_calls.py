"""CPU of one small call through the whole chain, against a worker loop of bare aiohttp and other clients."""

from __future__ import annotations

import argparse
import json
from typing import Any

from measure import at_most, child, figure, finish, middle, ratio, rounds_of, server, spread

# asyncio receives into a buffer of 256 KiB that is made anew each time. Left to itself, glibc takes it from its heap,
# or gives that back to the system after each answer, or maps the buffer each time: up to 20 us of a call, by luck at
# the start of each program. So all keep their heap here.
HELD = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 24)}


def program(script: str, **job: Any) -> Any:
    return lambda: child(script, json.dumps({"job": "small", **job}), variables=HELD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    figures, raw = [], {}
    with server() as base:
        for concurrency in (16, 64):
            size = {"base": base, "concurrency": concurrency, "calls": 300 if quick else 6000}
            cases = {
                "bare": program("bare.py", **size),
                "bare on uvloop": program("bare.py", uvloop=True, **size),
                "ours": program("ours.py", core=True, **size),
                "ours, with a rate": program("ours.py", core=True, rate=100_000, **size),
                "ours, speed": program("ours.py", uvloop=True, **size),
            }
            got = rounds_of(cases, 2 if quick else 9)
            few = {**size, "calls": 100 if quick else 1000}
            got |= rounds_of(
                {each: program("others.py", program=each, **few) for each in ("httpx", "requests")}, 1 if quick else 3
            )
            for name in got:
                calls = few["calls"] if name in ("httpx", "requests") else size["calls"]
                raw[f"{name}, {concurrency}"] = {
                    "cpu us": middle(got[name], "cpu") * 1e6 / calls,
                    "wall us": middle(got[name], "wall") * 1e6 / calls,
                }
            for name, goal in (("ours", 1.10), ("ours, with a rate", 1.10), ("ours, speed", 0.95)):
                noise = spread(got[name], got["bare"], "cpu")
                label = f"CPU of a small call, {name} / bare aiohttp, {concurrency} in flight"
                figures.append(at_most(label, ratio(got[name], got["bare"], "cpu"), goal, noise))
            label = f"CPU of a small call, bare aiohttp on uvloop / bare aiohttp, {concurrency} in flight"
            noise = spread(got["bare on uvloop"], got["bare"], "cpu")
            figures.append(figure(label, ratio(got["bare on uvloop"], got["bare"], "cpu"), "", noise=noise))
            for name in ("httpx", "requests"):
                value = raw[f"{name}, {concurrency}"]["cpu us"] / raw[f"bare, {concurrency}"]["cpu us"]
                label = f"CPU of a small call, {name} / bare aiohttp, {concurrency} in flight"
                figures.append(figure(label, value, ""))
    finish(figures, raw)


if __name__ == "__main__":
    main()
