"""A server that is no bottleneck: prepared answers over an asyncio protocol, on uvloop where it is installed.

It prints its base URL. Small calls get what ``learners`` with ``email`` answers: a list of one learner with every key
the vendor's page names, since a record of an address alone, which nobody gets, is read on the tolerant road of odd
answers. ``course_id=<anything>-<rows>`` names a course with so many rows, ``<anything>.<first>-<rows>`` one whose rows
begin with another number than 0. ``GET /times`` tells when each call was counted, ``GET /reset`` forgets it, ``GET
/later`` lets every learner pass one lesson more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from functools import lru_cache
from urllib.parse import parse_qsl

import samples

SMALL = samples.php([samples.learner(0) | {"email": "ann@example.com"}])
TOKEN = b'{"token_type":"Bearer","expires_in":31536000,"access_token":"benchmark"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"

times: list[float] = []
calls = {"api": 0, "token": 0}
later = {"passed": 0}


@lru_cache(maxsize=200_000)
def row(number: int) -> bytes:
    return samples.php(samples.progress_row(number, later["passed"]))


@lru_cache(maxsize=4096)
def page(start: int, end: int) -> bytes:
    return reply(b'[{"learners":[%b]}]' % b",".join(map(row, range(start, end))))


@lru_cache(maxsize=16384)
def answer(form: bytes) -> bytes:
    if b"learnersProgressByCourse" not in form:
        return reply(SMALL)
    options = dict(parse_qsl(form.decode()))
    name, rows = options["options[course_id]"].rsplit("-", 1)
    first = int(name.partition(".")[2] or 0)
    amount = int(options["options[amount]"])
    start = (int(options["options[page]"]) - 1) * amount
    return page(first + min(start, int(rows)), first + min(start + amount, int(rows)))


def reply(body: bytes) -> bytes:
    return HEAD % (len(body), body)


class Connection(asyncio.Protocol):
    """One connection; pipelining is not needed, so requests do not overlap."""

    def __init__(self, loop: asyncio.AbstractEventLoop, latency: float, jitter: float) -> None:
        self._loop = loop
        self._latency = latency
        self._jitter = jitter
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        head_ends = self._got.find(b"\r\n\r\n")
        if head_ends < 0:
            return
        if self._got.startswith(b"GET"):
            self._got = b""
            self._tell(data)
            return
        at = self._got.lower().find(b"content-length:", 0, head_ends)
        length = int(self._got[at + 15 : self._got.find(b"\r", at)]) if at >= 0 else 0
        if len(self._got) < head_ends + 4 + length:
            return
        form = self._got[head_ends + 4 : head_ends + 4 + length]
        is_token = self._got.startswith(b"POST /oauth")
        self._got = b""
        if is_token:
            calls["token"] += 1
            self._write(reply(TOKEN))
        elif self._jitter:
            self._loop.call_later(random.random() * self._jitter, self._count, form)
        else:
            self._count(form)

    def _count(self, form: bytes) -> None:
        calls["api"] += 1
        times.append(self._loop.time())
        if self._latency:
            self._loop.call_later(self._latency, self._write, answer(form))
        else:
            self._write(answer(form))

    def _tell(self, data: bytes) -> None:
        if data.startswith(b"GET /reset"):
            times.clear()
            calls.update(api=0, token=0)
        if data.startswith(b"GET /later"):
            later["passed"] += 1
            for kept in (row, page, answer):
                kept.cache_clear()
        self._write(reply(json.dumps({"times": times, **calls}).encode()))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def serve(latency: float, jitter: float) -> None:
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(loop, latency, jitter), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each answer")
    parser.add_argument("--jitter", type=float, default=0.0, help="at most so many milliseconds before a call counts")
    given = parser.parse_args()
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    run(serve(given.latency / 1000, given.jitter / 1000))


if __name__ == "__main__":
    main()
