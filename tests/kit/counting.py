"""A server that counts requests where they arrive, and may throttle them as Laravel does."""

from __future__ import annotations

import asyncio
import math
import random
from typing import TYPE_CHECKING

from attrs import define, field

from aoclient.action import Effect
from aoclient.errors import ConnectError
from aoclient.wire import Request, Response
from tests.kit.scripted import response

if TYPE_CHECKING:
    from aoclient.senders.limited import Limited
    from aoclient.settings import Rate


def now() -> float:
    return asyncio.get_running_loop().time()


def request(priority: int = 0) -> Request:
    return Request(name="learners", effect=Effect.READS, body=b"", read=lambda _: None, priority=priority)


def assert_nothing_is_left(sender: Limited) -> None:
    assert (sender.waiting, sender.in_flight) == (0, 0)
    assert sender._queue == []
    assert sender._timer is None
    assert sender._lease is None or sender._lease.out == 0


@define(eq=False)
class Server:
    """Count each request at its arrival, somewhere between its start and its answer.

    Attributes:
        latency: Longest time from start to answer.
        throttle: A fixed window as Laravel has it: requests, seconds.
        others: Requests other programs take at the begin of each window.
        breaks: Part of the requests whose connection breaks.
    """

    rng: random.Random
    latency: tuple[float, float]
    throttle: tuple[int, float] | None = None
    others: int = 0
    breaks: float = 0.0
    arrivals: list[float] = field(factory=list)
    refused: list[float] = field(factory=list)
    begun: float = -math.inf
    used: int = 0

    async def send(self, _: Request) -> Response:
        takes = self.rng.uniform(*self.latency)
        arrives = self.rng.choice([0.0, 1.0, self.rng.random()]) * takes
        # What is on its way arrives, also when the caller goes away.
        arrival = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(arrives, self.arrive, arrival)
        await asyncio.sleep(takes)
        if self.rng.random() < self.breaks:
            raise ConnectError("broken")
        return await arrival

    def arrive(self, arrival: asyncio.Future[Response]) -> None:
        answer = self.count()
        if not arrival.done():
            arrival.set_result(answer)

    def count(self) -> Response:
        if self.throttle is None:
            self.arrivals.append(now())
            return response()
        calls, per = self.throttle
        if now() >= self.begun + per:
            self.begun, self.used = now(), self.others
        headers = {"x-ratelimit-limit": str(calls), "x-ratelimit-remaining": str(max(0, calls - self.used - 1))}
        if self.used >= calls:
            self.refused.append(now())
            return response(status=429, headers={**headers, "retry-after": str(math.ceil(self.begun + per - now()))})
        self.used += 1
        self.arrivals.append(now())
        return response(headers=headers)

    def most_in_any(self, window: float) -> int:
        times = sorted(self.arrivals)
        most = first = 0
        for last, time in enumerate(times):
            while times[first] < time - window:
                first += 1
            most = max(most, last - first + 1)
        return most

    def part_used(self, rate: Rate, windows: int) -> float:
        return sum(time < windows * rate.per for time in self.arrivals) / (rate.calls * windows)


async def saturate(sender: Limited, seconds: float, workers: int) -> None:
    async def work() -> None:
        while now() < seconds:
            await sender.send(request())

    await asyncio.gather(*(work() for _ in range(workers)))
