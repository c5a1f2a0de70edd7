"""The emulator as a sender: faults become the errors a session would get from a socket; the journal stays honest."""

import asyncio
from contextlib import suppress

import pytest

from aoclient import (
    ConnectError,
    DeadlineError,
    ReadError,
    ResponseTooLargeError,
    RetryPolicy,
    Session,
    Timeouts,
    actions,
    wire,
)
from aoclient.emulator import Emulator, Journal
from tests.kit.clock import run

EMAIL = "learner7@example.com"
TOKEN = {"grant_type": "client_credentials", "client_id": "client-id", "client_secret": "client-secret"}


def token_of(emulator):
    _, answer = emulator.tokens.issue(TOKEN)
    return f"Bearer {answer['access_token']}"


def request_of(emulator, *, read=60.0):
    headers = {"Authorization": token_of(emulator)}
    return wire.encode(actions.Learners(email=EMAIL), headers=headers, timeouts=Timeouts(read=read))


@pytest.mark.parametrize(
    ("fault", "error", "phase", "is_applied"),
    [
        ("refuse", ConnectError, "connect", False),
        ("close-before-read", ReadError, "answer", False),
        ("drop-after", ReadError, "answer", True),
        ("half-body", ReadError, "answer", True),
        ("stall@seconds=5.0", ReadError, "answer", True),
        ("stall@seconds=90.0", DeadlineError, "answer", True),
        ("gzip-bomb@size=1", ResponseTooLargeError, "answer", True),
    ],
)
def test_a_broken_connection_is_the_error_http_would_raise(fault, error, phase, is_applied):
    emulator = Emulator(faults=fault)
    request = request_of(emulator)
    with pytest.raises(error):
        run(emulator.send(request))
    assert request.progress.phase == phase
    assert emulator.journal.count("learners") == is_applied
    assert emulator.journal.received[-1].fault == fault


def test_time_passes_as_on_a_socket():
    async def seconds(emulator, **settings):
        started = asyncio.get_running_loop().time()
        with suppress(ReadError, DeadlineError):
            await emulator.send(request_of(emulator, **settings))
        return asyncio.get_running_loop().time() - started

    assert run(seconds(Emulator())) == 0
    assert run(seconds(Emulator(latency=0.25))) == 0.25
    assert run(seconds(Emulator(latency=5), read=2)) == 2
    assert run(seconds(Emulator(faults="stall@seconds=7"))) == 7
    assert run(seconds(Emulator(faults="stall"), read=3)) == 3
    assert run(seconds(Emulator(faults="drip@seconds=90"), read=3)) == 90


def test_a_call_lets_others_have_their_turn():
    async def main():
        emulator = Emulator()
        order = []

        async def one(name):
            for _ in range(2):
                await emulator.send(request_of(emulator))
                order.append(name)

        await asyncio.gather(one("a"), one("b"))
        return order

    assert asyncio.run(main()) == ["a", "b", "a", "b"]


def test_a_thousand_first_calls_ask_for_one_token():
    emulator = Emulator()

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator, max_concurrency=1000)
        await asyncio.gather(*(ao.check_learner_invite(emails=[EMAIL]) for _ in range(1000)))

    asyncio.run(main())
    assert emulator.journal.requests("/oauth/token") == 1
    assert emulator.journal.requests() == 1001
    assert emulator.journal.count("checkLearnerInvite") == 1000


def test_a_session_gets_through_faults_and_an_attempt_is_never_added_twice():
    emulator = Emulator(
        seed=11, faults="refuse@share=0.05,429@share=0.05;retry_after=1,drop-after@share=0.05,500-after@share=0.05"
    )
    quiz = next(each for each in emulator.world.catalogue.courses[0].contents if each.is_quiz)

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator, retries=RetryPolicy(attempts=6))
        outcomes = await asyncio.gather(
            *(ao.add_learner_quiz_attempts(quiz_id=quiz.id, email=EMAIL) for _ in range(200)), return_exceptions=True
        )
        return sum(not isinstance(each, BaseException) for each in outcomes)

    done = run(main())
    applied = list(emulator.journal.of("addLearnerQuizAttempts"))
    assert emulator.world.attempts(EMAIL, quiz.id) == len(applied) <= 200
    assert len([entry for entry in applied if not entry.fault]) == done > 150


def test_the_journal_tells_when_what_and_with_which_request():
    now = [100.0]
    emulator = Emulator(clock=lambda: now[0])

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator)
        await ao.learners(email=EMAIL)
        now[0] = 200.0
        emulator.faults = "500-after"
        with pytest.raises(Exception, match="Server Error"):
            await ao.with_options(retries=RetryPolicy(attempts=1)).courses()

    asyncio.run(main())
    received = list(emulator.journal.received)
    assert [(each.number, each.at, each.method, each.path, each.action, each.status) for each in received] == [
        (1, 100.0, "POST", "/oauth/token", "token", 200),
        (2, 100.0, "POST", "/api/v1/", "learners", 200),
        (3, 200.0, "POST", "/api/v1/", "courses", 500),
    ]
    applied = list(emulator.journal.applied)
    assert [(each.number, each.at, each.request, each.fault, each.effect) for each in applied] == [
        (1, 100.0, 2, "", ""),
        (2, 200.0, 3, "500-after", ""),
    ]
    assert applied[0].action == actions.Learners(email=EMAIL)


def test_a_journal_may_keep_its_last_entries_only():
    emulator = Emulator(journal=Journal(keep=3))
    for _ in range(5):
        run(emulator.send(request_of(emulator)))
    assert [entry.number for entry in emulator.journal.received] == [3, 4, 5]
    assert [entry.number for entry in emulator.journal.applied] == [3, 4, 5]
