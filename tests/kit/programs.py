"""Programs in processes of their own, and a relay that can cut what is on its way between them and an academy."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

HANGS_AFTER = 25.0
"""Seconds after which what is waited for will not come; nothing here takes so long."""


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Program:
    """A process and what it says, on both its streams, read as it comes.

    ``with Program(sys.executable, "daemon.py") as program:`` kills it at the end if it still runs.
    """

    def __init__(self, *command: object, **settings: Any) -> None:
        self._lines: list[str] = []
        self._over = False
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._reading.join()
        self._process.communicate()

    @property
    def said(self) -> str:
        """All so far."""
        with self._news:
            return "".join(self._lines)

    def until(self, *texts: str) -> str:
        """Wait until it says a line with all these texts and return the line."""

        def found() -> str | None:
            return next((line for line in self._lines if all(text in line for text in texts)), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._over, HANGS_AFTER)
            line = found()
        assert line is not None, f"it never said {texts}, but:\n{self.said}"
        return line

    def until_true(self, condition: Callable[[], object]) -> None:
        """Wait, while it runs, for what it does elsewhere, which sets no event here."""
        ends_at = time.monotonic() + HANGS_AFTER
        while not condition():
            assert self._process.poll() is None, f"it ended:\n{self.said}"
            assert time.monotonic() < ends_at, f"it did not happen, but:\n{self.said}"
            time.sleep(0.005)

    def send(self, number: int = signal.SIGTERM) -> None:
        """Send a signal, to this process alone."""
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end and return its exit code."""
        code = self._process.wait(HANGS_AFTER)
        self._reading.join(HANGS_AFTER)
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.send(number)
        return self.ended()


class Relay:
    """Passes bytes on to an academy; see `relayed`.

    Attributes:
        url: Where it listens.
    """

    def __init__(self, url: str) -> None:
        host, port = url.split("/")[2].split(":")
        self._to = (host, int(port))
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self.url = ""

    def cut(self) -> None:
        """Reset all connections. Whoever waits for an answer gets none, and new ones are passed on."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        async with server:
            self.url = "http://{}:{}".format(*server.sockets[0].getsockname())
            ready.set()
            await self._over.wait()
            self._reset()

    def close(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._over.set)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        both = {writer, far_writer}
        self._writers |= both
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            self._writers -= both


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # it was cut
    finally:
        writer.close()


@contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """Stand between a program and the academy at a URL."""
    relay, ready = Relay(url), threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(relay.serve(ready),))
    thread.start()
    assert ready.wait(HANGS_AFTER)
    try:
        yield relay
    finally:
        relay.close()
        thread.join(HANGS_AFTER)
