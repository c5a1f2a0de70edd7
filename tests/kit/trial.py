"""A trial of a promise: many calls against the emulator on the loop's clock, and the figures that were seen.

The same tests run in a fast and in a long form; ``AOCLIENT_LONG=1`` asks for the long one, and
`benchmarks/reliability.py` collects what `Figures` noted.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import pytest

from aoclient import Session
from aoclient.emulator import Emulator, Received
from aoclient.emulator.faults import Fault, Faults
from aoclient.errors import AoError
from aoclient.wire import Sender

T = TypeVar("T")

IS_LONG = os.environ.get("AOCLIENT_LONG") == "1"
EPOCH = 1_700_000_000.0
LOSSES = ("close-before-read", "drop-after", "500-after")
"""Faults after which nobody but the server knows whether an action was executed."""


def sized(fast: int, long: int) -> int:
    """Return how many repetitions this run is for."""
    return long if IS_LONG else fast


class Figures:
    """Writes figures into the report of a test.

    Args:
        request: The fixture of pytest. Its ``record_property`` warns with the report CI makes.
        promise: ``P1``.
    """

    def __init__(self, request: pytest.FixtureRequest, promise: str) -> None:
        self._properties: list[tuple[str, object]] = request.node.user_properties
        self._properties.append(("promise", promise))

    def __call__(self, text: str) -> None:
        """Note one figure, in words."""
        self._properties.append(("figure", text))


def academy(**settings: Any) -> Emulator:
    """Return an emulator whose clock is that of the running loop."""
    loop = asyncio.get_running_loop()
    return Emulator(**{"clock": lambda: EPOCH + loop.time(), "latency": 0.05, **settings})


def session(
    emulator: Emulator, *, sender_of: Callable[[Emulator], Sender] = lambda it: it, jitter: int = 1, **settings: Any
) -> Session:
    """Return a session on an emulator; ``sender_of`` puts something between the two.

    The jitter decides which request meets which fault: with the same one every run is the same.
    """
    ao = Session(emulator.client_id, emulator.client_secret, sender=sender_of(emulator), **settings)
    ao._rng.seed(jitter)
    return ao


def mixed(*kinds: str, part: float, seed: int, **given: Any) -> Faults:
    """Return faults of these kinds, equally often, that strike this part of the calls together."""
    share = 1 - (1 - part) ** (1 / len(kinds))
    return Faults((Fault(kind=kind, share=share, **given) for kind in kinds), seed)


async def ended(keys: Iterable[T], call: Callable[[T], Awaitable[Any]], *, workers: int = 50) -> dict[T, Any]:
    """Return what each call answered, or the `AoError` it raised."""
    source = iter(keys)
    ends: dict[T, Any] = {}

    async def work() -> None:
        for key in source:
            try:
                ends[key] = await call(key)
            except AoError as error:
                ends[key] = error

    await asyncio.gather(*(work() for _ in range(workers)))
    return ends


def names(ends: dict[Any, Any]) -> Counter[str]:
    """Count how calls ended: ``ok``, or the name of the error."""
    return Counter(type(end).__name__ if isinstance(end, AoError) else "ok" for end in ends.values())


def at_most(trials: int, chance: float, *, unless: float = 1e-6) -> int:
    """Return the count of a binomial law that is passed with a probability below ``unless``: more is no bad luck."""
    below, count = 0.0, -1
    while below < 1 - unless:
        count += 1
        below += math.comb(trials, count) * chance**count * (1 - chance) ** (trials - count)
    return count


def lost(received: Iterable[Received]) -> int:
    """Count the requests whose answer was lost, by the journal."""
    return sum(entry.fault.startswith(LOSSES) for entry in received)


def quiz_of(emulator: Emulator) -> str:
    """Return the id of a quiz of the academy."""
    return next(each.id for course in emulator.world.catalogue.courses for each in course.contents if each.is_quiz)
