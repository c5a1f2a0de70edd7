"""Webhooks on their way: tried, tried again, given up; and a journal of every attempt."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from contextlib import asynccontextmanager
from enum import Enum
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from aoclient.emulator.webhooks import Post, Webhooks, opened
from aoclient.errors import ConfigurationError
from aoclient.webhooks import Event, dumps

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

_log = logging.getLogger(__name__)
_SUCCESS = range(200, 300)
_SERVER_ERROR = 500


class State(Enum):
    """What became of a delivery."""

    WAITING = "waiting"
    """For its first attempt or for the next one."""

    DELIVERED = "delivered"
    GIVEN_UP = "given up"
    LOST = "lost"
    """On purpose; it was never sent."""


@frozen(eq=False)
class Attempt:
    """One request to the receiver.

    Attributes:
        event: What it brought.
        number: From 1, of this delivery; after a redelivery it goes on.
        at: Unix seconds of the emulator's clock, when it began.
        status: HTTP status, or 0 where no answer came in time.
        problem: Why there was none, ``TimeoutError`` for example; else an empty text.
    """

    event: Event
    number: int
    at: float
    status: int
    problem: str = ""


@define(eq=False)
class Delivery:
    """An event and what became of it.

    Attributes:
        event: What happened.
        body: What is sent, byte for byte the same each time.
        is_duplicate: Whether it is a second delivery of the same event, on purpose.
        state: What became of it so far.
        attempts: Requests so far.
        tries: How many of them count: a redelivery begins anew.
        held_back: Seconds it is held back at first, on purpose.
    """

    event: Event
    body: bytes
    is_duplicate: bool = False
    state: State = State.WAITING
    attempts: list[Attempt] = field(factory=list[Attempt])
    tries: int = 0
    held_back: float = 0.0


class Deliveries:
    """All deliveries of an emulator, in the order of what happened, and the work of sending them.

    Nothing is sent before `running` is entered; what happens earlier waits.

    Args:
        webhooks: Where to, and how. None: nothing is kept and nothing is sent.
        clock: Returns unix seconds.
        keep: Keep only so many of the last deliveries and attempts; None keeps all. All that wait are sent anyway.

    Attributes:
        attempts: Every request, in the order they ended.
    """

    def __init__(self, webhooks: Webhooks | None, clock: Callable[[], float], keep: int | None = None) -> None:
        self.webhooks = webhooks
        self.attempts: deque[Attempt] = deque(maxlen=keep)
        self._clock = clock
        self._all: deque[Delivery] = deque(maxlen=keep)
        self._waiting: dict[Delivery, None] = {}
        self._run: _Run | None = None
        seed = 0 if webhooks is None else webhooks.seed
        self._rng = random.Random(f"{seed}/webhooks")  # noqa: S311  # reproducible on purpose

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._all)

    @property
    def waiting(self) -> int:
        """How many deliveries are neither good nor given up."""
        return len(self._waiting)

    def add(self, event: Event) -> None:
        """Take an event for delivery; returns at once."""
        webhooks = self.webhooks
        if webhooks is None:
            return
        body = dumps(event)
        is_lost, is_doubled = (self._rng.random() < part for part in (webhooks.lost, webhooks.duplicates))
        if is_lost:
            self._all.append(Delivery(event, body, state=State.LOST))
            return
        for is_duplicate in (False, True)[: 1 + is_doubled]:
            held_back = webhooks.shuffle * self._rng.random()
            delivery = Delivery(event, body, is_duplicate=is_duplicate, held_back=held_back)
            self._all.append(delivery)
            self._begin(delivery, held_back)

    def redeliver(self, event_id: str) -> None:
        """Send an event again, as often as a new one, with the same body; one that was lost too.

        Args:
            event_id: Of the event.

        Raises:
            ConfigurationError: There is no such delivery, or it waits for an attempt already.
        """
        found = next((each for each in self._all if each.event.id == event_id), None)
        if found is None or found.state is State.WAITING:
            raise ConfigurationError(f"there is no ended delivery of an event {event_id!r}")
        found.state = State.WAITING
        found.tries = 0
        self._begin(found, 0.0)

    def _begin(self, delivery: Delivery, delay: float) -> None:
        self._waiting[delivery] = None
        if self._run is not None:
            self._run.schedule(delivery, delay)

    async def settle(self) -> None:
        """Wait until nothing waits: each delivery is good or given up.

        Raises:
            ConfigurationError: Something waits, and nothing is being sent.
        """
        while self._waiting:
            if self._run is None:
                raise ConfigurationError("deliveries wait, but are not being sent: enter Emulator.delivering() first")
            self._run.settled.clear()
            await self._run.settled.wait()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Send deliveries in the background. What still waits at the end is sent when this is entered again."""
        if self.webhooks is None or self._run is not None:
            yield
            return
        async with opened(self.webhooks.to) as post:
            self._run = _Run()
            for delivery in self._waiting:
                self._run.schedule(delivery, delivery.held_back)
            workers = [
                asyncio.create_task(self._work(self.webhooks, self._run, post))
                for _ in range(self.webhooks.concurrency)
            ]
            try:
                yield
            finally:
                self._run.stop()
                self._run = None
                for worker in workers:
                    worker.cancel()
                await asyncio.wait(workers)

    async def _work(self, webhooks: Webhooks, run: _Run, post: Post) -> None:
        while True:
            delivery = await run.ready.get()
            attempt = await self._attempt(webhooks, delivery, post)
            delivery.attempts.append(attempt)
            self.attempts.append(attempt)
            delivery.tries += 1
            if attempt.status in _SUCCESS:
                delivery.state = State.DELIVERED
            elif delivery.tries >= webhooks.tries:
                delivery.state = State.GIVEN_UP
            else:
                run.schedule(delivery, webhooks.wait_after(delivery.tries))
                continue
            del self._waiting[delivery]
            if not self._waiting:
                run.settled.set()

    async def _attempt(self, webhooks: Webhooks, delivery: Delivery, post: Post) -> Attempt:
        status, problem, at = 0, "", self._clock()
        try:
            async with asyncio.timeout(webhooks.timeout):
                status = await post(delivery.body, webhooks.headers(delivery.body))
        except OSError as error:
            problem = type(error).__name__ if type(error) is not ConnectionError else str(error)
        except Exception as error:  # noqa: BLE001  # what a receiver in process raises is a 500, as it is behind HTTP
            _log.exception("the receiver failed on %s", delivery.event.event)
            status, problem = _SERVER_ERROR, type(error).__name__
        return Attempt(delivery.event, len(delivery.attempts) + 1, at, status, problem)


class _Run:
    """What is due now and what will be later, while deliveries are being sent."""

    def __init__(self) -> None:
        self.ready: asyncio.Queue[Delivery] = asyncio.Queue()
        self.settled = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Delivery, asyncio.TimerHandle] = {}

    def schedule(self, delivery: Delivery, delay: float) -> None:
        if delay <= 0:
            self.ready.put_nowait(delivery)
        else:
            self._timers[delivery] = self._loop.call_later(delay, self._due, delivery)

    def _due(self, delivery: Delivery) -> None:
        del self._timers[delivery]
        self.ready.put_nowait(delivery)

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self.settled.set()  # who waits for it looks again
