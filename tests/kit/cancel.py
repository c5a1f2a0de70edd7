"""Cancel a coroutine at each step of the loop, one after the other, and look at what is left.

A step is one turn of the event loop, so that every suspension is met: of the coroutine itself, and of the tasks it has
started. On a `VirtualLoop` the same run has the same steps each time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from attrs import define, field

from tests.kit.clock import VirtualLoop


class _Stepping:
    """Counts its turns, and cancels a task at one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.victim: asyncio.Task[Any] | None = None
        self.steps_left = 0

    def _run_once(self) -> None:
        if self.victim is not None:
            if self.steps_left == 0:
                self.victim.cancel()
            self.steps_left -= 1
        super()._run_once()


class SteppingLoop(_Stepping, VirtualLoop):
    """On virtual time, for what runs in process."""


class SteppingSocketLoop(_Stepping, asyncio.SelectorEventLoop):
    """On real time and with sockets; how many steps a run has may vary a little."""


@define(eq=False)
class Cancelled:
    """What became of the runs.

    Attributes:
        ended: How many ended cancelled, how many with an answer, how many with which error.
        notes: How many of the cancelled ones carry a note that says the action was sent.
    """

    ended: Counter[str] = field(factory=Counter[str])
    notes: int = 0

    @property
    def cancelled(self) -> int:
        """Runs that ended with `asyncio.CancelledError`."""
        return self.ended["CancelledError"]


Opener = Callable[[], AbstractAsyncContextManager[Any]]
Step = Callable[[Any], Awaitable[Any]]


def cancel_at_every_step(
    opened: Opener,
    call: Step,
    check: Step,
    *,
    steps: range = range(10_000),
    loop_factory: Callable[[], Any] = SteppingLoop,
) -> Cancelled:
    """Run a call again and again, cancelled one step later each time, until it ends before its turn has come.

    Args:
        opened: Makes what the call needs, anew for each run: an async context manager.
        call: The call; gets what was opened.
        check: Asserts that nothing is left and that the next calls pass; gets what was opened.
        steps: At which steps.
        loop_factory: Loop of each run.
    """
    result = Cancelled()
    for step in steps:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            if not runner.run(_one(runner.get_loop(), opened, call, check, step=step, result=result)):
                return result
    return result


async def _one(loop: Any, opened: Opener, call: Step, check: Step, *, step: int, result: Cancelled) -> bool:
    """Return whether the turn came before the call had ended."""
    async with opened() as subject:
        before = _tasks()
        victim = asyncio.ensure_future(call(subject))
        loop.victim, loop.steps_left = victim, step
        await asyncio.wait([victim])
        loop.victim = None
        came = loop.steps_left < 0
        error: BaseException | None = None
        try:
            victim.result()
        except BaseException as raised:  # noqa: BLE001  # whatever it is, it is counted
            error = raised
        result.ended["ok" if error is None else type(error).__name__] += 1
        result.notes += bool(getattr(error, "__notes__", ()))
        await _settle(before)
        left = _tasks() - before
        assert left == set(), f"step {step}: tasks left: {left}"
        await check(subject)
    return came


async def _settle(before: set[asyncio.Task[Any]]) -> None:
    """Let tasks that outlive the call on purpose end: a token request is shared, so a waiter does not end it."""
    while left := _tasks() - before:
        await asyncio.wait(left)


def _tasks() -> set[asyncio.Task[Any]]:
    """Return all tasks but those of the emulator's server, which has one for each connection a client keeps."""
    return {
        task for task in asyncio.all_tasks() if not getattr(task.get_coro(), "__qualname__", "").startswith(_SERVER)
    }


_SERVER = "RequestHandler."
