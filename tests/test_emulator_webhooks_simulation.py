"""Days of learning, played: in order, the same each time, and in agreement with what the API answers."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from aoclient import ConfigurationError, Session, webhooks
from aoclient.emulator import Emulator, State, Webhooks
from aoclient.webhooks import EVENTS
from tests.kit.clock import run

NOW = 1_800_000_000.0
TODAY = datetime.fromtimestamp(NOW, UTC).date()
DAY = 86_400


async def nowhere(body, headers):
    return 200


def academy(**settings):
    return Emulator(**{"webhooks": Webhooks(nowhere, "secret"), "clock": lambda: NOW, "seed": 3, **settings})


def played(*, simulated=None, **settings):
    emulator = academy(**settings)
    run(emulator.simulate(**(simulated or {})))
    return emulator


def events(emulator):
    return [webhooks.parse(each.body) for each in emulator.deliveries]


def moment_of(event):
    """Return when something happened, or None where the event does not say it."""
    match event:
        case webhooks.LessonStarted():
            return event.lesson.start_date
        case webhooks.LessonFinished():
            return event.lesson.finish_date
        case webhooks.QuizStarted():
            return event.quiz.start_date
        case webhooks.QuizFinished():
            return event.quiz.finish_date
        case webhooks.LearnerCourseCertificateIssued():
            return event.certificate.issue_date
    return None


def test_a_day_is_the_same_each_time_and_another_one_with_another_seed():
    def bodies(seed):
        return [each.body for each in played(simulated={"seed": seed}).deliveries]

    assert bodies(1) == bodies(1) != bodies(2)


def test_events_come_in_the_order_of_the_day():
    found = events(played(simulated={"learners": 50}))
    moments = [each for each in map(moment_of, found) if each is not None]
    assert len(moments) > 100
    assert moments == sorted(moments)
    assert {each.date().toordinal() for each in moments} == {TODAY.toordinal() + 1}


def test_days_follow_each_other():
    emulator = academy()

    async def main():
        for _ in range(2):
            await emulator.simulate(learners=10, days=2)
        assert await emulator.simulate(learners=5, days=0) == {}
        return await emulator.simulate(learners=0, days=1)

    assert run(main()) == {}
    days = {each.date().toordinal() - TODAY.toordinal() for each in map(moment_of, events(emulator)) if each}
    # Midnight belongs to the day it begins, so that each time begins with the day after.
    assert days == {1, 2, 4, 5}
    assert emulator.world.now == (TODAY.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal() + 8) * DAY


def test_what_is_returned_is_what_was_sent():
    emulator = academy()
    counts = run(emulator.simulate(learners=40, days=3))
    assert counts == Counter(each.event for each in events(emulator))
    ids = [each.id for each in events(emulator)]
    assert len(set(ids)) == len(ids)


def test_a_few_weeks_have_every_event():
    counts = run(academy(learners=60).simulate(learners=60, days=14))
    assert set(counts) == set(EVENTS)
    assert counts["learner.end_quiz_attempts"] < counts["quiz.finished"] / 10
    assert counts["quiz.started"] == counts["quiz.finished"]
    assert counts["lesson.started"] == counts["lesson.finished"]


def test_the_api_agrees_with_what_was_sent():
    emulator = academy(learners=40, courses=3)
    before = Emulator(learners=40, courses=3, seed=3, clock=lambda: NOW)

    async def main():
        await emulator.simulate(learners=40, days=5)
        ao = Session(emulator.client_id, emulator.client_secret, sender=emulator)
        old = Session(before.client_id, before.client_secret, sender=before)
        issued = [each for each in events(emulator) if isinstance(each, webhooks.LearnerCourseCertificateIssued)]
        assert issued
        learners = await ao.learners()
        known = {each.email for each in await old.learners()}
        new = [each.learner.email for each in events(emulator) if isinstance(each, webhooks.AcademyLearnerSignUp)]
        assert new
        assert known | set(new) == {each.email for each in learners}
        passive = {each.email for each in await ao.passive_learners()}
        for learner in learners:
            certificates = await ao.certificates(email=learner.email)
            progress = await ao.course_progress(email=learner.email, course_type="all")
            completed = [each for each in progress if each.finish_date is not None]
            assert len(certificates) == learner.certificates_amount == learner.courses_completed == len(completed)
            assert {each.course_name for each in completed} == {each.course_name for each in certificates}
            earlier = await old.certificates(email=learner.email) if learner.email in known else []
            mine = [each.certificate.link_to_pdf for each in issued if each.learner.email == learner.email]
            assert sorted(each.url_to_pdf for each in certificates) == sorted(
                [*mine, *(each.url_to_pdf for each in earlier)]
            )
            assert (learner.email in passive) == all(each.start_date is None for each in progress)
        for course in emulator.world.catalogue.courses:
            rows = [row async for row in ao.learners_progress_by_course(course_id=course.id)]
            assert len({row.email for row in rows}) == len(rows) == len(emulator.world.started[course.number - 1])
            completed = [row for row in rows if row.status == "Completed"]
            assert len(completed) == len(await ao.learners_course_complete(course_id=course.id))

    asyncio.run(main())


def test_everything_is_delivered_while_the_api_is_asked():
    received = []

    async def receive(body, headers):
        received.append(webhooks.parse(body).id)
        return 500 if len(received) % 7 == 0 and received.count(received[-1]) == 1 else 200

    emulator = academy(webhooks=Webhooks(receive, "secret", duplicates=0.1, shuffle=1.0, concurrency=4))

    async def main():
        ao = Session(emulator.client_id, emulator.client_secret, sender=emulator)
        async with emulator.delivering():
            playing = asyncio.create_task(emulator.simulate(learners=30, takes=60.0))
            while not playing.done():
                await ao.learners_repeated_log_ins()
                await asyncio.sleep(5.0)
            await emulator.deliveries.settle()

    run(main())
    assert {each.state for each in emulator.deliveries} == {State.DELIVERED}
    assert set(received) == {each.event.id for each in emulator.deliveries}


def test_a_day_can_be_spread():
    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        await academy(learners=10).simulate(learners=3, takes=24.0)
        return loop.time() - began

    assert run(main()) == pytest.approx(24.0, abs=0.01)


def test_who_is_deleted_or_blocked_meanwhile_comes_no_more():
    emulator = academy(learners=30, teams=0)

    async def main():
        playing = asyncio.create_task(emulator.simulate(learners=30, takes=24.0))
        await asyncio.sleep(12.0)  # noon
        world = emulator.world
        for number in list(world.everyone)[:15]:
            world.delete(number)
        world.blocked.update(world.everyone)
        sent = len(emulator.deliveries)
        assert sent
        await playing
        await emulator.simulate(learners=30)
        return events(emulator)[sent:]

    after = run(main())
    new = {each.learner.email for each in events(emulator) if isinstance(each, webhooks.AcademyLearnerSignUp)}
    assert {each.learner.email for each in after if hasattr(each, "learner")} <= new


def test_an_academy_where_everybody_knows_everything_has_a_quiet_day():
    emulator = academy(learners=5, courses=1)
    world = emulator.world
    (course,) = world.catalogue.courses
    old = [emulator.learner(world.learner(number).email) for number in world.everyone]
    for pupil in old:
        pupil.finish_course(course.id)
    before = len(emulator.deliveries)
    run(emulator.simulate(learners=20))
    active = {each.learner.email for each in events(emulator)[before:] if hasattr(each, "learner")}
    assert active
    assert not active & {each.email for each in old}


def test_what_was_left_open_is_finished_and_what_is_stuck_stays():
    emulator = academy(learners=2, courses=1)
    world = emulator.world
    (course,) = world.catalogue.courses
    at = next(index for index, each in enumerate(course.contents) if each.is_quiz)
    open_one, stuck = (emulator.sign_up(f"{name}@example.com") for name in ("open", "stuck"))
    open_one.start_course(course.id)
    for content in course.contents[:at]:
        stuck.start(content.id)
        stuck.finish(content.id)
    for _ in range(3):
        stuck.start(course.contents[at].id)
        stuck.finish(course.contents[at].id, score=0)
    before = stuck.standing(course.id)
    run(emulator.simulate(learners=30, days=3))
    assert open_one.standing(course.id).steps[0].is_passed
    assert stuck.standing(course.id) == before
    starts = [
        each
        for each in events(emulator)
        if isinstance(each, webhooks.LessonStarted)
        and (each.learner.email, each.lesson.id) == (open_one.email, course.contents[0].id)
    ]
    assert len(starts) == 1


def test_who_is_not_registered_yet_does_not_come():
    early = academy(clock=lambda: 1_650_000_000.0)  # a third of the learners registered until then
    run(early.simulate(learners=60))
    world = early.world
    active = {each.learner.email for each in events(early) if isinstance(each, webhooks.LessonStarted)}
    known = [world.learner(world.find(each)) for each in active]
    assert known
    assert all(each.registered_at <= world.now for each in known)


def test_days_are_not_played_twice_at_once():
    emulator = academy()

    async def main():
        playing = asyncio.create_task(emulator.simulate(takes=10.0))
        await asyncio.sleep(1)
        with pytest.raises(ConfigurationError, match="already"):
            await emulator.simulate()
        await playing

    run(main())


@pytest.mark.parametrize("settings", [{"learners": -1}, {"days": -1}, {"takes": float("nan")}])
def test_numbers_below_zero_are_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        run(academy().simulate(**settings))
