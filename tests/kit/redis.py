"""A real Redis on a port of its own, and processes that share it."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from aoclient import Session
from aoclient.contrib.redis import RedisCommons
from aoclient.emulator import Emulator
from aoclient.errors import AoError
from aoclient.tokens import account_of
from tests.kit.programs import free_port

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.kit.redis", "aiohttp", "msgspec", "redis.asyncio", "anyio._backends._asyncio"])


class RedisServer:
    """A process of redis-server that keeps nothing on disk.

    Args:
        settings: Of redis-server, beside those it needs here.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", **self._settings}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(["redis-server", *words], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if "eady to accept" in line:
                return
        self.stop()
        raise AssertionError("redis-server did not start: " + "".join(said))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Keep it from answering; connections are still accepted, by the system."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> list[str]:
        """Return the lines redis-cli prints."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, check=True, timeout=10
        )
        return [line for line in done.stdout.splitlines() if line]

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Collect what MONITOR shows of the commands of a block; the list is filled when the block ends."""
        seen: list[str] = []
        watch = subprocess.Popen(["redis-cli", "-p", str(self.port), "monitor"], stdout=subprocess.PIPE, text=True)
        assert watch.stdout is not None
        try:
            assert watch.stdout.readline().strip() == "OK"
            yield seen
            self.ask("ECHO", "the end")
            for line in watch.stdout:
                if "the end" in line:
                    break
                seen.append(line)
        finally:
            watch.kill()
            watch.communicate()

    def calls(self, command: str) -> int:
        """Return how often clients sent a command since the server was started."""
        found = [line for line in self.ask("INFO", "commandstats") if line.startswith(f"cmdstat_{command}:")]
        return int(found[0].split("calls=")[1].split(",")[0]) if found else 0

    def sent(self) -> int:
        """Return how many commands clients sent; what scripts call in turn, but for GET and SET, is not counted."""
        words = "evalsha eval get set del ping hello client|setinfo subscribe"
        return sum(self.calls(word) for word in words.split())


@pytest.fixture(scope="module", name="one_redis")
def one_redis_of_a_module() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(name="redis")
def empty_redis(one_redis: RedisServer) -> RedisServer:
    """The Redis of this file, empty."""
    one_redis.ask("FLUSHALL")
    one_redis.ask("CONFIG", "RESETSTAT")
    return one_redis


async def until(condition: Callable[[], object]) -> None:
    """Wait for what sets no event: another process, or a part of the package that tells nobody."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.002)


def account(emulator: Emulator, url: str) -> str:
    return account_of(url, emulator.client_id)


# --- processes ---------------------------------------------------------------------------------------------------


class Workers:
    """Processes with a session each, on one emulator and one Redis. They go on together at each of their rounds.

    How calls ended is counted by the error's name, ``ok``, and ``warning`` for each that was logged.

    Args:
        count: Processes.
        url: Of the emulator.
        redis_url: Of the Redis.
        rounds: How often they wait for each other.
        calls: Calls at once in each round.
        seconds: How long each of those is repeated.
        skew: Seconds between the clocks of two processes.
        commons: For `RedisCommons`.
        settings: For `Session`.
    """

    def __init__(
        self,
        count: int,
        url: str,
        redis_url: str,
        *,
        rounds: int = 1,
        calls: int,
        seconds: float = 0.0,
        skew: float = 0.0,
        commons: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.barrier = CONTEXT.Barrier(count + 1)
        self._ends = CONTEXT.SimpleQueue()
        told = {
            "url": url,
            "redis_url": redis_url,
            "calls": calls,
            "seconds": seconds,
            "skew": skew,
            "commons": commons or {},
            "settings": settings,
        }
        self.processes = [
            CONTEXT.Process(target=_work, args=(number, self._ends, rounds, self.barrier, told), daemon=True)
            for number in range(count)
        ]
        for process in self.processes:
            process.start()

    async def together(self) -> None:
        """Wait until all are at their next round, and let them go."""
        await asyncio.to_thread(self.barrier.wait, 30)

    async def joined(self) -> None:
        for process in self.processes:
            await asyncio.to_thread(process.join)

    def ends(self) -> Counter[str]:
        """Return how the calls of those that came to their end ended."""
        found: Counter[str] = Counter()
        while not self._ends.empty():
            found.update(self._ends.get())
        return found


def _work(number: int, ends: Any, rounds: int, barrier: Any, settings: dict[str, Any]) -> None:
    clock = time.time
    skew = (number - 1.5) * settings.pop("skew")
    with patch("time.time", lambda: clock() + skew):
        ends.put(asyncio.run(_rounds(rounds, barrier, **settings)))


async def _rounds(
    rounds: int,
    barrier: Any,
    *,
    url: str,
    redis_url: str,
    calls: int,
    seconds: float,
    commons: dict[str, Any],
    settings: dict[str, Any],
) -> Counter[str]:
    found: Counter[str] = Counter()
    logging.getLogger("aoclient").addHandler(_Counting(found))
    shared = RedisCommons(redis_url, **commons)
    async with Session("client-id", "client-secret", base_url=url, redis=shared, **settings) as ao:

        async def call() -> None:
            try:
                await ao.courses()
                found["ok"] += 1
            except AoError as error:
                found[type(error).__name__] += 1

        async def keep_calling(until: float) -> None:
            while asyncio.get_running_loop().time() < until:
                await call()

        for _ in range(rounds):
            await asyncio.to_thread(barrier.wait, 30)
            until = asyncio.get_running_loop().time() + seconds
            await asyncio.gather(*(keep_calling(until) if seconds else call() for _ in range(calls)))
    await shared.aclose()
    return found


class _Counting(logging.Handler):
    def __init__(self, found: Counter[str]) -> None:
        super().__init__(logging.WARNING)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found[record.levelname.lower()] += 1


def most_in_any(window: float, times: list[float]) -> int:
    """Return the largest count in any closed window."""
    times = sorted(times)
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] < moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most
