"""What the commands that listen have in common: the address, what is said of bad requests, and SIGTERM.

SIGTERM ends them as an interrupt does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter

from aoclient.cli.exits import UsageError
from aoclient.cli.text import shown


def _check_host(_: object, host: str) -> None:
    try:
        host.encode("idna")
    except UnicodeError:
        raise UsageError(f"--host: {host!r} is no address to listen on") from None


Host = Annotated[str, Parameter(validator=_check_host)]
"""An address to listen on."""


@contextmanager
def on_sigterm(end: Callable[[], object]) -> Generator[None]:
    """Have SIGTERM call a function in the loop that runs."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, end)
    except NotImplementedError:  # on Windows, where nobody can send it
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


@contextmanager
def said(name: str, level: int) -> Generator[None]:
    """Have what a logger is told said on stderr, in a line each and without tracebacks."""
    log, handler = logging.getLogger(name), _Said()
    before = log.level
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            words += f": {record.exc_info[0].__name__}"
        print(f"aoclient: {shown(words)}", file=sys.stderr, flush=True)
