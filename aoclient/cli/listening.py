"""What the commands that listen have in common: the address, and SIGTERM, which ends them as an interrupt does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter

from aoclient.cli.exits import UsageError


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
