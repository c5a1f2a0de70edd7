"""Many processes on one budget: a model of 1 to 1 000, and the real thing with 1 to 8 beside it.

The model (`scale_model.py`) plays a job of 10^8 rows, 1 000 on a page, at 6 000 requests in 60 s: how long it takes
against the bound of the rate, what of the rate is used, and what it costs in commands to Redis, requests for tokens and
pages sent twice, where processes are lost or Redis fails over. Then sessions in processes of their own, an emulator and
a Redis are run for some seconds, and the model plays the same; both are printed. At last 8 processes meet many a 429.

The model knows no 429: where it shows more than n in a window, a server would have refused the rest.
"""

from __future__ import annotations

import argparse
import asyncio
from statistics import median
from typing import Any

from measure import at_least, at_most, figure, finish
from scale_model import Model, Scenario, most_in_any

from aoclient import Rate
from aoclient.emulator import Emulator, Received
from aoclient.wire import TOKEN_PATH
from tests.kit.redis import RedisServer, Workers, until

PAGES = 100_000
BUDGET = {"pages": PAGES, "calls": 6_000, "per": 60.0}
SCENARIOS: dict[str, dict[str, Any]] = {
    "1 process": {"workers": 1},
    "8 processes": {"workers": 8},
    "64 processes": {"workers": 64},
    "1000 processes": {"workers": 1000},
    "64 processes that live an hour": {"workers": 64, "life": 3600.0},
    "1000 processes that live an hour": {"workers": 1000, "life": 3600.0},
    "64 processes, Redis away for 30 s, share 1/64": {"workers": 64, "away": (300.0, 30.0), "share": 1 / 64},
    "64 processes, Redis away for 30 s, share 1/4": {"workers": 64, "away": (300.0, 30.0), "share": 1 / 4},
    "1000 processes, Redis away for 30 s, share 1/1000": {"workers": 1000, "away": (300.0, 30.0), "share": 1 / 1000},
}

RATE = Rate(100, 1)
AT_ONCE = 4  # calls of a real process


# --- the model ---------------------------------------------------------------------------------------------------


def modelled() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    figures, raw = [], {}
    for title, settings in SCENARIOS.items():
        found = raw[title] = Model(Scenario(**BUDGET, **settings)).run()
        is_bound = settings["workers"] > 4 and "life" not in settings and "away" not in settings
        name = f"model, {title}"
        used = found["used"]
        figures += [
            figure(f"{name}: time / bound of the rate", found["time / bound"], ""),
            at_least(f"{name}: used of the rate", used, 0.97) if is_bound else figure(f"{name}: used", used, ""),
            at_most(f"{name}: most in any window / n", found["most in any window / n"], 1.0)
            if "away" not in settings
            else figure(f"{name}: most in any window / n", found["most in any window / n"], ""),
            at_most(f"{name}: commands for a permit", found["commands for a permit"], 2.0),
            figure(f"{name}: requests for a token", found["token requests"], ""),
        ]
        if "life" in settings:
            figures.append(figure(f"{name}: part of the pages sent twice", found["sent twice"], ""))
            figures.append(figure(f"{name}: processes lost", found["processes lost"], ""))
    return figures, raw


# --- the real thing ----------------------------------------------------------------------------------------------


def requests(emulator: Emulator) -> list[Received]:
    return [entry for entry in emulator.journal.received if entry.path != TOKEN_PATH]


async def real(redis: RedisServer, processes: int, seconds: float, *, restarts: bool = False) -> dict[str, float]:
    """Run sessions for some seconds; with ``restarts`` Redis goes away in the middle of it, for a sixth of the time."""
    redis.ask("FLUSHALL")
    redis.ask("CONFIG", "RESETSTAT")
    emulator = Emulator(learners=1, courses=1)
    async with emulator.serve() as url:
        workers = Workers(
            processes, url, redis.url, calls=AT_ONCE, seconds=seconds, rate=RATE, commons={"share": 1 / processes}
        )
        await workers.together()
        if restarts:
            began = asyncio.get_running_loop().time()
            await until(lambda: asyncio.get_running_loop().time() > began + seconds / 3)
            redis.stop()
            await until(lambda: asyncio.get_running_loop().time() > began + seconds / 2)
            redis.start()
        await workers.joined()
    ends = workers.ends()
    if set(ends) - {"ok", "warning"}:
        raise RuntimeError(f"calls failed: {ends}")
    times = sorted(entry.at for entry in requests(emulator))
    first, last = times[0] + RATE.per, times[0] + max(seconds * 0.9, RATE.per + 1)
    found = {
        "used": sum(first <= each < last for each in times) / (last - first) / RATE.calls * RATE.per,
        "most in any window / n": most_in_any(RATE.per, times) / RATE.calls,
        "token requests": emulator.journal.requests(TOKEN_PATH),
    }
    if not restarts:  # it begins to count anew
        found["commands for a permit"] = (redis.calls("evalsha") + redis.calls("eval")) / len(times)
    return found


def the_same(processes: int, seconds: float, *, restarts: bool = False) -> dict[str, float]:
    scenario = Scenario(
        workers=processes,
        seconds=seconds,
        calls=RATE.calls,
        per=RATE.per,
        concurrency=AT_ONCE,
        latency=0.005,
        away=(seconds / 3, seconds / 6) if restarts else None,
        share=1 / processes,
    )
    return Model(scenario).run()


async def stops(redis: RedisServer, trials: int) -> list[float]:
    """Return the milliseconds after each 429 until the last request of any of 8 processes, by the server's clock."""
    redis.ask("FLUSHALL")
    faults = ",".join(f"429@at={150 + 20 * number};retry_after=1" for number in range(trials))
    emulator = Emulator(learners=1, courses=1, faults=faults)
    async with emulator.serve() as url:
        workers = Workers(8, url, redis.url, calls=AT_ONCE, seconds=2 + 1.25 * trials, rate=RATE)
        await workers.together()
        await workers.joined()
    received = requests(emulator)
    times = [entry.at for entry in received]
    refused = [entry.at for entry in received if entry.status == 429]
    return [1000 * (max((at for at in times if stop < at < stop + 1), default=stop) - stop) for stop in refused]


async def measured(*, quick: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    figures, raw = [], {}
    redis = RedisServer()
    redis.start()
    try:
        runs = [(count, False) for count in (1, 2, 4, 8)] + [(4, True)]
        for processes, restarts in runs:
            seconds = (3.0 if quick else 10.0) * (2 if restarts else 1)
            found = await real(redis, processes, seconds, restarts=restarts)
            model = the_same(processes, seconds, restarts=restarts)
            name = f"{processes} real processes" + (", Redis restarted" if restarts else "")
            raw[name] = {"real": found, "model": model}
            figures += [
                figure(f"{name}: {key}", value, "", noise=f"model {model[key]:.3g}") for key, value in found.items()
            ]
        late = sorted(await stops(redis, 3 if quick else 40))
    finally:
        redis.stop()
    raw["ms until a 429 has stopped 8 processes"] = late
    name = f"{len(late)} times a 429: ms until the last request of 8 real processes"
    in_time = sum(each <= 50 for each in late) / len(late)
    figures += [
        figure(f"{name}, median", median(late), ""),
        figure(f"{name}, part of them within 50 ms", in_time, ""),
        at_most(f"{name}, most", late[-1], 50.0),
    ]
    return figures, raw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    figures, raw = modelled()
    more, raw_of_real = asyncio.run(measured(quick=quick))
    finish(figures + more, {**raw, **raw_of_real})


if __name__ == "__main__":
    main()
