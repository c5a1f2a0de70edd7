"""The limiter behind a gate that several processes share."""

from __future__ import annotations

import asyncio
import math

import pytest
from attrs import define, field

from aoclient.errors import ClientClosedError
from aoclient.senders.limited import Limited
from aoclient.settings import Rate
from tests.kit.clock import run
from tests.kit.counting import assert_nothing_is_left, now, request
from tests.kit.scripted import Scripted, response


@define(eq=False)
class Gate:
    """Let calls through ``gap`` seconds apart, and note what it was asked."""

    gap: float = 0.0
    held_until: float = -math.inf
    asked: list[tuple[int, float, float]] = field(factory=list)
    out: set[str] = field(factory=set)
    left: list[tuple[float, float]] = field(factory=list)
    undone: int = 0
    refused: list[float] = field(factory=list)
    closed: bool = False

    async def enter(self, calls: int, per: float, *, within: float) -> str | None:
        self.asked.append((calls, per, within))
        if self.held_until > now():
            return None
        await asyncio.sleep(self.gap)
        permit = f"permit {len(self.asked)}"
        self.out.add(permit)
        return permit

    def leave(self, permit: str, *, after: float) -> None:
        self.out.remove(permit)
        self.left.append((now(), after))

    def undo(self, permit: str) -> None:
        self.out.discard(permit)
        self.undone += 1

    def refuse(self, seconds: float) -> None:
        self.refused.append(seconds)

    def close(self) -> None:
        self.closed = True


def limited(inner: object, gate: Gate, rate: Rate | None = None, max_concurrency: int = 10) -> Limited:
    return Limited(inner, rate=rate, max_concurrency=max_concurrency, gate=gate)


def test_calls_come_to_the_gate_one_at_a_time_and_give_back_what_they_got():
    gate = Gate(gap=1.0)
    inner = Scripted([response()], takes=5.0)

    async def main() -> None:
        sender = limited(inner, gate)
        await asyncio.gather(*(sender.send(request()) for _ in range(3)))
        assert_nothing_is_left(sender)

    run(main())
    assert inner.times == [1.0, 2.0, 3.0]
    assert gate.asked == [(0, 0.0, 120.0)] * 3
    assert gate.left == [(6.0, 0.0), (7.0, 0.0), (8.0, 0.0)]
    assert gate.out == set()


def test_the_gate_is_told_the_rate_and_spreads_in_place_of_the_limiter():
    gate = Gate()
    inner = Scripted([response()])

    async def main() -> None:
        sender = limited(inner, gate, Rate(60, 30))
        await asyncio.gather(*(sender.send(request()) for _ in range(60)))

    run(main())
    assert gate.asked == [(60, 30, 120.0)] * 60
    assert inner.times[-1] < 0.001


def test_one_process_alone_keeps_the_rate_whatever_the_gate_lets_through():
    inner = Scripted([response()])

    async def main() -> None:
        sender = limited(inner, Gate(), Rate(5, 10))
        await asyncio.gather(*(sender.send(request()) for _ in range(10)))

    run(main())
    assert [moment < 5 for moment in inner.times] == [True] * 5 + [False] * 5
    assert inner.times[5] >= 10


def test_the_gate_is_told_what_the_headers_told():
    gate = Gate()

    async def main() -> None:
        sender = limited(Scripted([response(headers={"x-ratelimit-limit": "30"})]), gate)
        await sender.send(request())
        await sender.send(request())

    run(main())
    assert [each[:2] for each in gate.asked] == [(0, 0.0), (30, 60.0)]


def test_a_429_met_here_is_told_to_the_others():
    gate = Gate()
    inner = Scripted([response(status=429, headers={"retry-after": "7"}), response()])

    async def main() -> None:
        sender = limited(inner, gate)
        await sender.send(request())
        await sender.send(request())

    run(main())
    assert gate.refused == [7.0]
    assert inner.times == [0.0, 7.0]


def test_a_429_met_by_another_process_holds_the_queue_back_and_the_order_stays():
    gate = Gate(held_until=10.0)
    order = []

    async def call(sender: Limited, name: str, priority: int) -> None:
        await sender.send(request(priority))
        order.append((name, now()))

    async def main() -> None:
        sender = limited(Scripted([response()]), gate)
        bulk = asyncio.create_task(call(sender, "bulk", 5))
        await asyncio.sleep(1.0)
        await call(sender, "urgent", 0)
        await bulk
        assert_nothing_is_left(sender)

    run(main())
    assert [name for name, _ in order] == ["urgent", "bulk"]
    assert [moment for _, moment in order] == [pytest.approx(10.0), pytest.approx(10.0)]


def test_a_turn_that_is_lost_to_a_429_gives_its_permit_back():
    gate = Gate(gap=1.0)
    inner = Scripted([response(status=429, headers={"retry-after": "7"}), response()], takes=0.5)

    async def main() -> None:
        sender = limited(inner, gate)
        await asyncio.gather(*(sender.send(request()) for _ in range(2)))
        assert_nothing_is_left(sender)

    run(main())
    assert gate.undone == 1
    assert gate.out == set()
    assert inner.times == [1.0, pytest.approx(9.5)]


def test_a_cancelled_request_gives_its_permit_back_as_if_it_were_still_on_its_way():
    gate = Gate()

    async def main() -> None:
        sender = limited(Scripted([response()], takes=5.0), gate)
        task = asyncio.create_task(sender.send(request()))
        asyncio.get_running_loop().call_later(2.0, task.cancel)
        await asyncio.wait([task])

    run(main())
    assert gate.left == [(2.0, 1.0)]


def test_a_call_cancelled_at_the_gate_passes_the_turn_on():
    gate = Gate(gap=1.0)

    async def main() -> float:
        sender = limited(Scripted([response()]), gate)
        tasks = [asyncio.create_task(sender.send(request())) for _ in range(2)]
        asyncio.get_running_loop().call_later(0.5, tasks[0].cancel)
        await asyncio.wait(tasks)
        assert_nothing_is_left(sender)
        return now()

    assert run(main()) == 1.5


def test_closing_closes_the_gate_and_who_comes_through_it_is_told():
    gate = Gate(gap=1.0)
    inner = Scripted([response()])

    async def main() -> None:
        sender = limited(inner, gate)
        task = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(0.5)
        await sender.aclose()
        with pytest.raises(ClientClosedError):
            await task
        assert_nothing_is_left(sender)

    run(main())
    assert gate.closed
    assert (inner.requests, gate.out) == ([], set())


def test_a_hold_that_another_process_met_is_told_to_whoever_waits_here():
    gate = Gate()

    async def main() -> None:
        sender = limited(Scripted([response()]), gate, Rate(1, 5))
        await sender.send(request())
        waiting = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(0)
        gate.held_until = now() + 30
        assert sender.held_for == pytest.approx(30)
        await waiting

    run(main())
