"""A session under steady load for minutes, through faults and expiring tokens: does anything grow?

    python benchmarks/soak.py                     # 2 minutes to warm up, then 10 minutes at 200 calls a second
    python benchmarks/soak.py --seconds 5 --warm-up 1
    python benchmarks/soak.py --write             # also keeps the report as benchmarks/soak.json

The emulator runs in a process of its own on a socket, fails 5 % of the requests in twelve ways, and its tokens live for
a minute. Calls begin when they are due, whether or not the ones before them have ended, unless a hundred are under way.
The warm-up begins with a time in which a hundred always are, so that memory has had its peak. A sample is taken when
all calls have ended; what would have been due meanwhile begins later. What is counted is of the process of the client,
which runs with ``PYTHONMALLOC=malloc``, so that what is free goes back to the system.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]  # neither need be installed

from watch import Watch, descriptors, unhandled  # noqa: E402

from aoclient import AoError, RetryPolicy, Session, actions  # noqa: E402
from aoclient.emulator import Emulator, Journal  # noqa: E402
from aoclient.emulator.faults import Fault, Faults  # noqa: E402

KINDS = (
    "close-before-read", "drop-after", "half-body", "500", "500-after", "502", "503", "truncated", "html-200",
    "charset", "401", "empty-200",
)  # fmt: skip
FAULTY = 0.05  # of all requests
TOKEN_LIFE = 60.0  # seconds
CONNECTIONS = 20
AT_ONCE = 100  # calls under way at most; a busy machine would have ever more begin
PEOPLE = 2_000
SECRET = "secret-of-the-soak"

Call = Callable[[Session, int], Awaitable[object]]


# --- the server --------------------------------------------------------------------------------------------------


async def serve() -> None:
    share = 1 - (1 - FAULTY) ** (1 / len(KINDS))
    emulator = Emulator(
        client_secret=SECRET,
        learners=PEOPLE,
        courses=3,
        token_life=TOKEN_LIFE,
        faults=Faults((Fault(kind=kind, share=share) for kind in KINDS), seed=1),
        journal=Journal(keep=100),
    )
    async with emulator.serve() as url:
        catalogue = emulator.world.catalogue.courses
        quiz_id = next(each.id for course in catalogue for each in course.contents if each.is_quiz)
        print(json.dumps({"url": url, "course_id": catalogue[0].id, "quiz_id": quiz_id}), flush=True)
        await asyncio.Event().wait()


@contextmanager
def academy() -> Iterator[dict[str, str]]:
    """Run the server in a process of its own; give its URL and the ids calls need."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


# --- the load ----------------------------------------------------------------------------------------------------


def calls_of(ids: dict[str, str]) -> list[Call]:
    """Return what is called in turn: reads, pages, a split call, a fan-out, and one in ten that adds."""

    def email(number: int) -> str:
        return f"learner{number % PEOPLE + 1}@example.com"

    async def learner(ao: Session, number: int) -> object:
        return await ao.learners(email=email(number), with_teams=True)

    async def adds(ao: Session, number: int) -> object:
        return await ao.add_learner_quiz_attempts(quiz_id=ids["quiz_id"], email=email(number))

    async def page(ao: Session, number: int) -> object:
        listed = ao.learners_progress_by_course(course_id=ids["course_id"], page=number % 50 + 1, amount=10)
        return await listed

    async def parts(ao: Session, number: int) -> object:
        return await ao.check_learner_invite(emails=[email(number + each) for each in range(5)])

    async def fan_out(ao: Session, number: int) -> object:
        todo = [actions.Learners(email=email(number + each)) for each in range(3)]
        async with ao.fan_out(todo, concurrency=2, on_error="raise") as outcomes:
            return [outcome async for outcome in outcomes]

    async def lists(ao: Session, _: int) -> object:
        return await ao.academies()

    return [learner, page, learner, parts, adds, learner, lists, fan_out, learner, lists]


async def soak(
    ao: Session,
    calls: list[Call],
    *,
    seconds: float,
    warm_up: float,
    rate: float,
    samples_every: float,
) -> dict[str, Any]:
    """Call at a steady pace and return the report."""
    watch = Watch(int(seconds / samples_every) + 2)
    running: set[asyncio.Task[None]] = set()
    began = time.monotonic()
    peak_ends = min(20.0, warm_up / 2)

    async def one(number: int, due: float) -> None:
        try:
            await calls[number % len(calls)](ao, number)
            end = "ok"
        except AoError as error:
            end = type(error).__name__
        watch.ends[end] += 1
        watch.note_latency(part_of(due), time.monotonic() - began - due)

    def part_of(at: float) -> str:
        sixth = int(6 * (at - warm_up) / seconds)
        return "warm-up" if at < warm_up else "first" if sixth == 0 else "last" if sixth >= 5 else "middle"

    with unhandled(watch.unhandled):
        number, due, next_sample = 0, peak_ends, warm_up
        while (now := time.monotonic() - began) < warm_up + seconds:
            is_peak = now < peak_ends
            while len(running) < AT_ONCE and (is_peak or due <= now):
                task = asyncio.create_task(one(number, now if is_peak else due))
                running.add(task)
                task.add_done_callback(running.discard)
                due += 0 if is_peak else 1 / rate
                number += 1
            watch.note_cpu(part_of(now), number)
            if now >= next_sample:
                await ended(running)
                watch.sample(now)
                due = max(due, time.monotonic() - began)
                next_sample += samples_every
            await asyncio.sleep(0.01)
        await ended(running)
        left = len(asyncio.all_tasks()) - 1
    return {"seconds": round(time.monotonic() - began, 1), "calls": number, **watch.report(), "tasks_left": left}


async def ended(running: set[asyncio.Task[None]]) -> None:
    while running:
        await asyncio.wait(running)
        await asyncio.sleep(0)  # for their callbacks


def growing(report: dict[str, Any]) -> list[str]:
    """Return what grew or was left, in words; an empty list where all is flat."""
    found = [f"{report[each]} {each.replace('_', ' ')}" for each in ("tasks_left", "fds_left") if report[each]]
    if max(report["tasks"]) > 1:  # a token may be on its way
        found.append(f"{max(report['tasks']):g} tasks while no call was under way")
    if report["fds"][-1] > report["fds_before"] + CONNECTIONS + 2:
        found.append(f"{report['fds'][-1]:g} descriptors, {report['fds_before']} of them before the first call")
    return found + [f"{count} times unhandled: {what}" for what, count in report["unhandled"].items()]


async def run(ids: dict[str, str], *, seconds: float, warm_up: float, rate: float) -> dict[str, Any]:
    """Open a session, soak it, close it, and return the report."""
    before = descriptors()
    settings = {"max_concurrency": CONNECTIONS, "retries": RetryPolicy(attempts=4, wait=0.1)}
    async with Session("client-id", SECRET, base_url=ids["url"], **settings) as ao:
        every = min(5.0, seconds / 10)
        report = await soak(ao, calls_of(ids), seconds=seconds, warm_up=warm_up, rate=rate, samples_every=every)
    await asyncio.sleep(0.1)
    report |= {"fds_before": before, "fds_left": descriptors() - before}
    return {**report, "growing": growing(report)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="after the warm-up")
    parser.add_argument("--warm-up", type=float, default=120.0, help="seconds")
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second")
    parser.add_argument("--write", action="store_true", help="keep the report as soak.json")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
        return 0
    if "PYTHONMALLOC" not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONMALLOC": "malloc"})
    with academy() as ids:
        loads = [os.getloadavg()[0]]
        report = asyncio.run(run(ids, seconds=given.seconds, warm_up=given.warm_up, rate=given.rate))
        loads.append(os.getloadavg()[0])
    report = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": [round(each, 1) for each in loads],
        "rate": given.rate,
        "faulty": FAULTY,
        "token_life": TOKEN_LIFE,
        **report,
    }
    text = json.dumps(report)
    print(text)
    if given.write:
        Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    return int(bool(report["growing"]))


if __name__ == "__main__":
    sys.exit(main())
