"""``aoclient emulator``: an academy on a port."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import Annotated

import anyio
from cyclopts import Parameter, validators
from rich.console import Console

from aoclient.cli.exits import DONE
from aoclient.cli.listening import Host, on_sigterm, said
from aoclient.emulator import Emulator
from aoclient.emulator.journal import Journal
from aoclient.settings import Rate

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]

_KEPT = 1000  # entries of the journal, so that memory stays flat


def emulator(
    *command: str,
    host: Host = "127.0.0.1",
    port: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=65535))] = None,
    learners: Count = 1000,
    courses: Count = 8,
    seed: int = 0,
    rate: str | None = None,
    faults: str | None = None,
    latency: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.0,
) -> int:
    """Serve an emulated academy until it is interrupted, or until a command has ended.

    Parameters
    ----------
    command
        Behind --, a command to run with the variables that lead here; its exit code is the one of this.
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one. 8080 when left out, and a free one for a command.
    learners
        Learners of the academy.
    courses
        Its courses.
    seed
        The same seed makes the same academy.
    rate
        Calls it allows, as calls/seconds: 60/60. All when left out.
    faults
        What goes wrong on purpose: 503@every=20.
    latency
        Seconds before each answer.
    """
    academy = Emulator(
        learners=learners,
        courses=courses,
        seed=seed,
        rate=None if rate is None else Rate.parse(rate),
        faults=faults,
        latency=latency,
        journal=Journal(keep=_KEPT),
    )
    with said("aiohttp.server", logging.ERROR):
        if command:
            return asyncio.run(serve_for(command, academy, host, port or 0))
        asyncio.run(serve(academy, host, 8080 if port is None else port, Console(stderr=True)))
    return DONE


async def serve_for(command: Sequence[str], academy: Emulator, host: str, port: int) -> int:
    """Serve while a command runs, which is ended with this, and return its exit code.

    Raises:
        OSError: There is no such command, or the port cannot be had.
    """
    async with academy.serve(host=host, port=port) as url:
        environment = {name: value for name, value in os.environ.items() if name not in _LEAD_ELSEWHERE}
        environment |= {
            "AOCLIENT_BASE_URL": url,
            "AOCLIENT_CLIENT_ID": academy.client_id,
            "AOCLIENT_CLIENT_SECRET": academy.client_secret,
        }
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        try:
            with on_sigterm(process.terminate):
                code = await process.wait()
        except asyncio.CancelledError:
            # Ctrl-C reached the command too, which may have something to clear up or to say.
            with anyio.move_on_after(_GOODBYE, shield=True):
                await process.wait()
            raise
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    return code if code >= 0 else _SIGNALLED - code  # as shells say it


_LEAD_ELSEWHERE = ("AOCLIENT_CLIENT_SECRET_FILE", "AOCLIENT_REDIS_URL")
_SIGNALLED = 128
_GOODBYE = 5.0  # seconds


async def serve(academy: Emulator, host: str, port: int, console: Console) -> None:
    """Serve until SIGTERM, or until it is cancelled."""
    stopped = asyncio.Event()
    async with academy.serve(host=host, port=port) as url:
        with on_sigterm(stopped.set):
            console.print(f"An academy is at [bold]{url}[/], Ctrl-C ends it. To use it:\n")
            console.print(
                f"  export AOCLIENT_BASE_URL={url} AOCLIENT_CLIENT_ID=client-id AOCLIENT_CLIENT_SECRET=client-secret",
                soft_wrap=True,
            )
            await stopped.wait()
