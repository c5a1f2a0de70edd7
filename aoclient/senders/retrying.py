"""The outermost sender: one deadline over a whole call, and as many attempts as its effect allows."""

from __future__ import annotations

import asyncio
import random

from attrs import define, field

from aoclient.action import Effect
from aoclient.errors import AoError, AuthenticationError, DeadlineError, OutcomeUnknownError
from aoclient.senders.home import HomeLoop
from aoclient.senders.interrupt import Countdowns, Interrupt
from aoclient.senders.retry_rule import Again, Quota, decide
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
        deadline = Interrupt(loop, self._countdowns[request.timeouts.total])
        attempt, cost, renewed = 0, 0, False
        try:
            with deadline:
                ends_at = deadline.start()
                while True:
                    attempt += 1
                    response = None
                    try:
                        response = await self.inner.send(request)
                        # One to an action that must not be repeated is read at once: cut off, its outcome were unknown.
                        turn = None if request.effect is _ADDS else self._turns.ask(len(response.body), loop)
                        if turn is not None:
                            await turn
                        response.value = request.read(response)
                    except AoError as error:
                        # Only an answer speaks of this token; before it, the error tells that there is none to be had.
                        renew = response is not None and not renewed
                        again = self._again(request, error, attempt, ends_at, renew=renew)
                        if again is None:
                            raise
                        renewed = renewed or isinstance(error, AuthenticationError)
                        cost = again.cost
                    else:
                        self.quota.give_back(cost)
                        return response
                    request.progress.phase = "backoff"
                    await asyncio.sleep(again.after)
        except asyncio.CancelledError as cancelled:
            if _may_be_executed(request):
                cancelled.add_note(f"{request.name} was sent and may have been executed.{_hint(request)}")
            raise
        except TimeoutError as error:
            if isinstance(error, AoError) or not deadline.has_struck:
                raise
            late = _out_of_time(request)
            raise late from late.__cause__

    def _again(self, request: Request, error: AoError, attempt: int, ends_at: float, *, renew: bool) -> Again | None:
        """Return when to try again, or None if the error stands.

        Raises:
            OutcomeUnknownError: Instead of an error that leaves it open.
        """
        error.action = request.name
        error.attempts = request.progress.attempts
        request.progress.last_error = type(error).__name__
        verdict = decide(
            request.effect,
            error,
            attempt=attempt,
            policy=self.policy,
            left=ends_at - asyncio.get_running_loop().time(),
            draw=self.rng.random(),
            renew=renew,
        )
        if isinstance(verdict, Again):
            return verdict if self.quota.take(verdict.cost) else None
        if verdict.unknown:
            raise _unknown(request) from error
        return None


def _may_be_executed(request: Request) -> bool:
    return request.effect is _ADDS and request.progress.phase == "answer"


def _out_of_time(request: Request) -> AoError:
    phase = request.progress.phase
    late = DeadlineError(
        f"no answer within {request.timeouts.total:g} s: time ran out {_WHILE[phase]}",
        phase=phase,
        action=request.name,
        attempts=request.progress.attempts,
    )
    if not _may_be_executed(request):
        return late
    unknown = _unknown(request)
    unknown.__cause__ = late
    return unknown


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
