"""What a program does over minutes, seen from inside it and kept in a fixed amount of memory: is it flat?"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import math
import os
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
PARTS = ("warm-up", "first", "middle", "last")
STEPS = 1_000  # of latency, 1 % apart, from 0.1 ms to 2 s
MIB = 2**20


class Watch:
    """What was seen: fixed in size, whatever is put into it."""

    def __init__(self, samples: int) -> None:
        self.ends = Counter[str]()
        self.unhandled = Counter[str]()
        self._latencies = {part: array("Q", bytes(8 * STEPS)) for part in PARTS}
        self._cpu = {part: array("d", [0.0] * 4) for part in PARTS}  # seconds and calls, at its begin and its end
        self._samples = {name: array("d", bytes(8 * samples)) for name in ("at", "heap", "rss", "tasks", "fds")}
        self._taken = 0

    def note_latency(self, part: str, seconds: float) -> None:
        step = int(math.log(max(seconds, 1e-4) / 1e-4, 1.01))
        self._latencies[part][min(step, STEPS - 1)] += 1

    def note_cpu(self, part: str, calls: int) -> None:
        seen = self._cpu[part]
        if not seen[0]:
            seen[0], seen[1] = time.process_time(), calls
        seen[2], seen[3] = time.process_time(), calls

    def sample(self, at: float) -> None:
        """Look at the process; to be called while no call is under way."""
        if self._taken == len(self._samples["at"]):
            return
        gc.collect()  # what is left is what is reachable
        heap = used_by_the_allocator()
        seen = {
            "at": at,
            "heap": heap,
            "rss": resident(),
            "tasks": len(asyncio.all_tasks()) - 1,
            "fds": descriptors(),
        }
        for name, value in seen.items():
            self._samples[name][self._taken] = value
        self._taken += 1

    def report(self) -> dict[str, Any]:
        at, fds = self._column("at"), self._column("fds")
        rss, rss_error = slope(at, self._column("rss"), fds)
        heap, heap_error = slope(at, self._column("heap"), fds)
        third = max(1, len(at) // 3)
        first, last = self._quantile("first", 0.99), self._quantile("last", 0.99)
        return {
            "ends": dict(self.ends),
            "samples": len(at),
            "heap_mib": [round(each / MIB, 3) for each in self._column("heap")],
            "rss_mib": [round(each / MIB, 2) for each in self._column("rss")],
            "heap_mib_per_hour": [round(heap * 3600 / MIB, 3), round(heap_error * 3600 / MIB, 3)],
            "rss_mib_per_hour": [round(rss * 3600 / MIB, 3), round(rss_error * 3600 / MIB, 3)],
            "tasks": [max(self._column("tasks")[:third]), max(self._column("tasks")[-third:])],
            "fds": [median(fds[:third]), median(fds[-third:]), max(fds)],
            "unhandled": dict(self.unhandled),
            "p50_ms": [round(self._quantile(part, 0.5), 2) for part in ("first", "last")],
            "p99_ms": [round(first, 1), round(last, 1)],
            "p99_ratio": round(last / first, 3),
            "cpu_ms_per_call": [round(self._cpu_per_call(part), 3) for part in ("first", "last")],
        }

    def _column(self, name: str) -> list[float]:
        return list(self._samples[name][: self._taken])

    def _quantile(self, part: str, q: float) -> float:
        """Return a latency in milliseconds."""
        counts = self._latencies[part]
        left = q * sum(counts)
        for step, count in enumerate(counts):
            left -= count
            if left <= 0:
                return 0.1 * 1.01 ** (step + 1)
        return math.nan

    def _cpu_per_call(self, part: str) -> float:
        """Return milliseconds."""
        began, first, ended, last = self._cpu[part]
        return 1000 * (ended - began) / (last - first) if last > first else math.nan


# --- the process -------------------------------------------------------------------------------------------------


class _Mallinfo(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
        )
    )  # fmt: skip


def used_by_the_allocator() -> float:
    """Return the bytes that are in use, and give back to the system what is free; nan where the C library is not GNU's.

    It sees all of Python's memory with ``PYTHONMALLOC=malloc`` only: Python's own allocator takes a MiB at a time.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return math.nan
    library.malloc_trim(0)
    library.mallinfo2.restype = _Mallinfo
    seen = library.mallinfo2()
    return float(seen.uordblks + seen.hblkhd)


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # no list of paths, which would itself be memory


class _Ear(logging.Handler):
    """Counts what asyncio and aiohttp log as an error: exceptions nobody fetched, what was never closed."""

    def __init__(self, seen: Counter[str]) -> None:
        super().__init__(logging.ERROR)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen[record.getMessage().partition("\n")[0][:100]] += 1


@contextmanager
def unhandled(seen: Counter[str]) -> Iterator[None]:
    """Count what nobody handles."""
    ear, before = _Ear(seen), sys.unraisablehook
    sys.unraisablehook = lambda unraisable: seen.update([f"unraisable {unraisable.exc_type.__name__}"])
    logging.getLogger().addHandler(ear)
    try:
        yield
        gc.collect()  # what nobody fetched is told as it is collected
    finally:
        logging.getLogger().removeHandler(ear)
        sys.unraisablehook = before


# --- the trend ---------------------------------------------------------------------------------------------------


def slope(at: list[float], values: list[float], beside: list[float]) -> tuple[float, float]:
    """Return the least-squares slope per second and half the width of its 95 % interval.

    What goes with ``beside`` is taken out first: memory hangs on how many connections happen to be open. Samples follow
    each other, so the interval is widened by what neighbouring residuals have in common.
    """
    x, y = _without(at, beside), _without(values, beside)
    spread, count = sum(each**2 for each in x), len(x)
    if count < 5 or not spread:
        return math.nan, math.nan
    grows = sum(a * b for a, b in zip(x, y, strict=True)) / spread
    rest = [b - grows * a for a, b in zip(x, y, strict=True)]
    squares = sum(each**2 for each in rest)
    if not squares:
        return grows, 0.0
    shared = min(0.99, max(0.0, sum(a * b for a, b in pairwise(rest)) / squares))
    error = math.sqrt(squares / (count - 3) / spread) * math.sqrt((1 + shared) / (1 - shared))
    return grows, 1.96 * error


def _without(values: list[float], beside: list[float]) -> list[float]:
    mean, other_mean = fmean(values), fmean(beside)
    others = [each - other_mean for each in beside]
    spread = sum(each**2 for each in others)
    share = sum((a - mean) * b for a, b in zip(values, others, strict=True)) / spread if spread else 0.0
    return [a - mean - share * b for a, b in zip(values, others, strict=True)]
