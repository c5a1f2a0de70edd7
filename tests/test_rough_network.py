"""Thousands of calls over a rough network: nothing twice, nothing lost in silence, no storm."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from attrs import define, evolve, field

from aoclient.action import Effect
from aoclient.errors import AoError, ConnectError, ReadError
from aoclient.senders.retry_rule import Quota
from aoclient.settings import RetryPolicy
from aoclient.wire import Request, Response
from tests.kit.calls import over_limiter, request
from tests.kit.clock import run
from tests.kit.scripted import Scripted, response

if TYPE_CHECKING:
    from aoclient.senders.retrying import Retrying

READS, ADDS = Effect.READS, Effect.ADDS


@define(eq=False)
class Rough:
    """A server behind a rough network; ``applied`` is its journal.

    Attributes:
        part: Part of the requests that meet a fault.
    """

    rng: random.Random
    part: float
    applied: dict[str, int] = field(factory=dict)
    lost: int = 0

    async def send(self, sent: Request) -> Response:
        await asyncio.sleep(self.rng.random() / 10)
        key = sent.body.decode()
        if self.rng.random() >= self.part:
            self.applied[key] = self.applied.get(key, 0) + 1
            return response([])
        fault = self.rng.choice(["close before read", "apply, then drop", "apply, then 500", "429", "503", "refuse"])
        if fault.startswith("apply"):
            self.applied[key] = self.applied.get(key, 0) + 1
        if fault == "refuse":
            raise ConnectError("refused")
        if fault in {"429", "503"}:
            return response({"message": ""}, int(fault), {"retry-after": "1"})
        self.lost += 1
        if fault == "apply, then 500":
            return response({"message": "Server Error"}, 500)
        raise ReadError("closed")


async def outcomes(sender: Retrying, effect: Effect, count: int, workers: int = 50) -> dict[str, str]:
    ended: dict[str, str] = {}
    keys = iter(range(count))

    async def work() -> None:
        for key in keys:
            sent = evolve(request(effect), body=str(key).encode())
            try:
                await sender.send(sent)
            except AoError as error:
                ended[str(key)] = type(error).__name__
            else:
                ended[str(key)] = "ok"

    await asyncio.gather(*(work() for _ in range(workers)))
    return ended


def test_nothing_that_adds_is_applied_twice_and_every_loss_is_said():
    server = Rough(random.Random(11), 0.2)
    ended = run(outcomes(over_limiter(server, max_concurrency=50), ADDS, 4000))
    assert set(server.applied.values()) == {1}
    assert all(server.applied.get(key) == 1 for key, how in ended.items() if how == "ok")
    assert list(ended.values()).count("OutcomeUnknownError") == server.lost > 200
    others = [key for key, how in ended.items() if how not in {"ok", "OutcomeUnknownError"}]
    assert not any(key in server.applied for key in others)


def test_reads_survive_a_rough_network():
    ended = run(outcomes(over_limiter(Rough(random.Random(12), 0.2), max_concurrency=50), READS, 6000))
    assert len(ended) == 6000
    assert sum(how != "ok" for how in ended.values()) <= 0.003 * 6000


@pytest.mark.parametrize(
    "step", [ConnectError("refused"), response({}, 503), response({}, 500)], ids=["refused", "503", "500"]
)
def test_a_total_outage_makes_no_storm(step):
    quota = Quota()
    inner = Scripted([step], takes=0.05)
    sender = over_limiter(inner, policy=RetryPolicy(attempts=3), quota=quota, max_concurrency=100)
    ended = run(outcomes(sender, READS, 5000, workers=100))
    assert len(inner.requests) <= 1.05 * len(ended)
    assert quota.level == 0


def test_the_quota_is_within_its_bounds_under_a_thousand_callers():
    levels = set()

    class Watched(Quota):
        def take(self, cost: int) -> bool:
            taken = super().take(cost)
            levels.add(self.level)
            return taken

        def give_back(self, cost: int) -> None:
            super().give_back(cost)
            levels.add(self.level)

    server = Rough(random.Random(13), 0.6)
    run(outcomes(over_limiter(server, quota=Watched(), max_concurrency=1000), READS, 3000, workers=1000))
    assert 0 <= min(levels) < 50
    assert max(levels) <= 500
