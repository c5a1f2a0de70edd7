"""The outermost sender: one deadline over a whole call, and as many attempts as its effect allows."""

from __future__ import annotations

import asyncio
import random
from itertools import count

from attrs import define, field

from aoclient.action import Effect
from aoclient.errors import AoError, AuthenticationError, DeadlineError, OutcomeUnknownError
from aoclient.senders.home import HomeLoop
from aoclient.senders.interrupt import Countdowns, Interrupt
from aoclient.senders.retry_rule import Again, Quota, Stop, Verdict, decide
from aoclient.senders.turns import Turns
from aoclient.settings import RetryPolicy
from aoclient.wire import Request, Response, Sender

_ADDS = Effect.ADDS  # compared for each answer; a look-up on the enum takes 0.1 us on Python 3.11
_WHILE = {
    "limiter": "in the queue for the rate limit or a free slot",
    "token": "waiting for a token",
    "connect": "connecting",
    "answer": "waiting for the answer",
    "backoff": "between two attempts",
}


@define(eq=False)
class Retrying:
    """Send a request, read its answer, and try again where that is safe and may help.

    What an attempt ended with is judged by `retry_rule.decide`, once the answer is read: a refusal can come with status
    200, and half a body looks like success before it is parsed. ``Response.value`` is the answer.

    Args:
        inner: Gets each attempt.
        policy: How often and how fast.
        quota: Shared by all calls of a session.
        rng: For the jitter.
        home: Shared by all calls of a session.
    """

    inner: Sender
    policy: RetryPolicy = field(kw_only=True)
    quota: Quota = field(kw_only=True)
    rng: random.Random = field(kw_only=True)
    home: HomeLoop = field(factory=HomeLoop, kw_only=True)
    _countdowns: Countdowns = field(factory=Countdowns, init=False)
    _turns: Turns = field(factory=Turns, init=False)

    async def send(self, request: Request) -> Response:
        """Return the response with its answer read, before ``request.timeouts.total`` seconds have passed.

        Raises:
            DeadlineError: Time ran out; ``phase`` says where.
            OutcomeUnknownError: An action that must not be repeated may or may not have been executed.
            WrongEventLoopError: The session belongs to another event loop.
            AoError: What the last attempt ended with.
        """
        loop = self.home.enter(request.name)  # before a timer is set in another loop, where it may never go off
        deadline = Interrupt(loop, self._countdowns.of(request.timeouts.total))
        try:
            with deadline:
                return await self._repeat(request, deadline.start(), loop)
        except asyncio.CancelledError as cancelled:
            if _may_be_executed(request):
                cancelled.add_note(f"{request.name} was sent and may have been executed.{_hint(request)}")
            raise
        except TimeoutError as error:
            if isinstance(error, AoError) or not deadline.has_struck:
                raise
            late = _out_of_time(request)
            if _may_be_executed(request):
                raise _unknown(request) from late
            raise late from None

    async def _repeat(self, request: Request, ends_at: float, loop: asyncio.AbstractEventLoop) -> Response:
        renewed = False
        cost = 0
        for attempt in count(1):
            response = None
            try:
                response = await self.inner.send(request)
                # One to an action that must not be repeated is read at once: cut off here, its outcome were unknown.
                turn = None if request.effect is _ADDS else self._turns.ask(len(response.body), loop)
                if turn is not None:
                    await turn
                response.value = request.read(response)
            except AoError as error:
                error.action = request.name
                error.attempts = request.progress.attempts
                request.progress.last_error = type(error).__name__
                # Only an answer speaks of this token; before it, the error tells that there is none to be had.
                renew = response is not None and not renewed
                verdict = self._decide(request, error, attempt, ends_at, renew=renew)
                if isinstance(verdict, Stop):
                    if verdict.unknown:
                        raise _unknown(request) from error
                    raise
                renewed = renewed or isinstance(error, AuthenticationError)
                cost = verdict.cost
            else:
                self.quota.give_back(cost)
                return response
            request.progress.phase = "backoff"
            await asyncio.sleep(verdict.after)
        raise AssertionError("count() ended")  # pragma: no cover  # it does not; the type checkers cannot know

    def _decide(self, request: Request, error: AoError, attempt: int, ends_at: float, *, renew: bool) -> Verdict:
        left = ends_at - asyncio.get_running_loop().time()
        verdict = decide(
            request.effect,
            error,
            attempt=attempt,
            policy=self.policy,
            left=left,
            draw=self.rng.random(),
            renew=renew,
        )
        if isinstance(verdict, Again) and not self.quota.take(verdict.cost):
            return Stop()
        return verdict


def _may_be_executed(request: Request) -> bool:
    return request.effect is _ADDS and request.progress.phase == "answer"


def _out_of_time(request: Request) -> DeadlineError:
    phase = request.progress.phase
    return DeadlineError(
        f"no answer within {request.timeouts.total:g} s: time ran out {_WHILE[phase]}",
        phase=phase,
        action=request.name,
        attempts=request.progress.attempts,
    )


def _unknown(request: Request) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"it was sent, got no clear answer, and may or may not have been executed; it is not repeated.{_hint(request)}",
        action=request.name,
        attempts=request.progress.attempts,
    )


def _hint(request: Request) -> str:
    from aoclient.actions import ACTIONS  # noqa: PLC0415  # it takes a while to load, and few calls get here

    action = ACTIONS.get(request.name)
    look_with = action.spec.look_with if action is not None else ""
    return f" {look_with} shows the present state." if look_with else ""
