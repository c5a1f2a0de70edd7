"""What people do in the emulator: it shows in the answers of the API, and goes out as webhooks."""

import asyncio

import pytest

from aoclient import Session, actions, webhooks
from aoclient.emulator import Emulator, Refusal, Webhooks
from aoclient.webhooks import EVENTS

NEW = "new@example.com"


async def nowhere(body, headers):
    return 200


class Clock:
    """A clock that goes by hand, in an academy that exists for years."""

    def __init__(self):
        self.now = 1_800_000_000

    def __call__(self):
        return self.now


def academy(**settings):
    clock = Clock()
    emulator = Emulator(webhooks=Webhooks(nowhere, "secret"), clock=clock, courses=5, seed=3, **settings)
    ao = Session(emulator.client_id, emulator.client_secret, sender=emulator)
    return emulator, ao, clock


def events(emulator):
    return [webhooks.parse(each.body) for each in emulator.deliveries]


def names(emulator):
    return [each.event for each in events(emulator)]


def of(emulator, cls):
    return [each for each in events(emulator) if isinstance(each, cls)]


def untouched(emulator, course):
    """Return a learner of the first hour who did not start a course."""
    world = emulator.world
    number = next(each for each in world.everyone if world.standing(world.learner(each), course) is None)
    return emulator.learner(world.learner(number).email)


def course_of(emulator, *, is_group):
    return next(each for each in emulator.world.catalogue.courses if each.is_group is is_group)


def quiz_of(emulator):
    """Return a course without a group whose quiz has a timer, and the place of the quiz."""
    for course in emulator.world.catalogue.courses:
        for index, content in enumerate(course.contents):
            if content.timer_minutes and not course.is_group:
                return course, index
    raise AssertionError("the seed has no such quiz")


def pass_until(pupil, course, index):
    for content in course.contents[:index]:
        pupil.start(content.id)
        pupil.finish(content.id)


# --- events ---


def test_a_newcomer_signs_up_into_no_team():
    emulator, ao, _ = academy()
    pupil = emulator.sign_up(NEW, first_name="Nina", last_name="O'Neil/Łódź")
    assert names(emulator) == ["academy.learner.sign_up", "team.new_learners"]
    signed_up, joined = events(emulator)
    assert (signed_up.learner.email, signed_up.learner.full_name) == (NEW, "Nina O'Neil/Łódź")
    assert signed_up.academy.id == emulator.world.academy_id
    assert [each.name for each in joined.team] == ["No Team"]
    assert (joined.learners, joined.courses, joined.course_groups) == ([signed_up.learner], [], [])
    learners = asyncio.run(ao.learners())
    assert (len(learners), learners[-1].name) == (101, pupil.person.name)


def test_a_newcomer_with_teams_gets_their_courses():
    emulator, ao, _ = academy()
    first, second = emulator.world.catalogue.teams[:2]
    emulator.sign_up(NEW, teams=[first.id, second.id])
    assert names(emulator)[:3] == ["academy.learner.sign_up", "team.new_learners", "team.new_learners"]
    available = of(emulator, webhooks.LearnerCourseAvailable)
    found = [item.name for each in available for item in (*each.courses, *each.course_groups)]
    courses = emulator.world.catalogue.courses
    expected = {courses[each - 1].name for each in (*first.courses, *second.courses)}
    assert sorted(found) == sorted(expected)  # each once, though both teams may bring it
    (learner,) = asyncio.run(ao.learners(email=NEW, with_teams=True))
    assert [each.id for each in learner.teams] == [first.id, second.id]


def test_what_programs_start_is_announced_too():
    emulator, ao, _ = academy()
    team, other = emulator.world.catalogue.teams[:2]
    guest, stranger = "guest@example.com", "stranger@example.com"

    async def main():
        await ao.invite_learners(learners=[actions.Invitee(email=guest, name="G Uest", type="learner")])
        assert names(emulator) == []
        emulator.accept_invite(guest)
        link = (await ao.create_login_token(academy_id=emulator.world.academy_id, email=stranger)).link
        assert names(emulator) == ["academy.learner.sign_up", "team.new_learners"]
        emulator.open_link(link)
        await ao.add_learners_to_teams(teams=[team.id, other.id], learners=[guest, stranger])
        await ao.add_learners_to_teams(teams=[team.id], learners=[guest])

    asyncio.run(main())
    signed_up = of(emulator, webhooks.AcademyLearnerSignUp)
    assert [each.learner.email for each in signed_up] == [guest, stranger]
    joined = of(emulator, webhooks.TeamNewLearners)[2:]
    assert [([each.email for each in event.learners], event.team[0].id) for event in joined] == [
        ([guest, stranger], team.id),
        ([guest, stranger], other.id),
    ]
    assert names(emulator)[-1] == "learner.course.available"


def test_leaving_the_last_team_is_coming_into_no_team():
    emulator, _, _ = academy()
    first, second = (each.id for each in emulator.world.catalogue.teams[:2])
    pupil = emulator.sign_up(NEW, teams=[first])
    pupil.join(second)
    before = len(events(emulator))
    pupil.leave(first)
    pupil.leave(first)
    assert len(events(emulator)) == before
    pupil.leave(second)
    assert [each.name for each in events(emulator)[-1].team] == ["No Team"]
    assert len(events(emulator)) == before + 1


def test_a_course_given_to_a_team_is_available_to_members_who_could_not_take_it():
    emulator, ao, _ = academy()
    world = emulator.world
    course = next(each for each in world.catalogue.courses if any(each.number not in t.courses for t in teams(world)))
    team = next(each for each in teams(world) if course.number not in each.courses)
    emulator.give_course(course.slug, team=team.id)
    emulator.give_course(course.id, team=team.id)
    (event,) = events(emulator)
    found = [*event.courses, *event.course_groups]
    assert [each.id for each in found] == [course.id]
    others = {each.number for each in teams(world) if course.number in each.courses} - {team.number}
    expected = [
        person.email
        for person in map(world.learner, world.everyone)
        if team.number in person.teams and not others.intersection(person.teams)
    ]
    assert [each.email for each in event.learners] == expected
    listed = {each.id: [item.id for item in each.courses] for each in asyncio.run(ao.get_teams(records="course"))}
    assert course.number in listed[team.id]


def teams(world):
    return world.catalogue.teams


def test_an_unpublished_course_is_available_to_nobody():
    emulator, _, _ = academy()
    emulator = Emulator(webhooks=Webhooks(nowhere, "secret"), courses=6)
    draft = next(each for each in emulator.world.catalogue.courses if not each.is_published)
    for team in emulator.world.catalogue.teams:
        emulator.give_course(draft.id, team=team.id)
    assert events(emulator) == []


def test_many_learners_of_one_change_make_several_events():
    emulator, ao, _ = academy(learners=250, teams=1)
    world = emulator.world
    everybody = [world.learner(each).email for each in world.everyone]
    loose = [each for each in everybody if not emulator.learner(each).person.teams]
    team = world.catalogue.teams[0]
    asyncio.run(ao.add_learners_to_teams(teams=[team.id], learners=everybody))
    joined = of(emulator, webhooks.TeamNewLearners)
    assert [each.email for event in joined for each in event.learners] == loose
    assert all(len(event.learners) <= 100 for event in joined)


def test_a_course_is_learned_from_start_to_certificate():
    emulator, ao, clock = academy()
    course = course_of(emulator, is_group=False)
    pupil = untouched(emulator, course)

    async def progress():
        found = await ao.course_progress(email=pupil.email, course_type="all")
        return next(each for each in found if each.course_id == course.id)

    async def row():
        rows = ao.learners_progress_by_course(course_id=course.id)
        found = [each async for each in rows if each.email == pupil.email]
        return found[0] if found else None

    async def main():
        (before,) = await ao.learners(email=pupil.email)
        certificates = await ao.certificates(email=pupil.email)
        assert await row() is None
        pupil.start_course(course.slug)
        assert names(emulator) == ["course.started", "lesson.started"]
        assert (await row()).status == "In progress"
        assert (await progress()).content_progress[0].started_at is not None
        clock.now += 60
        pupil.finish(course.contents[0].id)
        (lesson,) = of(emulator, webhooks.LessonFinished)
        assert (lesson.lesson.finish_date - lesson.lesson.start_date).total_seconds() == 60
        assert (await progress()).content_progress[0].pass_time_sec == 60
        assert (await progress()).progress_amount == 1
        clock.now += 600
        pupil.finish_course(course.id)

        assert names(emulator)[-2:] == ["course.finished", "learner.course_certificate.issued"]
        assert (await row()).status == "Completed"
        assert (await progress()).progress == 100.0
        (learner,) = await ao.learners(email=pupil.email)
        assert learner.certificates_amount == before.certificates_amount + 1
        assert learner.courses_completed == before.courses_completed + 1
        assert learner.lessons_completed == before.lessons_completed + len(course.contents)
        assert learner.score > before.score
        complete = await ao.learners_course_complete(course_id=course.id)
        assert complete[-1].name == learner.name
        (certificate,) = [each for each in await ao.certificates(email=pupil.email) if each not in certificates]
        sent = events(emulator)[-1].certificate
        assert (certificate.url_to_pdf, certificate.url_to_image) == (sent.link_to_pdf, sent.link_to_img)
        assert certificate.issued_date == sent.issue_date == (await progress()).finish_date

    asyncio.run(main())
    assert len(of(emulator, webhooks.CourseStarted)) == len(of(emulator, webhooks.CourseFinished)) == 1


def test_a_group_has_events_of_its_own():
    emulator, _, _ = academy()
    group = course_of(emulator, is_group=True)
    pupil = untouched(emulator, group)
    pupil.finish_course(group.id)
    found = names(emulator)
    assert (found[0], found[-2]) == ("course_group.started", "course_group.finished")
    assert events(emulator)[0].group.id == group.id
    assert "course.started" not in found


def test_a_failed_quiz_is_tried_again_until_no_attempt_is_left():
    emulator, ao, clock = academy()
    course, index = quiz_of(emulator)
    quiz = course.contents[index]
    pupil = untouched(emulator, course)

    async def statistic():
        return (await ao.get_learners_quiz_statistic(records={pupil.email: [quiz.id]}))[pupil.email].get(quiz.id)

    async def main():
        pass_until(pupil, course, index)
        pupil.start(quiz.id)
        assert await statistic() is None
        clock.now += 46
        pupil.finish(quiz.id, score=1)
        (event,) = [each for each in of(emulator, webhooks.QuizFinished) if each.quiz.id == quiz.id]
        found = await statistic()
        assert (found.score, found.is_passed, found.spent_time_seconds) == (1, False, 46)
        assert (event.quiz.score, event.quiz.is_passed, event.quiz.spent_time_sec) == (1.0, False, 46)
        assert event.quiz.timer_minutes == quiz.timer_minutes
        assert b'"score":"1","passing_score":' in list(emulator.deliveries)[-1].body
        for _ in range(2):
            assert of(emulator, webhooks.LearnerEndQuizAttempts) == []
            pupil.start(quiz.id)
            pupil.finish(quiz.id, score=0)
        (ended,) = of(emulator, webhooks.LearnerEndQuizAttempts)
        assert (ended.quiz.id, ended.learner.email) == (quiz.id, pupil.email)
        with pytest.raises(Refusal, match="No attempts left"):
            pupil.start(quiz.id)

        await ao.add_learner_quiz_attempts(quiz_id=quiz.id, email=pupil.email)
        pupil.start(quiz.id)
        pupil.finish(quiz.id)
        assert (await statistic()).is_passed
        assert len(of(emulator, webhooks.LearnerEndQuizAttempts)) == 1

    asyncio.run(main())


def test_the_timer_of_a_quiz_ends_the_attempt():
    emulator, ao, clock = academy()
    course, index = quiz_of(emulator)
    quiz = course.contents[index]
    pupil = untouched(emulator, course)
    pass_until(pupil, course, index)
    pupil.start(quiz.id)
    clock.now += 86_400
    pupil.finish(quiz.id)
    event = events(emulator)[-1 if pupil.standing(course.id).completed_at is None else -3]
    assert (event.quiz.is_timer_expired, event.quiz.spent_time_sec) == (True, 60 * quiz.timer_minutes)
    found = asyncio.run(ao.get_learners_quiz_statistic(records={pupil.email: [quiz.id]}))[pupil.email][quiz.id]
    assert (found.is_expired, found.spent_time_seconds) == (True, 60 * quiz.timer_minutes)


def test_somebody_who_was_passive_is_not_any_more():
    emulator, ao, _ = academy()
    course = course_of(emulator, is_group=False)

    async def passive():
        return [each.email for each in await ao.passive_learners()]

    async def main():
        before = await passive()
        emulator.sign_up(NEW)
        assert await passive() == [*before, NEW]
        for email in (before[0], NEW):
            emulator.learner(email).start(course.contents[0].id)
        assert await passive() == before[1:]
        started = [each.email async for each in ao.learners_progress_by_course(course_id=course.id)]
        assert started[-2:] == [before[0], NEW]
        churn = await ao.learners_churn_at_content(course_id=course.id, content_id=course.contents[0].id)
        assert [each.email for each in churn][-2:] == [before[0], NEW]
        await ao.delete_learners(emails=[before[0], before[1], NEW])
        assert await passive() == before[2:]
        after = [each.email async for each in ao.learners_progress_by_course(course_id=course.id)]
        assert after == started[:-2]

    asyncio.run(main())


def test_a_deleted_learner_takes_what_they_learned_along():
    emulator, ao, _ = academy()
    course = course_of(emulator, is_group=False)
    pupil = emulator.sign_up(NEW)
    pupil.finish_course(course.id)

    async def main():
        amount = len(await ao.learners_course_complete(course_id=course.id))
        await ao.delete_learners(emails=[NEW])
        assert len(await ao.learners_course_complete(course_id=course.id)) == amount - 1

    asyncio.run(main())
    with pytest.raises(Refusal, match="Learner not found"):
        pupil.start(course.contents[0].id)


def test_who_stopped_in_the_middle_goes_on():
    emulator, _, clock = academy()
    world = emulator.world
    pupil, standing = next(
        (emulator.learner(person.email), each)
        for person in map(world.learner, world.everyone)
        for each in world.standings(person)
        if not each.steps[-1].is_passed and not each.steps[-1].content.is_quiz
    )
    lesson = standing.steps[-1]
    pupil.start(lesson.content.id)
    clock.now += 30
    pupil.finish(lesson.content.id)
    started, finished = events(emulator)[:2]
    assert (started.event, finished.event) == ("lesson.started", "lesson.finished")
    assert started.lesson.start_date.timestamp() == clock.now - 30
    after = pupil.standing(standing.course.id)
    assert after.passed == standing.passed + 1
    assert after.seconds == standing.seconds + 30


def test_finishing_a_course_goes_on_where_it_is_open():
    emulator, _, _ = academy()
    course = course_of(emulator, is_group=False)
    pupil = untouched(emulator, course)
    pupil.start_course(course.id)
    pupil.finish_course(course.id)
    sent = len(events(emulator))
    pupil.finish_course(course.id)
    assert len(events(emulator)) == sent
    assert len(of(emulator, webhooks.LessonStarted)) == sum(not each.is_quiz for each in course.contents)


def test_logging_in_shows():
    emulator, ao, clock = academy()
    emulator.learner("LEARNER7@example.com").log_in()
    (learner,) = asyncio.run(ao.learners(email="learner7@example.com"))
    assert learner.last_login_at.timestamp() == clock.now


# --- refusals ---


def test_the_academy_says_no():
    emulator, ao, _ = academy()
    course = course_of(emulator, is_group=False)
    first, second = course.contents[:2]
    pupil = untouched(emulator, course)

    def refuses(text, call, *given, **named):
        with pytest.raises(Refusal, match=text):
            call(*given, **named)

    refuses("locked", pupil.start, second.id)
    refuses("not open", pupil.finish, first.id)
    pupil.start(first.id)
    refuses("open already", pupil.start, first.id)
    refuses("started already", pupil.start_course, course.id)
    refuses("locked", pupil.start, second.id)
    refuses("not open", pupil.finish, second.id)
    refuses("A score is from 0 to 0", pupil.finish, first.id, score=1)
    pupil.finish(first.id)
    refuses("passed already", pupil.start, first.id)
    refuses("not open", pupil.finish, first.id)
    refuses("Content not found", pupil.start, "none")
    refuses("Course not found", pupil.start_course, "none")
    refuses("Team not found", pupil.join, "none")
    refuses("Course not found", emulator.give_course, "none", team="none")
    refuses("Learner not found", emulator.learner, NEW)
    refuses("registered already", emulator.sign_up, pupil.email.upper())
    sent = len(events(emulator))
    asyncio.run(ao.revoke_learners_access(learners=[pupil.email]))
    refuses("revoked", pupil.start, second.id)
    refuses("revoked", pupil.log_in)
    assert len(events(emulator)) == sent
    assert repr(pupil) == f"Pupil({pupil.email!r})"


def test_every_event_of_the_page_is_sent_and_has_its_own_id():
    emulator, _, _ = academy()
    course, index = quiz_of(emulator)
    pupil = emulator.sign_up(NEW, teams=[emulator.world.catalogue.teams[0].id])
    pupil.finish_course(course_of(emulator, is_group=True).id)
    pass_until(pupil, course, index)
    for _ in range(3):
        pupil.start(course.contents[index].id)
        pupil.finish(course.contents[index].id, score=0)
    emulator.learner("learner1@example.com").finish_course(course.id)
    other = emulator.sign_up("other@example.com")
    other.finish_course(course.id)
    assert set(names(emulator)) == set(EVENTS)
    ids = [each.id for each in events(emulator)]
    assert len(set(ids)) == len(ids) > 50


def test_the_same_seed_makes_the_same_bodies_and_no_webhooks_make_none():
    def bodies():
        emulator, _, _ = academy()
        emulator.sign_up(NEW).finish_course(course_of(emulator, is_group=False).id)
        return [each.body for each in emulator.deliveries]

    assert bodies() == bodies()
    silent = Emulator()
    silent.sign_up(NEW).finish_course(course_of(silent, is_group=False).id)
    assert len(silent.deliveries) == 0
