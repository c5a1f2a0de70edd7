"""P7 and P9: one token request however many wait, and a refused token costs one renewal, never a loop."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from aoclient import RetryPolicy, actions
from aoclient.emulator import Emulator
from aoclient.errors import AuthenticationError, OutcomeUnknownError, ServerError
from aoclient.wire import TOKEN_PATH
from tests.kit.clock import run
from tests.kit.trial import Figures, academy, ended, names, quiz_of, session, sized

CALLERS = 1_000
ONCE = RetryPolicy(attempts=1)


def token_requests(emulator: Emulator) -> int:
    return emulator.journal.requests(TOKEN_PATH)


# --- P7 ----------------------------------------------------------------------------------------------------------


def test_a_thousand_callers_at_expiry_ask_for_one_token(request):
    async def main() -> None:
        emulator = academy(token_life=3600.0)
        async with session(emulator, max_concurrency=CALLERS) as ao:
            await ao.courses()
            for _ in range(sized(3, 50)):
                before = token_requests(emulator)
                await asyncio.sleep(3601)
                ends = await ended(range(CALLERS), lambda _: ao.courses(), workers=CALLERS)
                assert names(ends) == {"ok": CALLERS}
                assert token_requests(emulator) == before + 1

    run(main())
    Figures(request, "P7")(f"{CALLERS} callers at expiry: 1 token request, each of {sized(3, 50)} times")


def test_a_thousand_first_callers_ask_for_one_token_though_the_first_ones_are_cancelled(request):
    async def main() -> None:
        emulator = academy()
        async with session(emulator, max_concurrency=CALLERS) as ao:
            calls = [asyncio.create_task(ao.courses()) for _ in range(CALLERS)]
            await asyncio.sleep(0.01)
            for call in calls[:100]:
                call.cancel()
            ends = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(end, asyncio.CancelledError) for end in ends) == 100
        assert sum(isinstance(end, list) for end in ends) == 900
        assert token_requests(emulator) == 1

    run(main())
    Figures(request, "P7")(f"{CALLERS} first callers, the first 100 cancelled: 1 token request")


def test_a_thousand_callers_share_one_failure(request):
    async def main() -> None:
        emulator = academy(faults="500@action=token")
        async with session(emulator, max_concurrency=CALLERS, retries=ONCE) as ao:
            ends = await ended(range(CALLERS), lambda _: ao.courses(), workers=CALLERS)
        assert all(isinstance(end, ServerError) for end in ends.values())
        assert len({id(end) for end in ends.values()}) == CALLERS  # each has an error of its own
        assert token_requests(emulator) == 1

    run(main())
    Figures(request, "P7")(f"{CALLERS} callers, the endpoint fails: 1 token request")


def test_a_token_route_that_fails_for_a_while_is_asked_within_the_budget_of_repeats(request):
    async def main() -> int:
        emulator = academy(faults="503@action=token")
        async with session(emulator, max_concurrency=CALLERS) as ao:
            await ended(range(CALLERS), lambda _: ao.courses(), workers=CALLERS)
        return token_requests(emulator)

    asked = run(main())
    assert asked <= 101
    Figures(request, "P7")(f"{CALLERS} callers with 4 attempts each, the endpoint fails: {asked} token requests")


# --- P9 ----------------------------------------------------------------------------------------------------------

IN_FLIGHT = 500


@pytest.mark.parametrize("spoil", ["revoke", "expire"])
@pytest.mark.parametrize("adds", [False, True], ids=["reads", "adds"])
def test_a_token_refused_with_500_calls_in_flight_costs_one_renewal(spoil, adds, request):
    """A 401 is a refusal before the action: what adds may be sent again, and the journal has it once."""

    async def main() -> None:
        emulator = academy(learners=IN_FLIGHT)
        quiz_id = quiz_of(emulator)
        async with session(emulator, max_concurrency=IN_FLIGHT) as ao:
            await ao.courses()
            before = emulator.journal.requests()
            authorization = f"Bearer {ao._authorized._held.token.value.reveal()}"
            getattr(emulator.tokens, spoil)(authorization)

            async def call(number: int) -> object:
                if adds:
                    return await ao.add_learner_quiz_attempts(quiz_id=quiz_id, email=f"learner{number + 1}@example.com")
                return await ao.learners(email=f"learner{number + 1}@example.com")

            ends = await ended(range(IN_FLIGHT), call, workers=IN_FLIGHT)
        assert names(ends) == {"ok": IN_FLIGHT}
        assert token_requests(emulator) == 2
        assert emulator.journal.requests() - before == 2 * IN_FLIGHT + 1  # each once refused, once answered
        if adds:
            emails = Counter(entry.action.email for entry in emulator.journal.of("addLearnerQuizAttempts"))
            assert set(emails.values()) == {1}

    run(main())
    Figures(request, "P9")(f"{spoil}d with {IN_FLIGHT} calls in flight: 1 renewal, each call sent again once")


def test_a_second_refusal_is_raised_and_there_is_no_loop(request):
    async def main() -> None:
        emulator = academy()
        async with session(emulator, retries=RetryPolicy(attempts=10)) as ao:
            await ao.courses()
            emulator.faults = "401"
            before = emulator.journal.requests()
            with pytest.raises(AuthenticationError) as caught:
                await ao.courses()
            assert caught.value.attempts == 2
            assert emulator.journal.requests() - before == 3

    run(main())
    Figures(request, "P9")("always 401: 2 requests and 1 renewal, then AuthenticationError")


def test_a_wrong_secret_is_asked_for_once():
    async def main() -> None:
        emulator = academy(client_secret="another")
        emulator.client_secret = "wrong"
        async with session(emulator) as ao:
            with pytest.raises(AuthenticationError, match="no token"):
                await ao.courses()
        assert emulator.journal.requests() == 1

    run(main())


@pytest.mark.parametrize("call", ["reads", "adds"])
def test_a_redirect_to_the_login_page_renews_for_what_reads_only(call):
    async def main() -> None:
        emulator = academy()
        async with session(emulator) as ao:
            await ao.courses()
            emulator.faults = "302@at=1"
            before = emulator.journal.requests()
            if call == "reads":
                assert await ao.courses()
                assert emulator.journal.requests() - before == 3
            else:
                todo = actions.AddLearnerQuizAttempts(quiz_id=quiz_of(emulator), email="learner1@example.com")
                with pytest.raises(OutcomeUnknownError) as caught:
                    await ao.send(todo)
                assert isinstance(caught.value.__cause__, AuthenticationError)
                assert emulator.journal.requests() - before == 1
                assert await ao.courses()
                assert emulator.journal.requests() - before == 3  # with another token

    run(main())
