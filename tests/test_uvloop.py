"""What the event loop of the extra ``speed`` does otherwise."""

from __future__ import annotations

import asyncio

import pytest

from aoclient import Rate
from aoclient.senders.limited import Limited
from tests.kit.scripted import Scripted, response

uvloop = pytest.importorskip("uvloop")


def test_a_moment_that_has_passed_is_no_timer_there_and_wakes_the_queue_all_the_same():
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limited = Limited(Scripted([response()]), rate=Rate(1, per=60), max_concurrency=1)
        limited._wake_at(loop, loop.time() - 1)
        first = limited._timer
        limited._wake_at(loop, loop.time() + 60)
        assert limited._timer is first
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert limited._timer is None

    uvloop.run(main())
