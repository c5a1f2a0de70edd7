"""Outcomes can be taken by the workers that bring them, who also tell when nothing more comes of an action."""

import asyncio

import pytest

from aoclient.action import Page
from aoclient.actions import CheckLearnerInvite, CourseProgress, LearnersProgressByCourse
from aoclient.agenda import Agenda, Done, Failed, Over
from aoclient.errors import ConfigurationError, InvalidOptionError, ServerError
from aoclient.fanout import FanOut
from aoclient.paging import PageSizes
from tests.kit.clock import run

LISTING = LearnersProgressByCourse(course_id="c1", amount=2)
WHOLE = CheckLearnerInvite(emails=[f"{number}@example.com" for number in range(5)])
TOO_LONG = CheckLearnerInvite(emails=["a@example.com"], extra={f"x{number}": 1 for number in range(9)})
FAILING = CourseProgress(email="a@example.com")


def todo(count):
    return [CourseProgress(email=f"{number}@example.com") for number in range(count)]


def fan_out(source, send, *, concurrency=3, ordered=False, **settings):
    given = {"max_pairs": 1000, "look_ahead": 1, "retry_failed": 0, **settings}
    agenda = Agenda(sizes=PageSizes(), ordered=ordered, concurrency=concurrency, **given)
    return FanOut(source, send=send, agenda=agenda, concurrency=concurrency, on_error="raise")


async def all_of(fan):
    seen = []

    async def take(outcome):
        seen.append(outcome)

    await fan.each(take)
    return seen


async def send(action):
    if action == FAILING:
        raise ServerError("down", status=500)
    return (
        Page([action.page, 0] if action.page < 3 else [], action.page)
        if isinstance(action, LearnersProgressByCourse)
        else {}
    )


@pytest.mark.parametrize("ordered", [False, True])
def test_an_end_follows_the_last_outcome_of_each_action(ordered):
    todo = [LISTING, WHOLE, TOO_LONG, FAILING]
    seen = run(all_of(fan_out(todo, send, ordered=ordered, max_pairs=4, retry_failed=1)))
    assert sorted(todo.index(each.source) for each in seen if isinstance(each, Over)) == [0, 1, 2, 3]
    for source, count in ((LISTING, 2), (WHOLE, 2), (TOO_LONG, 1), (FAILING, 1)):
        ours = [each for each in seen if each.source is source]
        assert len(ours) == count + 1
        assert ours[-1] == Over(source)
    failed = [each for each in seen if isinstance(each, Failed)]
    assert {type(each.error) for each in failed} == {InvalidOptionError, ServerError}


def test_a_listing_the_server_does_not_page_names_its_action():
    async def repeat(action):
        return Page([1, 2], action.page)

    seen = run(all_of(fan_out([LISTING], repeat, concurrency=1)))
    assert [type(each).__name__ for each in seen] == ["Done", "Failed", "Over"]
    assert all(each.source is LISTING for each in seen)


def test_more_actions_than_there_is_room_for_may_fail_before_anything_is_sent():
    seen = run(all_of(fan_out([TOO_LONG] * 50, send, concurrency=1, max_pairs=4)))
    assert [type(each) for each in seen] == [Failed, Over] * 50


def test_an_answer_is_taken_before_the_next_one_of_a_burst():
    log = []

    async def answer(action):
        await asyncio.sleep(1)
        log.append(action)
        return {}

    async def take(outcome):
        if isinstance(outcome, Done):
            log.append(outcome.action)

    run(fan_out(todo(12), answer, concurrency=4).each(take))
    assert len(log) == 24
    assert log[::2] == log[1::2]


def test_one_that_waits_holds_back_its_worker_and_no_other():
    free, sent, taken = asyncio.Event(), [], []

    async def answer(action):
        sent.append(action)
        await asyncio.sleep(1)
        return {}

    async def take(outcome):
        if isinstance(outcome, Over) and outcome.source is actions[0]:
            await free.wait()
        taken.append(outcome.source)

    async def main():
        task = asyncio.create_task(fan_out(actions, answer, concurrency=2).each(take))
        await asyncio.sleep(100)
        assert sent == actions  # all by the other worker
        assert taken == [actions[0], *(each for each in actions[1:] for _ in range(2))]
        assert not task.done()
        free.set()
        await task
        assert taken[-1] is actions[0]

    actions = todo(9)
    run(main())


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("where", ["take", "source"])
def test_an_error_is_raised_as_it_is_and_ends_what_is_on_its_way(where, concurrency):
    in_flight = []

    def source():
        yield from todo(10)
        if where == "source":
            raise KeyError("mine")

    async def answer(action):
        in_flight.append(action)
        try:
            await asyncio.sleep(1)
        finally:
            in_flight.remove(action)

    async def take(outcome):
        if where == "take":
            raise KeyError("mine")

    async def main():
        with pytest.raises(KeyError, match="mine"):
            await fan_out(source(), answer, concurrency=concurrency).each(take)
        assert not in_flight
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_nothing_to_do_is_done_at_once():
    assert run(all_of(fan_out([], send))) == []


def test_pages_behind_the_end_of_a_listing_are_not_waited_for():
    async def answer(action):
        await asyncio.sleep(1 if action.page <= 6 else 500)
        return Page([action.page, 0] if action.page <= 5 else [], action.page)

    async def main():
        seen = await all_of(fan_out([LISTING], answer, concurrency=8, look_ahead=8))
        assert [type(each) for each in seen] == [Done] * 5 + [Over]
        assert asyncio.get_running_loop().time() < 100
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_the_last_outcome_is_taken_to_its_end_though_pages_behind_the_end_are_on_their_way():
    taken = []

    async def answer(action):
        await asyncio.sleep(1 if action.page <= 6 else 500)
        return Page([action.page, 0] if action.page <= 5 else [], action.page)

    async def take(outcome):
        await asyncio.sleep(100)
        taken.append(outcome)

    run(fan_out([LISTING], answer, concurrency=8, look_ahead=8).each(take))
    assert [type(each) for each in taken] == [Done] * 5 + [Over]


async def cancelled_by_somebody():
    found = asyncio.get_running_loop().create_future()
    found.cancel()
    await found


async def source_cut_off():
    yield todo(1)[0]
    await cancelled_by_somebody()


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_take_awaits_and_somebody_else_cancels_is_an_error_and_no_cancellation_of_ours(concurrency):
    async def take(_):
        await cancelled_by_somebody()

    async def main():
        with pytest.raises(RuntimeError, match="cancelled") as caught:
            await fan_out(todo(9), send, concurrency=concurrency).each(take)
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        assert not asyncio.current_task().cancelling()
        assert len(asyncio.all_tasks()) == 1

    run(main())


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_source_that_is_cancelled_from_within_is_not_taken_for_its_end(concurrency):
    async def main():
        with pytest.raises(RuntimeError, match="cancelled"):
            async with fan_out(source_cut_off(), send, concurrency=concurrency) as outcomes:
                async for _ in outcomes:
                    pass
        assert not asyncio.current_task().cancelling()

    run(main())


def test_what_cannot_be_awaited_is_refused_before_anything_is_sent():
    sent = []

    async def answer(action):
        sent.append(action)
        return {}

    with pytest.raises(ConfigurationError, match=r"async def, got .*print"):
        run(fan_out(todo(3), answer).each(print))
    assert not sent


def test_an_object_that_is_called_like_a_coroutine_function_may_take():
    class Taking:
        def __init__(self):
            self.seen = []

        async def __call__(self, outcome):
            self.seen.append(outcome)

    taking = Taking()
    run(fan_out(todo(1), send).each(taking))
    assert [type(each) for each in taking.seen] == [Done, Over]
