"""The gate over Redis in one process: turns, permits, holds, and what is done while Redis is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from aoclient import Rate, Session
from aoclient.contrib.redis import Link, RedisCommons, RedisGate
from aoclient.contrib.redis import gate as gate_module
from aoclient.contrib.redis import link as link_module
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError
from tests.kit.redis import empty_redis, most_in_any, one_redis_of_a_module, until  # noqa: F401  # fixtures

FAR = 60.0


@asynccontextmanager
async def gates(server, count=1, **settings):
    links = [Link(server.url) for _ in range(count)]
    made = [RedisGate(link, "account", **settings) for link in links]
    try:
        yield made
    finally:
        for gate, link in zip(made, links, strict=True):
            gate.close()
            await link.aclose()


def card(server, key):
    return int(server.ask("ZCARD", f"aoclient:{{account}}:{key}")[0])


def turns(server):
    """Return the seconds at which turns were given, by the clock of Redis, while none was answered."""
    scores = server.ask("ZRANGE", "aoclient:{account}:out", "0", "-1", "WITHSCORES")[1::2]
    return [float(score) / 1e6 - gate_module._IN_FLIGHT_AT_MOST for score in scores]


async def answered(server):
    """Wait until all permits were reported."""
    await until(lambda: not card(server, "out"))


def test_permits_are_used_up_by_all_and_come_back_a_window_after_the_answer(redis):
    async def main() -> None:
        async with gates(redis, 2) as (one, two):
            loop = asyncio.get_running_loop()
            permits = [await gate.enter(20, 0.3, within=FAR) for gate in (one, two)]
            assert all(permits)
            await asyncio.sleep(0.05)
            left_at = loop.time()
            one.leave(permits[0], after=0.0)
            two.leave(permits[1], after=0.1)
            assert await one.enter(2, 0.3, within=FAR)
            assert loop.time() >= left_at + 0.3
            assert await two.enter(2, 0.3, within=FAR)
            assert loop.time() >= left_at + 0.4

    asyncio.run(main())


def test_a_turn_in_vain_comes_back_at_once(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            for _ in range(5):
                permit = await gate.enter(1, FAR, within=0.0)
                assert permit
                gate.undo(permit)
                redis.ask("HDEL", "aoclient:{account}:pace", "next")  # its place in the even row is not given back
            await answered(redis)
            assert card(redis, "back") == 0

    asyncio.run(main())


def test_a_tenth_goes_at_once_and_the_rest_evenly(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            for _ in range(14):
                await gate.enter(100, 2.0, within=FAR)

    asyncio.run(main())
    first, *_, last = turns(redis)
    assert last - first >= 4 * 0.02
    assert redis.calls("evalsha") + redis.calls("eval") <= 16


def test_more_processes_than_permits_take_turns_and_ask_no_more_than_twice_each(redis):
    got = [0] * 20

    async def main() -> None:
        async with gates(redis, len(got)) as crowd:

            async def work(number: int) -> None:
                while sum(got) < 3 * len(got):
                    permit = await crowd[number].enter(10, 0.2, within=FAR)
                    got[number] += 1
                    crowd[number].leave(permit, after=0.0)

            await asyncio.gather(*(work(number) for number in range(len(got))))

    asyncio.run(main())
    assert redis.calls("evalsha") <= 2 * sum(got) + 3 * len(got)
    assert max(got) - min(got) <= 3


def test_callers_who_give_up_too_early_leave_the_rate_to_those_who_get_through(redis):
    """Four times more than the rate allows, none with more time than three quarters of a window."""
    got, ends = [], 1.5

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with gates(redis, 40) as crowd:
            until_then = loop.time() + ends

            async def work(gate: RedisGate) -> None:
                while loop.time() < until_then:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.15):
                            gate.leave(await gate.enter(10, 0.2, within=0.15), after=0.0)
                            got.append(loop.time())

            await asyncio.gather(*map(work, crowd))

    asyncio.run(main())
    assert most_in_any(0.2, got) <= 10
    assert len(got) >= 15  # of 75; without care 5 to 8 get through in any time


@pytest.mark.parametrize("moment", ["asking", "waiting"])
def test_who_is_cancelled_at_the_gate_leaves_no_permit_behind(redis, moment):
    async def main() -> None:
        async with gates(redis) as (gate,):
            await gate.enter(1, 1.0, within=FAR)
            redis.ask("DEL", "aoclient:{account}:out")
            task = asyncio.create_task(gate.enter(1, 1.0, within=FAR))
            await until(lambda: moment != "waiting" or gate._sleeping)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await answered(redis)

    asyncio.run(main())


def test_nothing_is_reserved_beyond_the_time_of_the_call(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            gate.leave(await gate.enter(1, 0.8, within=FAR), after=0.0)
            task = asyncio.create_task(gate.enter(1, 0.8, within=0.05))
            await until(lambda: gate._sleeping)
            assert card(redis, "out") == 0
            assert await task

    asyncio.run(main())


def test_who_needs_a_permit_that_has_no_answer_yet_asks_again(redis):
    async def main() -> None:
        async with gates(redis, 2) as (one, two):
            permit = await one.enter(1, 0.1, within=FAR)
            task = asyncio.create_task(two.enter(1, 0.1, within=FAR))
            await until(lambda: two._sleeping)
            assert card(redis, "out") == 1
            one.leave(permit, after=0.0)
            assert await task

    asyncio.run(main())


def test_a_permit_of_a_process_that_died_counts_as_arrived_in_the_end(redis, monkeypatch):
    monkeypatch.setattr(gate_module, "_IN_FLIGHT_AT_MOST", 0.05)

    async def main() -> None:
        async with gates(redis, 2) as (dead, gate):
            await dead.enter(1, 0.1, within=FAR)
            assert await gate.enter(1, 0.1, within=FAR)

    asyncio.run(main())


def test_without_a_rate_nothing_is_counted_but_a_hold_counts(redis):
    async def main() -> None:
        async with gates(redis, 2) as (one, two):
            assert [await one.enter(0, 0.0, within=FAR) for _ in range(3)] == [""] * 3
            one.leave("", after=0.0)
            one.undo("")
            two.refuse(FAR)
            await two._link.aclose()
            assert await one.enter(0, 0.0, within=FAR) is None
            assert one.held_until > asyncio.get_running_loop().time() + FAR - 1

    asyncio.run(main())


def test_a_429_stops_those_whose_turn_is_reserved_already(redis):
    async def main() -> None:
        async with gates(redis, 2) as (one, two):
            await one.enter(5, 1.0, within=FAR)
            waiting = asyncio.create_task(two.enter(5, 1.0, within=FAR))
            await until(lambda: two._sleeping)
            one.refuse(FAR)
            one.refuse(1.0)  # a shorter one does not end the longer
            assert await waiting is None
            assert two.held_until > asyncio.get_running_loop().time() + FAR - 1
            await until(lambda: card(redis, "out") == 1)

    asyncio.run(main())


def test_no_session_sends_anything_after_it_heard_of_a_429_another_met(redis):
    sent = []

    class Noting(Emulator):
        async def send(self, request):
            sent.append(asyncio.get_running_loop().time())
            return await super().send(request)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        academy = Noting(learners=1, courses=1, faults="429@at=60;retry_after=1")
        sessions = [
            Session("client-id", "client-secret", sender=academy, rate=Rate(100, 1), redis=redis.url) for _ in range(6)
        ]
        calls = [asyncio.create_task(ao.courses()) for ao in sessions for _ in range(12)]
        await until(lambda: any(entry.status == 429 for entry in academy.journal.received))
        until_then = len(sent)
        await until(lambda: all(ao._limited.gate.held_until > loop.time() for ao in sessions))
        heard = len(sent)
        assert heard - until_then <= len(sessions)  # one of each may have been at the gate
        ends_at = min(ao._limited.gate.held_until for ao in sessions)
        await until(lambda: len(sent) > heard)
        assert sent[heard] >= ends_at
        await asyncio.gather(*calls)
        for ao in sessions:
            await ao.aclose()

    asyncio.run(main())


class Deaf:
    """A client that cannot subscribe."""

    def __init__(self, server):
        self.client = Redis(port=server.port)
        self.execute_command = self.client.execute_command


def test_who_cannot_hear_of_a_429_asks_when_the_turn_comes(redis):
    async def main() -> None:
        client = Deaf(redis)
        async with gates(redis) as (other,):
            deaf = RedisGate(client, "account")
            await deaf.enter(5, 1.0, within=FAR)
            waiting = asyncio.create_task(deaf.enter(5, 1.0, within=FAR))
            await until(lambda: deaf._sleeping)
            other.refuse(FAR)
            assert await waiting is None
            assert deaf.held_until > asyncio.get_running_loop().time() + FAR - 1
            deaf.close()
            await deaf._link.aclose()
        await client.client.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("missed", [True, False])
def test_who_heard_nothing_for_a_while_asks_what_was_missed(redis, missed):
    async def main() -> None:
        async with gates(redis, 2) as (one, two):
            await one.enter(5, 1.0, within=FAR)
            await until(lambda: one._news)
            waiting = asyncio.create_task(one.enter(5, 1.0, within=FAR))
            await until(lambda: one._sleeping)
            before, news = redis.calls("evalsha") + redis.calls("eval"), one._news
            if missed:
                redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
                await until(lambda: one._news is not news)
            assert await waiting
            assert redis.calls("evalsha") + redis.calls("eval") - before == missed
            assert two._news is None  # nobody listens before the first call

    asyncio.run(main())


def test_closing_ends_the_listening_whenever_it_comes(redis):
    async def main() -> None:
        for steps in range(40):
            async with gates(redis) as (gate,):
                assert await gate.enter(1000, 1.0, within=FAR)
                for _ in range(steps):
                    await asyncio.sleep(0)
        assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}

    asyncio.run(main())


def test_after_a_hold_the_calls_come_evenly(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            await gate.enter(100, 2.0, within=FAR)
            gate.refuse(0.05)
            await until(lambda: redis.ask("HGET", "aoclient:{account}:pace", "hold"))
            passed = 0
            while passed < 6:
                if await gate.enter(100, 2.0, within=FAR):
                    passed += 1
                else:
                    await asyncio.sleep(max(0.0, gate.held_until - asyncio.get_running_loop().time()))

    asyncio.run(main())
    ended_at = float(redis.ask("HGET", "aoclient:{account}:pace", "hold")[0]) / 1e6
    assert turns(redis)[-6] >= ended_at
    assert turns(redis)[-1] >= ended_at + 5 * 0.02


@pytest.mark.parametrize("moment", ["asking", "waiting", "before"])
def test_closing_sends_the_call_at_the_gate_away(redis, moment):
    async def main() -> None:
        async with gates(redis) as (gate,):
            await gate.enter(1, FAR, within=FAR)
            redis.ask("DEL", "aoclient:{account}:out")
            if moment == "before":
                gate.close()
            task = asyncio.create_task(gate.enter(1, FAR, within=2 * FAR))
            await until(lambda: moment != "waiting" or gate._sleeping)
            await asyncio.sleep(0)
            gate.close()
            gate.close()
            assert await task is None
            commands = redis.calls("evalsha")
            gate.refuse(1.0)
            gate.leave("permit", after=0.0)
            assert gate._reporting is None
            assert redis.calls("evalsha") == commands

    asyncio.run(main())


def test_what_was_answered_is_reported_when_the_gate_is_closed(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            gate.leave(await gate.enter(1, FAR, within=FAR), after=0.0)

    asyncio.run(main())
    assert (card(redis, "out"), card(redis, "back")) == (0, 1)


def test_the_next_command_takes_along_what_was_answered(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            permit = await gate.enter(5, 1.0, within=FAR)
            task = asyncio.create_task(gate.enter(5, 1.0, within=FAR))
            await until(lambda: gate._sleeping)
            gate.leave(permit, after=0.0)
            assert await task
            assert (card(redis, "out"), card(redis, "back")) == (1, 1)
            assert redis.calls("evalsha") <= 3  # two turns and the look when the second came

    asyncio.run(main())


def test_all_keys_end_by_themselves_and_stand_in_one_slot(redis):
    async def main() -> None:
        commons = RedisCommons(redis.url)
        async with Session("client-id", "client-secret", sender=Emulator(), rate=Rate(50, 1), redis=commons) as ao:
            await asyncio.gather(*(ao.courses() for _ in range(3)))
            gate = ao._limited.gate
            first, second = [await gate.enter(50, 1.0, within=FAR) for _ in range(2)]
            gate.leave(first, after=0.0)
            gate.refuse(0.1)
            gate.undo(second)
        await commons.aclose()

    asyncio.run(main())
    keys = redis.ask("KEYS", "*")
    assert {key.rpartition(":")[2] for key in keys} == {"token", "back", "pace"}
    assert len({key[key.index("{") : key.index("}")] for key in keys}) == 1
    assert all(int(redis.ask("PTTL", key)[0]) > 0 for key in keys)


# --- Redis is away -----------------------------------------------------------------------------------------------


def test_redis_restarted_under_load_loses_no_call_and_each_process_keeps_to_its_share(redis, caplog, monkeypatch):
    monkeypatch.setattr(link_module, "_AGAIN_AFTER", 0.1)
    monkeypatch.setattr(gate_module, "_LOOK_EVERY", 0.1)
    times = []
    turned = []

    class Counting(Emulator):
        async def send(self, sent):
            times.append(asyncio.get_running_loop().time())
            return await super().send(sent)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        commons = RedisCommons(redis.url, share=0.25)
        async with Session("client-id", "client-secret", sender=Counting(), rate=Rate(200, 1), redis=commons) as ao:
            ends_at = None

            async def work() -> None:
                while ends_at is None or len(times) < ends_at:
                    await ao.courses()

            workers = [asyncio.create_task(work()) for _ in range(10)]
            await until(lambda: len(times) >= 60)
            redis.stop()
            turned.append(loop.time())
            await until(lambda: len(times) >= 90)
            redis.start()
            alone = ao._limited.gate._alone
            await until(lambda: alone._pace.until < math.inf)
            turned.append(alone._pace.until)
            await until(lambda: not alone.counts)
            ends_at = len(times) + 60
            await asyncio.gather(*workers)
            assert redis.calls("evalsha") >= 60
        await commons.aclose()

    with caplog.at_level(logging.INFO, logger="aoclient"):
        asyncio.run(main())
    away = [moment for moment in times if turned[0] + 0.1 < moment < turned[1]]
    assert len(away) >= 20
    assert most_in_any(0.2, away) <= 0.25 * 200 * 0.2 + 1
    assert most_in_any(1.0, times) <= 200
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "not shared" in caplog.text
    assert "is back" in caplog.text


def test_without_a_rate_calls_go_on_when_redis_is_away(caplog):
    async def main() -> None:
        gate = RedisGate("redis://127.0.0.1:1", "account")
        assert [await gate.enter(0, 0.0, within=FAR) for _ in range(3)] == [""] * 3
        gate.close()
        await gate._link.aclose()

    asyncio.run(main())
    assert len(caplog.records) == 1


def test_a_reserved_turn_holds_when_redis_goes_away_before_it_comes(redis):
    async def main() -> None:
        async with gates(redis) as (gate,):
            await gate.enter(5, 1.0, within=FAR)
            task = asyncio.create_task(gate.enter(5, 1.0, within=FAR))
            await until(lambda: gate._sleeping)
            redis.stop()
            assert await task
            redis.start()

    asyncio.run(main())


def test_closing_ends_the_wait_for_an_own_turn():
    async def main() -> None:
        gate = RedisGate("redis://127.0.0.1:1", "account")
        task = asyncio.create_task(gate.enter(1, FAR, within=FAR))
        await until(lambda: gate._sleeping)
        gate.close()
        assert await task is None
        await gate._link.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("share", [0, -0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ConfigurationError, match="share"):
        RedisCommons("redis://127.0.0.1:1", share=share)
