"""The limiter: what the server counts, who goes first, and what a cancelled call leaves behind."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient.errors import ClientClosedError, ConnectError
from aoclient.senders.limited import Limited
from aoclient.settings import Rate
from tests.kit.clock import run
from tests.kit.counting import Server, assert_nothing_is_left, now, request, saturate
from tests.kit.scripted import Scripted, response

if TYPE_CHECKING:
    from aoclient.wire import Request, Response


def limited(inner: object, rate: Rate | None = None, max_concurrency: int = 10) -> Limited:
    return Limited(inner, rate=rate, max_concurrency=max_concurrency)


# --- the rate ----------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    calls=st.integers(1, 40),
    per=st.sampled_from([1.0, 2.5, 60.0]),
    latency=st.floats(0.0, 0.9),
    max_concurrency=st.integers(1, 60),
    seed=st.integers(0, 2**32),
)
def test_the_server_never_counts_more_than_the_rate_in_any_window(calls, per, latency, max_concurrency, seed):
    rng = random.Random(seed)
    server = Server(rng, (0.0, latency), breaks=0.1)
    sender = limited(server, Rate(calls, per), max_concurrency)

    async def call() -> None:
        await asyncio.sleep(rng.choice([0.0, rng.random() * 4 * per]))
        task = asyncio.create_task(sender.send(request(rng.randrange(3))))
        if rng.random() < 0.2:
            asyncio.get_running_loop().call_later(rng.random() * 2 * per, task.cancel)
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None or isinstance(task.exception(), ConnectError)

    async def main() -> None:
        await asyncio.gather(*(call() for _ in range(5 * calls)))
        await asyncio.sleep(1)

    run(main())
    assert 0 < server.most_in_any(per) <= calls
    assert_nothing_is_left(sender)


@pytest.mark.parametrize(
    ("calls", "per"), [(1, 1), (2, 1), (3, 1), (20, 1), (500, 1), (2000, 1), (1, 60), (7, 10), (60, 60), (2000, 60)]
)
def test_at_least_97_percent_of_the_rate_is_used_from_a_cold_start(calls, per):
    rate = Rate(calls, per)
    windows = 20 if calls < 1000 else 5
    max_concurrency = max(10, calls // 10)
    server = Server(random.Random(1), (0.01, 0.03))
    run(saturate(limited(server, rate, max_concurrency), windows * per, max_concurrency + 5))
    assert server.most_in_any(per) <= calls
    assert server.part_used(rate, windows) >= 0.97


@pytest.mark.parametrize(("calls", "per"), [(100_000, 1), (1000, 0.001), (30, 0.01)])
def test_permits_that_are_due_in_one_millisecond_pass_together_and_never_more_than_the_rate(calls, per):
    server = Server(random.Random(1), (0.001, 0.003))
    run(saturate(limited(server, Rate(calls, per), 100), 0.2, 110))
    assert len(server.arrivals) > 100
    assert server.most_in_any(per) <= calls


def test_a_loop_whose_turns_are_long_costs_no_rate():
    """On a busy machine a turn takes a millisecond, in which two calls are due: they have to go together."""
    rate = Rate(2000, 1)
    server = Server(random.Random(1), (0.03, 0.05))
    run(saturate(limited(server, rate, 256), 3, 260), turn=0.001)
    assert server.most_in_any(1) <= 2000
    assert server.part_used(rate, 3) >= 0.97


def test_the_latency_costs_its_part_of_the_window_and_no_more():
    server = Server(random.Random(1), (0.1, 0.1))
    run(saturate(limited(server, Rate(100, 1), 50), 20, 60))
    assert server.most_in_any(1) <= 100
    assert server.part_used(Rate(100, 1), 20) >= 1 / 1.1 - 0.005


def test_a_tenth_of_a_rate_may_go_at_once_and_the_rest_is_spread():
    inner = Scripted([response()])

    async def main() -> None:
        sender = limited(inner, Rate(60, 60), 100)
        await asyncio.gather(*(sender.send(request()) for _ in range(180)))

    run(main())
    assert inner.times[5] < 0.001
    gaps = [later - earlier for earlier, later in zip(inner.times[6:], inner.times[7:], strict=False)]
    assert max(gaps) < 10


def test_a_cancelled_request_is_counted_as_if_it_were_still_on_its_way():
    inner = Scripted([response()], takes=1.0)

    async def main() -> None:
        sender = limited(inner, Rate(1, 1))
        task = asyncio.create_task(sender.send(request()))
        asyncio.get_running_loop().call_later(0.25, task.cancel)
        await asyncio.wait([task])
        await sender.send(request())

    run(main())
    assert inner.times == [0.0, pytest.approx(0.25 + 2, abs=0.01)]


def test_without_a_rate_only_the_concurrency_limits():
    inner = Scripted([response()], takes=1.0)

    async def main() -> None:
        sender = limited(inner, max_concurrency=7)
        await asyncio.gather(*(sender.send(request()) for _ in range(21)))
        assert_nothing_is_left(sender)

    run(main())
    assert inner.most_in_flight == 7
    assert inner.times == [0.0] * 7 + [1.0] * 7 + [2.0] * 7


# --- the order ---------------------------------------------------------------------------------------------------


def test_calls_go_by_priority_and_then_in_the_order_they_came():
    order = []
    inner = Scripted([response()], takes=1.0)

    async def call(sender: Limited, name: str, priority: int) -> None:
        await sender.send(request(priority))
        order.append(name)

    async def main() -> None:
        sender = limited(inner, max_concurrency=1)
        given = [("first", 5), ("bulk 1", 5), ("bulk 2", 5), ("urgent 1", -1), ("plain", 0), ("urgent 2", -1)]
        await asyncio.gather(*(call(sender, *each) for each in given))

    run(main())
    assert order == ["first", "urgent 1", "urgent 2", "plain", "bulk 1", "bulk 2"]


def test_who_comes_when_the_loop_was_busy_does_not_overtake():
    order = []

    async def call(sender: Limited, name: str) -> None:
        await sender.send(request())
        order.append(name)

    async def main() -> None:
        sender = limited(Scripted([response()]), Rate(1, 1))
        await call(sender, "first")
        second = asyncio.create_task(call(sender, "second"))
        await asyncio.sleep(0.5)
        asyncio.get_running_loop()._jumping.now += 1  # no timer could fire
        await call(sender, "third")
        await second

    run(main())
    assert order == ["first", "second", "third"]


@pytest.mark.parametrize("moment", [52.0, 61.5, 150.0])
def test_an_interactive_call_does_not_wait_behind_ten_thousand(moment):
    async def main() -> float:
        sender = limited(Scripted([response()], takes=0.1), Rate(60, 60))
        bulk = [asyncio.create_task(sender.send(request(10))) for _ in range(10_000)]
        await asyncio.sleep(moment)
        asked = now()
        await sender.send(request(0))
        waited = now() - asked
        for task in bulk:
            task.cancel()
        await asyncio.wait(bulk)
        assert_nothing_is_left(sender)
        return waited

    assert run(main()) < 10


# --- going away --------------------------------------------------------------------------------------------------


def test_calls_cancelled_at_any_moment_leave_nothing_behind():
    rng = random.Random(3)
    inner = Scripted([response()], takes=0.3)

    async def main() -> None:
        sender = limited(inner, Rate(50, 1), 5)
        tasks = [asyncio.create_task(sender.send(request(rng.randrange(2)))) for _ in range(2000)]
        for task in rng.sample(tasks, 1900):
            asyncio.get_running_loop().call_later(rng.random() * 3, task.cancel)
        await asyncio.wait(tasks)
        assert_nothing_is_left(sender)
        await asyncio.gather(*(sender.send(request()) for _ in range(50)))

    run(main())
    assert inner.most_in_flight == 5


@pytest.mark.parametrize("steps", range(8))
def test_a_call_cancelled_at_any_step_leaves_nothing_behind(steps):
    async def main() -> None:
        sender = limited(Scripted([response()]), Rate(2, 1), 1)
        tasks = [asyncio.create_task(sender.send(request())) for _ in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert_nothing_is_left(sender)
        await asyncio.gather(*(sender.send(request()) for _ in range(5)))

    run(main())


@pytest.mark.parametrize("rate", [None, Rate(10, 1)])
def test_a_call_cancelled_in_the_tick_of_its_turn_passes_the_turn_on(rate):
    inner = Scripted([response()])

    async def main() -> None:
        sender = limited(inner, rate, 1)
        tasks: list[asyncio.Task[Response]] = []

        def cancel_second(_: Request) -> Response:
            asyncio.get_running_loop().call_soon(tasks[1].cancel)
            return response()

        inner.steps = [cancel_second, response()]
        tasks += [asyncio.create_task(sender.send(request())) for _ in range(3)]
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [False, True, False]
        assert_nothing_is_left(sender)

    run(main())
    assert len(inner.requests) == 2


def test_a_cancelled_waiter_at_the_head_of_a_long_queue_is_passed_over():
    inner = Scripted([response()], takes=1.0)

    async def main() -> None:
        sender = limited(inner, max_concurrency=1)
        tasks = [asyncio.create_task(sender.send(request())) for _ in range(10)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert_nothing_is_left(sender)

    run(main())
    assert len(inner.requests) == 9


def test_who_waits_when_it_is_closed_is_told_so():
    inner = Scripted([response()], takes=1.0)

    async def main() -> None:
        sender = limited(inner, Rate(1, 10))
        tasks = [asyncio.create_task(sender.send(request())) for _ in range(9)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()  # it is not run before the sender is closed, nor is the next one
        await sender.aclose()
        tasks[2].cancel()
        await asyncio.wait(tasks)
        assert tasks[0].result().status == 200
        assert [task.cancelled() for task in tasks[1:3]] == [True, True]
        assert {type(task.exception()) for task in tasks[3:]} == {ClientClosedError}
        with pytest.raises(ClientClosedError):
            await sender.send(request())
        assert_nothing_is_left(sender)

    run(main())


def test_who_waits_for_its_even_turn_when_it_is_closed_is_told_so_and_not_sent():
    inner = Scripted([response()])

    async def main() -> None:
        sender = limited(inner, Rate(10, 10))
        await sender.send(request())
        task = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(0.5)
        await sender.aclose()
        with pytest.raises(ClientClosedError):
            await task
        assert_nothing_is_left(sender)

    run(main())
    assert len(inner.requests) == 1


def test_progress_tells_that_a_call_queues_and_counts_what_was_let_through():
    async def main() -> None:
        sender = limited(Scripted([response()], takes=1.0), max_concurrency=1)
        first, second = request(), request()
        tasks = [asyncio.create_task(sender.send(each)) for each in (first, second)]
        await asyncio.sleep(0.5)
        assert (first.progress.phase, first.progress.attempts) == ("answer", 1)
        assert (second.progress.phase, second.progress.attempts) == ("limiter", 0)
        await asyncio.wait(tasks)
        await sender.send(second)
        assert second.progress.attempts == 2

    run(main())
