"""Whether a call that failed is tried again, and when: a function of values, and the budget of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

from aoclient.action import Effect
from aoclient.errors import (
    AoError,
    ApiError,
    AuthenticationError,
    Outcome,
    RateLimitError,
    ReadError,
    ResponseError,
    TransportError,
)

if TYPE_CHECKING:
    from aoclient.settings import RetryPolicy

_COST = 5
_DOUBLINGS = 64  # more do not fit a number, and no wait is that long


@frozen
class Again:
    """Try again.

    Attributes:
        after: Seconds to wait first.
        cost: What it takes from the quota.
    """

    after: float
    cost: int = _COST


@frozen
class Stop:
    """Raise the error.

    Attributes:
        unknown: The action may have been executed and must not be repeated, so the error is `OutcomeUnknownError`.
    """

    unknown: bool = False


Verdict: TypeAlias = Again | Stop


def decide(
    effect: Effect, error: AoError, *, attempt: int, policy: RetryPolicy, left: float, draw: float, renew: bool
) -> Verdict:
    """Return what follows an error. The outcome the error tells and the effect of a repeat decide, never a name.

    Args:
        effect: What a repeat of the action does.
        error: What happened.
        attempt: Attempts so far, this one included.
        policy: How often and how fast.
        left: Seconds to the deadline of the call; a wait that does not fit is not begun.
        draw: A random number from 0 to 1, for the jitter.
        renew: A refused token may be replaced: the server's answer refused it, for the first time in this call.
    """
    if not _may_repeat(effect, error, renew=renew):
        return Stop(unknown=effect is Effect.ADDS and error.outcome is Outcome.UNKNOWN)
    if attempt >= policy.attempts:
        return Stop()
    if isinstance(error, AuthenticationError):
        return Again(0.0, cost=0)  # the server is well; a revoked token meets every call in flight
    asked = error.retry_after if isinstance(error, ApiError) else None
    if asked is not None and asked > policy.retry_after_at_most:
        return Stop()
    after = _wait(effect, error, attempt, policy, draw) if asked is None else asked + _backoff(attempt, policy, draw)
    if after >= left:
        return Stop()
    # The limiter holds all calls back after a 429, so they make no storm, and there is one for each call in flight.
    return Again(after, cost=0 if isinstance(error, RateLimitError) else _COST)


def _may_repeat(effect: Effect, error: AoError, *, renew: bool) -> bool:
    if isinstance(error, AuthenticationError):
        # A 401 proves that the action was not executed; a redirect to the login page does not.
        return renew and (effect is not Effect.ADDS or error.outcome is not Outcome.UNKNOWN)
    if not isinstance(error, TransportError | ResponseError | ApiError):
        return False  # of this process, as a closed session: it stays so
    if error.outcome is Outcome.UNKNOWN:
        return effect is not Effect.ADDS
    return error.outcome is Outcome.NOT_EXECUTED


def _wait(effect: Effect, error: AoError, attempt: int, policy: RetryPolicy, draw: float) -> float:
    if attempt == 1 and effect is Effect.READS and isinstance(error, ReadError):
        return 0.0  # most often a kept connection the server had closed; a fresh one is at hand
    return _backoff(attempt, policy, draw)


def _backoff(attempt: int, policy: RetryPolicy, draw: float) -> float:
    return draw * min(policy.wait * 2.0 ** min(attempt - 1, _DOUBLINGS), policy.wait_at_most)


@define(eq=False)
class Quota:
    """What a session may spend on repeats, so that it does not make an outage worse.

    A repeat costs 5. A call that succeeds gives back what its last repeat took, or 1 when it took none; so the odd
    failure is free, and in a total outage repeats end after a hundred.

    Attributes:
        most: Tokens at the start, and at most.
        level: Tokens now, from 0 to ``most``.
    """

    most: int = 500
    level: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.level = self.most

    def take(self, cost: int) -> bool:
        """Take the cost of a repeat; False if there is not enough, and nothing is taken."""
        if cost > self.level:
            return False
        self.level -= cost
        return True

    def give_back(self, cost: int) -> None:
        """Give back after a success: the cost of the call's last repeat, or 0."""
        if self.level < self.most:
            self.level = min(self.most, self.level + max(1, cost))
