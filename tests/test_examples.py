"""The examples run, each as its first lines say."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from aoclient.cli.samples import sample
from aoclient.webhooks import CourseFinished, QuizFinished, dumps
from tests.kit.receiving import SECRET, exchange, request, signature

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_fastapi_takes_signed_events_once_each_under_uvicorn(tmp_path):
    command = ["-m", "uvicorn", "--app-dir", str(EXAMPLES), "fastapi_webhooks:app", "--port", "0"]
    payloads = [dumps(sample(cls, cls.NAME)) for cls in (QuizFinished, CourseFinished, QuizFinished)]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "AOCLIENT_WEBHOOK_SECRET": SECRET},
    ) as process:
        url = next(found[0] for line in process.stderr if (found := re.search(r"http://[\d.:]+", line)))
        answers = [
            asyncio.run(exchange(url, request(payload, line, "Connection: close"))).status
            for payload in payloads
            for line in (signature(payload), "Signature: x")
        ]
        with urllib.request.urlopen(f"{url}/finished") as answer:
            finished = json.load(answer)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert answers == [200, 401] * 3
    assert finished == {"ann@example.com": 2}
    assert "Traceback" not in said


def test_every_example_is_run_here():
    assert [each.name for each in sorted(EXAMPLES.glob("*.py"))] == ["fastapi_webhooks.py"]
