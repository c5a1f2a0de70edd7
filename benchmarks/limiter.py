"""The rate as the server counts it, and what 100 000 queued calls do to the loop."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from bisect import bisect_left
from typing import Any
from urllib.request import urlopen

from measure import at_least, at_most, child, figure, finish, server

from aoclient import Rate
from aoclient.action import Effect
from aoclient.senders.limited import Limited
from aoclient.wire import Request, Response

LATENCY, JITTER = 20.0, 60.0  # milliseconds


def most_in_a_window(times: list[float], per: float) -> int:
    """Return the most calls in any window, both of its ends included."""
    times = sorted(times)
    return max(at + 1 - bisect_left(times, moment - per) for at, moment in enumerate(times))


def used(times: list[float], per: float) -> float:
    """Return the calls in a window on average, the first window and the last moments left out."""
    times = sorted(times)
    first, last = times[0] + per, times[-1] - per / 10
    return sum(first <= each < last for each in times) / (last - first) * per


def over_http(calls: int, *, quick: bool) -> tuple[list[dict[str, Any]], object]:
    latency = (LATENCY + JITTER / 2) / 1000
    concurrency = min(256, max(8, round(4 * calls * latency)))
    job = {"job": "paced", "rate": calls, "concurrency": concurrency, "seconds": 2.5 if quick else 6, "uvloop": True}
    with server(latency=LATENCY, jitter=JITTER) as base:
        child("ours.py", json.dumps({"base": base, **job}))
        times = json.load(urlopen(f"{base}/times"))["times"]
    ideal = calls / (1 + latency)
    name = f"limiter, {calls} per s"
    return [
        at_most(f"{name}: most in any window / n", most_in_a_window(times, 1.0) / calls, 1.0),
        at_least(f"{name}: used / (n p / (p + latency))", used(times, 1.0) / ideal, 0.98),
    ], {"calls": len(times), "used of n": used(times, 1.0) / calls}


def request() -> Request:
    return Request(name="learners", effect=Effect.READS, body=b"", read=lambda _: None)


class Counting:
    """Counts each request somewhere between its start and its answer."""

    def __init__(self, latency: float) -> None:
        self.times: list[float] = []
        self._latency = latency

    async def send(self, _: Request) -> Response:
        await asyncio.sleep(self._latency * (len(self.times) * 7 % 10) / 10)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self._latency * 0.1)
        return Response(200, {}, b"")


async def a_minute(calls: int, per: float) -> list[float]:
    server_side = Counting(0.3)
    limited = Limited(server_side, rate=Rate(calls, per=per), max_concurrency=16)
    waiting = iter(range(calls * 8))

    async def work() -> None:
        for _ in waiting:
            await limited.send(request())

    await asyncio.gather(*(work() for _ in range(16)))
    return server_side.times


def on_virtual_time() -> tuple[list[dict[str, Any]], object]:
    from tests.kit import clock

    times = clock.run(a_minute(60, 60.0))
    ideal = 60 * 60 / (60 + 0.165)
    name = "limiter, 60 per minute, virtual time"
    return [
        at_most(f"{name}: most in any window / n", most_in_a_window(times, 60.0) / 60, 1.0),
        at_least(f"{name}: used / (n p / (p + latency))", used(times, 60.0) / ideal, 0.98),
    ], {"calls": len(times)}


async def stalls(queued: int, seconds: float) -> dict[str, float]:
    """Queue so many calls, let some through, and look how late the loop is at worst."""
    limited = Limited(Counting(0.02), rate=Rate(2000, per=1.0), max_concurrency=64)
    worst = {"queueing": 0.0, "passing": 0.0}
    phase = "queueing"

    async def heartbeat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0)
            worst[phase] = max(worst[phase], time.perf_counter() - began)
            await asyncio.sleep(0.0005)

    beating = asyncio.create_task(heartbeat())
    tasks: list[asyncio.Task[Response]] = []
    while len(tasks) < queued:
        tasks += [asyncio.create_task(limited.send(request())) for _ in range(100)]
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    phase = "passing"
    before = sum(each.done() for each in tasks)
    await asyncio.sleep(seconds)
    passed = sum(each.done() for each in tasks) - before
    phase = "closing"
    worst[phase] = 0.0
    beating.cancel()
    await limited.aclose()
    await asyncio.gather(*tasks, beating, return_exceptions=True)
    return {**worst, "passed": passed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    parts = [over_http(calls, quick=quick) for calls in ((20, 500) if quick else (20, 100, 500, 2000))]
    parts.append(on_virtual_time())
    figures = [each for found, _ in parts for each in found]
    queued = 5_000 if quick else 100_000
    late = [child("limiter.py", "stalls", queued, 1 if quick else 3) for _ in range(1 if quick else 3)]
    worst = sorted(each["passing"] for each in late)[len(late) // 2] * 1000
    figures.append(at_most(f"limiter, {queued} calls queued: longest stall of the loop, ms", worst, 10.0))
    queueing = sorted(each["queueing"] for each in late)[len(late) // 2] * 1000
    figures.append(figure(f"limiter, {queued} calls queued: longest stall while 100 come at once, ms", queueing, ""))
    finish(figures, [raw for _, raw in parts] + [late])


if __name__ == "__main__":
    if sys.argv[1:2] == ["stalls"]:
        print(json.dumps(asyncio.run(stalls(int(sys.argv[2]), float(sys.argv[3])))))
    else:
        main()
