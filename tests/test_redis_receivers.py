"""P24 over processes: receivers on sockets of their own handle each event once, whoever is sent it, whoever dies."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import aiohttp

from aoclient.contrib.redis import RedisDeliveryStore
from aoclient.receivers import Receiver, serve
from aoclient.webhooks import Event
from tests.kit.receiving import SECRET, body, signed
from tests.kit.redis import CONTEXT, RedisServer, empty_redis, one_redis_of_a_module, until  # noqa: F401  # fixtures
from tests.kit.trial import Figures, sized

PROCESSES = 4
TASKS = 50
TIMES = 1000


@contextmanager
def receivers(redis: RedisServer, count: int = PROCESSES, **settings: Any) -> Iterator[tuple[list[str], list[Any]]]:
    """Serve so many receivers, each in a process; give their URLs and the processes."""
    with ExitStack() as stack:
        urls, processes = [], []
        for _ in range(count):
            here, there = CONTEXT.Pipe()
            process = CONTEXT.Process(target=_receive, args=(redis.url, there, settings), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(process.terminate)
            urls.append(here)
            processes.append(process)
        yield [here.recv() for here in urls], processes


def _receive(redis_url: str, told: Any, settings: dict[str, Any]) -> None:
    asyncio.run(_serve(redis_url, told, **settings))


async def _serve(redis_url: str, told: Any, *, stuck: bool = False, **settings: Any) -> None:
    store = RedisDeliveryStore(redis_url)
    receiver = Receiver(SECRET, store=store, **settings)

    @receiver.on(Event)
    async def note(event: Event) -> None:
        began = await store._link.call("INCR", f"began {event.id}")
        if stuck and began == 1:
            await asyncio.Event().wait()
        await store._link.call("INCR", f"handled {event.id}")

    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    async with serve(receiver) as url:
        told.send(url)
        await ending.wait()


async def sent(http: aiohttp.ClientSession, url: str, payload: bytes) -> int:
    async with http.post(url, data=payload, headers=signed(payload)) as answer:
        return answer.status


def numbers(redis: RedisServer, name: str) -> int:
    return int((redis.ask("GET", name) or ["0"])[0])


def test_the_same_event_1000_times_from_50_tasks_to_four_processes_is_handled_once(redis, request):
    events = [f"e{number}" for number in range(sized(1, 20))]

    async def main(urls: list[str]) -> tuple[Counter[int], set[int]]:
        statuses: Counter[int] = Counter()
        left = iter([(urls[number % len(urls)], event) for event in events for number in range(TIMES)])

        async def work(http: aiohttp.ClientSession) -> None:
            for url, event in left:
                statuses[await sent(http, url, body(event))] += 1

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=TASKS)) as http:
            await asyncio.gather(*(work(http) for _ in range(TASKS)))
            last = {await sent(http, url, body(event)) for url in urls for event in events}
        return statuses, last

    with receivers(redis) as (urls, _):
        statuses, last = asyncio.run(main(urls))
    assert [numbers(redis, f"handled {event}") for event in events] == [1] * len(events)
    assert statuses.total() == TIMES * len(events)
    assert set(statuses) <= {200, 503}  # 503 while another process is at it
    assert last == {200}
    Figures(request, "P24")(
        f"{len(events)} events {TIMES} times each from {TASKS} tasks over sockets to {PROCESSES} processes with Redis: "
        f"each handled once; {statuses[200]} answers 200, {statuses[503]} 503 while another process was at it"
    )


def test_an_event_whose_process_was_killed_is_handled_by_another_once_the_lease_has_ended(redis):
    lease = 0.5

    async def main(urls: list[str], processes: list[Any]) -> None:
        async with aiohttp.ClientSession() as http:
            lost = asyncio.create_task(sent(http, urls[0], body()))
            await until(lambda: numbers(redis, "began e1"))
            assert await sent(http, urls[1], body()) == 503
            processes[0].kill()
            await asyncio.gather(lost, return_exceptions=True)
            while (status := await sent(http, urls[1], body())) != 200:
                assert status == 503
            assert await sent(http, urls[1], body()) == 200

    with receivers(redis, 2, stuck=True, wait=True, lease=lease) as (urls, processes):
        asyncio.run(main(urls, processes))
    assert (numbers(redis, "began e1"), numbers(redis, "handled e1")) == (2, 1)
