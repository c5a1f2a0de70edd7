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
receiver = Receiver("whsec-1", store=SQLiteStore(f"{folder}/once.db"), body_timeout=0.3)

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


@contextlib.contextmanager
def serving(server, app, folder):
    """Run a server in a process of its own; give its URL, and what it printed in the end."""
    pytest.importorskip(server, reason=f"the adapter is also tested under {server}")
    (folder / "app.py").write_text(APP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *(each.format(port=port) for each in SERVERS[server]), f"app:{app}"]
    root = Path(__file__).parent.parent
    environ = {**os.environ, "FOLDER": str(folder), "PYTHONPATH": os.pathsep.join([str(folder), str(root)])}
    output = (folder / "output").open("w")
    process = subprocess.Popen(command, env=environ, cwd=folder, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < deadline, (folder / "output").read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    finally:
        process.kill()
        process.wait()
        output.close()


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
@pytest.mark.parametrize(
    ("app", "paths"),
    [("inside", ["/webhooks", "/mounted/"]), ("alone", ["/any/path"])],
    ids=["in FastAPI", "alone"],
)
def test_the_adapter_works_under_a_real_server(server, app, paths, tmp_path):
    with serving(server, app, tmp_path) as url:
        for path in paths:
            wanted = deliveries(path)
            got = statuses(url, [pieces for pieces, _ in wanted.values()])
            assert dict(zip(wanted, got, strict=True)) == {name: status for name, (_, status) in wanted.items()}
    assert (tmp_path / "handled").read_text() == "e1\n"
    assert "Traceback" not in (tmp_path / "output").read_text()
