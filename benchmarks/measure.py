"""Measuring: interleaved rounds, medians, ratios within one round, each program in a process of its own.

Only ratios mean anything: the machine may be busy, and then all programs of a round are slow together. So the programs
take turns, the order changes from round to round, and a ratio is the median over the rounds.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Self

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.append(str(ROOT))  # the package under test need not be installed


def rounds_of(cases: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Run every case once a round, each round starting with another one; return what they reported."""
    names = list(cases)
    reported: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            reported[name].append(dict(cases[name]()))
    return reported


def middle(reports: list[dict[str, float]], key: str) -> float:
    return median(report[key] for report in reports)


def ratio(above: list[dict[str, float]], below: list[dict[str, float]], key: str) -> float:
    """Return the median of the ratios within each round."""
    return median(one[key] / other[key] for one, other in zip(above, below, strict=True))


def spread(above: list[dict[str, float]], below: list[dict[str, float]], key: str) -> str:
    """Return the lower and the upper quartile of the ratios, which tell how noisy the machine was."""
    ratios = [one[key] / other[key] for one, other in zip(above, below, strict=True)]
    if len(ratios) < 2:
        return "one round"
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return f"{low:.2f}-{high:.2f}"


def timed(work: Callable[[], object], times: int) -> Callable[[], dict[str, float]]:
    """Return a case of CPU seconds for one call of ``work``, which is called so many times."""

    def case() -> dict[str, float]:
        gc.collect()
        began = time.process_time()
        for _ in range(times):
            work()
        return {"cpu": (time.process_time() - began) / times}

    return case


def environment() -> dict[str, str]:
    """Return the variables of a child: the package under test need not be installed."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def child(script: str, *arguments: object, variables: Mapping[str, str] = {}) -> dict[str, Any]:
    """Run a script of this folder in a process of its own and return the JSON of its last line.

    ``variables`` are further ones of its environment.
    """
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**environment(), **variables}, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def server(*, latency: float = 0.0, jitter: float = 0.0) -> Iterator[str]:
    """Run the server in a process of its own; give its base URL. Both times are milliseconds."""
    command = [sys.executable, str(HERE / "server.py"), f"--latency={latency}", f"--jitter={jitter}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def peak_mb() -> float:
    """Return the most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Stopwatch:
    """Wall and CPU seconds of a block."""

    def __enter__(self) -> Self:
        gc.collect()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu

    def report(self, **more: float) -> dict[str, float]:
        return {"wall": self.wall, "cpu": self.cpu, "peak_mb": peak_mb(), **more}


def figure(name: str, value: float, goal: str, *, noise: str = "", met: bool | None = None) -> dict[str, Any]:
    """Return one line of the table."""
    return {"figure": name, "measured": round(value, 3), "goal": goal, "quartiles": noise, "met": met}


def at_most(name: str, value: float, goal: float, noise: str = "") -> dict[str, Any]:
    return figure(name, value, f"<= {goal:g}", noise=noise, met=round(value, 3) <= goal)


def at_least(name: str, value: float, goal: float, noise: str = "") -> dict[str, Any]:
    return figure(name, value, f">= {goal:g}", noise=noise, met=round(value, 3) >= goal)


def finish(figures: list[dict[str, Any]], raw: object = None) -> None:
    """Print the figures for a person, and in the last line as JSON for ``run.py``."""
    for each in figures:
        verdict = {True: "met", False: "MISSED", None: ""}[each["met"]]
        print(f"{each['figure']:76} {each['measured']:>10g}  {each['goal']:>9} {verdict:7} {each['quartiles']}")
    print(json.dumps({"figures": figures, "raw": raw}))
