"""The limiter and what the server tells: the headers of its throttle, and its 429."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from attrs import define

from aoclient.errors import ConnectError
from aoclient.senders.limited import Limited
from aoclient.senders.pace import Allowance
from aoclient.settings import Rate
from tests.kit.clock import run
from tests.kit.counting import Server, assert_nothing_is_left, now, request, saturate
from tests.kit.scripted import Scripted, response

if TYPE_CHECKING:
    from aoclient.wire import Request, Response


def limited(inner: object, rate: Rate | None = None, max_concurrency: int = 10) -> Limited:
    return Limited(inner, rate=rate, max_concurrency=max_concurrency)


def refusal(retry_after: int | None = None) -> Response:
    return response(status=429, headers={} if retry_after is None else {"retry-after": str(retry_after)})


# --- the server's headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("calls", "max_concurrency"), [(1, 1), (5, 3), (60, 10), (300, 10)])
def test_the_headers_alone_set_the_pace(calls, max_concurrency):
    server = Server(random.Random(1), (0.0, 0.2), throttle=(calls, 60))
    run(saturate(limited(server, None, max_concurrency), 600, max_concurrency + 5))
    assert len(server.refused) <= max_concurrency  # what was in flight before the first headers came
    assert server.most_in_any(60) <= calls
    assert server.part_used(Rate(calls, 60), 10) >= 0.97


def test_beside_a_rate_the_headers_cost_nothing_when_they_agree():
    server = Server(random.Random(1), (0.01, 0.03), throttle=(50, 1))
    run(saturate(limited(server, Rate(50, 1)), 20, 20))
    assert server.refused == []
    assert server.part_used(Rate(50, 1), 20) >= 0.97


@pytest.mark.parametrize("rate", [None, Rate(60, 60)])
def test_what_others_use_up_is_left_to_them(rate):
    server = Server(random.Random(1), (0.0, 0.2), throttle=(60, 60), others=25)
    run(saturate(limited(server, rate), 600, 20))
    assert len(server.refused) <= 2
    assert server.part_used(Rate(35, 60), 10) >= 0.9


def test_no_more_are_sent_than_the_server_says_are_left():
    def left(count: int) -> Response:
        return response(headers={"x-ratelimit-remaining": str(count)})

    inner = Scripted([left(3), left(2), left(1), left(0), left(50)], takes=1.0)

    async def main() -> None:
        sender = limited(inner)
        await sender.send(request())
        await asyncio.gather(*(sender.send(request()) for _ in range(8)))
        assert_nothing_is_left(sender)

    run(main())
    assert inner.times == [0.0] + [1.0] * 3 + [61.0] * 5  # a window after the first answer


def test_a_429_with_a_time_is_believed_before_what_was_guessed():
    inner = Scripted(
        [response(headers={"x-ratelimit-remaining": "0"}), refusal(5), response()],
        takes=1.0,
    )

    async def main() -> None:
        sender = limited(inner, max_concurrency=2)
        first = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(0.5)
        await asyncio.gather(first, sender.send(request()), sender.send(request()))
        assert_nothing_is_left(sender)

    run(main())
    assert inner.times == [0.0, 0.5, 6.5]


# --- what it tells of its waits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "rate", "seconds"),
    [
        (refusal(30), None, 30),
        (response(headers={"x-ratelimit-remaining": "0"}), None, 60),
        (response(), Rate(1, 20), pytest.approx(20, rel=0.002)),
        (response(), None, 0),
    ],
    ids=["a 429", "a window that is used up", "the rate", "nothing"],
)
def test_it_tells_how_long_the_rate_holds_whoever_waits(answer, rate, seconds):
    inner = Scripted([answer, response()])

    async def main() -> None:
        sender = limited(inner, rate)
        assert sender.held_for == 0
        await sender.send(request())
        assert sender.held_for == 0  # nobody waits
        waiting = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(0)
        assert sender.held_for == seconds
        await waiting

    run(main())


def test_what_waits_for_an_answer_is_not_held_by_the_rate():
    inner = Scripted([response()], takes=5.0)

    async def main() -> None:
        sender = limited(inner, Rate(1, 20), max_concurrency=1)
        waiting = [asyncio.create_task(sender.send(request())) for _ in range(2)]
        await asyncio.sleep(1)
        assert (sender.waiting, sender.held_for) == (1, 0)
        await asyncio.gather(*waiting)

    run(main())


@pytest.mark.parametrize(
    ("rate", "limit", "at_least", "at_most"),
    [
        (Rate(120, 60), 60, 59, 61),  # slower than the caller thought
        (Rate(60, 60), 1000, 59, 60),  # never faster than the caller said
        (Rate(100, 3600), 60, 11, 12),  # an hour of the caller's has room for sixty windows of the server's
    ],
)
def test_beside_a_rate_the_headers_only_slow_down(rate, limit, at_least, at_most):
    inner = Scripted([response(headers={"x-ratelimit-limit": str(limit)})], takes=0.1)

    async def main() -> None:
        sender = limited(inner, rate)
        tasks = [asyncio.create_task(sender.send(request())) for _ in range(500)]
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run(main())
    assert at_least <= len(inner.times) <= at_most


def test_a_limit_that_changes_is_followed():
    inner = Scripted([response(headers={"x-ratelimit-limit": "30"})], takes=0.1)

    async def main() -> tuple[int, int, int]:
        sender = limited(inner)
        tasks = [asyncio.create_task(sender.send(request())) for _ in range(1000)]
        counts = []
        for limit in (300, 30, 30):
            await asyncio.sleep(120)
            counts.append(len(inner.times) - sum(counts))
            inner.steps = [response(headers={"x-ratelimit-limit": str(limit)})]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return tuple(counts)

    slow, fast, slow_again = run(main())
    assert slow == pytest.approx(60, abs=2)
    assert 400 <= fast <= 600
    assert slow_again <= 60


@pytest.mark.parametrize("text", ["", "0", "-5", "many", "1e3", "1" * 5000, "²"])
def test_a_strange_limit_is_no_limit(text):
    headers = {"x-ratelimit-limit": text, "x-ratelimit-remaining": text if text != "0" else ""}
    inner = Scripted([response(headers=headers)])

    async def main() -> None:
        sender = limited(inner)
        await asyncio.gather(*(sender.send(request()) for _ in range(200)))

    run(main())
    assert inner.times == [0.0] * 200


# --- 429 ---------------------------------------------------------------------------------------------------------


async def send_all(inner: Scripted, count: int, max_concurrency: int = 8) -> None:
    sender = limited(inner, max_concurrency=max_concurrency)
    await asyncio.gather(*(sender.send(request()) for _ in range(count)), return_exceptions=True)
    assert_nothing_is_left(sender)


def test_one_429_holds_back_every_call_and_then_one_goes_first():
    inner = Scripted([refusal(7), response()], takes=1.0)
    run(send_all(inner, 30))
    assert inner.times[:8] == [0.0] * 8
    assert inner.times[8:] == [8.0] + [9.0] * 2 + [10.0] * 4 + [11.0] * 8 + [12.0] * 7


def test_a_429_without_a_time_holds_for_a_second_and_twice_as_long_each_time_it_comes_again():
    inner = Scripted([*[refusal() for _ in range(10)], response(), refusal(), response()])
    run(send_all(inner, 12, max_concurrency=1))
    waits = [later - earlier for earlier, later in zip(inner.times, inner.times[1:], strict=False)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120, 0]


def test_an_answer_in_between_starts_the_doubling_anew():
    inner = Scripted([refusal(), refusal(), response(), refusal(), refusal(), response()])
    run(send_all(inner, 6, max_concurrency=1))
    assert inner.times == [0.0, 1.0, 3.0, 3.0, 4.0, 6.0]


def test_the_429s_of_one_burst_count_once():
    inner = Scripted([refusal(), refusal(), refusal(), refusal(), response()], takes=1.0)
    run(send_all(inner, 6, max_concurrency=4))
    assert inner.times == [0.0] * 4 + [2.0, 3.0]


@pytest.mark.parametrize(("asked", "held"), [(0, 1.0), (3, 3.0), (120, 120.0), (3600, 120.0)])
def test_a_hold_lasts_as_long_as_asked_but_not_for_ever(asked, held):
    inner = Scripted([refusal(asked), response()])
    run(send_all(inner, 2, max_concurrency=1))
    assert inner.times == [0.0, held]


def test_a_longer_hold_is_not_cut_short_by_a_shorter_one():
    inner = Scripted([refusal(9), refusal(2), response()])
    run(send_all(inner, 3, max_concurrency=2))
    assert inner.times == [0.0, 0.0, 9.0]


def test_when_the_first_one_after_a_hold_gets_no_answer_the_next_one_goes():
    inner = Scripted([refusal(2), ConnectError("refused"), response()], takes=1.0)
    run(send_all(inner, 5, max_concurrency=1))
    assert inner.times == [0.0, 3.0, 4.0, 5.0, 6.0]


def test_slow_calls_from_before_a_hold_do_not_keep_it_up():
    times = []

    @define
    class Slow:
        async def send(self, _: Request) -> Response:
            times.append(now())
            slow = len(times) in (1, 2)
            await asyncio.sleep(50 if slow else 1)
            return response() if slow or len(times) > 3 else refusal(4)

    async def main() -> None:
        sender = limited(Slow(), max_concurrency=3)
        await asyncio.gather(*(sender.send(request()) for _ in range(8)))
        assert_nothing_is_left(sender)

    run(main())
    assert times == [0.0, 0.0, 0.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_a_call_that_waits_for_its_even_turn_when_a_429_comes_makes_no_room_for_two():
    inner = Scripted([response(), refusal(10), response()], takes=1.5)

    async def main() -> None:
        sender = limited(inner, rate=Rate(10, per=10))
        await asyncio.gather(*(sender.send(request()) for _ in range(6)), return_exceptions=True)

    run(main())
    before, after = inner.times[:3], inner.times[3:]
    assert before[-1] < before[1] + 1.5 < before[-1] + 0.95  # one was on its way, and one at the spreader
    assert after[0] == before[1] + 1.5 + 10
    assert after[1] == after[0] + 1.5


def test_an_answer_across_two_windows_of_the_server_tells_nothing():
    allowance = Allowance(per=60)
    allowance.learn(0.0, 0.0, 5)
    allowance.learn(61.0, 59.0, 0)
    assert allowance.opens_at(61.0, 0) == 61.0
    allowance.learn(62.0, 61.0, 0)
    assert allowance.opens_at(62.0, 0) == 122.0
