"""Reads that need not be asked twice: identical ones in flight are joined, what changes rarely is kept a while."""

from __future__ import annotations

import asyncio
import copy
import math
from typing import Any, cast

from attrs import define, evolve, field

from aoclient.action import Effect
from aoclient.errors import AoError, DeadlineError
from aoclient.wire import Request, Response, Sender


@define(eq=False)
class _Joined:
    """A read in flight and how many wait for it."""

    task: asyncio.Task[Response | AoError]
    request: Request
    waiting: int = 0


@define(eq=False)
class Shared:
    """What the views of a session share: reads in flight and answers that are kept, by their form.

    Args:
        join: Whether identical reads in flight are sent once.
        keep_for: Seconds an answer is kept, of actions whose `Spec` says that it changes rarely; 0 keeps none.

    Attributes:
        changes: How many actions were sent that are no reads.
        in_flight: Reads on their way.
        kept: Until when an answer holds, and the answer.
    """

    join: bool
    keep_for: float
    changes: int = field(default=0, init=False)
    in_flight: dict[bytes, _Joined] = field(factory=dict[bytes, _Joined], init=False)
    kept: dict[bytes, tuple[float, Response]] = field(factory=dict[bytes, "tuple[float, Response]"], init=False)


@define(eq=False)
class Sharing:
    """Give several callers the answer of one request. Each gets a list or map of its own; the models are frozen.

    An action that is no read makes everything that is kept out of date, once it is sent.

    Args:
        inner: Gets the requests.
        shared: State, shared with other views of a session.
    """

    inner: Sender
    shared: Shared

    async def send(self, request: Request) -> Response:
        """Return the response, which may be one to another caller's request.

        Raises:
            DeadlineError: Another caller's request took longer than this one's time.
            AoError: The inner sender's, a copy for each caller.
        """
        if request.effect is not Effect.READS:
            return await self._change(request)
        kept = self._kept(request)
        if kept is not None:
            return kept
        changes = self.shared.changes
        response = await (self._join(request) if self.shared.join else self.inner.send(request))
        if self.shared.keep_for and is_lasting(request) and changes == self.shared.changes:
            now = asyncio.get_running_loop().time()
            self.shared.kept[request.body] = (now + self.shared.keep_for, _own(response))
        return response

    async def _change(self, request: Request) -> Response:
        try:
            return await self.inner.send(request)
        finally:
            # Reads that are on their way may have been answered before the change.
            self.shared.changes += 1
            self.shared.kept.clear()
            self.shared.in_flight.clear()

    def _kept(self, request: Request) -> Response | None:
        until, response = self.shared.kept.get(request.body, (0.0, None))
        if response is None or until <= asyncio.get_running_loop().time():
            self.shared.kept.pop(request.body, None)
            return None
        return _own(response)

    async def _join(self, request: Request) -> Response:
        joined = self.shared.in_flight.get(request.body)
        if joined is not None and joined.task.get_loop() is not asyncio.get_running_loop():
            return await self.inner.send(request)  # which says that the session belongs to another one
        total = request.timeouts.total
        limit = total if total < math.inf else None
        if joined is None or joined.request.timeouts.total < total:  # it might end before our time does
            joined = _Joined(asyncio.create_task(self._fetch(request)), request)
            self.shared.in_flight[request.body] = joined
            limit = None  # it ends in time by itself, and says where the time went
        joined.waiting += 1
        try:
            async with asyncio.timeout(limit):
                result = await asyncio.shield(joined.task)
        except TimeoutError:
            phase = joined.request.progress.phase
            raise DeadlineError(
                f"no answer within {request.timeouts.total:g} s to the same request of another call",
                phase=phase,
                action=request.name,
            ) from None
        finally:
            joined.waiting -= 1
            if not joined.waiting:
                joined.task.cancel()
                self._forget(joined)
        if isinstance(result, AoError):
            raise copy.copy(result) from result.__cause__
        return _own(result)

    async def _fetch(self, request: Request) -> Response | AoError:
        try:
            return await self.inner.send(request)
        except AoError as error:
            return error

    def _forget(self, joined: _Joined) -> None:
        if self.shared.in_flight.get(joined.request.body) is joined:
            del self.shared.in_flight[joined.request.body]


def is_lasting(request: Request) -> bool:
    """Return whether the answer changes rarely, so that it may be kept a while."""
    from aoclient.actions import ACTIONS  # noqa: PLC0415  # it takes a while to load, and few calls get here

    action = ACTIONS.get(request.name)
    return action is not None and action.spec.is_lasting


def _own(response: Response) -> Response:
    value = response.value
    return evolve(response, value=copy.copy(cast("Any", value)) if isinstance(value, list | dict) else value)
