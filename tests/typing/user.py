"""A program of a user: a service, an export, webhooks, many calls, a sender and tests of its own. No ignore in it.

mypy and pyright check it in strict mode, and `tests/test_user_program.py` runs its tests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import aoclient
from aoclient import Done, Failed, actions
from aoclient.cassettes import Recording, Replayed
from aoclient.emulator import Call, Emulator, Invited, Registered
from aoclient.export import LearnersJob, Manifest, ProgressByCourseJob, export, read_manifest
from aoclient.receivers import MemoryStore, Receiver, serve
from aoclient.webhooks import CourseFinished, Event, QuizFinished
from aoclient.wire import Request, Response, Sender

log = logging.getLogger(__name__)


# --- a service ---------------------------------------------------------------------------------------------------


@dataclass
class Academy:
    """What the service knows of the academy."""

    ao: aoclient.Session

    async def score_of(self, email: str) -> float | None:
        learners = await self.ao.learners(email=email)
        return learners[0].score if learners else None

    async def invite(self, emails: list[str]) -> list[str]:
        people = [actions.Invitee(email=email, name=email, type="learner") for email in emails]
        try:
            invitations = await self.ao.invite_missing(learners=people, is_send_email=False)
        except aoclient.OutcomeUnknownError as error:
            log.warning("%s may have been executed", error.action)
            return []
        return [*invitations.made, *invitations.missing]


@asynccontextmanager
async def academy(sender: Sender | None = None) -> AsyncGenerator[Academy]:
    rate = aoclient.Rate(600, per=1.0)
    async with aoclient.Session("client-id", "client-secret", rate=rate, sender=sender) as ao:
        yield Academy(ao)


# --- many calls --------------------------------------------------------------------------------------------------


async def progress(ao: aoclient.Session, emails: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    todo = (actions.CourseProgress(email=email) for email in emails)
    async with ao.fan_out(todo, concurrency=8) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Done(action=actions.CourseProgress(email=email), answer=courses):
                    found[email] = max((course.progress or 0.0 for course in courses), default=0.0)
                case Done():
                    pass
                case Failed(error=error):
                    log.warning("no progress: %s", error)
    return found


# --- an export ---------------------------------------------------------------------------------------------------


async def nightly(ao: aoclient.Session, target: Path) -> Manifest:
    manifest = await export(ao, [LearnersJob(), ProgressByCourseJob()], target, format="jsonl")
    assert read_manifest(target).rows == manifest.rows
    return manifest


# --- webhooks ----------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What came in."""

    quizzes: list[tuple[str, float | None]] = field(default_factory=list[tuple[str, float | None]])
    others: list[str] = field(default_factory=list[str])


def receiver(seen: Seen) -> Receiver:
    taken = Receiver("webhook-secret", store=MemoryStore())

    @taken.on(QuizFinished)
    async def quiz(event: QuizFinished) -> None:
        seen.quizzes.append((event.learner.email, event.quiz.score))

    @taken.on(CourseFinished)
    async def course(event: Event) -> None:
        seen.others.append(event.event)

    return taken


# --- a sender of one's own ---------------------------------------------------------------------------------------


@dataclass
class Timed:
    """Adds up how long calls take."""

    inner: Sender
    seconds: float = 0.0
    names: list[str] = field(default_factory=list[str])

    async def send(self, request: Request) -> Response:
        began = asyncio.get_running_loop().time()
        try:
            return await self.inner.send(request)
        finally:
            self.seconds += asyncio.get_running_loop().time() - began
            self.names.append(request.name)


def timed(ao: aoclient.Session) -> tuple[aoclient.Session, list[Timed]]:
    made: list[Timed] = []

    def make(inner: Sender) -> Sender:
        made.append(Timed(inner))
        return made[-1]

    return ao.with_sender(make), made


async def record(path: Path, sender: Sender) -> int:
    async with Recording(path, sender=sender) as recording, academy(recording) as recorded:
        first = await recorded.ao.learners()
    async with academy(Replayed(path)) as replayed:
        second = await replayed.ao.learners()
    return len(first) - len(second)


# --- tests -------------------------------------------------------------------------------------------------------


@pytest.mark.academyocean(learners=0)
def test_the_score_of_a_learner(ao: aoclient.Session, academyocean: Emulator) -> None:
    academyocean.given(Registered("ann@example.com", finished=["onboarding"]), Invited("ben@example.com"))
    with academyocean.expecting(
        Call(actions.Learners, email="ann@example.com"), actions.CheckLearnerInvite, others=True
    ):
        score = asyncio.run(_score_and_invite(ao))
    assert score is not None
    assert score > 0


async def _score_and_invite(ao: aoclient.Session) -> float | None:
    service = Academy(ao)
    score = await service.score_of("ann@example.com")
    assert await service.invite(["ben@example.com", "cleo@example.com"]) == ["cleo@example.com"]
    return score


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(learners=12, courses=2)


def test_everything_else(emulator: Emulator, tmp_path: Path) -> None:
    async def main() -> None:
        async with academy(emulator) as service:
            view, (sender,) = timed(service.ao)
            emails = [learner.email for learner in await view.learners()]
            assert set(await progress(view, emails)) == set(emails)
            assert sender.names.count("courseProgress") == len(emails)
            assert (await nightly(view, tmp_path / "export")).rows > len(emails)
        assert await record(tmp_path / "cassette.jsonl", emulator) == 0
        async with serve(receiver(Seen()), port=0) as url:
            assert url.startswith("http://127.0.0.1:")

    asyncio.run(main())
