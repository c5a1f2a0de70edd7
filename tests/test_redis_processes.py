"""P8 and P20 over processes: one token, one rate, whatever clocks they have and whichever of them dies."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from aoclient import Rate
from aoclient.emulator import Emulator, Received
from aoclient.wire import TOKEN_PATH
from tests.kit.redis import Workers, account, empty_redis, most_in_any, one_redis_of_a_module, until  # noqa: F401  # fixtures
from tests.kit.trial import IS_LONG, Figures, sized

PROCESSES = sized(4, 8)
CALLS = 250


def token_requests(emulator: Emulator) -> int:
    return emulator.journal.requests(TOKEN_PATH)


def test_250_calls_in_each_process_at_expiry_ask_for_one_token(redis, request):
    async def main() -> None:
        emulator = Emulator(learners=1, courses=1)
        async with emulator.serve() as url:
            workers = Workers(PROCESSES, url, redis.url, rounds=2, calls=CALLS, max_concurrency=20)
            await workers.together()
            await workers.together()
            assert token_requests(emulator) == 1
            emulator.tokens.expire()
            await workers.joined()
        assert workers.ends() == {"ok": 2 * PROCESSES * CALLS}
        assert token_requests(emulator) == 2

    asyncio.run(main())
    Figures(request, "P8")(f"{PROCESSES} processes with {CALLS} callers at expiry: 1 token request")


def test_a_process_killed_while_it_asks_for_a_token_delays_the_others_by_the_life_of_its_lock(redis, request):
    """By the clock of Redis, which ends the lock: no more than a second after it was taken."""

    async def main() -> float:
        emulator = Emulator(learners=1, courses=1, faults="stall@action=token;at=1")
        async with emulator.serve() as url:
            holder = Workers(1, url, redis.url, calls=5, commons={"lock_for": 1.0})
            others = Workers(PROCESSES - 1, url, redis.url, calls=5, commons={"lock_for": 1.0})
            await holder.together()
            await until(lambda: token_requests(emulator))
            locks = redis.calls("evalsha")
            await others.together()
            await until(lambda: redis.calls("evalsha") >= locks + PROCESSES)
            holder.processes[0].kill()
            killed_at = time.time()
            left = redis.ask("PTTL", f"aoclient:{{{account(emulator, url)}}}:lock")
            assert -2 <= int(left[0]) <= 1000
            await holder.joined()
            await others.joined()
        assert others.ends() == {"ok": 5 * (PROCESSES - 1)}
        assert token_requests(emulator) == 2
        return emulator.journal.received[-1].at - killed_at

    took = asyncio.run(main())
    assert took <= 1.3 or not IS_LONG
    Figures(request, "P8")(
        f"holder of the lock killed, its life 1 s: the last of the others served {took:.2f} s later, 2 token requests"
    )


REFUSED = [330 + 15 * number for number in range(sized(3, 12))]


def test_processes_with_skewed_clocks_use_one_rate_never_more_and_stop_at_a_429(redis, request):
    async def main() -> list[Received]:
        faults = ",".join(f"429@at={number};retry_after=1" for number in REFUSED)
        emulator = Emulator(learners=1, courses=1, faults=faults)
        seconds = 3.5 + 1.2 * len(REFUSED)
        async with emulator.serve() as url:
            workers = Workers(PROCESSES, url, redis.url, calls=10, seconds=seconds, skew=3.0, rate=Rate(100, 1))
            await workers.together()
            await workers.joined()
        assert set(workers.ends()) == {"ok"}
        return [entry for entry in emulator.journal.received if entry.path != TOKEN_PATH]

    received = asyncio.run(main())
    times = [entry.at for entry in received]
    refused = [entry.at for entry in received if entry.status == 429]
    assert most_in_any(1, times) <= 100
    used = len([moment for moment in times if times[0] + 1 <= moment < times[0] + 3]) / 200
    assert used >= (0.97 if IS_LONG else 0.8)  # the fast form runs beside other tests
    assert redis.sent() <= 2 * len(times)
    # What was on its way, by the server's clock; the hold lasts a second from the answer on.
    late = [max((at for at in times if stop < at < stop + 1), default=stop) - stop for stop in refused]
    assert len(late) == len(REFUSED)
    assert (max(late) if IS_LONG else median(late)) <= 0.05
    assert times[-1] > refused[-1] + 1
    Figures(request, "P20")(
        f"{PROCESSES} processes over Redis, clocks 3 s apart: {most_in_any(1, times)} of 100 in any window, "
        f"{used:.0%} used, {redis.sent() / len(times):.2f} commands for a permit; the last request of any came "
        f"{', '.join(f'{1000 * each:.0f}' for each in late)} ms after a 429"
    )


# --- Redis is away -----------------------------------------------------------------------------------------------


def test_redis_restarted_under_load_loses_no_call_and_keeps_the_rate(redis, request):
    """Four processes with a quarter of the rate each. Some may still go by themselves while others are together."""

    async def main() -> tuple[list[float], float, float]:
        emulator = Emulator(learners=1, courses=1)
        async with emulator.serve() as url:
            workers = Workers(4, url, redis.url, calls=5, seconds=4.0, commons={"share": 0.25}, rate=Rate(100, 1))
            await workers.together()
            await until(lambda: emulator.journal.requests() > 150)
            redis.stop()
            stopped_at = time.time()
            await until(lambda: emulator.journal.requests() > 250)
            redis.start()
            started_at = time.time()
            await workers.joined()
        ends = workers.ends()
        assert ends.pop("warning") == 4
        assert set(ends) == {"ok"}
        return [entry.at for entry in emulator.journal.received if entry.path != TOKEN_PATH], stopped_at, started_at

    times, stopped_at, started_at = asyncio.run(main())
    away = [at for at in times if stopped_at + 0.1 < at < started_at]
    assert len(away) >= 50
    # Who goes by itself is spaced as it sends, and a busy machine lets that arrive in clumps: hence 10 more.
    assert most_in_any(0.5, away) <= 50 + 10
    assert most_in_any(1, times) <= 110 + 10
    assert redis.calls("evalsha") >= 50  # they are together again
    Figures(request, "P20")(
        f"Redis restarted under 4 processes: 0 calls lost, at most {most_in_any(1, times)} of 100 in any window, "
        f"{most_in_any(0.5, away)} in any half while it was away"
    )


def test_without_redis_each_process_has_a_token_of_its_own_until_it_is_there(redis):
    async def main() -> None:
        redis.stop()
        emulator = Emulator(learners=1, courses=1)
        async with emulator.serve() as url:
            workers = Workers(4, url, redis.url, rounds=2, calls=2, seconds=1.5, rate=Rate(40, 1))
            await workers.together()
            await until(lambda: emulator.journal.requests() >= 30)
            assert token_requests(emulator) == 4
            redis.start()
            channel = f"aoclient:{{{account(emulator, url)}}}:pace"
            await until(lambda: redis.ask("PUBSUB", "NUMSUB", channel)[1] == "4")
            await workers.together()
            emulator.tokens.expire()
            await workers.joined()
        ends = workers.ends()
        assert ends.pop("warning") == 4 * 2
        assert set(ends) == {"ok"}
        assert token_requests(emulator) == 5

    asyncio.run(main())
