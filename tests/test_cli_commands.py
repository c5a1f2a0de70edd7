"""The commands beside `call`: token, doctor, actions, completion; and what loading them costs."""

import asyncio
import os
import signal
import stat
import subprocess
import sys

import pytest

from aoclient.cli.app import app
from aoclient.cli.docstrings import describe
from aoclient.cli.emulator import serve_for
from aoclient.emulator import Emulator
from aoclient.settings import Rate
from tests.kit.command_line import aoclient, served


def test_the_token_command_says_type_and_end():
    with served(Emulator(token_life=3600)) as env:
        ended = aoclient("token", env=env)
    assert ended.document["type"] == "Bearer"
    assert 3590 < ended.document["expires_in"] <= 3600
    assert set(ended.document) == {"type", "expires_at", "expires_in", "base_url"}


def findings(ended):
    return {row["check"]: (row["state"], row["detail"]) for row in ended.rows}


@pytest.mark.parametrize("life", [1e12, 1e30], ids=["after the last year", "after the last second"])
def test_a_token_may_end_when_no_calendar_has_a_day(life):
    with served(Emulator(learners=1, token_life=life)) as env:
        (row,) = aoclient("token", env=env).rows
    assert (row["expires_at"], row["expires_in"]) == (None, pytest.approx(life))


def test_doctor_looks_at_everything(tmp_path):
    emulator = Emulator(learners=20, courses=2, rate=Rate(100, per=60))
    kept = tmp_path / "secret"
    kept.write_text("client-secret")
    kept.chmod(0o644)
    with served(emulator) as env:
        ended = aoclient("doctor", "--client-secret-file", str(kept), "--rate", "500/1", env=env)
        kept.chmod(stat.S_IRUSR)
        again = aoclient("doctor", "--client-secret-file", str(kept), env=env)
    found = findings(ended)
    assert ended.code == 0
    assert found["secret"] == ("warn", f"others on this machine may read {kept}: chmod 600 it")
    assert findings(again)["secret"][0] == "ok"
    assert found["connection"][0] == "warn"
    assert found["sign-in"][0] == "ok"
    assert found["clock"][0] == "ok"
    assert found["rate"][0] == "ok"
    assert " of 100 calls are left in this window; set here: 500 calls in 1 s" in found["rate"][1]
    assert found["model Learner"] == ("ok", "1 read")
    assert found["model LearnerProgress"] == ("ok", "5 read")
    assert "@example.com" not in ended.out
    assert emulator.journal.requests("/api/v1/") == 16  # eight calls each time, and none that is not counted


def test_doctor_stops_where_the_sign_in_is_refused():
    emulator = Emulator()
    with served(emulator) as env:
        ended = aoclient("doctor", env={**env, "AOCLIENT_CLIENT_SECRET": "wrong"})
    assert ended.code == 3
    assert findings(ended)["sign-in"] == ("fail", "no token: Client authentication failed (status 401)")
    assert emulator.journal.requests("/api/v1/") == 0


def test_doctor_goes_on_after_a_call_that_fails():
    with served(Emulator(learners=5, courses=0, faults="error-200@action=academies")) as env:
        ended = aoclient("doctor", env=env)
    found = findings(ended)
    assert ended.code == 1
    assert found["academies"][0] == "fail"
    assert found["getTeams"] == ("ok", "answered")
    assert "learnersProgressByCourse" not in found
    assert found["rate"] == ("warn", "the server says no limit")


# --- small things ------------------------------------------------------------------------------------------------


def test_the_table_of_actions_has_all_of_them():
    rows = {row["name"]: row for row in aoclient("actions", "--jsonl").rows}
    assert len(rows) == 28
    assert rows["learnersProgressByCourse"]["paged"] is True
    assert rows["deleteLearnerInvite"]["adds_with"] == ["is_delete_users"]
    assert rows["deleteLearners"]["split"] == ["emails", "ids"]
    assert rows["setLessonVariables"]["heading"] == "set/createLessonVariables"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_actions_and_their_options(shell):
    script = aoclient("completion", shell).out
    assert "learnersProgressByCourse" in script
    assert "show-not-started-learners" in script


@pytest.mark.parametrize(
    "line",
    [["--help"], ["call", "--help"], ["call", "learners", "--help"], ["call", "courses", "--dry-run"], ["actions"]],
)
def test_help_and_dry_runs_load_no_network_library(line):
    code = "import sys; from aoclient.cli.app import run; run(sys.argv[1:]); print('aiohttp' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("\nFalse\n")


def test_a_name_that_stdout_cannot_write_is_no_failure():
    line = [sys.executable, "-m", "aoclient", "call", "certificates", "--email", "Zoë@example.com", "--dry-run"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(line, capture_output=True, text=True, check=True, env=env)
    assert "options[email]=Zo\\xeb@example.com" in ended.stdout


def test_the_emulator_keeps_the_end_of_its_journal_only(monkeypatch):
    served_ones = []

    async def serve(academy, *_):
        served_ones.append(academy)

    monkeypatch.setattr("aoclient.cli.emulator.serve", serve)
    assert aoclient("emulator", "--learners", "5", "--rate", "60/60").code == 0
    assert served_ones[0].journal.keep == 1000


def test_the_emulator_runs_a_command_against_itself():
    code = "import asyncio, sys, aoclient; sys.exit(len(asyncio.run(aoclient.Session.from_env().learners())))"
    line = ["emulator", "--learners", "7", "--", sys.executable, "-W", "ignore", "-c", code]
    env = {**os.environ, "AOCLIENT_CLIENT_SECRET_FILE": "nowhere", "AOCLIENT_BASE_URL": "http://127.0.0.1:9"}
    assert aoclient(*line, env=env).code == 7
    signalled = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert aoclient("emulator", "--", sys.executable, "-c", signalled, env=env).code == 128 + 15
    missing = aoclient("emulator", "--", "no-such-command", env=env)
    assert (missing.code, "no-such-command" in missing.err) == (1, True)


_LONG = """
import time
try:
    print("begun", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("clearing up", flush=True)
    time.sleep(0.2)
    print("cleared up", flush=True)
"""


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "clearing up\ncleared up\n"), (signal.SIGTERM, 128 + 15, "")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_the_command_of_an_emulator_ends_before_it(number, code, said):
    with subprocess.Popen(
        [sys.executable, "-m", "aoclient", "emulator", "--", sys.executable, "-c", _LONG],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        out, err = process.communicate(timeout=20)  # ends when the command has closed stdout as well
    assert (process.returncode, out) == (code, said)
    assert err == ("aoclient: stopped\n" if number == signal.SIGINT else "")


def test_the_emulator_ends_its_command_when_it_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("aoclient.cli.emulator._GOODBYE", 0.0)
    code = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
    told = tmp_path / "pid"
    os.mkfifo(told)  # reading waits until the command writes

    async def main():
        command = [sys.executable, "-c", code, str(told)]
        task = asyncio.create_task(serve_for(command, Emulator(learners=1), "127.0.0.1", 0))
        async with asyncio.timeout(20):
            pid = int(await asyncio.to_thread(told.read_text))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(main())


def test_a_loop_without_signal_handlers_is_no_failure(monkeypatch):
    """As on Windows."""

    def refuse(*_):
        raise NotImplementedError

    async def main():
        monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
        return await serve_for([sys.executable, "-c", "raise SystemExit(7)"], Emulator(learners=1), "127.0.0.1", 0)

    assert asyncio.run(main()) == 7


def test_a_docstring_without_sections_is_its_text():
    class Bare:
        """Just this.

        And that,
        in two lines.
        """

    found = describe(Bare)
    assert (found.summary, found.text, found.options, found.help) == (
        "Just this.",
        "And that, in two lines.",
        {},
        "Just this.\n\nAnd that, in two lines.",
    )


def test_the_version_is_said():
    assert aoclient("--version").out.strip() == app.version
