"""P28: under steady load, faults and expiring tokens nothing grows. The long form is `benchmarks/soak.py`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from aoclient import Session
from aoclient.emulator import Emulator
from tests.kit.trial import Figures, sized

FOLDER = str(Path(__file__).parent.parent / "benchmarks")
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the soak counts by /proc")


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    before = sys.path[:]
    import soak  # noqa: PLC0415  # a script, found by the path that was just set

    yield soak
    sys.path[:] = before  # it puts its own folder there


def test_some_seconds_of_load_leave_no_task_no_descriptor_and_no_unhandled_error(soak, request):
    seconds = sized(3, 30)
    with soak.academy() as ids:
        report = asyncio.run(soak.run(ids, seconds=seconds, warm_up=0.5, rate=100.0))
    assert report["growing"] == []
    assert report["calls"] > 50
    assert report["ends"]["ok"] > 0.98 * report["calls"]
    Figures(request, "P28")(
        f"{report['calls']} calls in {report['seconds']:.0f} s, 5 % faults: 0 tasks left, 0 descriptors left,"
        f" at most {report['fds'][-1]:.0f} open, 0 errors unhandled"
    )


def test_what_grows_would_be_seen(soak):
    """A call that leaves a task, one that leaves a descriptor, and one whose error nobody fetches."""
    left: list[object] = []

    async def leaves_a_task(_: Session, number: int) -> None:
        left.append(asyncio.create_task(asyncio.sleep(30)))

    async def leaves_a_descriptor(_: Session, number: int) -> None:
        left.append(os.fdopen(os.dup(0), "rb"))

    async def fails_unseen(_: Session, number: int) -> None:
        async def fail() -> None:
            raise ValueError("nobody fetches this")

        asyncio.create_task(fail())  # noqa: RUF006  # on purpose

    async def main() -> list[str]:
        before = soak.descriptors()
        async with Session("client-id", "client-secret", sender=Emulator()) as ao:
            calls = [leaves_a_task, leaves_a_descriptor, fails_unseen]
            report = await soak.soak(ao, calls, seconds=0.3, warm_up=0.1, rate=200.0, samples_every=0.05)
        return soak.growing({**report, "fds_before": before, "fds_left": soak.descriptors() - before})

    try:
        found = asyncio.run(main())
    finally:
        for each in left:
            if hasattr(each, "close"):
                each.close()
    assert any("tasks left" in each for each in found)
    assert any("fds left" in each for each in found)
    assert any("unhandled" in each for each in found)


def test_the_trend_is_found_in_noise(soak):
    from watch import slope  # noqa: PLC0415  # a script beside it

    at = [float(each) for each in range(60)]
    fds = [float(each * 7 % 5) for each in range(60)]
    flat = [100 + 3 * each + (each * 37 % 11) for each in fds]
    assert abs(slope(at, flat, fds)[0]) <= slope(at, flat, fds)[1] + 1e-9
    leaking = [value + 2 * moment for value, moment in zip(flat, at, strict=True)]
    grows, error = slope(at, leaking, fds)
    assert grows - error <= 2 <= grows + error
    assert grows - error > 1.9
