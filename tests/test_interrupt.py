"""The end of a block from outside: when it strikes, and what it leaves to others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aoclient.senders.interrupt import Countdown, Countdowns, Interrupt
from tests.kit import clock


def test_it_ends_its_block_when_told_to_and_only_once() -> None:
    async def work(interrupt: Interrupt) -> str:
        with pytest.raises(TimeoutError) as caught, interrupt:
            await asyncio.Event().wait()
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        await asyncio.sleep(0)  # a second cancellation would end this
        return "went on"

    async def main() -> str:
        interrupt = Interrupt(asyncio.get_running_loop())
        task = asyncio.create_task(work(interrupt))
        await asyncio.sleep(0)
        interrupt.strike()
        interrupt.strike()
        return await task

    assert asyncio.run(main()) == "went on"


def test_a_countdown_ends_each_block_when_its_time_is_up() -> None:
    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        countdown = Countdown(10)
        ended = []

        async def work(name: str, begins_at: float) -> None:
            await asyncio.sleep(begins_at)
            interrupt = Interrupt(asyncio.get_running_loop(), countdown)
            with pytest.raises(TimeoutError), interrupt:
                interrupt.start()
                await asyncio.Event().wait()
            ended.append((name, loop.time()))

        await asyncio.gather(work("first", 0), work("with it", 0), work("later", 4), work("on its own", 30))
        assert not countdown.due
        return ended

    assert clock.run(main()) == [("first", 10), ("with it", 10), ("later", 14), ("on its own", 40)]


def test_a_block_that_starts_its_time_anew_has_the_whole_of_it() -> None:
    async def main() -> float:
        interrupt = Interrupt(asyncio.get_running_loop(), Countdown(10))
        with pytest.raises(TimeoutError), interrupt:
            interrupt.start()
            await asyncio.sleep(9)
            interrupt.start()
            await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert clock.run(main()) == 19


def test_a_block_that_ends_in_time_is_left_alone() -> None:
    async def main() -> bool:
        interrupt = Interrupt(asyncio.get_running_loop(), Countdown(10))
        with interrupt:
            interrupt.start()
            await asyncio.sleep(9)
        await asyncio.sleep(9)
        return interrupt.has_struck

    assert not clock.run(main())


def test_a_block_without_a_countdown_waits_as_long_as_it_takes() -> None:
    async def main() -> float:
        interrupt = Interrupt(asyncio.get_running_loop(), Countdowns()[float("inf")])
        with interrupt:
            interrupt.start()
            await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert clock.run(main()) == 3600


def test_calls_of_one_length_share_one_timer() -> None:
    async def main() -> int:
        countdowns = Countdowns()
        interrupts = [Interrupt(asyncio.get_running_loop(), countdowns[10]) for _ in range(100)]
        for interrupt in interrupts:
            with interrupt:
                interrupt.start()
        loop: Any = asyncio.get_running_loop()
        return len(loop._scheduled)

    assert asyncio.run(main()) == 1


def test_lengths_that_are_no_longer_in_use_are_forgotten() -> None:
    async def main() -> None:
        countdowns = Countdowns()
        used = countdowns[10]
        interrupt = Interrupt(asyncio.get_running_loop(), used)
        with interrupt:
            interrupt.start()
            for length in range(1000, 2000):
                assert countdowns[length]
            assert countdowns[10] is used
            assert len(countdowns) < 100

    asyncio.run(main())


def test_a_cancellation_by_somebody_else_goes_through_even_if_it_strikes_too() -> None:
    async def work(interrupt: Interrupt) -> None:
        with interrupt:
            await asyncio.Event().wait()

    async def main(*, strikes: bool) -> bool:
        interrupt = Interrupt(asyncio.get_running_loop())
        task = asyncio.create_task(work(interrupt))
        await asyncio.sleep(0)
        task.cancel()
        if strikes:
            interrupt.strike()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main(strikes=False))
    assert asyncio.run(main(strikes=True))


def test_what_the_block_raises_after_the_strike_is_kept() -> None:
    async def main() -> None:
        interrupt = Interrupt(asyncio.get_running_loop())
        with interrupt:
            interrupt.strike()
            try:
                await asyncio.sleep(0)
            finally:
                raise KeyError("its own")

    with pytest.raises(KeyError):
        asyncio.run(main())


def test_outside_of_a_task_nothing_can_be_ended() -> None:
    async def main() -> None:
        failed = asyncio.get_running_loop().create_future()

        def enter() -> None:
            try:
                Interrupt(asyncio.get_running_loop()).__enter__()
            except RuntimeError as error:
                failed.set_exception(error)

        asyncio.get_running_loop().call_soon(enter)
        await failed

    with pytest.raises(RuntimeError, match="inside a task"):
        asyncio.run(main())
