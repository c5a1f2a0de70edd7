"""Workers, their source and their reader."""

import asyncio
from contextlib import aclosing

import anyio
import pytest

from aoclient.action import Page
from aoclient.actions import CourseProgress, LearnersProgressByCourse
from aoclient.agenda import Agenda, Done, Failed
from aoclient.errors import ConfigurationError, ServerError
from aoclient.fanout import FanOut
from aoclient.paging import PageSizes
from tests.kit.clock import run


def todo(count):
    return [CourseProgress(email=f"{number}@example.com") for number in range(count)]


def number_of(action):
    return int(action.email.partition("@")[0])


def outcomes(source, send, *, concurrency=4, ordered=False, on_error="collect", **settings):
    agenda = Agenda(
        concurrency=concurrency,
        max_pairs=1000,
        sizes=PageSizes(),
        ordered=ordered,
        **{"look_ahead": 8, "retry_failed": 0, **settings},
    )
    return FanOut(source, send=send, agenda=agenda, concurrency=concurrency, on_error=on_error)


class Server:
    """Answers the number of each action after a time that differs from call to call."""

    def __init__(self, *, fails=(), takes=lambda number: 1 + number % 3):
        self.fails, self.takes = fails, takes
        self.in_flight = self.most = self.calls = 0

    async def send(self, action):
        self.calls += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(self.takes(number_of(action)))
        finally:
            self.in_flight -= 1
        if number_of(action) in self.fails:
            raise ServerError("down", status=500)
        return number_of(action)


def test_every_action_has_one_outcome_and_at_most_n_are_on_their_way():
    async def main():
        server = Server(fails={7, 11})
        async with outcomes(todo(50), server.send) as results:
            got = [result async for result in results]
        assert sorted(result.answer for result in got if isinstance(result, Done)) == sorted(set(range(50)) - {7, 11})
        assert sorted(number_of(result.action) for result in got if isinstance(result, Failed)) == [7, 11]
        assert server.most == 4

    run(main())


def test_outcomes_come_as_they_are_completed():
    async def main():
        async with outcomes(todo(3), Server(takes=lambda number: 10 - number).send) as results:
            assert [result.answer async for result in results] == [2, 1, 0]

    run(main())


def test_ordered_outcomes_come_in_the_order_of_the_source():
    async def main():
        async with outcomes(todo(50), Server().send, ordered=True) as results:
            assert [result.answer async for result in results] == list(range(50))

    run(main())


def test_an_async_source_is_read_as_slots_come_free():
    async def source():
        for action in todo(20):
            await asyncio.sleep(5)
            yield action

    async def main():
        async with outcomes(source(), Server().send) as results:
            assert sorted([result.answer async for result in results]) == list(range(20))

    run(main())


def test_a_source_is_not_read_further_than_the_reader_of_the_outcomes_goes():
    taken = []

    def endless():
        number = 0
        while True:
            taken.append(number)
            yield CourseProgress(email=f"{number}@example.com")
            number += 1

    async def main():
        async with outcomes(endless(), Server().send) as results:
            for count in range(1, 30):
                await anext(results)
                await asyncio.sleep(100)
                assert len(taken) <= count + 2 * 4
        assert len(taken) < 40

    run(main())


def test_a_slow_source_does_not_hold_up_the_pages_of_a_listing():
    pages = []

    async def source():
        yield LearnersProgressByCourse(course_id="c1", amount=1)
        await asyncio.sleep(1000)
        yield LearnersProgressByCourse(course_id="c2", amount=1)

    async def send(action):
        await asyncio.sleep(1)
        if action.course_id == "c1":
            pages.append((action.page, asyncio.get_running_loop().time()))
        return Page([action.page] if action.page <= 5 else [], action.page)

    async def main():
        async with outcomes(source(), send) as results:
            got = [result.answer.rows async for result in results]
        assert got == [[1], [2], [3], [4], [5]] * 2
        assert max(time for _, time in pages) < 100

    run(main())


def test_many_listings_keep_all_slots_busy_to_the_end():
    async def send(action):
        await asyncio.sleep(1)
        rows = 400 if action.course_id == "c0" else 10  # one long course among short ones
        start = (action.page - 1) * 10
        return Page(list(range(start, min(start + 10, rows))), action.page)

    async def main():
        courses = [LearnersProgressByCourse(course_id=f"c{number}", amount=10) for number in range(41)]
        async with outcomes(courses, send, concurrency=8) as results:
            pages = [result async for result in results]
        assert len(pages) == 80
        calls = 80 + 40 + 8  # pages with rows, the empty page behind each short course, one window wasted at the end
        assert asyncio.get_running_loop().time() <= calls / 8 + 8

    run(main())


def test_a_page_behind_the_end_that_never_comes_does_not_hold_up_the_end():
    async def send(action):
        await (asyncio.sleep(1) if action.page <= 4 else asyncio.Event().wait())
        return Page(list(range(8))[3 * (action.page - 1) : 3 * action.page], action.page)

    async def main():
        courses = [LearnersProgressByCourse(course_id="c1", amount=3)]
        async with outcomes(courses, send, concurrency=8) as results:
            assert [len(result.answer) async for result in results] == [3, 3, 2]
        assert asyncio.get_running_loop().time() == 2

    run(main())


def test_on_error_raise_raises_the_first_error_and_cancels_the_rest():
    async def main():
        server = Server(fails={3})
        with pytest.raises(ServerError):
            async with outcomes(todo(50), server.send, on_error="raise") as results:
                async for _ in results:
                    pass
        assert server.in_flight == 0
        assert server.calls < 50

    run(main())


def test_an_error_of_the_reader_is_raised_as_it_is():
    async def main():
        server = Server()
        with pytest.raises(KeyError):
            async with outcomes(todo(50), server.send) as results:
                async for _ in results:
                    raise KeyError("mine")
        assert server.in_flight == 0

    run(main())


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_of_the_source_is_raised_as_it_is_after_what_was_answered(is_async):
    def source():
        yield from todo(2)
        raise KeyError("source")

    async def async_source():
        for action in source():
            yield action

    async def main():
        got = []
        with pytest.raises(KeyError, match="source"):
            async with outcomes(async_source() if is_async else source(), Server().send) as results:
                async for result in results:
                    got.append(result)
        assert len(got) <= 2

    run(main())


@pytest.mark.parametrize("source", [["courses"], [*todo(1), 7], [*todo(2), None, *todo(2)]])
@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_no_action_is_said(source, is_async):
    async def one_by_one(actions):
        for action in actions:
            yield action

    async def main():
        given = one_by_one(source) if is_async else source
        async with outcomes(given, Server().send, concurrency=1) as results:
            with pytest.raises(ConfigurationError, match=r"todo holds actions, like .* got ('courses'|7|None)"):
                async for _ in results:
                    pass

    run(main())


def test_several_readers_share_the_outcomes_and_all_see_the_end():
    async def read(results):
        return [result.answer async for result in results]

    async def main():
        async with outcomes(todo(20), Server().send) as results:
            shares = await asyncio.gather(*(read(results) for _ in range(3)))
        assert sorted(number for share in shares for number in share) == list(range(20))

    run(main())


def test_leaving_early_cancels_what_is_on_its_way():
    async def main():
        server = Server()
        async with outcomes(todo(50), server.send) as results:
            await anext(results)
        assert server.in_flight == 0
        with pytest.raises(StopAsyncIteration):
            for _ in range(9):
                await anext(results)

    run(main())


def test_what_came_before_leaving_can_be_read_behind_it():
    async def main():
        async with outcomes(todo(20), Server().send, concurrency=2) as results:
            await asyncio.sleep(100)  # there is room for four, and the workers rest
        assert len([result async for result in results]) == 4

    run(main())


def test_a_cancelled_reader_ends_everything():
    async def main():
        server = Server(takes=lambda _: 100)

        async def read():
            async with outcomes(todo(50), server.send) as results:
                async for _ in results:
                    pass

        task = asyncio.create_task(read())
        await asyncio.sleep(150)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.in_flight == 0
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_a_scope_of_the_caller_can_cut_it_off():
    async def main():
        got = []
        with anyio.move_on_after(10.5):
            async with outcomes(todo(1000), Server().send) as results:
                async for result in results:
                    got.append(result)
        assert 10 < len(got) < 40
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_an_empty_source_ends_at_once():
    async def main():
        async with outcomes([], Server().send) as results:
            assert [result async for result in results] == []

    run(main())


def test_a_generator_over_outcomes_can_be_closed_early():
    async def answers():
        async with outcomes(todo(50), Server().send) as results:
            async for result in results:
                yield result.answer

    async def main():
        async with aclosing(answers()) as stream:
            async for _ in stream:
                break
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_what_failed_is_tried_again_at_the_end():
    async def main():
        server = Server(fails={3, 4})

        async def send(action):
            try:
                return await server.send(action)
            finally:
                server.fails = server.fails - {number_of(action)}

        async with outcomes(todo(20), send, retry_failed=1) as results:
            assert sorted([result.answer async for result in results]) == list(range(20))
        assert server.calls == 22

    run(main())
