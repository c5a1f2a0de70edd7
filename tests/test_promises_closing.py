"""P11 and P26: close is clean, and a session belongs to one event loop and says so."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from pathlib import Path

import pytest

from aoclient import RetryPolicy, Session
from aoclient.emulator import Emulator
from aoclient.errors import AoError, ClientClosedError, OutcomeUnknownError, WrongEventLoopError
from tests.kit.trial import Figures, names, quiz_of, sized

FDS = Path("/proc/self/fd")


def served(url: str, **settings: object) -> Session:
    return Session("client-id", "client-secret", base_url=url, **settings)


def count_fds() -> int:
    gc.collect()
    return len(list(FDS.iterdir()))


# --- P11 ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not FDS.exists(), reason="descriptors are counted by /proc")
def test_opening_and_closing_leaves_no_descriptor_and_no_warning(request):
    """A socket or a session that is not closed would warn as it is collected, and warnings are errors here."""
    cycles = sized(40, 1_000)

    async def main() -> tuple[int, int]:
        emulator = Emulator(learners=2, courses=1, teams=0)
        attempt = {"quiz_id": quiz_of(emulator), "email": "learner1@example.com"}  # its connection is not kept
        async with emulator.serve() as url:
            counts: list[int] = []
            for _ in range(cycles):
                async with served(url) as ao:
                    await asyncio.gather(ao.academies(), ao.add_learner_quiz_attempts(**attempt))
                await asyncio.sleep(0)
                counts.append(count_fds() if len(counts) < 5 or len(counts) > cycles - 5 else counts[-1])
        return counts[4], max(counts[-3:])

    first, last = asyncio.run(main(), debug=True)
    gc.collect()
    assert abs(last - first) <= 2
    Figures(request, "P11")(f"{cycles} sessions opened, used, closed: {last - first:+d} descriptors, 0 warnings")


@pytest.mark.parametrize("adds", [False, True], ids=["reads", "adds"])
def test_close_ends_500_calls_in_flight(adds, request):
    """What adds and was sent may have been executed: `OutcomeUnknownError`, with the close as its cause."""
    calls = 500

    async def main() -> tuple[dict[int, object], float]:
        emulator = Emulator(learners=calls, faults="stall")
        quiz_id = quiz_of(emulator)
        async with emulator.serve() as url:
            ao = served(url, max_concurrency=calls - 100, retries=RetryPolicy(attempts=2))  # some still queue
            sent = [
                asyncio.create_task(
                    ao.add_learner_quiz_attempts(quiz_id=quiz_id, email=f"learner{number + 1}@example.com")
                    if adds
                    else ao.courses()
                )
                for number in range(calls)
            ]
            while emulator.journal.count("addLearnerQuizAttempts" if adds else "courses") < calls - 100:  # noqa: ASYNC110  # the journal has no event
                await asyncio.sleep(0.01)
            began = time.perf_counter()
            await ao.aclose()
            ends = await asyncio.gather(*sent, return_exceptions=True)
            return dict(enumerate(ends)), time.perf_counter() - began

    ends, seconds = asyncio.run(main())
    seen = names(ends)
    if adds:
        assert seen == {"OutcomeUnknownError": calls - 100, "ClientClosedError": 100}
        unknown = [end for end in ends.values() if isinstance(end, OutcomeUnknownError)]
        assert all(isinstance(end.__cause__, ClientClosedError) for end in unknown)
    else:
        assert seen == {"ClientClosedError": calls}
    Figures(request, "P11")(f"close with {calls} calls in flight: all ended in {seconds:.2f} s, {dict(seen)}")


def test_a_close_that_is_cancelled_ends_calls_and_connections_all_the_same():
    async def main():
        emulator = Emulator()
        async with emulator.serve() as url:
            ao = served(url)
            await ao.courses()
            emulator.faults = "stall@action=any"
            ao._authorized._held.renew_at = 0.0  # the next call begins to renew the token
            calls = [asyncio.create_task(ao.courses()) for _ in range(3)]
            while emulator.journal.requests() < 2 + 4:  # noqa: ASYNC110  # the journal has no event
                await asyncio.sleep(0.01)
            closing = asyncio.create_task(ao.aclose())
            await asyncio.sleep(0)  # it waits for the renewal to end
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            assert [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)] == 3 * [
                ClientClosedError
            ]
            assert all(session.closed for session in ao._http._sessions.values())

    asyncio.run(main())


def test_a_closed_session_refuses_and_sends_nothing():
    async def main() -> None:
        emulator = Emulator()
        async with emulator.serve() as url:
            async with served(url) as ao:
                await ao.academies()
                before = emulator.journal.requests()
            for _ in range(2):
                await ao.aclose()
                with pytest.raises(ClientClosedError):
                    await ao.academies()
            assert emulator.journal.requests() == before

    asyncio.run(main())


# --- P26 ---------------------------------------------------------------------------------------------------------


def in_thread(work):
    """Run a coroutine function in a loop of another thread and return what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


@pytest.mark.parametrize("way", ["socket", "in process"])
def test_a_second_loop_is_refused_at_the_first_call_and_both_are_named(way, request):
    emulator = Emulator()
    ao = Session("client-id", "client-secret", sender=emulator)

    async def elsewhere() -> None:
        await ao.academies()

    async def first() -> str:
        async with emulator.serve() as url:
            nonlocal ao
            if way == "socket":
                ao = served(url)
            await ao.academies()
            before = emulator.journal.requests()
            in_another = in_thread(elsewhere)  # the loop of this one is alive, and in this very call
            assert [type(each) for each in in_another] == [WrongEventLoopError]
            assert str(in_another[0]).count("Loop") == 2
            assert emulator.journal.requests() == before
            assert await ao.academies()  # at home it still works
            if way == "socket":
                await ao.aclose()
            return hex(id(asyncio.get_running_loop()))

    home = asyncio.run(first())
    before = emulator.journal.requests()
    with pytest.raises(WrongEventLoopError, match=home) as caught:
        asyncio.run(elsewhere())
    assert "closed" in str(caught.value)
    assert emulator.journal.requests() == before
    Figures(request, "P26")(f"used from a second loop or thread, {way}: WrongEventLoopError at the first call")


def test_several_runs_with_a_session_each_work():
    emulator = Emulator()

    async def main() -> int:
        async with emulator.serve() as url, served(url) as ao:
            return len(await ao.academies())

    assert len({asyncio.run(main()) for _ in range(5)}) == 1
    assert in_thread(main) == []


def test_many_threads_with_a_session_each_work():
    emulator = Emulator(learners=5)
    ended: list[object] = []

    async def main() -> None:
        async with Session("client-id", "client-secret", sender=emulator) as ao:
            ended.append(len(await ao.learners()))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [5] * 8


def test_all_errors_of_a_wrong_use_are_of_the_one_tree():
    assert issubclass(WrongEventLoopError, AoError)
    assert issubclass(ClientClosedError, AoError)
