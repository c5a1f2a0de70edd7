"""The example for SAQ, with its own worker, a real Redis and an academy that stalls."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import pytest

from aoclient.emulator import Emulator
from aoclient.wire import TOKEN_PATH
from tests.kit.examples import behind_relay, imported
from tests.kit.programs import Program
from tests.kit.redis import empty_redis, one_redis_of_a_module  # noqa: F401  # fixtures
from tests.kit.trial import quiz_of

pytest.importorskip("saq", reason="the example for SAQ needs it")

WORKER = (sys.executable, "-m", "saq", "saq_worker.settings", "-v")
STALLED = "stall@action={};times=1"


def in_queue(env, work):
    """Do something with the queue of the example and return what comes of it."""

    async def do(queue):
        try:
            return await work(queue)
        finally:
            await queue.disconnect()

    with imported("saq_worker", env) as module:
        return asyncio.run(do(module.queue))


def put(env, name, *calls):
    async def enqueue(queue):
        return [(await queue.enqueue(name, timeout=90, **call)).key for call in calls]

    return in_queue(env, enqueue)


def job(env, key):
    return in_queue(env, lambda queue: queue.job(key))


def waiting(redis):
    return int(redis.ask("LLEN", "saq:default:queued")[0])


def test_the_jobs_of_a_worker_share_one_session(redis):
    emulator = Emulator(learners=3)
    people = [{"email": f"new{number}@example.com", "name": f"New {number}"} for number in range(40)]
    with behind_relay(emulator, REDIS_URL=redis.url) as (_, env):
        put(env, "invite", *people)
        with Program(*WORKER, env=env) as worker:
            worker.until_true(lambda: emulator.journal.count("inviteLearners") == len(people))
            worker.until_true(lambda: redis.ask("ZCARD", "saq:default:incomplete") == ["0"])
            assert worker.stop() == 0
    invited = Counter(each.email for entry in emulator.journal.of("inviteLearners") for each in entry.action.learners)
    assert invited == dict.fromkeys((each["email"] for each in people), 1)
    assert emulator.journal.requests(TOKEN_PATH) == 1


def test_sigterm_puts_a_job_back_and_the_next_worker_looks_first(redis):
    emulator = Emulator(learners=3, faults=STALLED.format("inviteLearners"))
    with behind_relay(emulator, REDIS_URL=redis.url) as (_, env):
        (key,) = put(env, "invite", {"email": "new@example.com", "name": "New"})
        with Program(*WORKER, env=env) as worker:
            worker.until_true(lambda: emulator.journal.count("inviteLearners") == 1)
            assert worker.stop() == 0
        assert waiting(redis) == 1
        with Program(*WORKER, env=env) as worker:
            worker.until("Finished")
            assert worker.stop() == 0
        assert job(env, key).status == "complete"
    assert emulator.journal.count("inviteLearners") == 1
    assert emulator.journal.count("checkLearnerInvite") == 2


def test_sigterm_puts_an_attempt_back_and_the_next_worker_does_not_add_it_again(redis):
    emulator = Emulator(learners=3, faults=STALLED.format("addLearnerQuizAttempts"))
    with behind_relay(emulator, REDIS_URL=redis.url) as (_, env):
        (key,) = put(env, "add_attempt", {"quiz_id": quiz_of(emulator), "email": "learner1@example.com"})
        with Program(*WORKER, env=env) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 1)
            assert worker.stop() == 0
        assert waiting(redis) == 1
        with Program(*WORKER, env=env) as worker:
            worker.until("Finished")
            assert worker.stop() == 0
        found = job(env, key)
    assert found.status == "failed"
    assert "somebody has to look" in found.error
    assert emulator.journal.count("addLearnerQuizAttempts") == 1
    assert waiting(redis) == 0


def test_sigterm_tells_an_attempt_that_was_sent_from_one_that_waited_for_its_turn(redis):
    emulator = Emulator(learners=3, faults=STALLED.format("addLearnerQuizAttempts"))
    calls = [{"quiz_id": quiz_of(emulator), "email": f"learner{number}@example.com"} for number in (1, 2)]
    with behind_relay(emulator, REDIS_URL=redis.url, AOCLIENT_RATE="1/3600") as (_, env):
        keys = put(env, "add_attempt", *calls)
        with Program(*WORKER, env=env) as worker:
            for key in keys:
                worker.until("Processing", key)
            worker.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 1)
            assert worker.stop() == 0
        assert waiting(redis) == 2
        with Program(*WORKER, env=env) as worker:
            for key in keys:
                worker.until("Finished", key)
            assert worker.stop() == 0
        assert sorted(job(env, key).status for key in keys) == ["complete", "failed"]
    assert {entry.action.email for entry in emulator.journal.of("addLearnerQuizAttempts")} == {
        call["email"] for call in calls
    }


def test_an_attempt_the_academy_refused_is_not_taken_for_one_that_was_perhaps_added(redis):
    emulator = Emulator(learners=3)
    call = {"quiz_id": "no-such-quiz", "email": "learner1@example.com", "retries": 2}
    with behind_relay(emulator, REDIS_URL=redis.url) as (_, env):
        (key,) = put(env, "add_attempt", call)
        with Program(*WORKER, env=env) as worker:
            worker.until("Finished")
            assert worker.stop() == 0
        found = job(env, key)
    assert (found.status, found.attempts) == ("failed", 2)
    assert "somebody has to look" not in found.error
    assert sum(entry.action == "addLearnerQuizAttempts" for entry in emulator.journal.received) == 2
