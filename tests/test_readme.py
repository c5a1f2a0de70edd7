"""What the README shows runs."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aoclient.actions import ACTIONS
from aoclient.cli.samples import sample
from aoclient.emulator import Emulator
from aoclient.export import read_manifest
from aoclient.webhooks import QuizFinished, dumps
from tests.kit.command_line import aoclient, served
from tests.kit.receiving import SECRET, exchange, request, signature

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

pytest_plugins = ["pytester"]


def test_the_first_example_runs_against_an_academy(tmp_path):
    script = tmp_path / "example.py"
    script.write_text(BLOCKS[0])
    server = tmp_path / "server.py"
    server.write_text(f"""
import asyncio, os, sys
from aoclient.emulator import Emulator

async def main():
    async with Emulator(learners=30).serve() as url:
        process = await asyncio.create_subprocess_exec(sys.executable, {str(script)!r}, env={{
            **os.environ, "AOCLIENT_BASE_URL": url,
            "AOCLIENT_CLIENT_ID": "client-id", "AOCLIENT_CLIENT_SECRET": "client-secret"}})
        return await process.wait()

sys.exit(asyncio.run(main()))
""")
    ended = subprocess.run([sys.executable, str(server)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    learners, courses = 30, 4
    assert ended.stdout.count("@example.com") > learners
    assert len(re.findall(r"^\w{17,20} \d+$", ended.stdout, re.MULTILINE)) == courses


def test_the_example_of_a_users_own_test_passes(pytester):
    pytester.makepyfile(BLOCKS[1])
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_example_of_webhooks_takes_a_signed_event_once(tmp_path):
    assert sum(bool(line) for line in BLOCKS[2].splitlines()) <= 15
    script = tmp_path / "example.py"
    script.write_text(BLOCKS[2].replace("port=9000", "port=0"))
    payload = dumps(sample(QuizFinished, "e1"))
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "AOCLIENT_WEBHOOK_SECRET": SECRET},
    ) as process:
        url = process.stdout.readline().split()[-1]
        answers = [
            asyncio.run(exchange(url, request(payload, line))).status
            for line in ("Signature: x", signature(payload), signature(payload))
        ]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert answers == [401, 200, 200]
    assert out == "ann@example.com Quiz 5.0\n"


def test_the_example_of_an_export_writes_files_and_reads_them_back(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    assert sum(bool(line) for line in BLOCKS[3].splitlines()) <= 10
    with served(Emulator(learners=30, courses=2)) as env:
        command = [sys.executable, "-c", BLOCKS[3]]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **env}
        )
    assert ended.returncode == 0, ended.stderr
    rows, learners = map(int, ended.stdout.split())
    assert (learners, rows) == (30, read_manifest(tmp_path / "progress").rows)


def test_the_commands_of_an_export_are_understood(tmp_path):
    (block,) = re.findall(r"^```console\n(aoclient export.*?)^```", README, re.MULTILINE | re.DOTALL)
    with served(Emulator(learners=5, courses=1)) as env:
        for command in block.splitlines():
            words = [word for word in shlex.split(command)[1:] if word != "--dry-run"]
            words[words.index("--out") + 1] = str(tmp_path / words[words.index("--out") + 1])
            ended = aoclient(*words, "--dry-run", env=env)
            assert ended.code == 0, ended.err


def test_the_table_of_actions_is_that_of_the_declarations():
    for effect, again in (("reads", "sent again"), ("sets", "sent again"), ("adds", "never sent again")):
        names = sorted(name for name, cls in ACTIONS.items() if cls.spec.effect.value == effect)
        assert f"| {effect} | {again} | {', '.join(f'`{name}`' for name in names)} |\n" in README


def test_every_block_of_the_readme_is_run_here():
    assert len(BLOCKS) == 4


def test_the_commands_of_the_readme_are_those_that_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert command in ci.replace(" \\\n", "\n")
