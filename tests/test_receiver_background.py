"""Events handled in the background: in which context, side by side, and given up when the receiver is closed."""

import asyncio
from contextvars import ContextVar

import pytest

from aoclient.receivers import Receiver
from aoclient.webhooks import Event
from tests.kit.clock import run
from tests.kit.receiving import SECRET, body, deliver

VALUE = ContextVar("VALUE", default="")


def test_events_of_one_turn_are_handled_in_the_contexts_of_their_requests():
    async def main():
        receiver, seen = Receiver(SECRET), []

        @receiver.on(Event)
        async def note(event):
            seen.append((event.id, VALUE.get()))
            VALUE.set("of another event")

        async def send(event_id):
            VALUE.set(f"request {event_id}")
            return await deliver(receiver, body(event_id))

        async with receiver:
            await asyncio.gather(*map(send, "abc"))
        return seen

    assert run(main()) == [(each, f"request {each}") for each in "abc"]


def test_a_handler_that_cancels_its_task_meets_no_other_event():
    async def main():
        handled, given_up = [], []
        receiver = Receiver(SECRET, attempts=1, on_error=lambda event, _: given_up.append(event.id))

        @receiver.on(Event)
        async def note(event):
            if event.id == "b":
                asyncio.current_task().cancel()
            await asyncio.sleep(1)
            handled.append(event.id)

        async with receiver:
            await asyncio.gather(*(deliver(receiver, body(each)) for each in "abc"))
        return handled, given_up

    assert run(main()) == (["a", "c"], ["b"])


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("before", [0, 10], ids=["before they have begun", "while they wait"])
def test_a_receiver_whose_closing_is_cancelled_at_once_still_gives_up_every_event(times, before):
    async def main():
        given_up = []
        receiver = Receiver(SECRET, on_error=lambda event, error: given_up.append((event.id, type(error).__name__)))

        @receiver.on(Event)
        async def wait(_):
            await asyncio.sleep(3600)

        await receiver.__aenter__()
        for each in "abc":
            await deliver(receiver, body(each))
        for _ in range(before):
            await asyncio.sleep(0)
        closing = asyncio.create_task(receiver.aclose())
        for _ in range(times):
            await asyncio.sleep(0)
            closing.cancel()
        await asyncio.wait([closing])
        return given_up, len(asyncio.all_tasks())

    assert run(main()) == ([(each, "ClientClosedError") for each in "abc"], 1)


def test_an_event_that_just_came_is_given_up_when_the_time_to_drain_is_over():
    async def main():
        given_up = []
        receiver = Receiver(SECRET, drain_timeout=0, on_error=lambda event, _: given_up.append(event.id))

        @receiver.on(Event)
        async def wait(_):
            await asyncio.sleep(3600)

        async with receiver:
            assert await deliver(receiver, body("a")) == 200
        return given_up

    assert run(main()) == ["a"]
