"""The commands and their arguments; what they do is imported when they run."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators
from rich.console import Console

from aoclient import __version__
from aoclient.errors import AoError, ConfigurationError
from aoclient.settings import Rate

app = App(
    name="aoclient",
    help="The client of the AcademyOcean learning platform.",
    version=__version__,
)

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes beside 0."""

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


@app.command
def demo(
    *,
    out: Path = Path("aoclient-demo"),
    learners: Count = 2000,
    courses: Count = 6,
    rate: str = "25/1",
    latency: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.02,
) -> None:
    """Start an emulated academy here and export it: everybody's progress in every course, and the quiz statistics.

    Parameters
    ----------
    out
        Folder for the files.
    learners
        Learners of the academy.
    courses
        Its courses.
    rate
        Calls it allows, as calls/seconds; the export keeps to it.
    latency
        Seconds before each of its answers.
    """
    from aoclient.cli.demo import Plan, run

    with _exits():
        plan = Plan(out=out, learners=learners, courses=courses, rate=Rate.parse(rate), latency=latency)
        asyncio.run(run(plan, Console(stderr=True), Console()))


@app.command
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
    from aoclient.cli.emulator import serve
    from aoclient.emulator import Emulator

    with _exits():
        academy = Emulator(
            learners=learners,
            courses=courses,
            seed=seed,
            rate=None if rate is None else Rate.parse(rate),
            faults=faults,
            latency=latency,
        )
        asyncio.run(serve(academy, host, port, Console(stderr=True)))


class _exits:  # noqa: N801  # a context manager that reads like a word
    """Turn what ends a command into one line on stderr and an exit code, never a traceback with its locals."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, KeyboardInterrupt):
            print("stopped", file=sys.stderr)
            sys.exit(INTERRUPTED)
        if isinstance(error, ConfigurationError):
            print(f"aoclient: {error}", file=sys.stderr)
            sys.exit(USAGE)
        if isinstance(error, AoError | OSError):
            print(f"aoclient: {error}", file=sys.stderr)
            sys.exit(FAILURE)
