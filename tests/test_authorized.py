"""The bearer token of many calls, on virtual time."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest

from aoclient import forms
from aoclient.action import Effect
from aoclient.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    Outcome,
    RateLimitError,
    ReadError,
    ResponseDecodeError,
    ResponseSchemaError,
    ServerError,
    UnexpectedRedirectError,
    WrongEventLoopError,
)
from aoclient.filestore import FileTokenStore
from aoclient.secret import Secret
from aoclient.senders.authorized import Authorized
from aoclient.settings import Timeouts
from aoclient.tokens import MemoryTokenStore
from aoclient.wire import API_PATH, TOKEN_PATH, Request
from tests.kit import clock
from tests.kit.scripted import Scripted, response

SECRET = "canary-secret-55aa"


class Academy:
    """The inner sender: numbers its tokens t1, t2.., accepts those it was not told to refuse, takes a second."""

    def __init__(self, *, life: float = 1000.0, takes: float = 1.0) -> None:
        self.life = life
        self.tokens = Scripted([self._token], takes=takes)
        self.calls = Scripted([self._call], takes=takes)
        self.refused: set[str] = set()
        self.given = 0

    def _token(self, request: Request) -> object:
        self.given += 1
        return response({"token_type": "Bearer", "expires_in": self.life, "access_token": f"t{self.given}"})

    def _call(self, request: Request) -> object:
        bearer = request.headers["Authorization"].removeprefix("Bearer ")
        return response({"message": "Unauthenticated."}, 401) if bearer in self.refused else response([bearer])

    async def send(self, request: Request):
        return await (self.tokens if request.path == TOKEN_PATH else self.calls).send(request)

    @property
    def asked(self) -> int:
        return len(self.tokens.requests)


def authorized(inner, store=None, **settings) -> Authorized:
    """The unix time is the loop's, plus a million."""
    return Authorized(
        inner,
        client_id="the client",
        client_secret=Secret(SECRET),
        store=MemoryTokenStore() if store is None else store,
        now=lambda: asyncio.get_running_loop().time() + 1e6,
        **{"rng": random.Random(7), **settings},
    )


def request(effect: Effect = Effect.READS, **settings) -> Request:
    return Request(name="courses", effect=effect, body=b"action=courses", read=lambda answer: answer, **settings)


async def bearer(sender: Authorized) -> str:
    return (await sender.send(request())).body.decode().strip('["]')


# --- one request -------------------------------------------------------------------------------------------------


def test_the_token_request_is_the_documented_one():
    async def main():
        academy = Academy()
        timeouts = Timeouts(read=5)
        call = request(timeouts=timeouts, headers={"X-Own": "1"})
        await authorized(academy).send(call)
        [asked], [sent] = academy.tokens.requests, academy.calls.requests
        assert (asked.path, asked.effect, asked.timeouts, dict(asked.headers)) == (
            TOKEN_PATH,
            Effect.READS,
            timeouts,
            {},
        )
        assert parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=True) == [
            ("grant_type", "client_credentials"),
            ("client_id", "the client"),
            ("client_secret", SECRET),
            ("scope", ""),
        ]
        assert forms.decode(asked.body)["scope"] == ""
        assert asked.read(response({"access_token": "x"})).value == Secret("x")
        assert (sent.path, sent.body, dict(sent.headers)) == (
            API_PATH,
            call.body,
            {"X-Own": "1", "Authorization": "Bearer t1"},
        )
        assert asked.progress is not call.progress
        assert (call.progress.phase, call.progress.attempts) == ("answer", 0)
        assert SECRET not in repr(asked)

    clock.run(main())


def test_a_thousand_first_callers_cost_one_token_request():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        assert set(await asyncio.gather(*(bearer(sender) for _ in range(1000)))) == {"t1"}
        assert academy.asked == 1

    clock.run(main())


def test_a_cancelled_first_caller_leaves_the_request_to_the_others():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        calls = [asyncio.create_task(bearer(sender)) for _ in range(1000)]
        await asyncio.sleep(0.5)
        for call in calls[:3]:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results[:3]] == [asyncio.CancelledError] * 3
        assert set(results[3:]) == {"t1"}
        assert academy.asked == 1

    clock.run(main())


def test_a_token_nobody_waits_for_any_more_is_kept():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        call = asyncio.create_task(bearer(sender))
        await asyncio.sleep(0.5)
        call.cancel()
        await asyncio.sleep(1)
        assert await bearer(sender) == "t1"
        assert academy.asked == 1

    clock.run(main())


def test_a_failure_is_told_to_every_waiter_by_a_copy_of_its_own_and_the_next_call_tries_again():
    async def main():
        academy = Academy()
        academy.tokens.steps = [response({"message": "Too Many Attempts."}, 429, {"retry-after": "9"}), academy._token]
        sender = authorized(academy)
        call = request()
        errors = await asyncio.gather(
            sender.send(call), *(sender.send(request()) for _ in range(999)), return_exceptions=True
        )
        assert academy.asked == 1
        assert {type(error) for error in errors} == {RateLimitError}
        assert len({id(error) for error in errors}) == 1000
        assert str(errors[0]) == "courses: no token: Too Many Attempts. (status 429)"
        assert (errors[0].retry_after, errors[0].outcome) == (9.0, Outcome.NOT_EXECUTED)
        assert call.progress.phase == "token"
        assert academy.calls.requests == []
        assert await bearer(sender) == "t1"

    clock.run(main())


PASSING, FINAL = Outcome.NOT_EXECUTED, Outcome.REFUSED


@pytest.mark.parametrize(
    ("step", "error", "outcome"),
    [
        (response({"error": "invalid_client", "message": "no"}, 401), AuthenticationError, FINAL),
        (response({"error": "server_error"}, 500), ServerError, PASSING),
        (response(b"<html>", 502), ServerError, PASSING),
        (response(b"<html>", 200), ResponseDecodeError, PASSING),
        (response({}, 200), ResponseSchemaError, FINAL),
        (response(b"", 301, {"location": "/elsewhere"}), UnexpectedRedirectError, FINAL),
        (ConnectError("refused"), ConnectError, PASSING),
        (ReadError("broken"), ReadError, PASSING),
        (DeadlineError("late", phase="answer"), DeadlineError, PASSING),
    ],
)
def test_what_passes_may_be_repeated_and_what_would_be_refused_again_may_not(step, error, outcome):
    async def main():
        with pytest.raises(error, match="courses: no token: ") as caught:
            await authorized(Scripted([step])).send(request(Effect.ADDS))
        assert caught.value.outcome is outcome
        assert getattr(caught.value, "phase", "token") == "token"
        assert SECRET not in repr(vars(caught.value))

    clock.run(main())


def test_the_life_of_a_token_is_counted_from_the_moment_it_was_asked_for():
    async def main():
        academy = Academy(life=100, takes=10)
        sender = authorized(academy)
        await bearer(sender)
        await asyncio.sleep(80.5)  # 100.5 s after the request, 90.5 s after its answer
        assert await bearer(sender) == "t2"

    clock.run(main())


def test_a_token_request_that_never_ends_is_given_up_at_the_total_of_its_caller():
    async def main():
        loop = asyncio.get_running_loop()
        academy = Academy(takes=1000)
        with pytest.raises(DeadlineError, match="none came within 20 s") as caught:
            await authorized(academy).send(request(timeouts=Timeouts(total=20)))
        assert loop.time() == 20
        assert (caught.value.phase, caught.value.outcome, caught.value.action) == ("token", PASSING, "courses")

    clock.run(main())


def test_a_renewal_begun_by_a_call_with_little_time_is_begun_again_for_those_with_more():
    async def main():
        sender = authorized(Academy(takes=1.0))
        hasty, *patient = (
            asyncio.create_task(sender.send(request(timeouts=Timeouts(total=total)))) for total in (0.5, 60, 60)
        )
        assert [answer.status for answer in await asyncio.gather(*patient)] == [200, 200]
        with pytest.raises(DeadlineError, match=r"none came within 0\.5 s"):
            await hasty
        assert asyncio.get_running_loop().time() == 0.5 + 1.0 + 1.0

    clock.run(main())


def test_a_caller_cancelled_at_any_step_does_not_keep_the_next_one_from_a_token():
    async def main():
        for steps in range(20):
            academy = Academy(takes=0)
            sender = authorized(academy)
            call = asyncio.create_task(bearer(sender))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            assert await bearer(sender) == "t1"
            assert academy.asked == 1
        assert not call.cancelled()

    clock.run(main())


# --- a token that is not accepted --------------------------------------------------------------------------------


def test_a_refused_token_costs_one_request_however_many_calls_it_was_in():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        await bearer(sender)
        academy.refused = {"t1"}

        async def twice():
            assert (await sender.send(request())).status == 401
            return await bearer(sender)

        assert set(await asyncio.gather(*(twice() for _ in range(500)))) == {"t2"}
        assert academy.asked == 2

    clock.run(main())


def test_a_late_refusal_of_an_old_token_leaves_the_new_one():
    async def main():
        academy, store = Academy(), MemoryTokenStore()
        sender = authorized(academy, store)
        await bearer(sender)
        academy.refused = {"t1"}
        academy.calls.takes = 10
        late = asyncio.create_task(sender.send(request()))
        await asyncio.sleep(1)
        academy.calls.takes = 1
        assert (await sender.send(request())).status == 401
        assert await bearer(sender) == "t2"
        assert not late.done()
        assert (await late).status == 401
        assert (await store.load(sender._account)).value == Secret("t2")
        store._tokens.clear()  # or the new token would be found there again
        assert await bearer(sender) == "t2"
        assert academy.asked == 2

    clock.run(main())


@pytest.mark.parametrize(
    ("status", "location", "asked"),
    [
        (401, "", 2),
        (302, "https://host/login", 2),
        (302, "/login/?next=x", 2),
        (302, "/elsewhere", 1),
        (200, "/login", 1),
        (403, "", 1),
        (500, "/login", 1),
    ],
)
def test_a_login_page_is_a_refusal_and_comes_back_as_it_is(status, location, asked):
    async def main():
        academy = Academy()
        academy.calls.steps = [response(b"", status, {"location": location}), academy._call]
        sender = authorized(academy)
        assert (await sender.send(request())).status == status
        await bearer(sender)
        assert academy.asked == asked

    clock.run(main())


# --- renewal -----------------------------------------------------------------------------------------------------


async def renewed_at(life: float, step: float, look_from: float) -> float:
    """Return when a caller every ``step`` seconds makes the token be renewed, as seconds before its end."""
    academy = Academy(life=life, takes=0)
    sender = authorized(academy)
    await bearer(sender)
    await asyncio.sleep(look_from)
    while academy.asked < 2:
        assert await bearer(sender) == "t1"
        await asyncio.sleep(step)
    return academy.tokens.times[0] + life - academy.tokens.times[1]


@pytest.mark.parametrize(("life", "step", "early"), [(60, 0.01, 6), (1000, 0.1, 100), (604800, 40, 300)])
def test_a_token_is_renewed_at_nine_tenths_of_its_life_or_five_minutes_before_its_end(life, step, early):
    before = clock.run(renewed_at(life, step, look_from=life - 1.5 * early))
    assert early * 0.9 - 2 * step <= before <= early * 1.1 + 2 * step


def test_those_who_got_their_tokens_together_do_not_renew_them_together():
    async def main():
        early = set()
        for seed in range(20):
            sender = authorized(Academy(), rng=random.Random(seed))
            await bearer(sender)
            early.add(sender._held.ends_at - sender._held.renew_at)
        assert len(early) == 20
        assert 90 <= min(early) < 95
        assert 105 < max(early) <= 110

    clock.run(main())


def test_an_early_renewal_keeps_nobody_waiting_and_is_asked_for_once():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        loop = asyncio.get_running_loop()
        await bearer(sender)
        await asyncio.sleep(950)
        start = loop.time()
        assert set(await asyncio.gather(*(bearer(sender) for _ in range(100)))) == {"t1"}
        assert loop.time() - start == 1
        assert await bearer(sender) == "t2"
        assert academy.asked == 2

    clock.run(main())


def test_a_failed_early_renewal_keeps_the_token_that_works_and_waits_before_it_tries_again():
    async def main():
        academy = Academy(takes=0)
        sender = authorized(academy)
        assert await bearer(sender) == "t1"
        academy.tokens.steps = [ReadError("broken")]
        await asyncio.sleep(915)
        for _ in range(80):
            assert await bearer(sender) == "t1"
            await asyncio.sleep(1)
        times = [round(time) for time in academy.tokens.times]
        assert times == [0, 915, 945, 975]
        await asyncio.sleep(5)
        with pytest.raises(ReadError):
            await bearer(sender)
        academy.tokens.steps = [academy._token]
        assert await bearer(sender) == "t2"

    clock.run(main())


def test_a_caller_whose_token_ends_during_the_early_renewal_waits_for_that_one():
    async def main():
        academy = Academy(takes=10)
        sender = authorized(academy)
        await bearer(sender)
        await asyncio.sleep(975)
        early = asyncio.create_task(bearer(sender))
        await asyncio.sleep(7)
        assert await bearer(sender) == "t2"
        assert await early == "t1"
        assert academy.asked == 2

    clock.run(main())


# --- the store ---------------------------------------------------------------------------------------------------


def test_two_who_share_a_store_ask_once():
    async def main():
        academy, store = Academy(), MemoryTokenStore()
        one, two = authorized(academy, store), authorized(academy, store)
        assert set(await asyncio.gather(*(bearer(each) for each in (one, two) * 50))) == {"t1"}
        assert academy.asked == 1
        await asyncio.sleep(950)
        await asyncio.gather(bearer(one), bearer(two))
        await asyncio.sleep(5)
        assert {await bearer(one), await bearer(two)} == {"t2"}
        assert academy.asked == 2

    clock.run(main())


def test_another_client_or_another_host_on_the_same_store_has_its_own_token():
    async def main():
        academy, store = Academy(), MemoryTokenStore()
        await bearer(authorized(academy, store))
        assert await bearer(authorized(academy, store, base_url="https://staging")) == "t2"

    clock.run(main())


def test_a_stored_token_is_used_as_long_as_it_lasts():
    async def main():
        academy, store = Academy(), MemoryTokenStore()
        first = authorized(academy, store)
        await bearer(first)
        assert await bearer(authorized(academy, store)) == "t1"
        await asyncio.sleep(1100)
        assert await bearer(authorized(academy, store)) == "t2"

    clock.run(main())


def test_a_refused_token_is_not_taken_from_the_store_again():
    """Somebody with the same token, who has not noticed yet, may write it back."""

    async def main():
        academy, store = Academy(), MemoryTokenStore()
        sender = authorized(academy, store)
        await bearer(sender)
        kept = await store.load(sender._account)
        academy.refused = {"t1"}
        await sender.send(request())
        assert await store.load(sender._account) is None
        await store.save(sender._account, kept)
        assert await bearer(sender) == "t2"

    clock.run(main())


def test_a_token_in_a_file_serves_the_next_process(tmp_path):
    async def main():
        academy = Academy(takes=0)
        path = tmp_path / "token.json"
        assert await bearer(authorized(academy, FileTokenStore(path))) == "t1"
        assert await bearer(authorized(academy, FileTokenStore(path))) == "t1"
        academy.refused = {"t1"}
        assert (await authorized(academy, FileTokenStore(path)).send(request())).status == 401
        assert not path.exists()

    asyncio.run(main())


class BrokenStore:
    async def load(self, account):
        raise PermissionError(13, "Permission denied")

    async def save(self, account, token):
        raise OSError(28, "No space left on device")

    async def discard(self, account, token):
        raise OSError(5, "I/O error")

    @asynccontextmanager
    async def refreshing(self, account):
        raise OSError(30, "Read-only file system")
        yield


def test_a_store_that_fails_is_logged_once_and_done_without(caplog):
    async def main():
        academy = Academy()
        sender = authorized(academy, BrokenStore())
        assert await bearer(sender) == "t1"
        academy.refused = {"t1"}
        await sender.send(request())
        assert await bearer(sender) == "t2"

    with caplog.at_level(logging.DEBUG):
        clock.run(main())
    [record] = [each for each in caplog.records if each.name == "aoclient"]
    assert "Permission denied" in record.getMessage()


@pytest.mark.parametrize(
    ("answer", "phase"),
    [(response({}, 401), "token"), (response(b"", 302, {"location": "https://host/login"}), "answer")],
    ids=["401", "login page"],
)
def test_a_call_that_is_cut_off_while_its_token_is_discarded_was_executed_only_where_that_may_be(answer, phase):
    class Hanging(MemoryTokenStore):
        async def discard(self, account, token):
            await asyncio.sleep(1000)

    async def main():
        academy = Academy()
        academy.calls = Scripted([answer])
        call = request(Effect.ADDS)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await authorized(academy, Hanging()).send(call)
        assert call.progress.phase == phase

    clock.run(main())


class BadAtLettingGo(MemoryTokenStore):
    @asynccontextmanager
    async def refreshing(self, account):
        yield
        raise OSError(5, "I/O error")


def test_a_store_that_fails_when_the_right_to_ask_is_given_back_costs_no_call(caplog):
    async def main():
        academy = Academy()
        sender = authorized(academy, BadAtLettingGo())
        assert await bearer(sender) == "t1"
        academy.tokens.steps = [ConnectError("refused")]
        academy.refused = {"t1"}
        await sender.send(request())
        with pytest.raises(ConnectError, match="no token: refused"):
            await sender.send(request())

    clock.run(main())
    assert [each.getMessage() for each in caplog.records if "I/O error" in each.getMessage()]


def test_a_renewal_that_somebody_cancels_with_all_tasks_is_begun_again():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        calls = [asyncio.create_task(sender.send(request())) for _ in range(3)]
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {*calls, asyncio.current_task()}:
            task.cancel()  # before its first step
        assert len(await asyncio.gather(*calls)) == 3
        assert academy.asked == 1

    clock.run(main())


# --- closing -----------------------------------------------------------------------------------------------------


def test_closing_ends_the_renewal_and_tells_those_who_wait():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        calls = [asyncio.create_task(sender.send(request())) for _ in range(10)]
        await asyncio.sleep(0.5)
        await sender.aclose()
        assert academy.tokens.in_flight == 0
        await sender.aclose()
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in errors} == {ClientClosedError}
        with pytest.raises(ClientClosedError, match="courses"):
            await sender.send(request())
        assert asyncio.all_tasks() == {asyncio.current_task()}

    clock.run(main())


def test_after_closing_no_early_renewal_begins():
    async def main():
        academy = Academy()
        sender = authorized(academy)
        await bearer(sender)
        await asyncio.sleep(950)
        await sender.aclose()
        assert await bearer(sender) == "t1"  # the inner sender decides what a closed session answers
        assert academy.asked == 1

    clock.run(main())


@pytest.mark.parametrize("error", [ClientClosedError("so it is"), WrongEventLoopError("so it is")])
def test_an_inner_sender_that_cannot_be_used_is_told_as_such(error):
    async def main():
        with pytest.raises(type(error), match=r"^courses: so it is$") as caught:
            await authorized(Scripted([error])).send(request())
        assert caught.value is not error

    clock.run(main())


@pytest.mark.parametrize("text", ["", "a\r\nb", "a\nb", "a\0b", "secret\n"])
def test_an_id_or_a_secret_that_is_no_plain_text_is_refused(text):
    def build(client_id: str, client_secret: str) -> Authorized:
        return Authorized(
            Scripted([response()]),
            client_id=client_id,
            client_secret=Secret(client_secret),
            store=MemoryTokenStore(),
            rng=random.Random(1),
        )

    with pytest.raises(ConfigurationError, match="client_id"):
        build(text, SECRET)
    with pytest.raises(ConfigurationError, match="client_secret") as caught:
        build("id", text)
    assert "secret\n" not in str(caught.value)
