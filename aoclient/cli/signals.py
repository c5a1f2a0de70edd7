"""SIGTERM, which ends what waits for an interrupt in the same orderly way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


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
