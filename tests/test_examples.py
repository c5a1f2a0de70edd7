"""The examples run, each as its first lines say; those for workers with a broker have files of their own."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aoclient.cli.samples import sample
from aoclient.emulator import Emulator
from aoclient.webhooks import AcademyLearnerSignUp, CourseFinished, Learner, Quiz, QuizFinished, dumps
from aoclient.wire import TOKEN_PATH
from tests.kit.examples import EXAMPLES, behind_relay
from tests.kit.programs import Program, free_port
from tests.kit.receiving import SECRET, exchange, request, signature
from tests.kit.trial import quiz_of

ENDED = -signal.SIGTERM
"""How uvicorn ends: it closes everything, and then gives itself the signal it was given."""


def uvicorn(application):
    return sys.executable, "-m", "uvicorn", "--app-dir", EXAMPLES, application, "--port", "0"


def address(line):
    return re.search(r"http://[\d.:]+", line)[0]


def ask(url, body=None):
    """Return the status and the JSON a URL answers to a GET, or to a POST if there is a body."""
    try:
        with urllib.request.urlopen(url, body) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_fastapi_takes_signed_events_once_each_under_uvicorn(tmp_path):
    payloads = [dumps(sample(cls, cls.NAME)) for cls in (QuizFinished, CourseFinished, QuizFinished)]
    env = {**os.environ, "AOCLIENT_WEBHOOK_SECRET": SECRET}
    with Program(*uvicorn("fastapi_webhooks:app"), env=env, cwd=tmp_path) as program:
        url = address(program.until("Uvicorn running on"))
        answers = [
            asyncio.run(exchange(url, request(payload, line, "Connection: close"))).status
            for payload in payloads
            for line in (signature(payload), "Signature: x")
        ]
        _, finished = ask(f"{url}/finished")
        assert program.stop() == ENDED
    assert answers == [200, 401] * 3
    assert finished == {"ann@example.com": 2}
    assert "Traceback" not in program.said


def test_fastapi_serves_many_requests_with_one_session(tmp_path):
    emulator = Emulator(learners=30)
    with behind_relay(emulator) as (_, env), Program(*uvicorn("fastapi_service:app"), env=env, cwd=tmp_path) as program:
        url = address(program.until("Uvicorn running on"))
        learners = [f"/learners/learner{number}@example.com/courses" for number in range(1, 31)]
        with ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(lambda path: ask(f"{url}{path}"), learners))
        refused = ask(f"{url}/learners/nobody@example.com/attempts/{quiz_of(emulator)}", b"")
        assert program.stop() == ENDED
    assert [status for status, _ in answers] == [200] * 30
    assert all(body for _, body in answers)
    assert (refused[0], refused[1]["outcome"]) == (422, "refused")
    assert emulator.journal.requests(TOKEN_PATH) == 1


def test_fastapi_answers_a_request_that_sigterm_came_upon_and_says_what_is_unknown(tmp_path):
    emulator = Emulator(learners=3, faults="stall@action=addLearnerQuizAttempts")
    with behind_relay(emulator) as (relay, env):
        with Program(*uvicorn("fastapi_service:app"), env=env, cwd=tmp_path) as program:
            url = address(program.until("Uvicorn running on"))
            with ThreadPoolExecutor(1) as pool:
                path = f"/learners/learner1@example.com/attempts/{quiz_of(emulator)}"
                answer = pool.submit(ask, f"{url}{path}", b"")
                program.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts"))
                program.send()
                program.until("Waiting for connections to close")
                relay.cut()
                status, body = answer.result()
            assert program.ended() == ENDED
        assert "Application shutdown complete" in program.said
    assert (status, body["outcome"]) == (504, "unknown")
    assert emulator.journal.count("addLearnerQuizAttempts") == 1


def webhook(event):
    payload = dumps(event)
    return request(payload, signature(payload), "Connection: close")


def test_aiohttp_puts_many_who_sign_up_into_a_team_with_one_session(tmp_path):
    emulator = Emulator(learners=30)
    port, team = free_port(), emulator.world.catalogue.teams[3].id
    events = [
        AcademyLearnerSignUp(id=f"e{number}", learner=Learner(email=f"learner{number}@example.com"))
        for number in range(1, 31)
    ]
    command = (sys.executable, EXAMPLES / "aiohttp_webhooks.py")
    more = {"AOCLIENT_WEBHOOK_SECRET": SECRET, "PORT": str(port), "TEAM": team}

    async def send_all():
        return await asyncio.gather(*(exchange(f"http://127.0.0.1:{port}", webhook(event)) for event in events))

    with behind_relay(emulator, **more) as (_, env), Program(*command, env=env, cwd=tmp_path) as program:
        program.until("Running on")
        answers = asyncio.run(send_all())
        assert program.stop() == 0
    assert {answer.status for answer in answers} == {200}
    applied = Counter(entry.action.learners[0] for entry in emulator.journal.of("addLearnersToTeams"))
    assert applied == {event.learner.email: 1 for event in events}
    assert emulator.journal.requests(TOKEN_PATH) == 1


def test_aiohttp_answers_a_webhook_that_sigterm_came_upon(tmp_path):
    emulator = Emulator(learners=3, faults="stall@action=addLearnersToTeams;times=1")
    port, team = free_port(), emulator.world.catalogue.teams[3].id
    event = AcademyLearnerSignUp(id="e1", learner=Learner(email="learner1@example.com"))
    command = (sys.executable, EXAMPLES / "aiohttp_webhooks.py")
    more = {"AOCLIENT_WEBHOOK_SECRET": SECRET, "PORT": str(port), "TEAM": team}
    with behind_relay(emulator, **more) as (relay, env), Program(*command, env=env, cwd=tmp_path) as program:
        program.until("Running on")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(asyncio.run, exchange(f"http://127.0.0.1:{port}", webhook(event)))
            program.until_true(lambda: emulator.journal.count("addLearnersToTeams"))
            program.send()
            program.until_true(lambda: not is_listening(port))
            relay.cut()
            assert answer.result().status == 200
        assert program.ended() == 0
    assert emulator.journal.count("addLearnersToTeams") == 2
    assert "Traceback" not in program.said


def failed_quiz(emulator, number):
    quiz = Quiz(id=quiz_of(emulator), is_passed=False)
    return QuizFinished(id=f"e{number}", quiz=quiz, learner=Learner(email=f"learner{number}@example.com"))


def daemon(env, cwd):
    return Program(sys.executable, EXAMPLES / "daemon.py", env=env, cwd=cwd)


def test_the_daemon_adds_one_attempt_for_each_failed_quiz_with_one_session(tmp_path):
    emulator = Emulator(learners=30)
    events = [failed_quiz(emulator, number) for number in range(1, 31)]

    async def send_all(url):
        return await asyncio.gather(*(exchange(url, webhook(event)) for event in events * 2))

    with behind_relay(emulator, AOCLIENT_WEBHOOK_SECRET=SECRET, PORT="0") as (_, env), daemon(env, tmp_path) as program:
        asyncio.run(send_all(address(program.until("listening at"))))
        program.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts") == 30)
        assert program.stop() == 0
        with daemon(env, tmp_path) as again:
            answer = asyncio.run(exchange(address(again.until("listening at")), webhook(events[0])))
            assert again.stop() == 0
    assert answer.status == 200
    applied = Counter(entry.action.email for entry in emulator.journal.of("addLearnerQuizAttempts"))
    assert applied == {event.learner.email: 1 for event in events}
    assert emulator.journal.requests(TOKEN_PATH) == 1


def test_sigterm_lets_the_daemon_end_its_call_and_an_unknown_outcome_is_noted_and_not_repeated(tmp_path):
    emulator = Emulator(learners=3, faults="stall@action=addLearnerQuizAttempts")
    event = failed_quiz(emulator, 1)
    with (
        behind_relay(emulator, AOCLIENT_WEBHOOK_SECRET=SECRET, PORT="0") as (relay, env),
        daemon(env, tmp_path) as program,
    ):
        answer = asyncio.run(exchange(address(program.until("listening at")), webhook(event)))
        program.until_true(lambda: emulator.journal.count("addLearnerQuizAttempts"))
        program.send()
        program.until("stopping, 1 events at work")
        relay.cut()
        assert program.ended() == 0
    assert answer.status == 200
    assert "event e1: addLearnerQuizAttempts: it was sent, got no clear answer" in program.said
    assert emulator.journal.count("addLearnerQuizAttempts") == 1
    assert "Traceback" not in program.said


def test_every_example_is_run_by_a_test_and_listed():
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    examples = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    assert len(examples) > 5
    assert [name for name in examples if name not in tests or f"({name}.py)" not in index] == []
