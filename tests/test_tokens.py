"""Tokens: read from every shape of answer, never shown, kept in memory and in a file."""

from __future__ import annotations

import asyncio
import json
import math
import os
import stat

import pytest

from aoclient.errors import (
    ApiError,
    AuthenticationError,
    RateLimitError,
    ResponseDecodeError,
    ResponseSchemaError,
    ServerError,
    UnexpectedRedirectError,
)
from aoclient.filestore import FileTokenStore
from aoclient.secret import Secret
from aoclient.tokens import MemoryTokenStore, Token, account_of, read_token
from tests.kit import clock
from tests.kit.scripted import response

CANARY = "canary-token-91bd"


def token(value: str = CANARY, lifetime: float = 100.0, expires_at: float = 1100.0) -> Token:
    return Token(value=Secret(value), lifetime=lifetime, expires_at=expires_at)


def answer(**fields: object) -> object:
    return response({"token_type": "Bearer", "expires_in": 604800, "access_token": CANARY, **fields})


# --- the value ---------------------------------------------------------------------------------------------------


def test_a_token_is_not_shown():
    assert CANARY not in repr(token())


@pytest.mark.parametrize(("now", "left"), [(1000, 100), (1040.5, 59.5), (1100, 0), (1200, -100), (0, 100)])
def test_what_is_left_is_never_more_than_the_lifetime(now, left):
    assert token().left(now) == left
    assert token().expired(now) == (left <= 0)


def test_an_account_is_named_by_host_and_client_and_tells_neither():
    name = account_of("https://host/", "client")
    assert name == account_of("https://host", "client")
    assert len({name, account_of("https://other", "client"), account_of("https://host", "client2")}) == 3
    assert "host" not in name
    assert "client" not in name


# --- reading -----------------------------------------------------------------------------------------------------


def test_the_documented_answer_is_read():
    read = read_token(answer(), now=1000.0)
    assert read == Token(value=Secret(CANARY), lifetime=604800.0, expires_at=605800.0)
    assert read.type == "Bearer"


def test_the_header_says_bearer_with_a_capital_however_the_server_spells_it():
    assert read_token(answer(token_type="bearer"), now=0).type == "Bearer"


@pytest.mark.parametrize(
    ("given", "lifetime"),
    [
        *((60, 60), ("60", 60), (60.5, 60.5), (0, 0), (-5, 0)),
        *((each, 3600) for each in (None, "soon", [], "inf", "nan", 10**400)),
    ],
)
def test_a_lifetime_that_cannot_be_read_is_an_hour(given, lifetime):
    assert read_token(answer(expires_in=given), now=0).lifetime == lifetime


LEAGUE = "Client authentication failed"


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, {"error": "invalid_client", "message": LEAGUE}, AuthenticationError, LEAGUE),
        (401, {"error": "invalid_client", "error_description": LEAGUE, "message": "x"}, AuthenticationError, LEAGUE),
        (401, {"error": "invalid_client", "error_description": LEAGUE}, AuthenticationError, LEAGUE),
        (400, {"error": "invalid_request", "message": "Wrong", "hint": "Check `client_id`"}, ApiError, "Check"),
        (400, {"error": "unsupported_grant_type"}, ApiError, "unsupported_grant_type"),
        (400, {"error": "invalid_scope", "error_description": "no"}, ApiError, "no"),
        (400, {"error": "unauthorized_client"}, ApiError, "unauthorized_client"),
        (500, {"error": "server_error", "message": "oops"}, ServerError, "oops"),
        (500, b"Class not found", ServerError, "Internal Server Error"),
        (429, {"message": "Too Many Attempts."}, RateLimitError, "Too Many"),
        (200, {"error": "invalid_client", "message": LEAGUE}, ApiError, LEAGUE),
        (302, b"", UnexpectedRedirectError, "redirected"),
        (200, b"<html>login", ResponseDecodeError, "HTML"),
        (200, b"", ResponseDecodeError, "empty"),
        (200, {"token_type": "Bearer"}, ResponseSchemaError, "no access_token"),
        (200, {"access_token": 5}, ResponseSchemaError, "no access_token"),
        (200, {"access_token": ""}, ResponseSchemaError, "no access_token"),
        (200, {"access_token": "a\r\nX-Evil: 1"}, ResponseSchemaError, "no access_token"),
        (200, {"access_token": "caf\xe9"}, ResponseSchemaError, "no access_token"),
        (200, [CANARY], ResponseSchemaError, "no access_token"),
    ],
)
def test_every_refusal_is_told(status, body, error, said):
    with pytest.raises(error, match=said) as caught:
        read_token(response(body, status), now=0)
    assert CANARY not in repr(vars(caught.value))


def test_a_cut_answer_is_not_quoted():
    with pytest.raises(ResponseDecodeError) as caught:
        read_token(response(f'{{"access_token":"{CANARY}'.encode()), now=0)
    assert caught.value.excerpt == ""


# --- stores ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    return MemoryTokenStore() if request.param == "memory" else FileTokenStore(tmp_path / "token.json")


def test_a_store_gives_back_what_it_was_given(store):
    async def main():
        assert await store.load("a") is None
        await store.save("a", token("one"))
        await store.save("a", token("two"))
        assert await store.load("a") == token("two")
        assert await store.load("b") is None

    asyncio.run(main())


def test_a_token_is_the_same_whatever_end_another_clock_gave_it(store):
    async def main():
        await store.save("a", token("one", expires_at=1100.0))
        await store.discard("a", token("one", expires_at=1100.5))
        assert await store.load("a") is None

    asyncio.run(main())


def test_only_the_very_token_is_discarded(store):
    async def main():
        await store.save("a", token("new"))
        await store.discard("a", token("old"))
        await store.discard("b", token("new"))
        assert await store.load("a") == token("new")
        await store.discard("a", token("new"))
        assert await store.load("a") is None
        await store.discard("a", token("new"))

    asyncio.run(main())


def test_the_right_to_ask_is_held_by_one_at_a_time(store):
    async def main():
        held = []

        async def ask(number):
            async with store.refreshing("a"):
                held.append(number)
                await asyncio.sleep(1.01)
                assert held[-1] == number

        await asyncio.gather(*(ask(number) for number in range(5)))
        assert sorted(held) == [0, 1, 2, 3, 4]
        assert asyncio.get_running_loop().time() == pytest.approx(5 * 1.01)  # within a process nobody polls

    clock.run(main())


def test_two_file_stores_on_one_path_exclude_each_other(tmp_path):
    """As two processes do: the lock is the system's."""

    async def main():
        loop = asyncio.get_running_loop()
        one, two = FileTokenStore(tmp_path / "token"), FileTokenStore(tmp_path / "token")
        async with one.refreshing("a"):
            waiter = asyncio.create_task(two.refreshing("a").__aenter__())
            cancelled = asyncio.create_task(two.refreshing("a").__aenter__())
            await asyncio.sleep(10)
            assert not waiter.done()
            cancelled.cancel()
        let_go = loop.time()
        await waiter
        assert loop.time() - let_go < 0.1

    clock.run(main())


def test_the_right_to_ask_is_given_back_where_a_forked_process_has_the_lock_open(tmp_path, monkeypatch):
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda *given: opened.append(real(*given)) or opened[-1])

    async def main():
        async with FileTokenStore(tmp_path / "token").refreshing("a"):
            child = os.dup(opened[-1])  # what a fork makes of it
        try:
            async with asyncio.timeout(10), FileTokenStore(tmp_path / "token").refreshing("a"):
                return True
        finally:
            os.close(child)

    assert clock.run(main())


def test_a_store_serves_one_loop_after_the_other(store):
    served = []

    async def ask(caller):
        async with store.refreshing("a"):
            await asyncio.sleep(0)
            served.append(caller)

    async def main():
        await asyncio.gather(*map(ask, range(3)))

    asyncio.run(main())
    asyncio.run(main())
    assert sorted(served) == [0, 0, 1, 1, 2, 2]


@pytest.mark.shows_secrets("file token.json", "a token file keeps the token, for its owner alone")
def test_the_file_is_for_its_owner_alone_and_nothing_else_stays(tmp_path):
    path = tmp_path / "token.json"
    asyncio.run(FileTokenStore(path).save("a", token()))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["token.json"]
    assert json.loads(path.read_text())["value"] == CANARY


KEPT = {"account": "a", "value": "v", "lifetime": 1, "expires_at": 2}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"null", b"[" * 100_000]
    + [json.dumps({**KEPT, **each}).encode() for each in ({"account": "b"}, {"value": 1}, {"value": "a\r\nb"})]
    + [json.dumps({**KEPT, **each}).encode() for each in ({"lifetime": None}, {"expires_at": "soon"})]
    + [json.dumps({**KEPT, **each}).encode() for each in ({"value": ""}, {"lifetime": math.nan})]
    + [json.dumps({**KEPT, "expires_at": 10**400}).encode()],
)
def test_a_file_that_cannot_be_understood_is_no_token(tmp_path, content):
    path = tmp_path / "token"
    path.write_text(json.dumps(KEPT))
    assert asyncio.run(FileTokenStore(path).load("a")) is not None
    path.write_bytes(content)
    assert asyncio.run(FileTokenStore(path).load("a")) is None


def test_a_file_that_cannot_be_replaced_leaves_no_trace(tmp_path):
    path = tmp_path / "token"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        asyncio.run(FileTokenStore(path).save("a", token()))
    assert [each.name for each in tmp_path.iterdir()] == ["token"]
