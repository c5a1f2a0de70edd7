"""The retry rule as a table: every error, every effect, what follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoclient import errors
from aoclient.action import Effect
from aoclient.errors import AoError, AuthenticationError, ConnectError, RateLimitError, ReadError, ServerError
from aoclient.senders.retry_rule import Again, Quota, Stop, decide
from aoclient.settings import RetryPolicy

READS, SETS, ADDS = Effect.READS, Effect.SETS, Effect.ADDS

NOT_EXECUTED = {READS: "again", SETS: "again", ADDS: "again"}
UNCLEAR = {READS: "again", SETS: "again", ADDS: "unknown"}
REFUSED = {READS: "stop", SETS: "stop", ADDS: "stop"}
CLOSED_IN_FLIGHT = {READS: "stop", SETS: "stop", ADDS: "unknown"}


def closed_in_flight() -> AoError:
    error = errors.ClientClosedError("closed")
    error.outcome = errors.Outcome.UNKNOWN
    return error


def login_page() -> AoError:
    error = AuthenticationError("login page", status=302)
    error.outcome = errors.Outcome.UNKNOWN
    return error


def untrusted() -> AoError:
    error = ConnectError("the certificate is for another host")
    error.outcome = errors.Outcome.REFUSED
    return error


TABLE = [
    (AoError("any"), REFUSED),
    (errors.InvalidOptionError("never sent"), REFUSED),
    (errors.ConfigurationError("never sent"), REFUSED),
    (errors.MissingExtraError("never sent"), REFUSED),
    (errors.ClientClosedError("closed"), REFUSED),
    (closed_in_flight(), CLOSED_IN_FLIGHT),
    (errors.WrongEventLoopError("another loop"), REFUSED),
    (errors.WebhookError("not of a call"), REFUSED),
    (errors.ExportError("not of a call"), REFUSED),
    (errors.TransportError("broken"), UNCLEAR),
    (ConnectError("refused"), NOT_EXECUTED),
    (untrusted(), REFUSED),
    (ReadError("closed"), UNCLEAR),
    (errors.DeadlineError("no bytes", phase="answer"), UNCLEAR),
    (errors.DeadlineError("no connection", phase="connect"), NOT_EXECUTED),
    (errors.DeadlineError("no token", phase="token"), NOT_EXECUTED),
    (errors.OutcomeUnknownError("lost"), UNCLEAR),
    (errors.ResponseError("strange"), UNCLEAR),
    (errors.ResponseDecodeError("half"), UNCLEAR),
    (errors.ResponseSchemaError("shape"), UNCLEAR),
    (errors.ResponseTooLargeError("bomb"), UNCLEAR),
    (errors.UnexpectedRedirectError("elsewhere", status=307), UNCLEAR),
    (errors.PagingError("again the same"), REFUSED),
    (errors.ApiError("no"), REFUSED),
    (AuthenticationError("revoked", status=401), NOT_EXECUTED),
    (login_page(), UNCLEAR),
    (errors.PermissionDeniedError("no", status=403), REFUSED),
    (errors.NotFoundError("no", status=404), REFUSED),
    (errors.PayloadTooLargeError("no", status=413), REFUSED),
    (errors.ValidationError("no", status=422), REFUSED),
    (RateLimitError("slower", status=429), NOT_EXECUTED),
    (ServerError("oops", status=500), UNCLEAR),
    (errors.UnavailableError("maintenance", status=503), NOT_EXECUTED),
]


def rule(effect: Effect, error: AoError, **given: object) -> Again | Stop:
    known = {"attempt": 1, "policy": RetryPolicy(), "left": 120.0, "draw": 0.5, "renew": True}
    return decide(effect, error, **{**known, **given})


def named(verdict: Again | Stop) -> str:
    return "again" if isinstance(verdict, Again) else "unknown" if verdict.unknown else "stop"


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(("error", "expected"), TABLE, ids=lambda value: repr(value) if value in TABLE else None)
def test_the_effect_and_the_outcome_decide(effect, error, expected):
    assert named(rule(effect, error)) == expected[effect]


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(("error", "expected"), TABLE, ids=lambda value: repr(value) if value in TABLE else None)
def test_after_the_last_attempt_nothing_is_repeated_and_what_is_unknown_stays_so(effect, error, expected):
    verdict = named(rule(effect, error, attempt=4))
    assert verdict == ("unknown" if expected[effect] == "unknown" else "stop")


def test_the_table_has_every_error():
    declared = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AoError)}
    assert {type(error) for error, _ in TABLE} == declared


def test_a_token_is_renewed_once_at_once_and_for_nothing():
    error = AuthenticationError("revoked", status=401)
    assert rule(ADDS, error) == Again(0.0, cost=0)
    assert rule(READS, error, renew=False) == Stop()


def test_one_attempt_means_no_repeat():
    for error in (ConnectError("refused"), AuthenticationError("revoked", status=401), RateLimitError("slower")):
        assert rule(READS, error, policy=RetryPolicy(attempts=1)) == Stop()


def test_a_read_whose_connection_broke_is_repeated_at_once_the_first_time_only():
    assert rule(READS, ReadError("closed")) == Again(0.0)
    assert rule(READS, ReadError("closed"), attempt=2, draw=1.0) == Again(1.0)
    assert rule(SETS, ReadError("closed"), draw=1.0) == Again(0.5)


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 20.0), (8, 20.0), (10**6, 20.0)]
)
def test_waits_double_up_to_a_bound_and_are_drawn_from_nothing_to_it(attempt, longest):
    policy = RetryPolicy(attempts=10**7)
    for draw in (0.0, 0.25, 1.0):
        verdict = rule(READS, ServerError("oops", status=500), attempt=attempt, policy=policy, draw=draw)
        assert verdict == Again(draw * longest)


@given(
    attempt=st.integers(1, 12),
    asked=st.none() | st.floats(0.0, 200.0),
    left=st.floats(-1.0, 300.0),
    draw=st.floats(0.0, 1.0),
    of=st.tuples(st.sampled_from(Effect), st.sampled_from([RateLimitError, errors.UnavailableError, ServerError])),
)
def test_no_repeat_comes_before_the_time_asked_nor_after_the_deadline(attempt, asked, left, draw, of):
    effect, cls = of
    policy = RetryPolicy(attempts=10)
    error = cls("later", retry_after=asked)
    verdict = decide(effect, error, attempt=attempt, policy=policy, left=left, draw=draw, renew=True)
    if isinstance(verdict, Again):
        assert attempt < 10
        assert (asked or 0.0) <= verdict.after < left
        assert verdict.after <= (asked or 0.0) + policy.wait_at_most
        assert asked is None or asked <= policy.retry_after_at_most


def test_a_time_asked_that_is_too_long_is_raised():
    assert rule(READS, RateLimitError("later", retry_after=120.0), left=500.0, draw=0.0) == Again(120.0, cost=0)
    assert rule(READS, RateLimitError("later", retry_after=121.0), left=500.0) == Stop()


def test_a_429_is_not_charged_and_a_failure_is():
    assert rule(READS, RateLimitError("slower"), draw=1.0) == Again(0.5, cost=0)
    assert rule(READS, ConnectError("refused"), draw=1.0) == Again(0.5, cost=5)


@given(st.lists(st.sampled_from(["take", "give back", "success"]), max_size=300))
def test_the_quota_stays_within_its_bounds(steps):
    quota = Quota(most=30)
    for step in steps:
        before = quota.level
        if step == "take":
            assert quota.take(5) == (before >= 5)
            assert quota.level == (before - 5 if before >= 5 else before)
        else:
            cost = 5 if step == "give back" else 0
            quota.give_back(cost)
            assert quota.level == min(30, before + (cost or 1))
        assert 0 <= quota.level <= 30


def test_an_empty_quota_still_lets_through_what_costs_nothing():
    quota = Quota(most=4)
    assert not quota.take(5)
    assert quota.take(0)
    assert quota.level == 4
