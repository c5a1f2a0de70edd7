"""The ASGI adapter inside a real FastAPI application, under real servers."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.receiving import body, exchange, request, signature

fastapi = pytest.importorskip("fastapi", reason="the adapter is also tested in a real FastAPI")

APP = """
import os
from fastapi import FastAPI
from starlette.routing import Mount, Route
from aoclient.receivers import Receiver, SQLiteStore, asgi_app
from aoclient.webhooks import Event, QuizFinished

folder = os.environ["FOLDER"]
receiver = Receiver("whsec-1", store=SQLiteStore(f"{folder}/once.db"), body_timeout=0.1)

@receiver.on(QuizFinished)
async def note(event: QuizFinished) -> None:
    with open(f"{folder}/handled", "a") as file:
        print(event.id, file=file)

hooks = asgi_app(receiver)
inside = FastAPI(lifespan=receiver.lifespan, routes=[Route("/webhooks", hooks), Mount("/mounted", hooks)])
alone = hooks

@inside.get("/")
async def home() -> str:
    return "home"
"""

SERVERS = {
    "uvicorn": ["-m", "uvicorn", "--log-level", "warning", "--host", "127.0.0.1", "--port", "{port}"],
    "granian": [
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--log-level",
        "warning",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
    ],
}


APPS = {"inside": ["/webhooks", "/mounted/"], "alone": ["/any/path"]}


class Served:
    """A server in a process of its own, which is starting."""

    def __init__(self, server, app, folder):
        folder.mkdir()
        (folder / "app.py").write_text(APP)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        root = Path(__file__).parent.parent
        self.folder = folder
        self.output = (folder / "output").open("w")
        self.process = subprocess.Popen(
            [sys.executable, *(each.format(port=self.port) for each in SERVERS[server]), f"app:{app}"],
            env={**os.environ, "FOLDER": str(folder), "PYTHONPATH": os.pathsep.join([str(folder), str(root)])},
            cwd=folder,
            stdout=self.output,
            stderr=self.output,
        )

    def url(self):
        """Return where it listens, as soon as it does."""
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return f"http://127.0.0.1:{self.port}/"
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def said(self):
        return (self.folder / "output").read_text()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Start all servers at once, since most of their time is spent starting."""
    for each in SERVERS:
        pytest.importorskip(each, reason=f"the adapter is also tested under {each}")
    root = tmp_path_factory.mktemp("servers")
    started = {(server, app): Served(server, app, root / f"{server}-{app}") for server in SERVERS for app in APPS}
    yield started
    for each in started.values():
        each.close()


def statuses(url, requests):
    async def main():
        async with asyncio.timeout(20):
            return [(await exchange(url, *each)).status for each in requests]

    return asyncio.run(main())


BODY = body()
GOOD = signature(BODY)


def deliveries(path):
    """Return requests to a path, and the status each should get."""
    close = "Connection: close"
    return {
        "good": ([request(BODY, GOOD, close, path=path)], 200),
        "again": ([request(BODY, GOOD, close, path=path)], 200),
        "unsigned": ([request(BODY, close, path=path)], 401),
        "not ascii": ([request(BODY, "Signature: " + "\xfc" * 64, close, path=path)], 401),
        "two": ([request(BODY, GOOD, GOOD, close, path=path)], 401),
        "get": ([request(b"", close, method="GET", path=path)], 405),
        "encoded": ([request(BODY, GOOD, "Content-Encoding: gzip", close, path=path)], 415),
        "large": ([request(b"x" * 300_000, GOOD, close, path=path)], 413),
        "slow": ([request(b"{", GOOD, "Content-Length: 30", close, path=path, length=False)], 408),
    }


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("app", APPS)
def test_the_adapter_works_under_a_real_server(server, app, served):
    there = served[server, app]
    url = there.url()
    for path in APPS[app]:
        wanted = deliveries(path)
        got = statuses(url, [pieces for pieces, _ in wanted.values()])
        assert dict(zip(wanted, got, strict=True)) == {name: status for name, (_, status) in wanted.items()}
    there.end()
    assert (there.folder / "handled").read_text() == "e1\n"
    assert "Traceback" not in there.said()
