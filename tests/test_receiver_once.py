"""Each event once: the same one many times, across a restart, and a day of deliveries of which much goes wrong."""

import asyncio
import logging
import random
from collections import Counter

import pytest

from aoclient.receivers import MemoryStore, Receiver, SQLiteStore
from aoclient.webhooks import Event
from tests.kit.clock import run
from tests.kit.receiving import SECRET, Keeping, body, deliver, signed


async def many_times(receiver, payload, *, times=1000, tasks=50):
    """Deliver the same event from many tasks and return how often each status came."""
    left = iter(range(times))
    statuses = Counter()

    async def send():
        for _ in left:
            statuses[await deliver(receiver, payload)] += 1

    await asyncio.gather(*(send() for _ in range(tasks)))
    return statuses


def slowly(keeping):
    async def handle(event):
        await asyncio.sleep(0)
        await keeping(event)

    return handle


@pytest.mark.parametrize("wait", [False, True], ids=["background", "wait"])
def test_the_same_event_1000_times_from_50_tasks_is_handled_once(wait):
    async def main():
        keeping = Keeping()
        receiver = Receiver(SECRET, wait=wait)
        receiver.on(Event)(slowly(keeping))
        async with receiver:
            statuses = await many_times(receiver, body())
        return statuses, keeping.calls

    assert run(main()) == ({200: 1000}, ["e1"])


@pytest.mark.parametrize("wait", [False, True], ids=["background", "wait"])
def test_it_is_handled_once_across_a_restart_with_sqlite(tmp_path, wait):
    keeping = Keeping()

    async def life():
        receiver = Receiver(SECRET, wait=wait, store=SQLiteStore(tmp_path / "once.db"))
        receiver.on(Event)(slowly(keeping))
        async with receiver:
            return await many_times(receiver, body(), times=500)

    assert [asyncio.run(life()) for _ in range(2)] == [{200: 500}, {200: 500}]
    assert keeping.calls == ["e1"]


def test_it_is_handled_once_by_receivers_that_share_a_file(tmp_path):
    async def main():
        keeping = Keeping()
        receivers = [Receiver(SECRET, wait=True, store=SQLiteStore(tmp_path / "once.db")) for _ in range(4)]
        for receiver in receivers:
            receiver.on(Event)(slowly(keeping))
            await receiver.__aenter__()
        counts = await asyncio.gather(*(many_times(each, body(), times=250, tasks=12) for each in receivers))
        last = [await deliver(each, body()) for each in receivers]
        for receiver in receivers:
            await receiver.aclose()
        return set().union(*counts), last, keeping.calls

    statuses, last, calls = asyncio.run(main())
    assert calls == ["e1"]
    assert statuses <= {200, 503}  # 503 while another one is at it
    assert last == [200] * 4


def test_an_id_that_comes_with_another_body_is_another_event():
    async def main():
        keeping = Keeping()
        receiver = Receiver(SECRET)
        receiver.on(Event)(keeping)
        async with receiver:
            for payload in (body("e1", score="1"), body("e1", score="2"), body("e1", score="1")):
                await deliver(receiver, payload)
        return keeping.calls

    assert run(main()) == ["e1", "e1"]


def test_events_without_an_id_are_told_apart_by_their_bodies():
    async def main():
        keeping = Keeping()
        receiver = Receiver(SECRET)
        receiver.on(Event)(keeping)
        async with receiver:
            for payload in (body(""), body("", score="2"), body("")):
                await deliver(receiver, payload)
        return keeping.calls

    assert run(main()) == ["", ""]


def test_the_same_body_under_another_secret_of_the_receiver_is_the_same_event():
    async def main():
        keeping = Keeping()
        receiver = Receiver(["old", "new"])
        receiver.on(Event)(keeping)
        async with receiver:
            for secret in ("old", "new"):
                await receiver.receive(body(), signed(body(), secret))
        return keeping.calls

    assert run(main()) == ["e1"]


# --- a rough day -------------------------------------------------------------------------------------------------


class Day:
    """Many deliveries of fewer events: shuffled, doubled, late, to handlers that fail now and then.

    Each event is tried as the vendor does: at most 3 times, 10 s and 100 s apart, until a 2xx; the answer may get lost,
    so the sender tries though the event was handled.
    """

    def __init__(self, seed, *, events, fails):
        self.rng = random.Random(seed)
        self.events = [f"e{number}" for number in range(events)]
        self.fails = fails
        self.failed = Counter()
        self.handled = Counter()
        self.deliveries = 0
        self.lost = []

    async def handle(self, event):
        await asyncio.sleep(self.rng.random())
        # No event fails so often that it has no try left.
        if self.failed[event.id] < 2 and self.rng.random() < self.fails:
            self.failed[event.id] += 1
            raise RuntimeError(event.id)
        self.handled[event.id] += 1

    async def send(self, receiver, event_id):
        await asyncio.sleep(self.rng.uniform(0, 600))
        for wait in (10, 100, 0):
            payload = body(event_id)
            self.deliveries += 1
            status = await deliver(receiver, payload)
            answer_is_lost = wait and self.rng.random() < 0.1
            if status == 200 and not answer_is_lost:
                return
            await asyncio.sleep(wait)
        if status != 200:
            self.lost.append(event_id)

    async def live(self, receiver):
        receiver.on(Event)(self.handle)
        sends = [*self.events, *self.rng.choices(self.events, k=len(self.events) // 3)]
        self.rng.shuffle(sends)
        async with receiver:
            await asyncio.gather(*(self.send(receiver, event_id) for event_id in sends))


@pytest.fixture
def quiet(caplog):
    """Have no traceback written for each of the many failures."""
    caplog.set_level(logging.CRITICAL, "aoclient.receivers")


@pytest.mark.parametrize(("wait", "seed"), [(False, 1), (True, 2)], ids=["background", "wait"])
def test_of_10000_deliveries_each_event_is_handled_once_to_success(wait, seed, quiet):
    day = Day(seed, events=7000, fails=0.1)
    errors = []
    store = MemoryStore()
    receiver = Receiver(
        SECRET, wait=wait, store=store, workers=50, on_error=lambda event, _: errors.append(event.id), drain_timeout=60
    )
    run(day.live(receiver))
    assert day.deliveries >= 10_000
    assert sum(day.failed.values()) > 300
    assert day.lost == []
    assert day.handled == Counter(day.events)
    assert (len(errors) > 0) is wait
    assert len(store._done) == len(day.events)
    assert (store._leases, receiver.at_work) == ({}, 0)


def test_the_same_with_a_queue_that_is_full_now_and_then(quiet):
    day = Day(3, events=1000, fails=0.1)
    receiver = Receiver(SECRET, workers=5, queue_size=8, drain_timeout=60)
    run(day.live(receiver))
    # Three tries may all meet a full queue: the sender then knows that it was not accepted. Nothing is handled twice.
    assert set(day.handled.values()) == {1}
    assert set(day.events) - set(day.handled) <= set(day.lost)
