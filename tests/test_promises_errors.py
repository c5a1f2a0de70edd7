"""P27: one failure is one error of the one tree, never an exception group, over the whole fault matrix."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from aoclient import AoError, RetryPolicy, Session, Timeouts, actions
from aoclient.agenda import Failed
from aoclient.emulator import Emulator
from aoclient.emulator.faults import KINDS
from aoclient.errors import ExportError
from aoclient.export import ProgressByCourseJob, export
from tests.kit.clock import run
from tests.kit.trial import Figures, academy, quiz_of, session

QUICK = {"retries": RetryPolicy(attempts=2, wait=0), "timeouts": Timeouts(total=5, read=2)}
EMAILS = [f"x{number}@example.com" for number in range(50)]


def listing(emulator: Emulator) -> actions.LearnersProgressByCourse:
    return actions.LearnersProgressByCourse(course_id=emulator.world.catalogue.courses[0].id)


async def call(ao: Session, emulator: Emulator) -> None:
    await ao.learners()


async def adds(ao: Session, emulator: Emulator) -> None:
    await ao.add_learner_quiz_attempts(quiz_id=quiz_of(emulator), email="learner1@example.com")


async def raw(ao: Session, emulator: Emulator) -> None:
    await ao.call("learners", effect="reads")


async def rows(ao: Session, emulator: Emulator) -> None:
    async for _ in ao.learners_progress_by_course(course_id=listing(emulator).course_id):
        pass


async def pages(ao: Session, emulator: Emulator) -> None:
    async for _ in ao.learners_progress_by_course(course_id=listing(emulator).course_id).pages():
        pass


async def parts(ao: Session, emulator: Emulator) -> None:
    await ao.check_learner_invite(emails=EMAILS)


async def invites(ao: Session, emulator: Emulator) -> None:
    await ao.invite_missing(learners=[actions.Invitee(email="x@example.com", name="X", type="learner")], sends=2)


async def fan_out(ao: Session, emulator: Emulator) -> None:
    async with ao.fan_out([listing(emulator), actions.CheckLearnerInvite(emails=EMAILS)], on_error="raise") as outcomes:
        async for _ in outcomes:
            pass


async def fan_out_in_order(ao: Session, emulator: Emulator) -> None:
    async with ao.fan_out([actions.Courses()] * 20, ordered=True, on_error="raise", retry_failed=1) as outcomes:
        async for _ in outcomes:
            pass


CALLS = [call, adds, raw, rows, pages, parts, invites, fan_out, fan_out_in_order]


@pytest.mark.parametrize("work", CALLS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aim", ["", "token"])
def test_one_failure_is_one_error_of_the_one_tree(work, kind, aim, request):
    options = [f"action={aim}"] if aim and kind != "refuse" else []
    options += ["seconds=30"] if kind in ("stall", "drip") else ["size=1"] if kind == "gzip-bomb" else []

    async def main() -> str:
        emulator = academy(learners=3, faults="@".join([kind, ";".join(options)]) if options else kind)
        async with session(emulator, max_pairs=20, **QUICK) as ao:
            try:
                await work(ao, emulator)
            except AoError as caught:
                error = caught
            else:
                return "ok"
        assert not isinstance(error, BaseExceptionGroup)
        assert error.message
        assert error.action
        return type(error).__name__

    Figures(request, "P27")(f"{kind}{' on token' * bool(aim)}, {work.__name__}: {run(main())}")


def test_a_fan_out_that_collects_gives_plain_errors_too():
    async def main() -> None:
        emulator = academy(faults="500")
        async with session(emulator, **QUICK) as ao, ao.fan_out([actions.Courses()] * 30) as outcomes:
            async for outcome in outcomes:
                assert isinstance(outcome, Failed)
                assert isinstance(outcome.error, AoError)

    run(main())


class ReaderError(Exception):
    """What somebody else's code raises."""


async def broken_source(emulator: Emulator) -> AsyncIterator[actions.Courses]:
    yield actions.Courses()
    raise ReaderError


def broken_iterable(emulator: Emulator) -> Iterator[actions.Courses]:
    yield actions.Courses()
    raise ReaderError


async def source(ao: Session, emulator: Emulator) -> None:
    async with ao.fan_out(broken_source(emulator)) as outcomes:
        async for _ in outcomes:
            pass


async def iterable(ao: Session, emulator: Emulator) -> None:
    async with ao.fan_out(broken_iterable(emulator)) as outcomes:
        async for _ in outcomes:
            pass


async def body(ao: Session, emulator: Emulator) -> None:
    async with ao.fan_out([actions.Courses()] * 50) as outcomes:
        async for _ in outcomes:
            raise ReaderError


async def nested(ao: Session, emulator: Emulator) -> None:
    async with ao.fan_out([actions.Courses()] * 50) as outcomes:
        async for _ in outcomes:
            await body(ao, emulator)


Work = Callable[[Session, Emulator], Awaitable[None]]


@pytest.mark.parametrize("work", [source, iterable, body, nested], ids=lambda each: each.__name__)
def test_an_error_of_the_caller_comes_through_as_it_is(work: Work):
    async def main() -> None:
        emulator = academy()
        async with session(emulator) as ao:
            with pytest.raises(ReaderError):
                await work(ao, emulator)

    run(main())


@pytest.mark.parametrize("kind", ["500", "401", "html-200", "truncated", "429@retry_after=3600", "error-200"])
def test_an_export_with_many_failures_raises_one_error_that_has_them_all(kind, tmp_path, request):
    aimed = f"{kind}{';' if '@' in kind else '@'}action=learnersProgressByCourse"

    async def main() -> ExportError:
        emulator = Emulator(learners=10, courses=6, teams=1)
        async with Session("client-id", "client-secret", sender=emulator, **QUICK) as ao:
            await ao.courses()
            emulator.faults = aimed
            with pytest.raises(ExportError) as caught:
                await export(ao, [ProgressByCourseJob()], tmp_path / "out")
            return caught.value

    error = asyncio.run(main())
    assert not isinstance(error, BaseExceptionGroup)
    assert len(error.missing) == 6
    assert all(
        isinstance(each, AoError) and not isinstance(each, BaseExceptionGroup) for each in error.missing.values()
    )
    Figures(request, "P27")(f"export under {kind}: one ExportError with {len(error.missing)} details")
