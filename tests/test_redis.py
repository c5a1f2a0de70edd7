"""Token store, delivery store and connection over a real Redis, and the session that is given one."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis as package
from cryptography.fernet import Fernet
from redis.asyncio import Redis, RedisCluster

import aoclient.contrib.redis
from aoclient import Rate, Session, Token
from aoclient.contrib.redis import Link, RedisCommons, RedisDeliveryStore, RedisTokenStore
from aoclient.contrib.redis import link as link_module
from aoclient.contrib.redis.link import Script
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError, MissingExtraError
from aoclient.receivers import State
from aoclient.secret import Secret
from aoclient.wire import TOKEN_PATH
from tests.kit.canary import all_texts, sightings
from tests.kit.programs import free_port
from tests.kit.redis import RedisServer, empty_redis, one_redis_of_a_module, until  # noqa: F401  # fixtures
from tests.test_receiver_stores import (  # noqa: F401  # what every store has to do, here over Redis
    test_a_delivery_is_new_then_in_progress_then_done,
    test_a_lease_that_ended_may_be_taken_by_another,
    test_a_store_opens_again_after_it_was_closed,
    test_done_by_one_whose_lease_ended_is_done_all_the_same,
    test_of_many_at_once_one_gets_it,
    test_only_the_owner_releases_and_never_what_is_done,
    test_renewing_makes_no_lease,
    test_renewing_puts_off_the_end_of_a_lease,
    test_what_is_done_is_forgotten_in_time,
    test_what_is_released_is_new_again,
)

NOBODY = "redis://user:s3cret@127.0.0.1:1/0"
TOKEN = Token(value="token-1", lifetime=3600.0, expires_at=5000.0)


class Rot:
    """A cipher that can be told from none, and one of another key from it."""

    def __init__(self, key: bytes = b"key") -> None:
        self.key = key

    def encrypt(self, data: bytes) -> bytes:
        return self.key + base64.b85encode(data)

    def decrypt(self, token: bytes) -> bytes:
        if not token.startswith(self.key):
            raise RuntimeError("another key")
        return base64.b85decode(token.removeprefix(self.key))


@asynccontextmanager
async def store(server, **settings):
    link = Link(server.url)
    try:
        yield RedisTokenStore(link, **settings)
    finally:
        await link.aclose()


@pytest.fixture
def check(redis):
    """Run a coroutine function with a store of deliveries and a sleep, which ages what is in Redis."""

    def run_with(main):
        async def whole():
            deliveries = RedisDeliveryStore(redis.url, forget_after=100)
            await deliveries.open()
            await deliveries.open()

            async def sleep(seconds):
                for key in redis.ask("KEYS", "*"):
                    redis.ask("PEXPIRE", key, str(int(redis.ask("PTTL", key)[0]) - seconds * 1000))

            try:
                return await main(deliveries, sleep)
            finally:
                await deliveries.aclose()

        return asyncio.run(whole())

    return run_with


# --- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.shows_secrets("captured output", "redis-cli is asked for the token")
@pytest.mark.parametrize("cipher", [None, Rot()], ids=["plain", "encrypted"])
def test_a_token_is_kept_for_all_and_for_its_account_alone(redis, cipher):
    async def main() -> None:
        async with store(redis, cipher=cipher) as one, store(redis, cipher=cipher) as two:
            assert await one.load("a") is None
            await one.save("a", TOKEN)
            assert await two.load("a") == TOKEN
            assert await two.load("b") is None
            raw = redis.ask("GET", "aoclient:{a}:token")[0]
            assert ("token-1" in raw) is (cipher is None)
            assert 3_590_000 < int(redis.ask("PTTL", "aoclient:{a}:token")[0]) <= 3_600_000
            await two.save("a", Token(value="token-2", lifetime=float("inf"), expires_at=float("inf")))
            assert (await one.load("a")).value == Secret("token-2")

    asyncio.run(main())


def test_only_the_very_token_is_discarded(redis):
    async def main() -> None:
        async with store(redis) as tokens:
            await tokens.discard("a", TOKEN)
            await tokens.save("a", TOKEN)
            await tokens.discard("a", Token(value="another", lifetime=1.0, expires_at=1.0))
            assert await tokens.load("a") == TOKEN
            await tokens.discard("a", TOKEN)
            assert await tokens.load("a") is None

    asyncio.run(main())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "\\xff", '{"account": "b", "value": "token", "lifetime": 1, "expires_at": 1}']
)
def test_what_is_no_token_of_the_account_counts_as_none(redis, text):
    async def main() -> None:
        redis.ask("SET", "aoclient:{a}:token", text)
        async with store(redis) as tokens:
            assert await tokens.load("a") is None
            await tokens.discard("a", TOKEN)
            assert redis.ask("EXISTS", "aoclient:{a}:token") == ["1"]

    asyncio.run(main())


def test_a_token_under_another_key_counts_as_none_and_is_said(redis, caplog):
    async def main() -> None:
        async with store(redis, cipher=Rot(b"old")) as one, store(redis, cipher=Rot(b"new")) as two:
            await one.save("a", TOKEN)
            assert await two.load("a") is None

    asyncio.run(main())
    assert "cannot be decrypted" in caplog.text
    assert "token-1" not in caplog.text


def test_the_right_to_ask_goes_round_and_accounts_do_not_wait_for_each_other(redis):
    holders = []

    async def hold(tokens: RedisTokenStore, name: str) -> None:
        async with tokens.refreshing("a"):
            holders.append(name)
            await asyncio.sleep(0.03)
            holders.append(name)

    async def main() -> None:
        async with store(redis) as one, store(redis) as two:
            await asyncio.gather(*(hold(tokens, name) for tokens, name in ((one, "1"), (two, "2"), (one, "3"))))
            async with one.refreshing("a"), two.refreshing("b"):
                pass
        assert redis.ask("KEYS", "*") == []

    asyncio.run(main())
    assert holders[0::2] == holders[1::2]
    assert sorted(holders[0::2]) == ["1", "2", "3"]


def test_a_lock_that_was_lost_to_its_end_is_not_taken_from_the_next_holder(redis):
    async def main() -> None:
        async with store(redis, lock_for=0.02) as slow, store(redis) as other:
            async with slow.refreshing("a"):
                async with other.refreshing("a"):
                    pass
                redis.ask("SET", "aoclient:{a}:lock", "of another")
            assert redis.ask("GET", "aoclient:{a}:lock") == ["of another"]

    asyncio.run(main())


def test_who_is_cancelled_while_taking_the_lock_leaves_it_free(redis):
    async def main() -> None:
        async with store(redis) as tokens:

            async def hold() -> None:
                async with tokens.refreshing("a"):
                    await asyncio.sleep(60)

            for steps in range(30):
                task = asyncio.create_task(hold())
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
        assert redis.ask("KEYS", "*") == []

    asyncio.run(main())


@pytest.mark.parametrize("lock_for", [0, -1, float("nan"), float("inf")])
def test_a_lock_needs_an_end(lock_for):
    with pytest.raises(ConfigurationError, match="lock_for"):
        RedisTokenStore(NOBODY, lock_for=lock_for)


# --- deliveries --------------------------------------------------------------------------------------------------


def test_two_receivers_on_one_redis_agree_and_those_of_another_name_do_not_know_them(redis):
    async def main() -> None:
        one, two, stranger = RedisDeliveryStore(redis.url), RedisDeliveryStore(redis.url), None
        stranger = RedisDeliveryStore(redis.url, name="another")
        said = [await each.begin("k", str(each), lease=30) for each in (one, two, stranger)]
        assert said == [State.NEW, State.IN_PROGRESS, State.NEW]
        for each in (one, two, stranger):
            await each.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("forget_after", [0, -1, float("nan"), float("inf")])
def test_deliveries_are_remembered_for_a_time(forget_after):
    with pytest.raises(ConfigurationError, match="forget_after"):
        RedisDeliveryStore(NOBODY, forget_after=forget_after)


# --- the connection ----------------------------------------------------------------------------------------------


def test_whatever_cannot_be_reached_is_an_os_error_without_the_password():
    async def main() -> None:
        for call in (
            lambda: RedisTokenStore(NOBODY).load("a"),
            lambda: RedisTokenStore(NOBODY).save("a", TOKEN),
            lambda: RedisDeliveryStore(NOBODY).open(),
            lambda: RedisDeliveryStore(NOBODY).begin("k", "a", lease=1),
        ):
            with pytest.raises(OSError, match="Redis") as caught:
                await call()
            assert "s3cret" not in repr(caught.value)
        with pytest.raises(OSError, match="Redis"):
            async with RedisTokenStore(NOBODY).refreshing("a"):
                pass

    asyncio.run(main())


def test_while_redis_is_away_commands_fail_at_once_and_look_again_later(redis, monkeypatch):
    monkeypatch.setattr(link_module, "_AGAIN_AFTER", 0.05)

    async def main() -> None:
        link = Link(redis.url)
        assert await link.call("PING")
        redis.stop()
        with pytest.raises(OSError, match=r"Redis: "):
            await link.call("PING")
        redis.start()
        with pytest.raises(OSError, match="Redis is away"):
            await link.call("PING")
        await asyncio.sleep(max(0.0, link._away_until - asyncio.get_running_loop().time()))
        assert await link.call("PING")
        await link.aclose()

    asyncio.run(main())


def test_a_redis_that_does_not_answer_is_away_the_longer_the_longer_that_took(redis, monkeypatch):
    monkeypatch.setattr(link_module, "_TIMEOUT", 0.05)

    async def main() -> None:
        link = Link(redis.url)
        began = asyncio.get_running_loop().time()
        with redis.silent():
            with pytest.raises(OSError, match=r"Redis: "):
                await link.call("PING")
            took = asyncio.get_running_loop().time() - began
            assert took >= 0.05
            assert link._away_until >= began + took + link_module._AGAIN_AFTER
            with pytest.raises(OSError, match="Redis is away"):
                await link.call("PING")
        await link.aclose()

    asyncio.run(main())


def test_a_token_that_could_not_be_saved_is_seen_nowhere():
    async def main() -> None:
        tokens = RedisTokenStore(NOBODY)
        with pytest.raises(OSError, match="Redis") as caught:
            await tokens.save("a", TOKEN)
        assert sightings(all_texts(caught.value), ["token-1", "s3cret"]) == []

    asyncio.run(main())


def test_a_script_redis_does_not_know_is_sent_once(redis):
    script = Script("return ARGV[1] .. ' and this is new'")

    async def main() -> None:
        link = Link(redis.url)
        assert [await link.run(script, [], "a") for _ in range(3)] == [b"a and this is new"] * 3
        await link.aclose()

    asyncio.run(main())
    assert (redis.calls("evalsha"), redis.calls("eval")) == (3, 1)


def test_a_script_that_fails_is_an_os_error(redis):
    async def main() -> None:
        link = Link(redis.url)
        with pytest.raises(OSError, match="Redis: "):
            await link.run(Script("return redis.call('NONSENSE')"), [])
        await link.aclose()

    asyncio.run(main())


def test_a_cancelled_command_leaves_no_answer_for_the_next(redis):
    async def main() -> None:
        link = Link(redis.url)
        for steps in range(25):
            task = asyncio.create_task(link.call("ECHO", f"mine {steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert await link.call("ECHO", f"yours {steps}") == f"yours {steps}".encode()
        await link.aclose()
        assert not link._running

    asyncio.run(main())


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_more_commands_at_once_than_a_pool_has_connections_are_no_failure_on_any_loop(redis, most):
    link = Link(f"{redis.url}?max_connections={most}")

    async def main() -> None:
        link.listen("news", print, lambda: None)
        answers = await asyncio.gather(*(link.call("ECHO", f"{number}") for number in range(300)))
        assert answers == [f"{number}".encode() for number in range(300)]
        await link.aclose()

    asyncio.run(main())
    asyncio.run(main())


@pytest.mark.usefixtures("one_redis")
def test_after_a_failover_no_connection_stays_with_what_is_a_replica_now(tmp_path):
    """As where a name leads to another machine, and the old one lives on."""
    old, new = (RedisServer(unixsocket=str(tmp_path / name)) for name in ("old", "new"))
    address = tmp_path / "redis"
    address.symlink_to(tmp_path / "old")

    async def main() -> None:
        deliveries = RedisDeliveryStore(f"unix://{address}")
        assert await asyncio.gather(*(begin(deliveries, f"before {number}") for number in range(5))) == [State.NEW] * 5
        old.ask("REPLICAOF", "127.0.0.1", str(new.port))
        address.unlink()
        address.symlink_to(tmp_path / "new")
        assert await asyncio.gather(*(begin(deliveries, f"after {number}") for number in range(5))) == [State.NEW] * 5
        await deliveries.aclose()

    async def begin(deliveries: RedisDeliveryStore, key: str) -> State:
        return await deliveries.begin(key, "a", lease=30)

    with contextlib.ExitStack() as stack:
        for server in (old, new):
            server.start()
            stack.callback(server.stop)
        asyncio.run(main())


def test_work_cut_off_with_the_loop_is_no_error(caplog):
    async def main() -> Link:
        link = Link(NOBODY)
        link.start(asyncio.sleep(60))
        await asyncio.sleep(0)
        return link

    assert not asyncio.run(main())._running
    assert caplog.records == []


def test_a_client_that_was_given_stays_open(redis):
    async def main() -> None:
        client = Redis(port=redis.port)
        tokens = RedisTokenStore(client)
        await tokens.save("a", TOKEN)
        await tokens._link.aclose()
        assert await client.ping()
        assert await RedisTokenStore(tokens._link).load("a") == TOKEN
        await client.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "localhost:6379",
        "",
        "redis://localhost:port",
        "redis://localhost?nonsense=1",
        "redis://localhost?ssl_cert_reqs=none",
        "redis://localhost?retry=3",
        "rediss://localhost?ssl_cert_reqs=nonsense",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigurationError, match="redis://"):
        Session("id", "secret", redis=url)


@pytest.mark.parametrize("given", [package.Redis(), b"redis://localhost", 6379], ids=lambda each: type(each).__name__)
def test_a_client_that_blocks_is_refused_before_it_is_used(given):
    with pytest.raises(ConfigurationError, match=r"client of redis\.asyncio, got (redis|builtins)\."):
        RedisCommons(given)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis.exceptions", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aoclient\[redis\]'"):
        Session("id", "secret", redis=NOBODY)


# --- the session -------------------------------------------------------------------------------------------------


def token_requests(emulator: Emulator) -> int:
    return emulator.journal.requests(TOKEN_PATH)


def test_sessions_with_the_same_redis_share_the_token_and_close_what_they_opened(redis):
    async def main() -> None:
        emulator = Emulator()
        environ = {
            "AOCLIENT_CLIENT_ID": "client-id",
            "AOCLIENT_CLIENT_SECRET": "client-secret",
            "AOCLIENT_REDIS_URL": redis.url,
        }
        for _ in range(2):
            async with Session("client-id", "client-secret", sender=emulator, redis=redis.url) as ao:
                await ao.courses()
            async with Session.from_env(environ, sender=emulator) as ao:
                await ao.courses()
        assert token_requests(emulator) == 1

    asyncio.run(main())


def test_a_user_of_redis_needs_no_more_than_the_guide_says(redis):
    guide = Path(__file__).parent.parent / "docs" / "guide" / "deployment.md"
    lines = guide.read_text(encoding="utf-8").splitlines()
    command = next(line for line in lines if line.startswith("ACL SETUSER"))
    redis.ask(*command.split())

    async def main() -> None:
        url = f"redis://academy:password@127.0.0.1:{redis.port}/0"
        emulator = Emulator(faults="429@at=2;retry_after=1")
        async with Session(
            "client-id", "client-secret", sender=emulator, redis=url, cache_for=60.0, rate=Rate(1000, per=1.0)
        ) as ao:
            for _ in range(3):
                await ao.courses()
                await ao.learners_from_country(country_iso_code="UA")
        deliveries = RedisDeliveryStore(url)
        await deliveries.open()
        assert await deliveries.begin("key", "a", lease=30) is State.NEW
        await deliveries.done("key")
        await deliveries.aclose()

    try:
        asyncio.run(main())
        assert redis.calls("subscribe") == redis.calls("publish") == 1
        assert redis.ask("ACL", "LOG") == []
    finally:
        redis.ask("ACL", "DELUSER", "academy")


def test_a_commons_that_was_given_serves_several_sessions_and_stays_open(redis):
    async def main() -> None:
        emulator = Emulator()
        commons = RedisCommons(redis.url, cipher=Rot())
        for _ in range(2):
            async with Session("client-id", "client-secret", sender=emulator, redis=commons) as ao:
                await ao.courses()
        assert token_requests(emulator) == 1
        await commons.aclose()

    asyncio.run(main())


def test_a_token_that_must_not_be_stored_is_not(redis):
    async def main() -> None:
        emulator = Emulator()
        commons = RedisCommons(redis.url, keep_token=False)
        async with Session("client-id", "client-secret", sender=emulator, redis=commons) as ao:
            await ao.courses()
        await commons.aclose()

    asyncio.run(main())
    assert redis.ask("KEYS", "*") == []


@pytest.mark.parametrize(
    ("settings", "shows_token"),
    [({}, True), ({"cipher": Fernet(Fernet.generate_key())}, False), ({"keep_token": False}, False)],
    ids=["plain", "encrypted", "not kept"],
)
def test_redis_is_shown_no_secret_and_the_token_only_to_be_kept(redis, settings, shows_token):
    """By what MONITOR shows of limiter, store and kept answers; the plain token is the one thing to be found there."""
    canary, client_id = "canary-5f2c", "client-77aa"

    async def main() -> str:
        emulator = Emulator(client_id=client_id, client_secret=canary, faults="429@at=3;retry_after=1")
        commons = RedisCommons(redis.url, **settings)
        common = {"sender": emulator, "rate": Rate(50, 1), "redis": commons, "cache_for": 60}
        for _ in range(2):
            async with Session(client_id, canary, **common) as ao:
                await ao.courses()
                await ao.get_teams()
                await ao.passive_learners()
                await ao.revoke_learners_access(learners=["learner1@example.com"])
                token = ao._authorized._held.token.value.reveal()
        assert token_requests(emulator) == 1
        await commons.aclose()
        return token

    with redis.watched() as lines:
        token = asyncio.run(main())
    shown = "".join(lines)
    assert "EVALSHA" in shown
    assert "PUBLISH" in shown.upper()
    assert not [secret for secret in (canary, client_id) if secret in shown]
    with_token = [line for line in lines if token in line]
    assert bool(with_token) is shows_token
    assert all('"SET"' in line and ':token"' in line for line in with_token)


def test_all_of_it_works_in_a_cluster(tmp_path):
    async def main(server: RedisServer) -> None:
        emulator = Emulator(learners=2, courses=2, faults="429@at=4;retry_after=1")
        client = RedisCluster(host="127.0.0.1", port=server.port)
        commons = RedisCommons(client)
        common = {"sender": emulator, "rate": Rate(50, 1), "redis": commons, "cache_for": 60}
        one, two = (Session("client-id", "client-secret", **common) for _ in range(2))
        await asyncio.gather(*(ao.passive_learners() for ao in (one, two) for _ in range(4)))
        assert two._limited.gate._news
        assert await one.courses() == await two.courses()
        await two.revoke_learners_access(learners=["learner1@example.com"])
        await one.aclose()
        await two.aclose()
        assert token_requests(emulator) == 1
        assert [entry.action for entry in emulator.journal.received].count("courses") == 1
        store = RedisDeliveryStore(client)
        assert [await store.begin(key, "me", lease=9) for key in ("a", "b", "a")] == [
            State.NEW,
            State.NEW,
            State.IN_PROGRESS,
        ]
        await commons.aclose()
        await client.aclose()

    # The bus is 10 000 above the port otherwise, where there may be no port.
    server = RedisServer(**{"cluster-enabled": "yes", "cluster-port": str(free_port()), "dir": str(tmp_path)})
    server.start()
    try:
        server.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        asyncio.run(until(lambda: "cluster_state:ok" in server.ask("CLUSTER", "INFO")))
        asyncio.run(main(server))
        assert {key.rpartition(":")[2] for key in server.ask("KEYS", "*{*")} == {"token", "back", "pace", "change"}
    finally:
        server.stop()


def test_a_token_store_of_its_own_goes_before_that_of_redis(redis):
    class Kept(aoclient.tokens.MemoryTokenStore):
        pass

    async def main() -> None:
        kept = Kept()
        async with Session("client-id", "client-secret", sender=Emulator(), redis=redis.url, token_store=kept) as ao:
            await ao.courses()
        assert kept._tokens

    asyncio.run(main())
    assert redis.ask("KEYS", "*") == []


def test_without_redis_a_session_gets_its_own_token_and_says_so_once_each(caplog):
    async def main() -> None:
        emulator = Emulator()
        async with Session("client-id", "client-secret", sender=emulator, redis=NOBODY) as ao:
            for _ in range(5):
                await ao.courses()
        assert token_requests(emulator) == 1

    with caplog.at_level(logging.INFO, logger="aoclient"):
        asyncio.run(main())
    assert sorted(record.getMessage().split(",")[0] for record in caplog.records) == [
        "the rate is not shared",
        "the token store fails",
    ]
    assert "s3cret" not in caplog.text
