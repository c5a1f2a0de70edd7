"""Reads that need not be asked twice."""

import asyncio
import math
import threading

import pytest

import aoclient
from aoclient.session import Session
from tests.kit.clock import run
from tests.kit.scripted import Scripted, response

TOKEN = {"token_type": "Bearer", "expires_in": 604800, "access_token": "t0ken"}


class Academy:
    """Answers every action with a list of one course whose name is the number of the call."""

    def __init__(self, *, fails=()):
        self.calls, self.fails = [], fails
        self.scripted = Scripted(self.answer, takes=1.0)

    def answer(self, request):
        if request.path != "/api/v1/":
            return response(TOKEN)
        self.calls.append(request.name)
        if len(self.calls) in self.fails:
            return response({"error": {"message": "closed"}}, status=422)
        return response([{"name": f"{len(self.calls)}"}])

    async def send(self, request):
        return await self.scripted.send(request)


def session(academy, **settings):
    return Session("id", "secret", sender=academy, **settings)


def names(courses):
    return [course.name for course in courses]


def test_identical_reads_in_flight_are_one_request_and_each_has_its_own_list():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True) as ao:
            first, *others = await asyncio.gather(*(ao.courses() for _ in range(9)), ao.get_teams())
            assert names(first) == ["1"]
            first.clear()
            assert all(len(answer) == 1 for answer in others)
            assert sorted(academy.calls) == ["courses", "getTeams"]
            assert names(await ao.courses()) == ["3"]

    run(main())


def test_a_read_that_is_in_flight_in_another_loop_is_not_joined():
    def elsewhere():
        with pytest.raises(aoclient.WrongEventLoopError):
            run(ao.courses())

    async def main():
        first = asyncio.create_task(ao.courses())
        await asyncio.sleep(0.5)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert names(await first) == ["1"]

    ao = session(Academy(), join_reads=True)
    run(main())


def test_reads_are_not_joined_unless_told():
    async def main():
        academy = Academy()
        async with session(academy) as ao:
            await asyncio.gather(*(ao.courses() for _ in range(3)))
        assert len(academy.calls) == 3

    run(main())


@pytest.mark.parametrize("who", [0, 1])
def test_a_cancelled_caller_harms_none(who):
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True) as ao:
            tasks = [asyncio.create_task(ao.courses()) for _ in range(3)]
            await asyncio.sleep(1.5)
            tasks[who].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers[who], asyncio.CancelledError)
        assert [names(answer) for place, answer in enumerate(answers) if place != who] == [["1"]] * 2
        assert academy.calls == ["courses"]

    run(main())


def test_when_all_are_cancelled_the_request_is_ended():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True) as ao:
            tasks = [asyncio.create_task(ao.courses()) for _ in range(3)]
            await asyncio.sleep(1.5)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await asyncio.sleep(0.001)
            assert academy.scripted.in_flight == 0
            assert len(asyncio.all_tasks()) == 1
            assert names(await ao.courses()) == ["1"]  # one that was cancelled is not counted
        assert [request.name for request in academy.scripted.requests] == ["oauth/token", "courses", "courses"]

    run(main())


def test_each_caller_has_an_error_of_its_own():
    async def main():
        academy = Academy(fails={1})
        async with session(academy, join_reads=True) as ao:
            errors = await asyncio.gather(ao.courses(), ao.courses(), return_exceptions=True)
        assert [str(error) for error in errors] == ["courses: closed (status 422)"] * 2
        assert errors[0] is not errors[1]
        assert academy.calls == ["courses"]

    run(main())


def test_a_caller_with_less_time_does_not_wait_longer():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True) as ao:
            patient = asyncio.create_task(ao.with_options(timeouts=aoclient.Timeouts(total=math.inf)).courses())
            await asyncio.sleep(1.1)
            with pytest.raises(aoclient.DeadlineError, match="the same request of another call") as caught:
                await ao.with_options(timeouts=aoclient.Timeouts(total=0.2)).courses()
            assert caught.value.phase == "answer"
            assert names(await patient) == ["1"]

    run(main())


def test_a_caller_with_more_time_is_not_cut_off_with_one_that_has_less():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True) as ao:
            hasty = asyncio.create_task(ao.with_options(timeouts=aoclient.Timeouts(total=1.5)).courses())
            await asyncio.sleep(0)
            assert names(await ao.courses()) == ["1"]
            with pytest.raises(aoclient.DeadlineError):
                await hasty

    run(main())


def test_a_call_that_nobody_shares_says_itself_where_its_time_went():
    async def main():
        async with session(Academy(), join_reads=True, timeouts=aoclient.Timeouts(total=1.5)) as ao:
            with pytest.raises(aoclient.DeadlineError, match="time ran out waiting for the answer") as caught:
                await ao.courses()
            assert caught.value.attempts == 1

    run(main())


def test_what_a_caller_has_changed_is_seen_by_the_next_read():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True, cache_for=60) as ao:
            before = asyncio.create_task(ao.courses())
            await asyncio.sleep(1.1)
            change = asyncio.create_task(ao.add_learner_quiz_attempts(quiz_id="q1", email="a@example.com"))
            await change
            after = await ao.courses()
            assert names(await before) == ["1"]
            assert names(after) == ["3"]
            assert names(await ao.courses()) == ["3"]

    run(main())


def test_a_read_that_a_change_overtook_is_not_kept():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True, cache_for=60) as ao:
            await ao.passive_learners()
            change = asyncio.create_task(ao.revoke_learners_access(learners=["a@example.com"]))
            await asyncio.sleep(0.5)
            read = asyncio.create_task(ao.courses())
            await change
            assert not read.done()
            await read
            await ao.courses()
        assert academy.calls == ["passiveLearners", "revokeLearnersAccess", "courses", "courses"]

    run(main())


def test_answers_that_change_rarely_are_kept_as_long_as_told():
    async def main():
        academy = Academy()
        async with session(academy, cache_for=60) as ao:
            first = await ao.courses()
            first.clear()
            assert names(await ao.courses()) == ["1"]
            await ao.get_teams()
            await ao.get_teams(records="course")
            await ao.passive_learners()
            await ao.passive_learners()
            assert academy.calls == ["courses", "getTeams", "getTeams", "passiveLearners", "passiveLearners"]
            await asyncio.sleep(60)
            assert names(await ao.courses()) == ["6"]

    run(main())


def test_a_failure_is_not_kept():
    async def main():
        academy = Academy(fails={1})
        async with session(academy, cache_for=60) as ao:
            with pytest.raises(aoclient.ValidationError):
                await ao.courses()
            assert names(await ao.courses()) == ["2"]

    run(main())


def test_an_action_that_is_not_modelled_is_joined_but_not_kept():
    async def main():
        academy = Academy()
        async with session(academy, join_reads=True, cache_for=60) as ao:
            await asyncio.gather(*(ao.call("newAction", effect="reads") for _ in range(3)))
            await ao.call("newAction", effect="reads")
        assert academy.calls == ["newAction"] * 2

    run(main())
