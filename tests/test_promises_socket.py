"""P13 and P26 where only a socket will do: broken HTTP raises errors of the one tree, and a fork is told."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from aoclient import RetryPolicy, Session, Timeouts
from aoclient.errors import AoError
from aoclient.wire import TOKEN_PATH
from tests.kit.trial import Figures, sized

TOKEN = b'{"token_type": "Bearer", "expires_in": 604800, "access_token": "t0ken"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ZIPPED = gzip.compress(b"[]")
GOOD = [
    HEAD + b"Content-Length: 2\r\n\r\n[]",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
    HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
    HEAD + b"Connection: close\r\n\r\n[]",
    b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    HEAD + b"Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\n[]",
]
NASTY = [
    b"",
    b"\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 20_000 + b"\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Type: \xff\xfe\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.0\r\n",
    b"\x15\x03\x01\x00\x02\x02\x50",
]


def mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(GOOD))
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                data[at:at] = rng.choice([b"\r\n", b":", b" ", b"\x00", b"\xff", b"\r\n\r\n", b"HTTP/1.1", b"0\r\n"])
            case 2:
                del data[at : at + rng.randrange(1, 12)]
            case 3:
                data = data[:at]
            case _:
                data[at:at] = rng.choice(GOOD)[: rng.randrange(60)]
    return bytes(data)


def test_broken_http_raises_errors_of_the_one_tree_only(request):
    rng = random.Random(8)
    answers = NASTY + [mutated(rng) for _ in range(sized(300, 20_000))]
    ends = Counter[str]()
    current = [b""]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        if TOKEN_PATH.encode() in head:
            writer.write(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(TOKEN) + TOKEN)
        else:
            writer.write(current[0])
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            settings = {"retries": RetryPolicy(attempts=1), "timeouts": Timeouts(total=20, read=5)}
            async with Session("client-id", "client-secret", base_url=url, **settings) as ao:
                for current[0] in answers:
                    try:
                        await ao.call("courses", effect="reads")
                    except AoError as error:
                        ends[type(error).__name__] += 1
                    else:
                        ends["answer"] += 1

    asyncio.run(main())
    assert len(ends) > 3
    Figures(request, "P13")(f"{len(answers)} broken HTTP answers on a socket: only errors of ours, {dict(ends)}")


FORKED = """
import asyncio, os, sys
from aoclient import Session, WrongEventLoopError
from aoclient.emulator import Emulator

ao = Session("client-id", "client-secret", sender=Emulator())

async def main():
    await ao.academies()
    sys.stdout.flush()

asyncio.run(main())
child = os.fork()
if child == 0:
    try:
        asyncio.run(main())
    except WrongEventLoopError:
        os._exit(7)
    os._exit(1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_is_told_to_make_its_own():
    run = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 7, run.stderr
