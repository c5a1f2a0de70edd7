"""Work in the background: which tasks it shares, and that nobody can tell that it does."""

import asyncio
from contextvars import ContextVar

import pytest

from aoclient.receivers import Receiver
from aoclient.receivers.runners import Runners
from aoclient.webhooks import Event
from tests.kit.clock import run
from tests.kit.receiving import SECRET, body, deliver

VALUE = ContextVar("VALUE", default="")


def noting(tasks, wait=None):
    """Return work that notes its task, and then may wait."""

    async def work():
        tasks.append(asyncio.current_task())
        if wait is not None:
            await wait()
            tasks.append(asyncio.current_task())

    return work()


async def turns(number=10):
    for _ in range(number):
        await asyncio.sleep(0)


def test_work_that_does_not_wait_shares_a_task():
    async def main():
        runners, tasks = Runners(), []
        for _ in range(5):
            runners.start(noting(tasks))
        assert tasks == []  # nothing begins before the next turn
        await turns()
        return tasks, runners._tasks

    tasks, left = run(main())
    assert (len(tasks), len(set(tasks)), left) == (5, 1, {})


def test_work_that_waits_has_a_task_of_its_own_and_holds_up_nobody():
    async def main():
        runners, tasks, gate = Runners(), [], asyncio.Event()
        for _ in range(4):
            runners.start(noting(tasks, gate.wait))
        await turns()
        assert len(tasks) == len(set(tasks)) == 4  # all have begun
        runners.start(noting(tasks))
        await turns()
        gate.set()
        await turns()
        return tasks, runners._tasks

    tasks, left = run(main())
    assert (len(tasks), len(set(tasks)), left) == (9, 5, {})
    assert sorted(map(id, tasks[:4])) == sorted(map(id, tasks[5:]))  # each goes on in its own


def test_a_task_takes_nothing_more_once_its_work_has_waited():
    async def main():
        runners, tasks = Runners(), []

        async def nap():
            await asyncio.sleep(0)
            runners.start(noting(tasks))

        runners.start(noting(tasks, nap))
        await turns()
        return tasks

    first, again, second = run(main())
    assert first is again is not second


def test_work_that_cancels_its_task_meets_nobody_else():
    async def main():
        runners, tasks = Runners(), []

        async def rude():
            tasks.append(asyncio.current_task())
            asyncio.current_task().cancel()

        runners.start(rude())
        runners.start(noting(tasks, lambda: asyncio.sleep(0)))
        await turns()
        return tasks

    rude, polite, to_its_end = run(main())
    assert rude is not polite is to_its_end


def test_each_work_has_the_context_it_was_started_in_and_keeps_its_changes_to_itself():
    async def main():
        runners, seen = Runners(), []

        async def work(waits):
            seen.append(VALUE.get())
            VALUE.set(VALUE.get() + "!")
            if waits:
                await asyncio.sleep(0)
                seen.append(VALUE.get())

        for name, waits in (("a", False), ("b", True), ("c", False)):
            VALUE.set(name)
            runners.start(work(waits))
        await turns()
        return seen, VALUE.get()

    seen, after = run(main())
    assert (sorted(seen), after) == (["a", "b", "b!", "c"], "c")


def test_what_is_awaited_ends_in_the_work():
    async def main():
        runners, ended = Runners(), []

        async def work(seconds):
            try:
                async with asyncio.timeout(2):
                    ended.append(await asyncio.sleep(seconds, "slept"))
            except TimeoutError:
                ended.append("timed out")

        for seconds in (1, 3):
            runners.start(work(seconds))
        await asyncio.sleep(5)
        return ended

    assert run(main()) == ["slept", "timed out"]


@pytest.mark.parametrize("before", [0, 10], ids=["before it has begun", "while it waits"])
def test_cancelling_reaches_all_work(before):
    async def main():
        runners, told = Runners(), []

        async def work():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
                told.append(True)

        for _ in range(5):
            runners.start(work())
        await turns(before)
        await runners.cancel()
        return told, runners._tasks

    assert run(main()) == ([True] * 5, {})


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


def test_a_receiver_whose_closing_is_cancelled_at_once_still_gives_up_every_event():
    async def main():
        given_up = []
        receiver = Receiver(SECRET, on_error=lambda event, error: given_up.append((event.id, type(error).__name__)))

        @receiver.on(Event)
        async def wait(_):
            await asyncio.sleep(3600)

        await receiver.__aenter__()
        for each in "abc":
            await deliver(receiver, body(each))
        closing = asyncio.create_task(receiver.aclose())
        asyncio.get_running_loop().call_soon(closing.cancel)
        await asyncio.wait([closing])
        return given_up

    assert run(main()) == [(each, "ClientClosedError") for each in "abc"]
