"""From the emulator to a handler: shuffled, sent twice, failed and tried again, every event is handled once."""

import logging
import random
from collections import Counter

import pytest

from aoclient.emulator import Emulator, Webhooks
from aoclient.receivers import Receiver
from aoclient.webhooks import Event
from tests.kit.clock import run

SECRET = "whsec-1"


@pytest.mark.parametrize(("wait", "deliveries"), [(True, 10_000), (False, 3_000)])
def test_thousands_of_deliveries_are_each_handled_once(wait, deliveries, caplog):
    caplog.set_level(logging.CRITICAL, "aoclient.receivers")  # a thousand failures are wanted
    rng = random.Random(7)
    handled, failures, statuses = Counter(), Counter(), Counter()
    receiver = Receiver(SECRET, wait=wait, queue_size=200, workers=20)

    @receiver.on(Event)
    async def handle(event):
        # The sender tries three times, so a handler that fails twice is still in time.
        if failures[event.id] < 2 and rng.random() < 0.15:
            failures[event.id] += 1
            raise RuntimeError("not now")
        handled[event.id] += 1

    async def post(body, headers):
        answer = await receiver.receive(body, headers)
        statuses[answer.status] += 1
        return answer.status

    async def main():
        emulator = Emulator(
            learners=2000,
            courses=6,
            webhooks=Webhooks(post, SECRET, concurrency=20, shuffle=5.0, duplicates=0.2, seed=3),
        )
        async with receiver, emulator.delivering():
            sent = 0
            while sent < 0.84 * deliveries:
                sent += sum((await emulator.simulate(learners=200, days=1, seed=sent)).values())
            await emulator.deliveries.settle()
        return sent

    sent = run(main())
    assert sum(statuses.values()) >= deliveries
    assert len(handled) == sent
    assert set(handled.values()) == {1}
    assert sum(failures.values()) > 0.05 * deliveries
    assert set(statuses) <= {200, 503}  # 503: the handler failed, or the queue was full; the sender came again
    assert not wait or statuses[503] == sum(failures.values())
