"""Answers that came at once: in which turn of the loop each is read."""

from __future__ import annotations

import asyncio

import pytest

from aoclient.senders import turns
from aoclient.senders.turns import Turns

PAGE = 20_000
SMALL = 100


class Readers:
    """Calls whose answers came in one turn; each reads its own and starts a task that writes the next request."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.log: list[str] = []
        self.turn = 0

    async def read(self, number: int, size: int) -> int:
        """Return the turn of the loop in which it was read."""
        waiter = self.turns.ask(size, asyncio.get_running_loop())
        if waiter is not None:
            await waiter
        self.log.append(f"read {number}")
        self.writer = asyncio.create_task(self.write(number))
        return self.turn

    async def write(self, number: int) -> None:
        self.log.append(f"write {number}")

    async def run(self, *sizes: int) -> list[int]:
        """Return the turns in which answers of these sizes were read, counted from the first of them."""
        reading = [asyncio.create_task(self.read(number, size)) for number, size in enumerate(sizes)]
        while not all(task.done() for task in reading):
            await asyncio.sleep(0)
            self.turn += 1
        await self.writer
        return [task.result() - reading[0].result() for task in reading]


def test_requests_leave_before_the_pages_behind_the_next_are_read():
    readers = Readers()
    asyncio.run(readers.run(*[PAGE] * 6))
    at = readers.log.index
    assert all(at(f"write {number}") < at(f"read {number + 2}") for number in range(4))
    assert [entry for entry in readers.log if "read" in entry] == [f"read {number}" for number in range(6)]


def test_each_page_has_a_turn_of_its_own_and_eight_small_answers_share_one():
    pages = asyncio.run(Readers().run(*[PAGE] * 4))
    assert len(set(pages)) == 4
    small = asyncio.run(Readers().run(*[SMALL] * 24))
    assert [small.count(turn) for turn in sorted(set(small))] == [8, 8, 8]


@pytest.mark.parametrize(("part_at_work", "size", "at_once"), [(0.7, SMALL, 8), (0.9, SMALL, 64), (0.9, 2 * PAGE, 1)])
def test_a_loop_without_time_to_spare_reads_small_answers_as_they_come(monkeypatch, part_at_work, size, at_once):
    looks = [0.0]
    monkeypatch.setattr(turns, "perf_counter", lambda: looks.append(looks[-1] + 1) or looks[-1])
    monkeypatch.setattr(turns, "thread_time", lambda: part_at_work * looks[-1])

    async def main() -> int:
        readers, loop = Turns(), asyncio.get_running_loop()
        for _ in range(200):  # turns, each with an answer
            readers.ask(SMALL, loop)
            await asyncio.sleep(0)
        return [readers.ask(size, loop) for _ in range(100)].count(None)

    assert asyncio.run(main()) == at_once


def test_an_answer_that_comes_alone_is_read_at_once():
    async def main() -> None:
        readers = Readers()
        for _ in range(3):
            assert readers.turns.ask(PAGE, asyncio.get_running_loop()) is None
            await asyncio.sleep(0)

    asyncio.run(main())


def test_a_call_that_is_cancelled_in_its_turn_or_before_holds_nobody_up():
    async def main() -> None:
        readers = Readers()
        calls = [asyncio.create_task(readers.read(number, PAGE)) for number in range(4)]
        await asyncio.sleep(0)
        calls[1].cancel()
        waiting, last = calls[2], calls[3]
        await asyncio.sleep(0)
        assert readers.log == ["read 0", "write 0"]
        waiting.cancel()  # its turn was given in this turn of the loop, and is taken in the next
        await last
        assert [entry for entry in readers.log if "read" in entry] == ["read 0", "read 3"]
        await readers.writer
        assert readers.turns.ask(PAGE, asyncio.get_running_loop()) is None

    asyncio.run(main())


def test_of_answers_that_come_faster_than_they_are_read_no_more_than_a_bounded_number_waits():
    async def main() -> None:
        readers, calls = Readers(), list[asyncio.Task[int]]()
        for _ in range(50):
            calls += [asyncio.create_task(readers.read(len(calls) + number, PAGE)) for number in range(10)]
            await asyncio.sleep(0)
        unread = len(calls) - sum("read" in entry for entry in readers.log)
        assert unread <= 64 + 2 * 10 + 1  # those that just came, and those whose turn comes next
        await asyncio.gather(*calls)
        assert [entry for entry in readers.log if "read" in entry] == [f"read {number}" for number in range(500)]
        await readers.writer

    asyncio.run(main())
