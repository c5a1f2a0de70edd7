"""The commands for webhooks: take them, verify one, send a sample."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aoclient import webhooks
from aoclient.cli import webhooks as commands
from aoclient.cli.eventlines import EventWriter, line_of
from aoclient.cli.samples import sample
from aoclient.emulator.webhooks import Webhooks
from aoclient.receivers import Receiver, serve
from aoclient.webhooks import EVENTS, Event, Learner, Named, sign
from tests.kit.command_line import NOWHERE, aoclient, streams
from tests.kit.receiving import SECRET, body, exchange, request, signature

GOLDEN = Path(__file__).parent / "golden" / "webhooks"
ENV = {**NOWHERE, "AOCLIENT_WEBHOOK_SECRET": SECRET}
CANARY = "canary-3b1f09"


@contextlib.contextmanager
def receiving(**settings):
    """Serve a receiver from a thread of its own; give its URL and the events it was called with."""
    ready: list[str] = []
    got: list[Event] = []
    listening, over = threading.Event(), threading.Event()

    async def main():
        receiver = Receiver(SECRET, **settings)

        @receiver.on(Event)
        async def keep(event):
            got.append(event)

        async with serve(receiver) as url:
            ready.append(url)
            listening.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    listening.wait()
    try:
        yield ready[0], got
    finally:
        over.set()
        thread.join()


# --- samples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_has_the_fields_of_the_vendors_page(name):
    event = sample(EVENTS[name], "e1")
    written = json.loads(webhooks.dumps(event))
    printed = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert webhooks.parse(webhooks.dumps(event)) == event
    assert (written["id"], written["event"]) == ("e1", name)
    assert set(printed) <= set(written)
    for key in ("quiz", "lesson"):
        if key in printed:
            assert set(written[key]) == set(printed[key])


def test_samples_are_the_same_each_time_but_for_their_id():
    for cls in EVENTS.values():
        assert sample(cls, "a") == sample(cls, "a") != sample(cls, "b")


# --- send --------------------------------------------------------------------------------------------------------


def test_all_samples_are_sent_and_taken():
    with receiving() as (url, got):
        ended = aoclient("webhooks", "send", "all", url, env=ENV)
    assert (ended.code, ended.err) == (0, "")
    assert [row["event"] for row in ended.rows] == list(EVENTS)
    assert {(row["status"], row["error"]) for row in ended.rows} == {(200, None)}
    assert [type(each) for each in got] == list(EVENTS.values())
    assert len({each.id for each in got}) == len(EVENTS)


def test_the_same_id_twice_is_handled_once():
    with receiving() as (url, got):
        codes = [aoclient("webhooks", "send", "quiz.finished", url, "--id", "e1", env=ENV).code for _ in range(2)]
    assert (codes, [each.id for each in got]) == ([0, 0], ["e1"])


def test_an_event_goes_by_its_heading_too():
    with receiving() as (url, got):
        assert aoclient("webhooks", "send", "team.new.learners", url, env=ENV).code == 0
    assert type(got[0]) is webhooks.TeamNewLearners


def test_a_refused_sample_is_a_failure():
    with receiving() as (url, got):
        ended = aoclient("webhooks", "send", "quiz.finished", url, env={**ENV, "AOCLIENT_WEBHOOK_SECRET": "wrong"})
    assert (ended.code, ended.rows[0]["status"], got) == (1, 401, [])


def test_a_receiver_that_is_not_there_is_a_failure():
    ended = aoclient("webhooks", "send", "all", "http://127.0.0.1:9/webhooks", env=ENV)
    assert ended.code == 1
    assert {(row["status"], row["error"]) for row in ended.rows} == {(None, "ClientConnectorError")}


def test_a_receiver_that_does_not_answer_is_a_failure():
    async def never(body, headers):
        await asyncio.Event().wait()

    async def main():
        return await commands._status(Webhooks(never, SECRET, timeout=0.01), never, b"{}")

    assert asyncio.run(main()) == (0, "no answer within 0.01 s")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "http://127.0.0.1:9/"], "there is no event 'nothing', only course.started"),
        (["all", "example.com"], "must be an absolute http or https URL"),
        (["all", "http://127.0.0.1:9/", "--timeout", "0"], "--timeout"),
    ],
)
def test_a_wrong_argument_of_send_is_said_in_words(arguments, words):
    ended = aoclient("webhooks", "send", *arguments, env=ENV)
    assert ended.code == 2
    assert words in ended.err


# --- verify ------------------------------------------------------------------------------------------------------


@pytest.fixture
def golden():
    path = GOLDEN / "quiz.finished.json"
    return str(path), sign(path.read_bytes(), SECRET)


def test_a_right_signature_is_code_0(golden):
    file, right = golden
    ended = aoclient("webhooks", "verify", file, "--signature", right, env=ENV)
    assert ended.code == 0
    assert ended.rows == [
        {"verified": True, "event": "quiz.finished", "id": "66ede-ba03-4d95-b144-061dd53b4b56", "class": "QuizFinished"}
    ]


@pytest.mark.parametrize("spoilt", ["", "x", "-", "\xfc" * 64, "0" * 64])
def test_a_wrong_signature_is_code_1(golden, spoilt):
    ended = aoclient("webhooks", "verify", golden[0], "--signature", spoilt, env=ENV)
    assert (ended.code, ended.rows, ended.err) == (1, [{"verified": False}], "")


def test_another_spelling_is_taken_when_it_is_asked_for(golden):
    file, right = golden
    upper = ["webhooks", "verify", file, "--signature", right.upper()]
    assert aoclient(*upper, env=ENV).code == 1
    assert aoclient(*upper, "--encoding", "upper-hex", env=ENV).code == 0


def test_a_line_break_that_an_editor_added_is_named(tmp_path):
    (tmp_path / "body").write_bytes(body() + b"\n")
    ended = aoclient("webhooks", "verify", str(tmp_path / "body"), "--signature", sign(body(), SECRET), env=ENV)
    assert ended.code == 1
    assert "without the line break" in ended.err


def test_the_body_may_come_from_stdin():
    ended = aoclient("webhooks", "verify", "-", "--signature", sign(b"{}", SECRET), env=ENV, stdin="{}")
    assert (ended.code, ended.rows[0]["class"]) == (0, "UnknownEvent")


def test_a_body_that_is_right_but_no_event_is_said_in_words():
    ended = aoclient("webhooks", "verify", "-", "--signature", sign(b"x", SECRET), env=ENV, stdin="x")
    assert ended.code == 1
    assert "no JSON" in ended.err


def test_a_file_that_is_not_there_is_said_in_words(tmp_path):
    ended = aoclient("webhooks", "verify", str(tmp_path / "none"), "--signature", "x", env=ENV)
    assert ended.code == 1
    assert "No such file" in ended.err


# --- the secret --------------------------------------------------------------------------------------------------


def verified(env, *arguments, **settings):
    return aoclient("webhooks", "verify", *arguments, "--signature", sign(b"{}", CANARY), env=env, **settings)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "body").write_bytes(b"{}")
    (tmp_path / "secret").write_text(f"{CANARY}\n")
    (tmp_path / "aoclient").mkdir()
    (tmp_path / "aoclient" / "config.toml").write_text('[profiles.work]\nwebhook_secret_file = "../secret"\n')
    return tmp_path


@pytest.mark.shows_secrets("file", "the test wrote the secret there")
def test_the_secret_comes_from_the_environment_a_file_a_profile_or_stdin(files):
    given = str(files / "body")
    ways = [
        ({"AOCLIENT_WEBHOOK_SECRET": CANARY}, []),
        ({"AOCLIENT_WEBHOOK_SECRET_FILE": str(files / "secret")}, []),
        ({"AOCLIENT_WEBHOOK_SECRET": "other"}, ["--webhook-secret-file", str(files / "secret")]),
        ({"XDG_CONFIG_HOME": str(files), "AOCLIENT_PROFILE": "work"}, []),
        ({"XDG_CONFIG_HOME": str(files)}, ["--profile", "work"]),
    ]
    for env, arguments in ways:
        assert verified({**NOWHERE, **env}, given, *arguments).code == 0
    assert verified(NOWHERE, given, "--webhook-secret-file", "-", stdin=CANARY).code == 0


@pytest.mark.shows_secrets("file", "the test wrote the secret there")
def test_a_person_at_a_terminal_is_asked_for_it(files, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "aoclient.cli.connection.secret_of.__defaults__", (lambda prompt, stream: asked.append(prompt) or CANARY,)
    )
    assert verified(NOWHERE, str(files / "body"), terminal=True).code == 0
    assert asked == ["Webhook secret: "]


def test_a_secret_that_is_missing_or_blank_is_a_wrong_usage(files):
    ended = verified(NOWHERE, str(files / "body"))
    assert (ended.code, "set AOCLIENT_WEBHOOK_SECRET or AOCLIENT_WEBHOOK_SECRET_FILE" in ended.err) == (2, True)
    (files / "secret").write_text("\n")
    ended = verified(NOWHERE, str(files / "body"), "--webhook-secret-file", str(files / "secret"))
    assert (ended.code, "blank" in ended.err) == (2, True)


def test_the_body_and_the_secret_do_not_both_come_from_stdin():
    ended = verified(NOWHERE, "-", "--webhook-secret-file", "-", stdin=CANARY)
    assert (ended.code, "cannot both come from stdin" in ended.err) == (2, True)


@pytest.mark.shows_secrets("file", "the test wrote the secret there")
def test_the_secret_is_no_argument_and_is_never_printed(files):
    env = {**NOWHERE, "AOCLIENT_WEBHOOK_SECRET": CANARY}
    lines = [
        ["config", "show"],
        ["webhooks", "send", "all", "http://127.0.0.1:9/webhooks"],
        ["webhooks", "verify", str(files / "body"), "--signature", "x"],
        ["webhooks", "verify", str(files / "body"), "--signature", "x", "--webhook-secret", CANARY],
        ["webhooks", "listen", "--path", "no-slash"],
    ]
    endings = [aoclient(*line, env=env) for line in lines]
    assert [each.code for each in endings] == [0, 1, 1, 2, 2]
    assert CANARY not in "".join(each.out + each.err for each in endings)


# --- listen ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def listening(*arguments):
    """Run ``webhooks listen`` in a process of its own; give the process and the URL it says."""
    with subprocess.Popen(
        [sys.executable, "-m", "aoclient", "webhooks", "listen", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **ENV},
    ) as process:
        assert process.stderr is not None
        try:
            yield process, process.stderr.readline().split()[4].rstrip(",")
        finally:
            process.kill()


def delivered(url, *payloads, secret=SECRET):
    async def main():
        async with asyncio.timeout(20):
            return [(await exchange(url, request(each, signature(each, secret)))).status for each in payloads]

    return asyncio.run(main())


def test_events_are_printed_once_as_they_come_and_a_file_remembers_them(tmp_path):
    store = ["--store", str(tmp_path / "once.db")]
    with listening("--jsonl", *store) as (process, url):
        assert delivered(url, body("e1"), body("e1")) == [200, 200]
        first = json.loads(process.stdout.readline())  # at once, though it goes on
        assert (first["id"], first["event"]) == ("e1", "quiz.finished")
        assert delivered(url, body("e9"), secret="wrong") == [401]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "refused: its signature" in err
    with listening("--json", *store) as (process, url):
        assert delivered(url, body("e1"), body("e2"), body("e3", "new.thing")) == [200, 200, 200]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert [each["id"] for each in json.loads(out)] == ["e2", "e3"]
    assert "Traceback" not in err


def test_what_is_no_http_is_said_in_a_line():
    with listening("--jsonl") as (process, url):
        chunked = request(b"no chunk\r\n", "Transfer-Encoding: chunked", length=False)
        assert asyncio.run(exchange(url, chunked)).status == 400
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err == "aoclient: Error handling request from 127.0.0.1: BadHttpMessage\n"


def test_who_stops_reading_ends_it_and_gets_the_event_again_from_the_sender():
    with listening("--jsonl") as (process, url):
        process.stdout.close()
        assert delivered(url, body("e1")) == [503]
        err = process.stderr.read()
        process.wait()
    assert (process.returncode, "Traceback" in err) == (0, False)


@pytest.mark.parametrize(
    ("option", "value"), [("--path", "/{x"), ("--path", "/any{thing}"), ("--path", "/a?b"), ("--host", "127..0.1")]
)
def test_where_nothing_can_be_taken_is_said_in_words(option, value):
    ended = aoclient("webhooks", "listen", option, value, env=ENV)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"aoclient: {option}: ")
    assert ended.err.count("\n") == 1


def test_a_port_that_is_taken_is_said_in_words():
    with receiving() as (url, _):
        port = url.split(":")[2].split("/")[0]
        ended = subprocess.run(
            [sys.executable, "-m", "aoclient", "webhooks", "listen", "--port", port],
            capture_output=True,
            text=True,
            env={**os.environ, **ENV},
            check=False,
        )
    assert (ended.returncode, "address already in use" in ended.stderr) == (1, True)
    assert "Traceback" not in ended.stderr


def test_a_line_tells_who_and_what():
    people = [Learner(email=f"{number}@example.com") for number in range(5)]
    event = webhooks.TeamNewLearners(team=[Named(name="Sales\x1b[31m")], learners=people)
    assert line_of(event).split(maxsplit=1) == [
        "team.new_learners",
        r"0@example.com, 1@example.com, 2@example.com and 2 more  Sales\x1b[31m",
    ]
    unknown = webhooks.parse(b'{"event": "new.thing\\u001b", "a": [1]}')
    assert line_of(unknown).split(maxsplit=1)[0] == r"new.thing\x1b"
    assert '"a": [1]' in line_of(unknown)
    assert line_of(webhooks.parse(b"{}")).startswith("no event")


def test_events_are_lines_on_a_terminal():
    with streams(terminal=True) as (out, _):
        writer = EventWriter("table")
        writer.write(sample(webhooks.QuizFinished, "e1"))
        writer.close()
        assert out.text().split()[1:] == ["quiz.finished", "ann@example.com", "Course", "Quiz"]


def test_events_are_one_document_when_that_is_asked_for():
    with streams() as (out, _):
        writer = EventWriter("json")
        for event_id in ("e1", "e2"):
            writer.write(sample(webhooks.QuizFinished, event_id))
        writer.close()
        assert [each["id"] for each in json.loads(out.text())] == ["e1", "e2"]
