"""P10: a call may be cancelled at each step; no slot, no waiter and no task is left, and the next calls pass."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from aoclient import Rate, RetryPolicy, Session, actions
from aoclient.emulator import Emulator
from tests.kit.cancel import SteppingSocketLoop, cancel_at_every_step
from tests.kit.clock import run
from tests.kit.trial import IS_LONG, Figures, academy, quiz_of, session, sized

FAULTS = "401@at=1,429@at=2;retry_after=1,503@at=3,drop-after@at=6,500@at=8"


class Case:
    """A session and its academy."""

    def __init__(self, ao: Session, emulator: Emulator) -> None:
        self.ao, self.emulator = ao, emulator
        self.course_id = emulator.world.catalogue.courses[0].id
        self.quiz_id = quiz_of(emulator)


def opened(*, warm: bool = True, faults: str = FAULTS, **settings: object):
    @asynccontextmanager
    async def open_case():
        emulator = academy(learners=30, courses=2, teams=1)
        async with session(emulator, max_concurrency=3, max_pairs=20, **settings) as ao:
            if warm:
                await ao.academies()
            emulator.faults = faults
            yield Case(ao, emulator)

    return open_case


async def nothing_is_left(case: Case) -> None:
    limited, authorized = case.ao._limited, case.ao._authorized
    assert (limited.in_flight, limited.waiting) == (0, 0)
    assert [waiter for *_, waiter in limited._queue if not waiter.done()] == []
    assert authorized._renewal is None
    case.emulator.faults = None
    answers = await asyncio.gather(*(case.ao.academies() for _ in range(50)))
    assert len(answers) == 50
    assert (limited.in_flight, limited.waiting, limited._queue) == (0, 0, [])


async def one_call(case: Case) -> None:
    await case.ao.learners(email="learner1@example.com")


async def adds(case: Case) -> None:
    await case.ao.add_learner_quiz_attempts(quiz_id=case.quiz_id, email="learner1@example.com")


async def queued(case: Case) -> None:
    await asyncio.gather(*(case.ao.learners(email=f"learner{number}@example.com") for number in range(1, 6)))


async def rows(case: Case) -> None:
    async for _ in case.ao.learners_progress_by_course(course_id=case.course_id, amount=5):
        pass


async def parts(case: Case) -> None:
    await case.ao.check_learner_invite(emails=[f"x{number}@example.com" for number in range(60)])


async def fan_out(case: Case) -> None:
    todo = [actions.LearnersProgressByCourse(course_id=case.course_id, amount=5), actions.Learners()]
    async with case.ao.fan_out(todo, concurrency=2, retry_failed=1) as outcomes:
        async for _ in outcomes:
            pass


async def invites(case: Case) -> None:
    await case.ao.invite_missing(learners=[actions.Invitee(email="x@example.com", name="X", type="learner")])


CALLS = [one_call, adds, queued, rows, parts, fan_out, invites]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.parametrize(
    ("warm", "rate"),
    [(False, None), (True, Rate(4, per=2.0)), *([(True, None), (False, Rate(4, per=2.0))] if IS_LONG else [])],
)
def test_a_call_is_cancelled_at_each_step_and_leaves_nothing(call, rate, warm, request):
    result = cancel_at_every_step(opened(warm=warm, rate=rate), call, nothing_is_left)
    assert result.cancelled > 3
    assert result.ended["ok"] >= 1
    assert set(result.ended) <= {"CancelledError", "ok", "OutcomeUnknownError"}
    Figures(request, "P10")(
        f"{call.__name__}, {'cold' if not warm else 'warm'}, {'rated' if rate else 'free'}: cancelled at each of"
        f" {sum(result.ended.values())} steps, 0 slots, waiters and tasks left, the next 50 calls pass each time"
    )


def test_a_cancelled_call_that_adds_says_so_once_it_was_sent():
    result = cancel_at_every_step(opened(faults=""), adds, nothing_is_left)
    assert 0 < result.notes < result.cancelled
    assert cancel_at_every_step(opened(faults=""), one_call, nothing_is_left).notes == 0


def test_close_is_cancelled_at_each_step_and_can_be_called_again():
    async def close(case: Case) -> None:
        calls = [asyncio.create_task(case.ao.academies()) for _ in range(5)]
        await asyncio.sleep(0.02)
        try:
            await case.ao.aclose()
        finally:
            await asyncio.gather(*calls, return_exceptions=True)

    async def closed(case: Case) -> None:
        await case.ao.aclose()
        assert (case.ao._limited.in_flight, case.ao._limited.waiting) == (0, 0)

    cancel_at_every_step(opened(), close, closed)


def test_many_calls_cancelled_at_random_times_leave_nothing(request):
    cancels = sized(500, 5_000)

    async def main() -> int:
        rng = random.Random(3)
        cancelled = 0
        emulator = academy(learners=30, courses=2, teams=1, token_life=5.0)
        async with session(emulator, max_concurrency=5, retries=RetryPolicy(wait=0.1)) as ao:
            case = Case(ao, emulator)
            emulator.faults = "503@share=0.05,drop-after@share=0.05,refuse@share=0.05,500@share=0.05;action=any"
            while cancelled < cancels:
                calls = [asyncio.create_task(rng.choice(CALLS[:4])(case)) for _ in range(20)]
                for each in calls:
                    asyncio.get_running_loop().call_later(rng.expovariate(5.0), each.cancel)
                ends = await asyncio.gather(*calls, return_exceptions=True)
                cancelled += sum(isinstance(end, asyncio.CancelledError) for end in ends)
            await asyncio.sleep(60)
            await nothing_is_left(case)
        return cancelled

    seen = run(main())
    Figures(request, "P10")(f"{seen} calls cancelled at random times: 0 slots, waiters and tasks left")


@pytest.mark.parametrize("call", [one_call, adds, fan_out], ids=lambda call: call.__name__)
def test_a_call_over_a_socket_is_cancelled_at_each_step_and_leaves_no_connection(call, request):
    @asynccontextmanager
    async def open_served():
        emulator = Emulator(learners=30, courses=2, teams=1)
        async with emulator.serve() as url, Session("client-id", "client-secret", base_url=url) as ao:
            await ao.academies()
            yield Case(ao, emulator)

    async def no_connection_is_left(case: Case) -> None:
        await asyncio.sleep(0)
        for client in case.ao._http._sessions.values():
            assert client.connector._acquired == set()
            assert not any(client.connector._waiters.values())
        assert case.ao._http._in_flight == set()
        await nothing_is_left(case)

    result = cancel_at_every_step(
        open_served, call, no_connection_is_left, steps=range(sized(25, 400)), loop_factory=SteppingSocketLoop
    )
    assert result.cancelled > 3
    Figures(request, "P10")(
        f"{call.__name__} over a socket, cancelled at each of {sum(result.ended.values())} steps: 0 connections left"
    )
