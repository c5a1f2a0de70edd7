"""The example for taskiq, with its own worker, a real Redis and an academy that stalls."""

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

for package in ("taskiq", "taskiq_redis"):
    pytest.importorskip(package, reason="the example for taskiq needs it")

WORKER = (sys.executable, "-m", "taskiq", "worker", "taskiq_worker:broker", "--workers", "1")
STALLED = "stall@action={};times=1"


def put(name, calls, env):
    """Put tasks into the queue and return what will have their results."""

    async def put_all(module):
        await module.broker.startup()
        tasks = [await getattr(module, name).kiq(**call) for call in calls]
        await module.broker.shutdown()
        return [task.task_id for task in tasks]

    with imported("taskiq_worker", env) as module:
        return asyncio.run(put_all(module))


def result_of(task_id, env):
    async def ask(module):
        found = await module.broker.result_backend.get_result(task_id)
        await module.broker.result_backend.shutdown()
        return found

    with imported("taskiq_worker", env) as module:
        return asyncio.run(ask(module))


def unacknowledged(redis):
    return int(redis.ask("XPENDING", "taskiq", "taskiq")[0])


def test_the_tasks_of_two_worker_processes_ask_for_one_token(redis):
    emulator = Emulator(learners=60)
    team = emulator.world.catalogue.teams[0].id
    calls = [{"team": team, "email": f"learner{number}@example.com"} for number in range(1, 61)]
    with behind_relay(emulator, REDIS_URL=redis.url, AOCLIENT_REDIS_URL=redis.url) as (_, env):
        put("join_team", calls, env)
        with Program(*WORKER[:-1], "2", env=env) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnersToTeams") == 60)
            assert worker.stop() == 0
    applied = Counter(entry.action.learners[0] for entry in emulator.journal.of("addLearnersToTeams"))
    assert applied == dict.fromkeys((call["email"] for call in calls), 1)
    assert emulator.journal.requests(TOKEN_PATH) == 1
    assert unacknowledged(redis) == 0


def test_sigterm_waits_for_a_task_that_may_be_repeated_and_the_call_is(redis):
    emulator = Emulator(learners=3, faults=STALLED.format("addLearnersToTeams"))
    call = {"team": emulator.world.catalogue.teams[0].id, "email": "learner1@example.com"}
    with behind_relay(emulator, REDIS_URL=redis.url) as (relay, env):
        (task_id,) = put("join_team", [call], env)
        with Program(*WORKER, env=env) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnersToTeams") == 1)
            worker.send()
            worker.until("Waiting for 1 running tasks")
            relay.cut()
            assert worker.ended() == 0
        assert not result_of(task_id, env).is_err
    assert emulator.journal.count("addLearnersToTeams") == 2
    assert unacknowledged(redis) == 0


def test_an_attempt_whose_answer_is_lost_is_added_once_however_often_its_message_comes(redis):
    emulator = Emulator(learners=3, faults=STALLED.format("addLearnerQuizAttempts"))
    call = {"quiz_id": quiz_of(emulator), "email": "learner1@example.com"}
    with behind_relay(emulator, REDIS_URL=redis.url) as (relay, env):
        (task_id,) = put("add_attempt", [call], env)
        with Program(*WORKER, env=env) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 1)
            worker.send()
            worker.until("Waiting for 1 running tasks")
            relay.cut()
            assert worker.ended() == 0
        assert "may or may not have been executed" in str(result_of(task_id, env).error)
        # What another worker gets when one was killed: the same message.
        _, _, message = redis.ask("XRANGE", "taskiq", "-", "+")
        redis.ask("XADD", "taskiq", "*", "data", message)
        with Program(*WORKER, env=env) as worker:
            worker.until("somebody has to look")
            assert worker.stop() == 0
        assert "somebody has to look" in str(result_of(task_id, env).error)
    assert emulator.journal.count("addLearnerQuizAttempts") == 1
    assert unacknowledged(redis) == 0
