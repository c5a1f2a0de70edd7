"""The command line in this process: arguments in; exit code, stdout and stderr out; and an academy on a socket."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from attrs import frozen

from aoclient.cli.app import run
from aoclient.emulator import Emulator
from tests.kit.canary import shown

NOWHERE = {
    "AOCLIENT_BASE_URL": "http://127.0.0.1:9",
    "AOCLIENT_CLIENT_ID": "client-id",
    "AOCLIENT_CLIENT_SECRET": "client-secret",
    "XDG_CONFIG_HOME": "nowhere",
    "COLUMNS": "200",
}
"""Settings of a server that is not there."""


class Stream(io.TextIOWrapper):
    """A standard stream that may say it is a terminal."""

    def __init__(self, text: str = "", *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(text.encode(encoding)), encoding=encoding, newline="\n")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        self.flush()
        buffer: Any = self.buffer
        return shown("output of the command line", buffer.getvalue().decode(self.encoding))


@frozen
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@contextmanager
def streams(
    stdin: str = "", *, terminal: bool = False, encoding: str = "utf-8", env: Mapping[str, str] = NOWHERE
) -> Iterator[tuple[Stream, Stream]]:
    """Put streams and an environment in place and give stdout and stderr."""
    given = Stream(stdin, terminal=terminal)
    out, err = Stream(terminal=terminal, encoding=encoding), Stream(terminal=terminal)
    with (
        mock.patch.dict("os.environ", env, clear=True),
        mock.patch.object(sys, "stdin", given),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        yield out, err


def aoclient(
    *arguments: str,
    env: Mapping[str, str] = NOWHERE,
    stdin: str = "",
    terminal: bool = False,
    encoding: str = "utf-8",
) -> Ended:
    """Run a command; ``terminal`` is whether all three streams are one."""
    with streams(stdin, terminal=terminal, encoding=encoding, env=env) as (out, err):
        code = run(arguments)
    return Ended(code, out.text(), err.text())


@contextmanager
def served(emulator: Emulator) -> Iterator[dict[str, str]]:
    """Serve an academy from a thread of its own and give the environment that leads there."""
    ready: list[dict[str, str]] = []
    listening, over = threading.Event(), threading.Event()

    async def main() -> None:
        async with emulator.serve() as url:
            ready.append({**NOWHERE, "AOCLIENT_BASE_URL": url})
            listening.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    listening.wait()
    try:
        yield ready[0]
    finally:
        over.set()
        thread.join()
