"""Webhooks received behind aiohttp, against a handler that only reads the body.

Servers and load are processes of their own. Each event comes once, so that every one of them is verified, parsed,
looked up and handed to a handler that does nothing, with the extra ``speed`` and without. Throughput is taken from as
many connections as keep the server busy: new ones for each delivery, as a PHP worker makes them (README.md says why),
and ones that stay open. What a request costs in CPU is asked from the server itself. The times of answers are those at
a steady rate, each counted from when the request was due.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any
from urllib.request import urlopen

from measure import HERE, at_least, at_most, child, environment, figure, finish, middle, ratio, rounds_of, spread

from aoclient.webhooks import sign

SECRET = "whsec-benchmark"
KINDS = ("bare", "speed", "core")  # the receiver with the extra ``speed``, and with the core packages only
CONNECTIONS = 16
GOAL = 0.7  # of the throughput of the bare handler
SLOWEST = 50.0  # milliseconds, the 99th percentile


# --- the servers -------------------------------------------------------------------------------------------------


async def serve(kind: str) -> None:
    from aiohttp import web

    from aoclient import jsontext
    from aoclient.receivers import Receiver, routes
    from aoclient.webhooks import Event

    async def bare(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b"accepted\n", headers={"Content-Type": "text/plain; charset=utf-8"})

    async def cpu(_: web.Request) -> web.Response:
        return web.json_response(time.process_time())

    app = web.Application()
    app.router.add_get("/cpu", cpu)
    if kind == "bare":
        app.router.add_post("/webhooks", bare)
    else:
        if kind == "core":
            jsontext._msgspec = None
        receiver = Receiver(SECRET)
        handled = 0

        @receiver.on(Event)
        async def count(_: Event) -> None:
            nonlocal handled
            handled += 1

        app.add_routes(routes(receiver))
        app.cleanup_ctx.append(receiver.lifespan)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


@contextmanager
def serving(kind: str) -> Iterator[str]:
    command = [sys.executable, str(HERE / "receiver.py"), "serve", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


# --- the load ----------------------------------------------------------------------------------------------------


def deliveries(number: int, salt: float, *, closes: bool = False) -> list[bytes]:
    """Return whole requests, each with an event of its own, as large as the vendor's usual one."""
    connection = "Connection: close\r\n" if closes else ""
    event = json.loads((HERE.parent / "tests" / "golden" / "webhooks" / "quiz.finished.json").read_text())
    requests: list[bytes] = []
    for at in range(number):
        body = json.dumps({**event, "id": f"{salt}-{at}"}).encode()
        head = (
            f"POST /webhooks HTTP/1.1\r\nHost: localhost\r\nUser-Agent: GuzzleHttp/7\r\n{connection}"
            f"Content-Type: application/json\r\nSignature: {sign(body, SECRET)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


class Connection(asyncio.Protocol):
    """One connection and the answer that is awaited on it."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.answered is not None
        assert data.startswith(b"HTTP/1.1 200 "), data
        assert data.endswith(b"accepted\n"), data
        self.answered.set_result(None)

    def close(self) -> None:
        self._transport.abort()

    async def send(self, request: bytes) -> None:
        self.answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self.answered


async def connections(url: str, number: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    port = int(url.rpartition(":")[2])
    return [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(number)]


async def flood(url: str, number: int, *, closes: bool) -> dict[str, float]:
    """Send as fast as answers come, on connections that stay, or on a new one for each delivery."""
    requests = iter(deliveries(number, time.time(), closes=closes))

    async def work(connection: Connection) -> None:
        for request in requests:
            await connection.send(request)
            if closes:
                connection.close()
                (connection,) = await connections(url, 1)

    opened = await connections(url, CONNECTIONS)
    began = time.perf_counter()
    await asyncio.gather(*map(work, opened))
    return {"wall": (time.perf_counter() - began) / number}


async def pace(url: str, rate: int, seconds: float) -> dict[str, float]:
    """Send at a steady rate, whether answers come or not, and return percentiles of milliseconds."""
    requests = deliveries(round(rate * seconds), time.time())
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for each in await connections(url, 64):
        free.put_nowait(each)
    loop = asyncio.get_running_loop()
    took: list[float] = []
    began = loop.time()

    async def deliver(request: bytes, due: float) -> None:
        connection = await free.get()
        await connection.send(request)
        took.append(loop.time() - due)
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as group:
        for at, request in enumerate(requests):
            due = began + at / rate
            await asyncio.sleep(due - loop.time())
            group.create_task(deliver(request, due))
    took.sort()
    return {"p50": took[len(took) // 2] * 1000, "p99": took[len(took) * 99 // 100] * 1000}


# --- figures -----------------------------------------------------------------------------------------------------


def flooded(url: str, number: int, way: str = "stay") -> Callable[[], dict[str, float]]:
    def case() -> dict[str, float]:
        before = json.load(urlopen(f"{url}/cpu"))
        report = child("receiver.py", "flood", url, number, way)
        return {**report, "cpu": (json.load(urlopen(f"{url}/cpu")) - before) / number}

    return case


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    number, rounds, seconds = (2_000, 3, 2) if quick else (10_000, 11, 10)
    with ExitStack() as stack:
        urls = {kind: stack.enter_context(serving(kind)) for kind in KINDS}
        for url in urls.values():
            flooded(url, 1_000)()
        cases = {f"{kind}, {way}": flooded(url, number, way) for way in ("stay", "close") for kind, url in urls.items()}
        got = rounds_of(cases, rounds)
        paced = [child("receiver.py", "pace", urls["speed"], 500, seconds) for _ in range(1 if quick else 3)]
    finish(
        [
            *compared("connections that stay, speed", got["bare, stay"], got["speed, stay"]),
            *compared("connections that stay, core", got["bare, stay"], got["core, stay"]),
            *compared("a connection for each, speed", got["bare, close"], got["speed, close"]),
            *compared("a connection for each, core", got["bare, close"], got["core, close"]),
            *plain("connections that stay", got["bare, stay"]),
            *plain("a connection for each", got["bare, close"]),
            at_most("receiver: p99 of the answer at 500 per s, ms", median(each["p99"] for each in paced), SLOWEST),
        ],
        {**got, "paced": paced},
    )


def compared(name: str, bare: list[dict[str, float]], ours: list[dict[str, float]]) -> list[dict[str, Any]]:
    name = f"receiver, {name}"
    return [
        at_least(f"{name}: throughput / bare handler", ratio(bare, ours, "wall"), GOAL, spread(bare, ours, "wall")),
        figure(f"{name}: CPU of bare handler / CPU", ratio(bare, ours, "cpu"), "", noise=spread(bare, ours, "cpu")),
        figure(f"{name}: CPU for one event, us", middle(ours, "cpu") * 1e6, ""),
    ]


def plain(name: str, bare: list[dict[str, float]]) -> list[dict[str, Any]]:
    return [figure(f"receiver, {name}: CPU for one request of the bare handler, us", middle(bare, "cpu") * 1e6, "")]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", kind]:
            asyncio.run(serve(kind))
        case ["flood", url, number, way]:
            print(json.dumps(asyncio.run(flood(url, int(number), closes=way == "close"))))
        case ["pace", url, rate, seconds]:
            print(json.dumps(asyncio.run(pace(url, int(rate), float(seconds)))))
        case _:
            main()
