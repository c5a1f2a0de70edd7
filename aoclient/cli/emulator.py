"""``aoclient emulator``: an academy on a port."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

from cyclopts import Parameter, validators
from rich.console import Console

from aoclient.emulator import Emulator
from aoclient.emulator.journal import Journal
from aoclient.settings import Rate

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]

_KEPT = 1000  # entries of the journal, so that memory stays flat


def emulator(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8080,
    learners: Count = 1000,
    courses: Count = 8,
    seed: int = 0,
    rate: str | None = None,
    faults: str | None = None,
    latency: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.0,
) -> None:
    """Serve an emulated academy until it is interrupted.

    Parameters
    ----------
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one.
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
    asyncio.run(serve(academy, host, port, Console(stderr=True)))


async def serve(academy: Emulator, host: str, port: int, console: Console) -> None:
    """Serve until SIGTERM, or until it is cancelled."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with academy.serve(host=host, port=port) as url:
        console.print(f"An academy is at [bold]{url}[/], Ctrl-C ends it. To use it:\n")
        console.print(
            f"  export AOCLIENT_BASE_URL={url} AOCLIENT_CLIENT_ID=client-id AOCLIENT_CLIENT_SECRET=client-secret",
            soft_wrap=True,
        )
        await stopped.wait()
