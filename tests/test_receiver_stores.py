"""What a store of deliveries has to do, the same for memory and for SQLite; then what each does on its own."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from aoclient.errors import ConfigurationError
from aoclient.receivers import MemoryStore, SQLiteStore, State
from aoclient.receivers import sqlite as sqlite_store
from tests.kit.clock import run

LEASE = 30


class Memory:
    """Memory on virtual time."""

    run = staticmethod(run)

    def __init__(self, _):
        self.store = MemoryStore(forget_after=100)

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class SQLite:
    """SQLite on a clock that is set; its thread needs a real loop."""

    run = staticmethod(asyncio.run)

    def __init__(self, path):
        self.now = 1000.0
        self.store = SQLiteStore(path / "once.db", forget_after=100, clock=lambda: self.now)

    async def sleep(self, seconds):
        self.now += seconds


@pytest.fixture(params=[Memory, SQLite], ids=["memory", "sqlite"])
def check(request, tmp_path):
    """Run a coroutine function with a store and a sleep."""

    def run_with(main):
        kind = request.param(tmp_path)

        async def whole():
            await kind.store.open()
            await kind.store.open()
            try:
                return await main(kind.store, kind.sleep)
            finally:
                await kind.store.aclose()

        return kind.run(whole())

    return run_with


def test_a_delivery_is_new_then_in_progress_then_done(check):
    async def main(store, _):
        first = await store.begin("k", "a", lease=LEASE)
        others = [await store.begin("k", owner, lease=LEASE) for owner in ("b", "a")]
        await store.done("k")
        return [first, *others, await store.begin("k", "b", lease=LEASE), await store.begin("k2", "b", lease=LEASE)]

    assert check(main) == [State.NEW, State.IN_PROGRESS, State.IN_PROGRESS, State.DONE, State.NEW]


def test_a_lease_that_ended_may_be_taken_by_another(check):
    async def main(store, sleep):
        await store.begin("k", "a", lease=LEASE)
        await sleep(LEASE - 1)
        before = await store.begin("k", "b", lease=LEASE)
        await sleep(1)
        after = await store.begin("k", "b", lease=LEASE)
        return before, after, await store.renew("k", "a", lease=LEASE), await store.renew("k", "b", lease=LEASE)

    assert check(main) == (State.IN_PROGRESS, State.NEW, False, True)


def test_renewing_puts_off_the_end_of_a_lease(check):
    async def main(store, sleep):
        await store.begin("k", "a", lease=LEASE)
        await sleep(LEASE - 1)
        renewed = await store.renew("k", "a", lease=LEASE)
        await sleep(LEASE - 1)
        before = await store.begin("k", "b", lease=LEASE)
        await sleep(1)
        return renewed, before, await store.begin("k", "b", lease=LEASE)

    assert check(main) == (True, State.IN_PROGRESS, State.NEW)


def test_renewing_makes_no_lease(check):
    async def main(store, _):
        never = await store.renew("k", "a", lease=LEASE)
        first = await store.begin("k", "b", lease=LEASE)
        await store.done("k")
        return never, first, await store.renew("k", "b", lease=LEASE), await store.begin("k", "a", lease=LEASE)

    assert check(main) == (False, State.NEW, False, State.DONE)


def test_what_is_released_is_new_again(check):
    async def main(store, _):
        await store.begin("k", "a", lease=LEASE)
        await store.release("k", "a")
        return await store.begin("k", "b", lease=LEASE)

    assert check(main) is State.NEW


def test_only_the_owner_releases_and_never_what_is_done(check):
    async def main(store, _):
        await store.release("k", "a")
        await store.begin("k", "a", lease=LEASE)
        await store.release("k", "b")
        held = await store.begin("k", "b", lease=LEASE)
        await store.done("k")
        await store.release("k", "a")
        return held, await store.begin("k", "b", lease=LEASE)

    assert check(main) == (State.IN_PROGRESS, State.DONE)


def test_done_by_one_whose_lease_ended_is_done_all_the_same(check):
    async def main(store, sleep):
        await store.begin("k", "a", lease=LEASE)
        await sleep(LEASE)
        await store.begin("k", "b", lease=LEASE)
        await store.done("k")
        await store.release("k", "b")
        return await store.begin("k", "c", lease=LEASE)

    assert check(main) is State.DONE


def test_what_is_done_is_forgotten_in_time(check):
    async def main(store, sleep):
        await store.begin("k", "a", lease=LEASE)
        await store.done("k")
        await sleep(99)
        before = await store.begin("k", "a", lease=LEASE)
        await sleep(1)
        return before, await store.begin("k", "a", lease=LEASE)

    assert check(main) == (State.DONE, State.NEW)


def test_of_many_at_once_one_gets_it(check):
    async def main(store, _):
        return await asyncio.gather(*(store.begin("k", str(number), lease=LEASE) for number in range(50)))

    states = check(main)
    assert (states.count(State.NEW), states.count(State.IN_PROGRESS)) == (1, 49)


def test_a_store_opens_again_after_it_was_closed(check):
    async def main(store, _):
        await store.begin("k", "a", lease=LEASE)
        await store.done("k")
        await store.aclose()
        await store.aclose()
        return await store.begin("k", "a", lease=LEASE)

    assert check(main) is State.DONE


# --- memory ------------------------------------------------------------------------------------------------------


def test_memory_forgets_the_oldest_when_it_is_full():
    async def main():
        store = MemoryStore(max_size=3)
        for key in ("a", "b", "c", "a", "d"):
            await store.done(key)
        return [await store.begin(key, "o", lease=LEASE) for key in ("a", "b", "c", "d")]

    assert run(main()) == [State.DONE, State.NEW, State.DONE, State.DONE]


def test_memory_keeps_nothing_of_what_is_forgotten_or_released():
    async def main():
        store = MemoryStore(forget_after=10)
        for number in range(100):
            await store.begin(str(number), "a", lease=LEASE)
            await (store.done(str(number)) if number % 2 else store.release(str(number), "a"))
        await asyncio.sleep(10)
        await store.begin("last", "a", lease=LEASE)
        return store._leases, store._done

    leases, done = run(main())
    assert (list(leases), done) == (["last"], {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: MemoryStore(forget_after=0),
        lambda: MemoryStore(max_size=0),
        lambda: SQLiteStore("x", forget_after=-1),
        lambda: SQLiteStore("x", forget_after=float("nan")),
    ],
)
def test_a_store_that_would_remember_nothing_is_refused(make):
    with pytest.raises(ConfigurationError):
        make()


# --- SQLite ------------------------------------------------------------------------------------------------------


def rows(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT key, owner FROM deliveries").fetchall()
    finally:
        connection.close()


def test_sqlite_remembers_across_a_restart(tmp_path):
    async def life(store):
        states = [await store.begin(key, "a", lease=LEASE) for key in ("done", "begun")]
        await store.done("done")
        await store.aclose()
        return states

    assert asyncio.run(life(SQLiteStore(tmp_path / "once.db"))) == [State.NEW, State.NEW]
    assert asyncio.run(life(SQLiteStore(tmp_path / "once.db"))) == [State.DONE, State.IN_PROGRESS]


def test_sqlite_remembers_what_a_killed_process_had_done(tmp_path):
    code = """
import asyncio, os, sys
from aoclient.receivers import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.begin("done", "dead", lease=30)
    await store.done("done")
    await store.begin("begun", "dead", lease=30)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""
    path = tmp_path / "once.db"
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -9

    async def main():
        store = SQLiteStore(path)
        states = [await store.begin(key, "a", lease=LEASE) for key in ("done", "begun")]
        await store.aclose()
        return states

    assert asyncio.run(main()) == [State.DONE, State.IN_PROGRESS]


def test_two_sqlite_stores_on_one_file_agree_as_two_processes_would(tmp_path):
    async def main():
        stores = [SQLiteStore(tmp_path / "once.db") for _ in range(3)]
        states = await asyncio.gather(
            *(stores[number % 3].begin(str(number // 30), str(number), lease=LEASE) for number in range(600))
        )
        for store in stores:
            await store.aclose()
        return states

    assert asyncio.run(main()).count(State.NEW) == 20


def test_sqlite_deletes_what_it_has_forgotten(tmp_path):
    async def main():
        now = 0.0
        store = SQLiteStore(tmp_path / "once.db", forget_after=100, clock=lambda: now)
        for number in range(100):
            await store.begin(f"old {number}", "a", lease=LEASE)
            await store.done(f"old {number}")
        now = 200.0
        for _ in range(256):
            await store.begin("new", "a", lease=LEASE)
        await store.aclose()

    asyncio.run(main())
    assert rows(tmp_path / "once.db") == [("new", "a")]


def test_sqlite_ends_its_thread_and_closes_its_file(tmp_path):
    async def main():
        store = SQLiteStore(tmp_path / "once.db")
        await store.open()
        assert "aoclient-sqlite" in "".join(thread.name for thread in threading.enumerate())
        await store.aclose()

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == [tmp_path / "once.db"]  # the write-ahead log goes with the last connection
    for thread in threading.enumerate():
        if thread.name.startswith("aoclient-sqlite"):
            thread.join(5)
            assert not thread.is_alive()


def test_what_sqlite_was_asked_is_done_though_the_task_that_asked_is_cancelled(tmp_path):
    async def main():
        store = SQLiteStore(tmp_path / "once.db")
        await store.open()
        task = asyncio.create_task(store.done("k"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        state = await store.begin("k", "a", lease=LEASE)
        await store.aclose()
        return state

    assert asyncio.run(main()) is State.DONE


def test_sqlite_opens_a_file_that_another_process_is_making(tmp_path, monkeypatch):
    other = sqlite3.connect(tmp_path / "once.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # now the change to a write-ahead log is refused at once, whatever the time-out
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        other.close()

    monkeypatch.setattr(sqlite_store, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))

    async def main():
        store = SQLiteStore(tmp_path / "once.db")
        await store.open()
        await store.aclose()

    asyncio.run(main())
    assert len(waited) == 1


def test_sqlite_says_which_file_cannot_be_opened(tmp_path):
    async def main(path):
        store = SQLiteStore(path)
        try:
            await store.open()
        finally:
            await store.aclose()

    (tmp_path / "text.db").write_text("this is no database at all, but long enough to look like one" * 20)
    for path in (tmp_path / "missing" / "once.db", tmp_path / "text.db"):
        with pytest.raises(OSError, match=path.name):
            asyncio.run(main(path))
