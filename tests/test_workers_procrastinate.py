"""The example for procrastinate, with its own worker, a real PostgreSQL and an academy that stalls."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter

import pytest

from aoclient.emulator import Emulator
from aoclient.wire import TOKEN_PATH
from tests.kit.examples import EXAMPLES, behind_relay, imported
from tests.kit.postgres import empty_postgres, one_postgres_of_a_module  # noqa: F401  # fixtures
from tests.kit.programs import Program
from tests.kit.trial import quiz_of

pytest.importorskip("procrastinate", reason="the example for procrastinate needs it")

WORKER = (sys.executable, EXAMPLES / "procrastinate_worker.py")
STALLED = "stall@action={};times=1"
NIGHT = "2026-01-02"
NIGHT_STARTS_AT = 1_767_319_200


def settings(postgres, **more):
    return {"DATABASE_URL": postgres.url, "EXPORT_AT": "0 0 29 2 *", **more}


def put(env, name, *calls):
    """Put jobs into the queue."""

    async def defer(module):
        async with module.app.open_async():
            if not await module.app.check_connection_async():  # there are no tables yet
                await module.app.schema_manager.apply_schema_async()
            for call in calls:
                await getattr(module, name).defer_async(**call)

    with imported("procrastinate_tasks", env) as module:
        asyncio.run(defer(module))


def states(postgres, name):
    """Return the states of the jobs of a task, and how often each was tried."""
    rows = postgres.ask(f"SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name LIKE '%.{name}'")
    return Counter(rows)


def attempt(emulator, number=1):
    return {"quiz_id": quiz_of(emulator), "email": f"learner{number}@example.com"}


def test_the_jobs_of_a_worker_share_one_session(postgres, tmp_path):
    emulator = Emulator(learners=60)
    with behind_relay(emulator, **settings(postgres)) as (_, env):
        put(env, "add_attempt", *(attempt(emulator, number) for number in range(1, 61)))
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 60)
            assert worker.stop() == 0
    applied = Counter(entry.action.email for entry in emulator.journal.of("addLearnerQuizAttempts"))
    assert applied == dict.fromkeys((f"learner{number}@example.com" for number in range(1, 61)), 1)
    assert emulator.journal.requests(TOKEN_PATH) == 1
    assert states(postgres, "add_attempt") == {}


def test_sigterm_waits_for_an_attempt_and_one_whose_answer_is_lost_is_kept_as_failed(postgres, tmp_path):
    emulator = Emulator(learners=3, faults=STALLED.format("addLearnerQuizAttempts"))
    with behind_relay(emulator, **settings(postgres)) as (relay, env):
        put(env, "add_attempt", attempt(emulator))
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 1)
            worker.send()
            worker.until("Waiting for job to finish")
            relay.cut()
            assert worker.ended() == 0
    assert "may or may not have been executed" in worker.said
    assert states(postgres, "add_attempt") == {("failed", 1): 1}
    assert emulator.journal.count("addLearnerQuizAttempts") == 1


def test_after_its_grace_sigterm_breaks_attempts_off_and_puts_back_only_those_that_were_not_sent(postgres, tmp_path):
    emulator = Emulator(learners=3, faults=STALLED.format("addLearnerQuizAttempts"))
    with behind_relay(emulator, **settings(postgres, GRACE="0.1", AOCLIENT_RATE="1/3600")) as (_, env):
        put(env, "add_attempt", attempt(emulator, 1), attempt(emulator, 2))
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            worker.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 1)
            worker.until_true(lambda: worker.said.count("Starting job procrastinate_tasks.add_attempt") == 2)
            assert worker.stop() == 0
    assert worker.said.count("addLearnerQuizAttempts was sent and may have been executed") == 1
    assert states(postgres, "add_attempt") == {("aborted", 1): 1, ("todo", 1): 1}
    assert emulator.journal.count("addLearnerQuizAttempts") == 1


def test_an_export_that_sigterm_broke_off_goes_on_in_the_next_worker(postgres, tmp_path):
    emulator = Emulator(learners=90, courses=3, faults="stall@action=learnersProgressByCourse;at=3")
    with behind_relay(emulator, **settings(postgres, GRACE="0.1")) as (_, env):
        put(env, "export_progress", {"timestamp": NIGHT_STARTS_AT})
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            worker.until_true(lambda: any(entry.fault for entry in emulator.journal.received))
            worker.until_true(lambda: len(list(tmp_path.glob(f"exports/{NIGHT}/progress_by_course/*"))) == 2)
            assert worker.stop() == 0
        assert states(postgres, "export_progress") == {("todo", 1): 1}
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            worker.until("Success")
            assert worker.stop() == 0
    rows = [
        json.loads(line)
        for file in tmp_path.glob(f"exports/{NIGHT}/progress_by_course/*")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert len(rows) > 90
    assert set(Counter((row["course_id"], row["email"]) for row in rows).values()) == {1}
    assert emulator.journal.count("learners") == 1
    assert emulator.journal.requests(TOKEN_PATH) == 2


def test_of_what_a_killed_worker_left_only_what_may_be_repeated_is_taken_up(postgres, tmp_path):
    emulator = Emulator(learners=3, faults=f"{STALLED.format('addLearnerQuizAttempts')},stall@action=courses;times=1")
    with behind_relay(emulator, **settings(postgres)) as (_, env):
        put(env, "add_attempt", attempt(emulator))
        put(env, "export_progress", {"timestamp": NIGHT_STARTS_AT})
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            for action in ("addLearnerQuizAttempts", "courses"):
                worker.until_true(lambda action=action: emulator.journal.count(action))
            worker.stop(signal.SIGKILL)
        assert states(postgres, "export_progress") + states(postgres, "add_attempt") == {("doing", 0): 2}
        postgres.ask("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'")
        put(env, "take_up_stalled", {"timestamp": 0})
        with Program(*WORKER, env=env, cwd=tmp_path) as worker:
            worker.until("take_up_stalled", "Success")
            put(env, "take_up_stalled", {"timestamp": 1})  # has the worker look at the queue now, not in 5 s
            worker.until("export_progress", "Success")
            assert worker.stop() == 0
    assert states(postgres, "export_progress") == {}
    assert states(postgres, "add_attempt") == {("failed", 1): 1}
    assert emulator.journal.count("addLearnerQuizAttempts") == 1
