"""The deliveries at work: each in the background, begun once, tried until it is done or given up."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

from aoclient.errors import ClientClosedError
from aoclient.receivers import answer as answers
from aoclient.receivers.delivery import Delivery
from aoclient.receivers.stores import MemoryStore
from aoclient.senders.interrupt import is_cancelled
from aoclient.webhooks.state import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aoclient.receivers.answer import Answer
    from aoclient.receivers.delivery import Handler
    from aoclient.receivers.stores import DeliveryStore
    from aoclient.webhooks import Event

OnError: TypeAlias = "Callable[[Event, Exception], Awaitable[object] | object]"

_log = logging.getLogger("aoclient.receivers")


class Deliveries:
    """Deliveries at work between `open` and `aclose`; see `Receiver` for what the settings mean."""

    def __init__(
        self,
        store: DeliveryStore,
        *,
        wait: bool,
        workers: int,
        attempts: int,
        retry_after: float,
        lease: float,
        on_error: OnError | None,
    ) -> None:
        self._store = store
        # A store in this process need not be waited for: its senders have their answer in the same turn of the loop.
        self._memory = store if type(store) is MemoryStore else None
        self._wait = wait
        self._idle: asyncio.Future[None] | None = None
        self._workers = asyncio.Semaphore(workers)
        self._attempts = attempts
        self._retry_after = retry_after
        self._lease = lease
        self._on_error = on_error
        self._owner = uuid.uuid4().hex
        self._at_work: dict[str, Delivery] = {}
        self._loop: asyncio.AbstractEventLoop  # to ask for it each time takes a system call
        self._renewing: asyncio.Task[None]

    def __len__(self) -> int:
        return len(self._at_work)

    def get(self, key: str) -> Delivery | None:
        """Return the delivery at work under a key, so that whoever has it too can wait for the same answer."""
        return self._at_work.get(key)

    def add(self, key: str, event: Event, handlers: Sequence[Handler]) -> Delivery:
        """Set to work on a delivery."""
        delivery = Delivery(key, event, handlers)
        memory = self._memory
        if memory is None or self._is_new(
            delivery, memory.begin_now(key, self._owner, lease=self._lease, now=self._loop.time())
        ):
            self._at_work[key] = delivery
            delivery.task = self._loop.create_task(self._work_on(delivery))
        return delivery

    async def open(self) -> None:
        """Open the store, and keep the leases from ending from now on."""
        await self._store.open()
        self._loop = asyncio.get_running_loop()
        self._renewing = asyncio.create_task(self._renew())

    async def aclose(self, timeout: float) -> None:  # noqa: ASYNC109  # what is left then is given up, nothing is raised
        """Wait until all is done, give up what is not, and close the store."""
        async with AsyncExitStack() as stack:  # all of it, even when this is cancelled on the way
            stack.push_async_callback(self._store.aclose)
            stack.push_async_callback(self._end, [self._renewing])
            stack.push_async_callback(self._break_all_off)
            if self._at_work:
                self._idle = self._loop.create_future()
                await asyncio.wait([self._idle], timeout=timeout)

    async def _break_all_off(self) -> None:
        try:
            await asyncio.sleep(0)  # those that were just added begin in it: cancelled before, they would tell nobody
        finally:
            await self._end([each.task for each in self._at_work.values() if each.task is not None])

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one delivery ---

    async def _work_on(self, delivery: Delivery) -> None:
        answer = answers.FAILED
        try:
            if delivery.is_held or await self._begin(delivery):
                answer = await self._handle(delivery)
        except asyncio.CancelledError:
            answer = await self._break_off(delivery)
        except Exception:  # noqa: BLE001  # a store raises what it likes
            _log.exception("the store of deliveries failed; %s is to be sent again", _name(delivery))
        finally:
            del self._at_work[delivery.key]
            delivery.tell(answer)
            if self._idle is not None and not self._at_work and not self._idle.done():
                self._idle.set_result(None)

    async def _begin(self, delivery: Delivery) -> bool:
        return self._is_new(delivery, await self._store.begin(delivery.key, self._owner, lease=self._lease))

    def _is_new(self, delivery: Delivery, state: State) -> bool:
        """Answer who sent it; tell whether it is ours to handle."""
        if state is State.NEW:
            delivery.is_held = True
            if not self._wait:
                delivery.tell(answers.ACCEPTED)
            return True
        delivery.tell(answers.ELSEWHERE if state is State.IN_PROGRESS else answers.ACCEPTED)
        return False

    async def _handle(self, delivery: Delivery) -> Answer:
        attempt, wait = 1, self._retry_after
        while (error := await self._call_handlers(delivery)) is not None:
            _log.error("%s failed, try %d of %d", _name(delivery), attempt, self._attempts, exc_info=error)
            if attempt == self._attempts:
                return await self._give_up(delivery, error)
            await asyncio.sleep(wait)
            attempt += 1
            wait *= 2
        return await self._finish(delivery)

    async def _call_handlers(self, delivery: Delivery) -> Exception | None:
        """Call those that have not yet succeeded, one after the other, and return the first error."""
        first: Exception | None = None
        failed: list[Handler] = []
        await self._workers.acquire()  # `async with` makes two coroutines more
        try:
            for handler in delivery.handlers:
                try:
                    await handler(delivery.event)
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # a handler raises what it likes
                    if is_cancelled():
                        raise asyncio.CancelledError from None
                    # A handler may await what somebody else has cancelled: that is its failure, not our end.
                    reason = (
                        error if isinstance(error, Exception) else RuntimeError("the handler was cancelled from within")
                    )
                    first = reason if first is None else first
                    failed.append(handler)
        finally:
            self._workers.release()
        delivery.handlers = failed
        return first

    async def _finish(self, delivery: Delivery) -> Answer:
        try:
            if self._memory is None:
                await self._store.done(delivery.key)
            else:
                self._memory.done_now(delivery.key, now=self._loop.time())
        except Exception:  # noqa: BLE001  # a store raises what it likes
            _log.exception(
                "%s was handled, but the store does not know: sent again it is handled again", _name(delivery)
            )
        return answers.ACCEPTED

    async def _give_up(self, delivery: Delivery, error: Exception) -> Answer:
        await self._release(delivery)
        if self._on_error is not None:
            try:
                waits = self._on_error(delivery.event, error)
                if inspect.isawaitable(waits):
                    await waits
            except Exception:  # noqa: BLE001  # on_error is the caller's
                _log.exception("on_error failed for %s", _name(delivery))
        return answers.FAILED

    async def _break_off(self, delivery: Delivery) -> Answer:
        if not delivery.is_held:
            await self._release(delivery)  # the store may have begun it all the same
            return answers.CLOSED
        if not delivery.handlers:
            return await self._finish(delivery)
        error = ClientClosedError("the receiver was closed before the event was handled")
        _log.error("%s was not handled: the receiver was closed", _name(delivery))
        return await self._give_up(delivery, error)

    async def _release(self, delivery: Delivery) -> None:
        try:
            await self._store.release(delivery.key, self._owner)
        except Exception:  # noqa: BLE001  # a store raises what it likes
            _log.exception("%s stays leased: sent again it is refused until the lease ends", _name(delivery))

    # --- leases ---

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            for delivery in [each for each in self._at_work.values() if each.is_held]:
                try:
                    await self._store.renew(delivery.key, self._owner, lease=self._lease)
                except Exception:  # noqa: BLE001  # a store raises what it likes
                    _log.exception("the lease of %s may end before it is handled", _name(delivery))


def _name(delivery: Delivery) -> str:
    return f"webhook {delivery.event.event!r:.60} {delivery.event.id!r:.60}"
