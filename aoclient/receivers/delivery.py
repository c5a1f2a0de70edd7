"""An event on its way through its handlers, and those who wait for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from attrs import define, field

from aoclient.receivers.answer import Answer
from aoclient.webhooks import Event

Handler: TypeAlias = "Callable[[Any], Coroutine[Any, Any, object]]"  # Any: each takes its own class of events


@define(eq=False)
class Delivery:
    """An event on its way through its handlers.

    Attributes:
        handlers: Those that have not yet succeeded.
        is_held: It was new, and its lease is ours.
        answer: What all who sent it are told; None as long as it is not known.
        task: Works on it; held here, since the loop alone would not keep it.
    """

    key: str
    event: Event
    handlers: Sequence[Handler]
    is_held: bool = False
    answer: Answer | None = field(default=None, init=False)
    task: asyncio.Task[None] | None = field(default=None, init=False)
    _waiting: list[asyncio.Future[Answer]] | None = field(default=None, init=False)

    async def answered(self) -> Answer:
        """Wait for the answer, as long as it is not known; a sender that hangs up stops nothing."""
        # One for each who waits, so that a sender that hangs up takes the answer from nobody else.
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = []
        self._waiting.append(waiting)
        return await waiting

    def tell(self, answer: Answer) -> None:
        """Answer all who wait; all but the first time it does nothing."""
        if self.answer is None:
            self.answer = answer
            for waiting in self._waiting or ():
                if not waiting.done():
                    waiting.set_result(answer)
