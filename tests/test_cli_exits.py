"""How the command line ends: an exit code for every error, one line on stderr, and no trace of anything else."""

import os
import subprocess
import sys
from types import ModuleType

import pytest

from aoclient import errors
from aoclient.cli import exits, main
from aoclient.emulator import Emulator
from tests.kit.command_line import Stream, aoclient, served

SPLIT = errors.ServerError("half")
SPLIT.parts = errors.Parts([("a", "b")], ["c"], [])
NOTHING_DONE = errors.ServerError("none")
NOTHING_DONE.parts = errors.Parts([], ["c"], [])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ApiError("no"), 1),
        (errors.PermissionDeniedError("no"), 1),
        (errors.ConnectError("no"), 1),
        (OSError("no"), 1),
        (NOTHING_DONE, 1),
        (errors.InvalidOptionError("no", path="options[a]"), 2),
        (errors.ConfigurationError("no"), 2),
        (exits.UsageError("no"), 2),
        (errors.AuthenticationError("no"), 3),
        (errors.RateLimitError("no"), 5),
        (errors.DeadlineError("no", phase="limiter"), 5),
        (errors.OutcomeUnknownError("no"), 6),
        (exits.IncompleteError("no"), 6),
        (SPLIT, 6),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, BaseException) else str(each),
)
def test_every_error_has_its_exit_code_and_one_line(error, code, monkeypatch):
    def command():
        raise error

    monkeypatch.setattr(sys, "stderr", Stream())
    assert exits.exit_code(command) == code
    assert sys.stderr.text().startswith("aoclient: " if code != 130 else "aoclient: stopped")
    assert sys.stderr.text().count("\n") == 1


def test_what_the_server_does_shows_in_the_exit_code():
    invite = ["inviteLearners", "--learners", '{"email":"a@example.com","name":"A","type":"learner"}']
    cases = [
        ("401@action=token", ["courses"], 3),
        ("drop-after@action=inviteLearners", invite, 6),
        ("error-200", ["courses"], 1),
        ("stall", ["--timeout", "0.05", "courses"], 5),
        ("429@retry_after=600", ["courses"], 5),
    ]
    for faults, line, code in cases:
        options, action = (line[:2], line[2:]) if line[0].startswith("--") else ([], line)
        with served(Emulator(learners=3, courses=1, faults=faults)) as env:
            ended = aoclient("call", *action, *options, env=env)
        assert ended.code == code, faults
        assert ended.out == ""
        assert ended.err.count("\n") == 1


def test_a_wrong_usage_is_one_line():
    for line in (["call", "nothing"], ["call", "learnersWithScore"], ["nothing"], ["call", "courses", "--json=5x"]):
        ended = aoclient(*line)
        assert ended.code == 2
        assert ended.out == ""
        assert ended.err.startswith("aoclient: ")
        assert ended.err.count("\n") == 1


def test_a_message_of_the_server_cannot_move_the_cursor(monkeypatch):
    def command():
        raise errors.ApiError("red \x1b[31m and\nnext \u202eline")

    monkeypatch.setattr(sys, "stderr", Stream())
    exits.exit_code(command)
    assert sys.stderr.text() == "aoclient: red \\x1b[31m and next \\u202eline\n"


def test_a_refused_sign_in_says_where_to_look(monkeypatch):
    def command():
        raise errors.AuthenticationError("no")

    monkeypatch.setattr(sys, "stderr", Stream())
    exits.exit_code(command)
    assert sys.stderr.text() == "aoclient: no; aoclient config show says where client id and secret come from\n"


@pytest.mark.parametrize(
    ("closed", "line", "code", "err"),
    [
        ("<&-", "token --client-id me", 2, "aoclient: there is no client secret"),
        (">&-", "actions", 0, ""),
        ("2>&-", "nothing", 2, ""),
    ],
)
def test_a_daemon_may_start_it_without_a_stream(closed, line, code, err):
    command = f'exec "{sys.executable}" -m aoclient {line} {closed}'
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(err)
    assert ended.stderr.count("\n") == bool(err)


def test_an_interrupt_while_modules_are_loaded_is_one_line_too(monkeypatch):
    class Loading(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "aoclient.cli.app", Loading("aoclient.cli.app"))
    monkeypatch.setattr(sys, "stderr", Stream())
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, sys.stderr.text()) == (130, "aoclient: stopped\n")


def test_a_reader_that_has_enough_of_a_table_is_no_failure():
    code = (
        "import sys; from aoclient.cli.exits import exit_code; from aoclient.cli.tables import print_rows; "
        "sys.exit(exit_code(lambda: print_rows([{'a': 'x' * 30}] * 20_000) or 0))"
    )
    # Unbuffered, Python drops what a pipe did not take, and nobody learns that the reader has gone.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env) as writing:
        assert writing.stdout is not None
        writing.stdout.readline()
        writing.stdout.close()
        assert writing.wait() == 0


def test_a_reader_that_has_enough_is_no_failure():
    with served(Emulator(learners=500, courses=1)) as env:
        writing = subprocess.Popen(
            [sys.executable, "-m", "aoclient", "call", "learners"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **env},
        )
        assert writing.stdout is not None
        assert writing.stdout.readline().startswith(b'{"email"')
        writing.stdout.close()
        with writing.stderr:
            assert writing.stderr.read() == b""
        assert writing.wait() == 0
