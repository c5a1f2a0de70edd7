"""P10 for what is made of many calls: renewals, joined reads, pages, exports, receivers. Nothing is left of any."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from aoclient import Session, actions
from aoclient.emulator import Emulator
from aoclient.export import LearnersJob, ProgressByCourseJob, export, plan, read_manifest
from aoclient.method import Method
from aoclient.receivers import MemoryStore, Receiver
from aoclient.webhooks import Event
from tests import test_promises_cancel as test_cancel
from tests.kit.cancel import SteppingSocketLoop, cancel_at_every_step
from tests.kit.receiving import SECRET, Keeping, body, signed
from tests.kit.trial import Figures, sized
from tests.test_promises_cancel import Case, invites, nothing_is_left, opened

# --- a token, joined reads, pages --------------------------------------------------------------------------------


async def renews(case: Case) -> None:
    case.emulator.tokens.expire()
    await asyncio.gather(*(case.ao.academies() for _ in range(3)))


async def renews_early(case: Case) -> None:
    await case.ao.academies()
    case.ao._authorized._held.renew_at = 0.0
    await case.ao.academies()
    await asyncio.sleep(0.06)


async def calls_by_name(case: Case) -> None:
    await case.ao.call("learners", {"email": "learner1@example.com"}, effect="reads")


async def sends_a_value(case: Case) -> None:
    await case.ao.send(actions.Learners(email="learner1@example.com"))


async def pages(case: Case) -> None:
    async for _ in case.ao.learners_progress_by_course(course_id=case.course_id, amount=10).pages():
        pass


async def joins(case: Case) -> None:
    await asyncio.gather(*(case.ao.courses() for _ in range(3)), case.ao.academies())


CALLS = {
    renews: {},
    renews_early: {},
    calls_by_name: {},
    sends_a_value: {},
    pages: {},
    joins: {"join_reads": True, "cache_for": 60.0},
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_it_is_cancelled_at_each_step_and_leaves_nothing(call, request):
    result = cancel_at_every_step(opened(**CALLS[call]), call, nothing_is_left)
    assert result.cancelled > 3
    assert set(result.ended) == {"CancelledError", "ok"}
    Figures(request, "P10")(f"{call.__name__}: cancelled at each of {sum(result.ended.values())} steps, nothing left")


# --- exports -----------------------------------------------------------------------------------------------------

JOBS = [LearnersJob(), ProgressByCourseJob()]


def test_an_export_is_cancelled_at_each_step_and_the_next_one_is_whole(tmp_path, request):
    """Its commits run in threads, so the loop is a real one and the number of steps varies."""
    numbers = iter(range(10_000))

    @asynccontextmanager
    async def open_export():
        emulator = Emulator(learners=6, courses=2, teams=1)
        async with Session("client-id", "client-secret", sender=emulator) as ao:
            case = Case(ao, emulator)
            case.target = tmp_path / str(next(numbers))
            yield case

    async def exports(case: Case) -> None:
        await export(case.ao, JOBS, case.target, format="jsonl")

    async def plans(case: Case) -> None:
        await plan(case.ao, JOBS, case.target, format="jsonl")

    async def next_one_is_whole(case: Case) -> None:
        await nothing_is_left(case)
        await exports(case)
        manifest = read_manifest(case.target)
        files = (case.target / "learners").iterdir()
        lines = Counter(line for path in files for line in path.read_text(encoding="utf-8").splitlines())
        assert len(manifest.shards) == manifest.planned
        assert {json.loads(line)["email"] for line in lines} == {f"learner{n}@example.com" for n in range(1, 7)}
        assert set(lines.values()) == {1}
        assert list((case.target / ".aoclient" / "tmp").iterdir()) == []

    for work in (exports, plans):
        steps = range(0, sized(60, 10_000), sized(4, 1))
        result = cancel_at_every_step(
            open_export, work, next_one_is_whole, steps=steps, loop_factory=SteppingSocketLoop
        )
        assert result.cancelled > 3
        assert set(result.ended) <= {"CancelledError", "ok"}
        Figures(request, "P10")(
            f"{work.__name__}: cancelled at {result.cancelled} steps, nothing left, the next run is whole each time"
        )


# --- receivers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [0, 1], ids=["handled", "failed once"])
def test_a_delivery_is_cancelled_at_each_step_and_the_next_try_is_handled_once(fails, request):
    """The one who cancels is the server, when the sender hangs up; the sender tries again."""

    @asynccontextmanager
    async def open_receiver():
        receiver = Receiver(SECRET, wait=True, store=MemoryStore())
        keeping = Keeping([ValueError("not yet")] * fails)

        async def handle(event: Event) -> None:
            await asyncio.sleep(0.01)
            await keeping(event)

        receiver.on(Event)(handle)
        async with receiver:
            yield receiver, keeping

    async def receive(case: tuple[Receiver, Keeping]) -> None:
        answers = [await case[0].receive(body("e1"), signed(body("e1"))) for _ in range(2)]
        assert answers[-1].status == 200

    async def again(case: tuple[Receiver, Keeping]) -> None:
        receiver, keeping = case
        await asyncio.sleep(400)  # longer than any lease
        await receive(case)
        assert keeping.ids == ["e1"]
        assert receiver.at_work == 0

    result = cancel_at_every_step(open_receiver, receive, again)
    assert result.cancelled > 3
    assert set(result.ended) == {"CancelledError", "ok"}
    Figures(request, "P10")(f"a delivery cancelled at each of {result.cancelled} steps: handled once in the end")


# --- all of them -------------------------------------------------------------------------------------------------

OWN_CASES = {
    "call": calls_by_name,
    "send": sends_a_value,
    "invite_missing": invites,
    "aclose": test_cancel.test_close_is_cancelled_at_each_step_and_can_be_called_again,
}


def test_every_public_coroutine_of_a_session_has_its_case():
    """Those of actions are bound by one function; it is run for one request, one that adds, parts and rows."""
    public = {name for name in dir(Session) if not name.startswith("_")}
    waited_for = {name for name in public if inspect.iscoroutinefunction(getattr(Session, name))}
    of_actions = {name for name, each in vars(Session).items() if isinstance(each, Method)}
    assert waited_for - of_actions == set(OWN_CASES)
