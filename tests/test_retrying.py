"""Calls over the retrying sender: what is repeated and when, the deadline, tokens, and going away."""

from __future__ import annotations

import asyncio
import random
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import errors
from aoclient.actions import ACTIONS, Effect
from aoclient.errors import (
    AoError,
    ApiError,
    AuthenticationError,
    ConnectError,
    DeadlineError,
    OutcomeUnknownError,
    RateLimitError,
    ReadError,
    ServerError,
)
from aoclient.senders.limited import Limited
from aoclient.senders.retry_rule import Quota
from aoclient.senders.retrying import Retrying
from aoclient.settings import Rate, RetryPolicy
from aoclient.wire import Request, Response
from tests.kit.calls import over_limiter, request, retrying
from tests.kit.clock import run
from tests.kit.counting import assert_nothing_is_left, now
from tests.kit.scripted import Scripted, response

if TYPE_CHECKING:
    from collections.abc import Callable

READS, SETS, ADDS = Effect.READS, Effect.SETS, Effect.ADDS


def error_of(sender: Retrying, sent: Request) -> AoError:
    with pytest.raises(AoError) as caught:
        run(sender.send(sent))
    return caught.value


# --- one call ----------------------------------------------------------------------------------------------------


def test_the_answer_is_read_into_the_value():
    assert run(retrying(Scripted([response([1, 2])])).send(request())).value == [1, 2]


def test_pages_that_come_at_once_are_not_all_read_in_one_turn_of_the_loop():
    page = response([{"email": f"{row}@example.com"} for row in range(400)])

    async def main():
        sender = retrying(Scripted([page], takes=1.0))
        turns = 0
        read_in = []

        async def call():
            answer = await sender.send(request())
            assert len(answer.value) == 400
            read_in.append(turns)

        calls = [asyncio.create_task(call()) for _ in range(4)]
        await asyncio.sleep(1)
        while not all(each.done() for each in calls):
            await asyncio.sleep(0)
            turns += 1
        return read_in

    assert len(set(run(main()))) == 4


def test_the_answer_to_what_must_not_be_repeated_does_not_wait_behind_pages():
    page = response([{"email": f"{row}@example.com"} for row in range(400)])

    async def main():
        sender, ended = retrying(Scripted([page], takes=1.0)), []

        async def call(effect):
            await sender.send(request(effect))
            ended.append(effect)

        await asyncio.gather(*map(call, [READS, READS, READS, READS, ADDS]))
        return ended

    assert ADDS in run(main())[:2]  # in the turn of the first page


@pytest.mark.parametrize(
    "step",
    [
        ReadError("broken"),
        response(status=500),
        response(b"[1, 2"),
        response(b"<html>login</html>"),
        response({"message": "Server Error"}, status=502),
    ],
    ids=["broken", "500", "half", "login page", "502"],
)
@pytest.mark.parametrize("effect", [READS, SETS])
def test_what_can_be_repeated_is_judged_after_the_answer_is_read(step, effect):
    inner = Scripted([step, step, response([])])
    assert run(over_limiter(inner).send(request(effect))).value == []
    assert len(inner.requests) == 3


def test_a_success_gives_back_what_the_last_repeat_took():
    quota = Quota()
    run(retrying(Scripted([ReadError("broken"), response([])]), quota=quota).send(request()))
    assert quota.level == 500
    run(retrying(Scripted([ReadError("broken"), ReadError("broken"), response([])]), quota=quota).send(request()))
    assert quota.level == 495
    run(retrying(Scripted([response([])]), quota=quota).send(request()))
    assert quota.level == 496


def test_a_refusal_with_status_200_is_not_repeated():
    inner = Scripted([response({"error": {"message": "no such learner"}})])
    error = error_of(over_limiter(inner), request())
    assert type(error) is ApiError
    assert str(error) == "learners: no such learner"
    assert len(inner.requests) == 1


def test_the_last_error_is_raised_with_its_action_and_attempts():
    inner = Scripted([response(status=500), ReadError("broken"), ConnectError("refused")])
    error = error_of(over_limiter(inner, policy=RetryPolicy(attempts=3)), request())
    assert str(error) == "learners: refused (3 attempts)"
    assert (error.action, error.attempts) == ("learners", 3)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("inviteLearners", " checkLearnerInvite shows the present state."),
        ("createLoginToken", ""),
        ("notModelledYet", ""),
    ],
)
def test_what_must_not_be_repeated_says_that_nobody_knows_and_where_to_look(name, hint):
    inner = Scripted([response(status=500)])
    error = error_of(over_limiter(inner), request(ADDS, name))
    assert (name in ACTIONS) == (name != "notModelledYet")
    assert type(error) is OutcomeUnknownError
    assert error.message.endswith(f"it is not repeated.{hint}")
    assert (error.action, error.attempts, len(inner.requests)) == (name, 1, 1)
    assert type(error.__cause__) is ServerError


def test_an_action_that_must_not_be_repeated_is_when_it_was_not_executed():
    maintenance = response({"message": ""}, status=503)
    inner = Scripted([ConnectError("refused"), response(status=429), maintenance, response([])])
    assert run(over_limiter(inner).send(request(ADDS))).value == []
    assert len(inner.requests) == 4


def test_the_phase_is_backoff_between_two_attempts():
    async def main() -> None:
        sent = request(SETS)
        task = asyncio.create_task(over_limiter(Scripted([ReadError("broken"), response([])])).send(sent))
        await asyncio.sleep(0.0)
        await asyncio.sleep(0.0)
        assert (sent.progress.phase, sent.progress.attempts) == ("backoff", 1)
        await task
        assert sent.progress.attempts == 2

    run(main())


# --- tokens ------------------------------------------------------------------------------------------------------

UNAUTHORIZED = response({"message": "Unauthenticated."}, status=401)
LOGIN_PAGE = response(status=302, headers={"location": "https://example.com/login"})


@pytest.mark.parametrize("effect", Effect)
def test_a_401_is_repeated_once_at_once_whatever_the_effect(effect):
    quota = Quota(most=0)
    inner = Scripted([UNAUTHORIZED, response([])])
    run(over_limiter(inner, quota=quota).send(request(effect)))
    assert inner.times == [0.0, 0.0]

    inner = Scripted([UNAUTHORIZED])
    error = error_of(over_limiter(inner, quota=quota), request(effect))
    assert type(error) is AuthenticationError
    assert error.attempts == len(inner.requests) == 2


def test_a_redirect_to_the_login_page_is_repeated_unless_that_might_add():
    inner = Scripted([LOGIN_PAGE, response([])])
    run(over_limiter(inner).send(request(READS)))
    inner = Scripted([LOGIN_PAGE, response([])])
    error = error_of(over_limiter(inner), request(ADDS))
    assert type(error) is OutcomeUnknownError
    assert type(error.__cause__) is AuthenticationError
    assert len(inner.requests) == 1


def test_a_token_that_cannot_be_had_is_not_asked_for_again():
    inner = Scripted([AuthenticationError("invalid_client", status=401)])
    assert error_of(over_limiter(inner), request()).attempts == 1
    assert len(inner.requests) == 1


def test_five_hundred_calls_with_a_revoked_token_are_each_repeated_once():
    seen: set[int] = set()

    def answer(sent: Request) -> Response:
        first = id(sent) not in seen
        seen.add(id(sent))
        return UNAUTHORIZED if first else response([])

    async def main() -> None:
        sender = over_limiter(inner, max_concurrency=500)
        await asyncio.gather(*(sender.send(each) for each in calls))

    inner = Scripted([answer], takes=0.1)
    calls = [request(effect) for effect in [READS, ADDS] * 250]
    run(main())
    assert {each.progress.attempts for each in calls} == {2}


# --- time --------------------------------------------------------------------------------------------------------


def test_a_deadline_tells_where_time_ran_out():
    async def queued() -> None:
        sender = over_limiter(Scripted([response()], takes=100.0), max_concurrency=1)
        first = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineError, match=r"within 5 s: time ran out in the queue") as caught:
            await sender.send(request(total=5))
        assert (now(), caught.value.phase, caught.value.attempts) == (5.0, "limiter", 0)
        assert caught.value.outcome is errors.Outcome.NOT_EXECUTED
        await first

    run(queued())
    error = error_of(over_limiter(Scripted([response()], takes=100.0)), request(total=7))
    assert isinstance(error, DeadlineError)
    assert (error.phase, error.attempts, error.action) == ("answer", 1, "learners")


def test_when_time_ran_out_after_an_action_was_sent_nobody_knows():
    error = error_of(over_limiter(Scripted([response()], takes=100.0)), request(ADDS, total=9))
    assert type(error) is OutcomeUnknownError
    assert isinstance(error.__cause__, DeadlineError)
    assert (error.action, error.attempts) == ("learners", 1)


def test_no_wait_is_begun_that_the_deadline_would_cut():
    async def main() -> None:
        with pytest.raises(RateLimitError) as caught:
            await over_limiter(inner).send(request(total=30))
        assert caught.value.retry_after == 30
        assert now() == 1.0

    inner = Scripted([response(status=429, headers={"retry-after": "30"})], takes=1.0)
    run(main())


def test_a_wait_longer_than_the_policy_allows_is_raised_and_not_slept():
    inner = Scripted([response({"message": ""}, status=503, headers={"retry-after": "3600"})])
    error = error_of(over_limiter(inner), request(total=10_000))
    assert isinstance(error, errors.UnavailableError)
    assert error.retry_after == 3600


def test_a_call_may_have_no_deadline():
    assert run(retrying(Scripted([response([])], takes=10_000.0)).send(request(total=float("inf")))).value == []


@pytest.mark.parametrize("raised", [TimeoutError("of something else"), DeadlineError("of an attempt", phase="connect")])
def test_a_timeout_that_is_not_the_deadline_is_raised_as_it_is(raised):
    with pytest.raises(TimeoutError) as caught:
        run(retrying(Scripted([raised])).send(request()))
    assert caught.value is raised


def test_an_error_that_comes_with_the_deadline_is_kept():
    @define
    class Translating:
        async def send(self, _: Request) -> Response:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                raise DeadlineError("no connection", phase="connect") from None
            raise AssertionError

    error = error_of(retrying(Translating()), request(total=5))
    assert (error.message, error.action) == ("no connection", "learners")


@define
class Play:
    """An inner sender whose each answer takes its time and ends in its way."""

    steps: list[tuple[float, str, float]]

    async def send(self, _: Request) -> Response:
        takes, ends_in, asked = self.steps.pop() if self.steps else (1.0, "200", 0.0)
        await asyncio.sleep(takes)
        if ends_in == "broken":
            raise ReadError("broken")
        if ends_in == "refused":
            raise ConnectError("refused")
        headers = {"retry-after": str(int(asked))} if ends_in in {"429", "503"} else {}
        return response([], status=int(ends_in), headers=headers)


PLAYS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 3.0, 29.0, 200.0]),
        st.sampled_from(["200", "401", "404", "429", "500", "503", "broken", "refused"]),
        st.sampled_from([0.0, 1.0, 20.0, 130.0]),
    ),
    max_size=40,
)


@settings(max_examples=250, deadline=None)
@given(plays=PLAYS, totals=st.lists(st.sampled_from([1.0, 10.0, 60.0]), min_size=1, max_size=8), data=st.data())
def test_no_call_ends_after_its_deadline(plays, totals, data):
    effects = data.draw(st.lists(st.sampled_from(Effect), min_size=len(totals), max_size=len(totals)))

    async def call(sender: Retrying, sent: Request) -> None:
        begun = now()
        (ended,) = await asyncio.gather(sender.send(sent), return_exceptions=True)
        if not isinstance(ended, Response):
            assert isinstance(ended, AoError)
            assert (ended.action, ended.attempts) == ("learners", sent.progress.attempts)
        assert now() <= begun + sent.timeouts.total + 1e-9

    async def main() -> None:
        limiter = Limited(Play(plays), rate=Rate(3, 2), max_concurrency=2)
        sender = retrying(limiter, policy=RetryPolicy(attempts=6))
        calls = [request(effect, total=total) for effect, total in zip(effects, totals, strict=True)]
        await asyncio.gather(*(call(sender, each) for each in calls))
        assert_nothing_is_left(limiter)

    run(main())


@pytest.mark.parametrize("behind_a_limiter", [True, False])
@pytest.mark.parametrize("spelling", ["seconds", "date"])
def test_no_repeat_comes_before_the_server_asked_for_it(behind_a_limiter, spelling):
    rng = random.Random(5)
    build: Callable[..., Retrying] = over_limiter if behind_a_limiter else retrying
    for seed in range(250):
        asked = rng.randrange(60)
        headers = {"retry-after": str(asked)}
        if spelling == "date":
            headers = {"retry-after": formatdate(1e9 + asked, usegmt=True), "date": formatdate(1e9, usegmt=True)}
        inner = Scripted([response({}, rng.choice([429, 503]), headers), response([])], takes=rng.random())
        run(build(inner, seed=seed).send(request(rng.choice(list(Effect)))))
        first, second = inner.times
        assert asked <= second - first - inner.takes + 1e-9
        assert second - first - inner.takes < asked + 1.0 + 1e-9


# --- going away --------------------------------------------------------------------------------------------------


def notes_of_cancelled(sent: Request, after: float, inner: Scripted) -> list[str]:
    async def main() -> list[str]:
        sender = over_limiter(inner, max_concurrency=1)
        task = asyncio.create_task(sender.send(sent))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return getattr(caught.value, "__notes__", [])

    return run(main())


def test_a_cancelled_call_says_when_it_may_have_been_executed():
    answering = [response()]
    (note,) = notes_of_cancelled(request(ADDS, "inviteLearners"), 0.5, Scripted(answering, takes=1.0))
    assert note == "inviteLearners was sent and may have been executed. checkLearnerInvite shows the present state."
    assert notes_of_cancelled(request(READS), 0.5, Scripted(answering, takes=1.0)) == []
    backing_off = Scripted([response(status=429, headers={"retry-after": "9"})])
    assert notes_of_cancelled(request(ADDS, "inviteLearners"), 0.5, backing_off) == []
