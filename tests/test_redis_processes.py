"""P8 and P20 over processes: one token, one rate, whatever clocks they have and whichever of them dies."""

from __future__ import annotations

import asyncio

from aoclient import Rate
from aoclient.emulator import Emulator
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

    async def main() -> None:
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
            left = redis.ask("PTTL", f"aoclient:{{{account(emulator, url)}}}:lock")
            assert -2 <= int(left[0]) <= 1000
            await holder.joined()
            await others.joined()
        assert others.ends() == {"ok": 5 * (PROCESSES - 1)}
        assert token_requests(emulator) == 2

    asyncio.run(main())
    Figures(request, "P8")("holder of the lock killed: the others served once its second was over, 2 token requests")


def test_processes_with_skewed_clocks_use_one_rate_never_more_and_stop_at_a_429(redis, request):
    rate = Rate(100, 1)

    async def main() -> tuple[list[float], float]:
        emulator = Emulator(learners=1, courses=1, faults="429@at=330;retry_after=1")
        async with emulator.serve() as url:
            workers = Workers(PROCESSES, url, redis.url, calls=10, seconds=4.0, skew=3.0, rate=rate)
            await workers.together()
            await workers.joined()
        assert set(workers.ends()) == {"ok"}
        received = [entry for entry in emulator.journal.received if entry.path != TOKEN_PATH]
        (refused,) = [entry.at for entry in received if entry.status == 429]
        return [entry.at for entry in received], refused

    times, refused = asyncio.run(main())
    assert most_in_any(1, times) <= 100
    used = len([moment for moment in times if times[0] + 1 <= moment < times[0] + 3]) / 200
    assert used >= (0.97 if IS_LONG else 0.8)  # the fast form runs beside other tests
    assert redis.calls("evalsha") <= 2 * len(times) + 5 * PROCESSES
    # A fifth of a second for what was on its way, where the machine is busy; 10 ms where it is not.
    assert [moment for moment in times if refused + 0.2 < moment < refused + 1] == []
    assert times[-1] > refused + 1
    commands = redis.calls("evalsha") / len(times)
    Figures(request, "P20")(
        f"{PROCESSES} processes over Redis, clocks 3 s apart: {most_in_any(1, times)} of 100 in any window, "
        f"{used:.0%} used, {commands:.2f} commands for a permit, nothing for a second after a 429"
    )
