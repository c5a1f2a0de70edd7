"""The end of a block from outside: when it strikes, and what it leaves to others."""

from __future__ import annotations

import asyncio

import pytest

from aoclient.senders.interrupt import Interrupt


def test_it_ends_its_block_when_told_to_and_only_once() -> None:
    async def work(interrupt: Interrupt) -> str:
        with pytest.raises(TimeoutError) as caught, interrupt:
            await asyncio.Event().wait()
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        await asyncio.sleep(0)  # a second cancellation would end this
        return "went on"

    async def main() -> str:
        interrupt = Interrupt()
        task = asyncio.create_task(work(interrupt))
        await asyncio.sleep(0)
        interrupt.strike()
        interrupt.strike()
        return await task

    assert asyncio.run(main()) == "went on"


def test_a_time_that_has_come_ends_the_block() -> None:
    async def main() -> bool:
        interrupt = Interrupt(asyncio.get_running_loop().time())
        with pytest.raises(TimeoutError), interrupt:
            await asyncio.Event().wait()
        return interrupt.has_struck

    assert asyncio.run(main())


def test_a_block_that_ends_in_time_is_left_alone() -> None:
    async def main() -> bool:
        interrupt = Interrupt(asyncio.get_running_loop().time())
        with interrupt:
            pass
        await asyncio.sleep(0)
        return interrupt.has_struck

    assert not asyncio.run(main())


def test_a_cancellation_by_somebody_else_goes_through_even_if_it_strikes_too() -> None:
    async def work(interrupt: Interrupt) -> None:
        with interrupt:
            await asyncio.Event().wait()

    async def main(*, strikes: bool) -> bool:
        interrupt = Interrupt()
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
        interrupt = Interrupt()
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
                Interrupt().__enter__()
            except RuntimeError as error:
                failed.set_exception(error)

        asyncio.get_running_loop().call_soon(enter)
        await failed

    with pytest.raises(RuntimeError, match="inside a task"):
        asyncio.run(main())
