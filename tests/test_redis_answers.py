"""Answers that change rarely, shared over Redis by the sessions of an account."""

from __future__ import annotations

import asyncio
import base64
import zlib
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from aoclient import AoError, Rate, Session
from aoclient.contrib.redis import RedisCommons
from aoclient.contrib.redis import answers as answers_module
from aoclient.emulator import Emulator
from aoclient.tokens import account_of
from tests.kit.redis import CONTEXT, empty_redis, one_redis_of_a_module  # noqa: F401  # fixtures
from tests.test_redis import Rot

SECRET = "canary-5f2c"
KEYS = [
    f"aoclient:{{{account_of('https://app.academyocean.com', 'client-id')}}}:{name}" for name in ("answers", "change")
]


@asynccontextmanager
async def sessions(redis, emulator, count=2, *, commons=None, **settings):
    shared = [RedisCommons(redis.url, **(commons or {})) for _ in range(count)]
    settings = {"cache_for": 60.0, **settings}
    made = [Session("client-id", SECRET, sender=emulator, redis=each, **settings) for each in shared]
    try:
        yield made
    finally:
        for ao, each in zip(made, shared, strict=True):
            await ao.aclose()
            await each.aclose()


def academy(**settings):
    return Emulator(learners=3, courses=2, client_secret=SECRET, **settings)


def asked(emulator):
    return [entry.action for entry in emulator.journal.received if entry.action != "token"]


@pytest.mark.parametrize("cipher", [None, Rot()], ids=["plain", "encrypted"])
def test_what_one_session_was_answered_is_the_answer_of_all(redis, cipher):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator, commons={"cipher": cipher}) as (one, two):
            for ask in (lambda ao: ao.courses(), lambda ao: ao.academies(), lambda ao: ao.get_teams()):
                first = await ask(one)
                assert first
                assert await ask(two) == first
                first.clear()
                assert await ask(one)
            assert asked(emulator) == ["courses", "academies", "getTeams"]
            await one.get_teams(records="course")
            await one.passive_learners()
            await two.passive_learners()
            assert asked(emulator)[3:] == ["getTeams", "passiveLearners", "passiveLearners"]

    asyncio.run(main())


def test_a_client_that_decodes_what_comes_will_do(redis):
    async def main() -> None:
        emulator = academy()
        async with Redis(port=redis.port, decode_responses=True) as client:
            for _ in range(2):
                commons = RedisCommons(client)
                common = {"sender": emulator, "redis": commons, "cache_for": 60, "rate": Rate(50, 1)}
                async with Session("client-id", SECRET, **common) as ao:
                    assert len(await ao.courses()) == 2
                await commons.aclose()
        assert [entry.action for entry in emulator.journal.received] == ["token", "courses"]

    asyncio.run(main())


def test_an_action_that_is_no_read_of_any_session_ends_it_for_all(redis):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator, 3) as (one, two, three):
            await one.courses()
            await two.revoke_learners_access(learners=["learner1@example.com"])
            await three.courses()
            await one.courses()
            with pytest.raises(AoError):
                await two.add_learner_quiz_attempts(quiz_id="none", email="learner1@example.com")
            await three.courses()
        assert asked(emulator).count("courses") == 3

    asyncio.run(main())


def test_an_answer_that_a_change_of_another_session_overtook_is_not_kept(redis):
    async def main() -> None:
        let_go = asyncio.Event()

        class Slow(Emulator):
            async def send(self, request):
                response = await super().send(request)
                if b"action=courses" in request.body and not let_go.is_set():
                    read.set()
                    await let_go.wait()
                return response

        read = asyncio.Event()
        emulator = Slow(learners=3, courses=2, client_secret=SECRET)
        async with sessions(redis, emulator) as (one, two):
            reading = asyncio.create_task(one.courses())
            await read.wait()
            await two.revoke_learners_access(learners=["learner1@example.com"])
            let_go.set()
            await reading
            await two.courses()
            await one.courses()
        assert asked(emulator).count("courses") == 2

    asyncio.run(main())


def test_it_holds_for_its_time_by_the_clock_of_redis(redis):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator, cache_for=0.05) as (one, two):
            await one.courses()
            assert 0 < int(redis.ask("PTTL", KEYS[0])[0]) <= 50
            redis.ask("PERSIST", KEYS[0])
            await asyncio.sleep(0.06)
            await two.courses()
        assert asked(emulator).count("courses") == 2

    asyncio.run(main())


def test_a_failure_is_not_kept(redis):
    async def main() -> None:
        emulator = academy(faults="error-200@at=1")
        async with sessions(redis, emulator) as (one, two):
            with pytest.raises(AoError):
                await one.courses()
            assert await two.courses()

    asyncio.run(main())


def test_their_number_and_their_size_are_bounded(redis, monkeypatch):
    monkeypatch.setattr(answers_module, "MOST", 3)

    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator) as (one, two):
            sizes = []
            for number in range(7):
                await one.get_teams(extra={"any": number})
                sizes.append(int(redis.ask("HLEN", KEYS[0])[0]))
            assert sizes == [1, 2, 3, 1, 2, 3, 1]
            monkeypatch.setattr(answers_module, "LARGEST", 10)
            await two.courses()
            assert redis.ask("HLEN", KEYS[0]) == ["1"]

    asyncio.run(main())


@pytest.mark.parametrize("kept", [b"no answer", base64.b64encode(b"x"), base64.b64encode(zlib.compress(b'{"a": ['))])
def test_what_cannot_be_read_counts_as_none(redis, kept):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator) as (one, two):
            await one.courses()
            (name,) = redis.ask("HKEYS", KEYS[0])
            await one._limited.gate._link.call("HSET", KEYS[0], name, b"9999999999999 " + kept)
            assert await two.courses()
        assert asked(emulator).count("courses") == 2

    asyncio.run(main())


def test_what_another_key_has_encrypted_counts_as_none(redis):
    async def main() -> None:
        emulator = academy()
        async with (
            sessions(redis, emulator, 1, commons={"cipher": Rot(b"old")}) as (one,),
            sessions(redis, emulator, 1, commons={"cipher": Rot(b"new")}) as (two,),
        ):
            assert await one.courses() == await two.courses()
        assert asked(emulator).count("courses") == 2

    asyncio.run(main())


def test_each_keeps_its_own_where_redis_must_not_have_them(redis):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator, commons={"keep_answers": False}) as (one, two):
            for ao in (one, two, one, two):
                await ao.courses()
        assert asked(emulator).count("courses") == 2
        assert not [key for key in redis.ask("KEYS", "*") if "answers" in key]

    asyncio.run(main())


def test_nothing_is_kept_that_was_not_asked_for(redis):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator, cache_for=0.0) as (one, two):
            await one.courses()
            await two.courses()
        assert asked(emulator).count("courses") == 2

    asyncio.run(main())


def test_without_redis_nothing_is_kept_and_nothing_fails():
    async def main() -> None:
        emulator = academy()
        commons = RedisCommons("redis://127.0.0.1:1")
        async with Session("client-id", SECRET, sender=emulator, redis=commons, cache_for=60) as ao:
            for _ in range(2):
                await ao.courses()
            await ao.revoke_learners_access(learners=["learner1@example.com"])
        await commons.aclose()
        assert asked(emulator).count("courses") == 2

    asyncio.run(main())


def test_what_is_kept_holds_no_secret_and_no_name_of_a_request(redis):
    async def main() -> None:
        emulator = academy()
        async with sessions(redis, emulator, 1) as (ao,):
            await ao.courses()
            await ao.get_teams()
            token = ao._authorized._held.token.value.reveal()
            link = ao._limited.gate._link
            kept = await link.call("HGETALL", KEYS[0])
        names = kept[0::2] if isinstance(kept, list) else list(kept)
        values = kept[1::2] if isinstance(kept, list) else list(kept.values())
        texts = [*names, *(zlib.decompress(base64.b64decode(value.split(b" ", 1)[1])) for value in values)]
        assert len(texts) == 4
        assert not [text for text in texts for secret in (SECRET, token) if secret.encode() in text]
        assert not [name for name in names if b"courses" in name]

    asyncio.run(main())


# --- over processes ----------------------------------------------------------------------------------------------


def _ask(url, redis_url, ends):
    async def main():
        async with Session("client-id", SECRET, base_url=url, redis=redis_url, cache_for=60, join_reads=True) as ao:
            found = await asyncio.gather(*(ao.courses() for _ in range(50)))
            ends.put({len(each) for each in found})

    asyncio.run(main())


def test_processes_one_after_the_other_ask_the_server_once(redis):
    async def main() -> None:
        emulator = academy()
        ends = CONTEXT.SimpleQueue()
        async with emulator.serve() as url:
            for _ in range(3):
                process = CONTEXT.Process(target=_ask, args=(url, redis.url, ends))
                process.start()
                await asyncio.to_thread(process.join)
                assert await asyncio.to_thread(ends.get) == {2}
        assert asked(emulator) == ["courses"]

    asyncio.run(main())
