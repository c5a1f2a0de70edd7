"""The command line, as a person meets it: in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

SMALL = ["--learners", "30", "--courses", "2", "--rate", "200/1", "--latency", "0"]


def aoclient(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "aoclient", *arguments], capture_output=True, text=True, check=False, **settings
    )


def rows_in(folder):
    return [json.loads(line) for path in folder.iterdir() for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_demo_exports_every_learner_in_every_course(tmp_path):
    ended = aoclient("demo", *SMALL, "--out", str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stderr
    rows = rows_in(tmp_path / "out" / "progress_by_course")
    assert len({(row["course_id"], row["email"]) for row in rows}) == len(rows) == 60
    statistics = rows_in(tmp_path / "out" / "quiz_statistics")
    assert len({(row["email"], row["quiz_id"]) for row in statistics}) == len(statistics) > 0
    assert re.search(r"rows of progress +60\n", ended.stdout)
    assert re.search(rf"quiz statistics +{len(statistics)}\n", ended.stdout)
    assert re.search(r"(\d+)/\1 shards; \d+ rows", ended.stderr)
    again = aoclient("demo", *SMALL, "--out", str(tmp_path / "out"))
    assert again.returncode == 0, again.stderr
    assert len(rows_in(tmp_path / "out" / "progress_by_course")) == 60


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rate", "fast"], "a rate is written calls/seconds"),
        (["--learners", "0"], "learners"),
        (["--colour", "red"], "colour"),
    ],
)
def test_a_wrong_argument_is_said_in_words(tmp_path, arguments, words):
    ended = aoclient("demo", "--out", str(tmp_path), *arguments)
    assert ended.returncode != 0
    assert words in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    ended = aoclient("demo", *SMALL, "--out", str(tmp_path / "file" / "out"))
    assert ended.returncode == 1
    assert "Not a directory" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_interrupted_demo_ends_cleanly(tmp_path):
    slow = ["--learners", "3000", "--courses", "4", "--rate", "1/10", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "aoclient", "demo", *slow], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "An academy of 3000 learners" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_the_emulator_serves_until_it_is_told_to_stop():
    with subprocess.Popen(
        [sys.executable, "-m", "aoclient", "emulator", "--port", "0", "--faults", "503@every=2"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ) as process:
        assert process.stderr is not None
        url = re.search(r"http://[\d.:]+", process.stderr.readline())[0]
        form = b"grant_type=client_credentials&client_id=client-id&client_secret=client-secret&scope="
        with urllib.request.urlopen(f"{url}/oauth/token", form) as answer:
            assert json.load(answer)["token_type"] == "Bearer"
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert process.returncode == 0


def test_faults_that_do_not_exist_are_said_in_words():
    ended = aoclient("emulator", "--faults", "earthquake")
    assert ended.returncode == 2
    assert "earthquake" in ended.stderr


def test_without_the_extra_the_command_line_says_what_to_install(tmp_path):
    (tmp_path / "cyclopts.py").write_text("raise ModuleNotFoundError('no', name='cyclopts')")
    ended = aoclient("demo", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert ended.returncode == 1
    assert ended.stderr == "The command line needs cyclopts, which is not installed: pip install 'aoclient[cli]'\n"


def test_help_loads_no_network_library():
    code = "import sys; from aoclient.cli.app import app; print('aiohttp' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
