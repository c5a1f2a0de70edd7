"""What actions change in the emulator, seen through a session and through the journal."""

import asyncio

import pytest

from aoclient import ApiError, Session, actions
from aoclient.emulator import Emulator, Quirks

NEW = "new@example.com"
OLD = "learner7@example.com"


def effects(academyocean):
    return [(entry.action.spec.name, entry.effect) for entry in academyocean.journal.applied if entry.effect]


def test_an_invited_person_is_found_and_becomes_a_learner(academyocean, ao):
    team = academyocean.world.catalogue.teams[0]

    async def main():
        invitee = actions.Invitee(email=NEW, name="Nina New Person", type="learner", teams=[team.id])
        assert (await ao.invite_learners(learners=[invitee], is_send_email=True)).invited == 1
        state = (await ao.check_learner_invite(emails=[NEW]))[NEW]
        assert (state.is_found, state.is_used, state.used_at) == (True, False, None)
        assert await ao.learners(email=NEW) == []

        assert academyocean.accept_invite(NEW).name == "Nina New Person"
        state = (await ao.check_learner_invite(emails=[NEW]))[NEW]
        assert state.is_used
        (learner,) = await ao.learners(email=NEW.upper(), with_teams=True)
        assert learner.registered_at == state.used_at
        assert (learner.name, [each.name for each in learner.teams]) == ("Nina New Person", [team.name])
        assert learner.email in [each.email for each in await ao.passive_learners()]

    asyncio.run(main())
    assert [(each.to, each.what) for each in academyocean.world.mails] == [(NEW, "invitation")]
    assert effects(academyocean) == [("inviteLearners", "1 invited")]


def test_nobody_is_invited_twice(academyocean, ao):
    async def main():
        people = [actions.Invitee(email=each, name="N", type="manager") for each in (NEW, NEW, OLD)]
        assert (await ao.invite_learners(learners=people)).invited == 1
        assert (await ao.invite_learners(learners=people)).invited == 0

    asyncio.run(main())
    assert academyocean.world.mails == []
    assert academyocean.world.invites[NEW].type == "manager"


def test_an_invitation_is_accepted_once(academyocean, ao):
    asyncio.run(ao.invite_learners(learners=[actions.Invitee(email=NEW, name="N", type="learner")]))
    academyocean.accept_invite(NEW)
    with pytest.raises(Exception, match="used already"):
        academyocean.accept_invite(NEW)
    with pytest.raises(Exception, match="Invite not found"):
        academyocean.accept_invite("other@example.com")


def test_a_deleted_invitation_is_gone_and_a_learner_stays(academyocean, ao):
    async def main():
        await ao.invite_learners(learners=[actions.Invitee(email=NEW, name="N", type="learner")])
        assert (await ao.delete_learner_invite(emails=[NEW, OLD])).value == ["done"]
        found = await ao.check_learner_invite(emails=[NEW, OLD])
        assert (found[NEW].is_found, found[OLD].is_found) == (False, True)
        assert len(await ao.learners(email=OLD)) == 1
        await ao.delete_learner_invite(emails=[OLD], is_delete_users=True)
        assert await ao.learners(email=OLD) == []
        assert not (await ao.check_learner_invite(emails=[OLD]))[OLD].is_found

    asyncio.run(main())
    assert effects(academyocean)[1:] == [
        ("deleteLearnerInvite", "1 invites deleted, 0 learners deleted"),
        ("deleteLearnerInvite", "0 invites deleted, 1 learners deleted"),
    ]


def test_a_deleted_learner_is_gone_from_every_listing(academyocean, ao):
    course = academyocean.world.catalogue.courses[0]
    world = academyocean.world
    number = next(iter(world.completed[0]))
    email = world.learner(number).email

    async def main():
        async def emails():
            rows = [row async for row in ao.learners_progress_by_course(course_id=course.id)]
            return [row.email for row in rows]

        before = await emails()
        completed = len(await ao.learners_course_complete(course_id=course.id))
        amount = sum(each.amount for each in await ao.learners_amount_from_countries())
        assert (await ao.delete_learners(emails=[email, email, NEW])).deleted == 1
        assert await emails() == [each for each in before if each != email]
        assert len(await ao.learners_course_complete(course_id=course.id)) == completed - 1
        assert sum(each.amount for each in await ao.learners_amount_from_countries()) == amount - 1
        assert (await ao.academies())[0].learners_amount == 99
        assert len(await ao.learners()) == 99
        assert len(await ao.learners_registered_at(date="2000-01-01", operator=">")) == 99
        with pytest.raises(ApiError, match="Learner not found"):
            await ao.course_progress(email=email)
        assert (await ao.delete_learners(emails=[email])).deleted == 0

    asyncio.run(main())


def test_learners_are_deleted_by_id_too(academyocean, ao):
    ids = [academyocean.world.learner_id(number) for number in (1, 2)]
    deleted = asyncio.run(ao.delete_learners(ids=[*ids, "x", ids[0][::-1]], is_permanently_delete=True))
    assert deleted.deleted == 2
    assert effects(academyocean) == [("deleteLearners", "2 deleted for good")]
    assert academyocean.world.find_id(ids[0]) is None


def test_a_deleted_newcomer_leaves_nothing_behind(academyocean, ao):
    quiz = next(each for each in academyocean.world.catalogue.courses[0].contents if each.is_quiz)

    async def main():
        await ao.invite_learners(learners=[actions.Invitee(email=NEW, name="N", type="learner")])
        academyocean.accept_invite(NEW)
        await ao.add_learner_quiz_attempts(quiz_id=quiz.id, email=NEW)
        assert (await ao.course_progress(email=NEW))[0].progress_amount == 0
        assert (await ao.delete_learners(emails=[NEW])).deleted == 1
        assert await ao.learners(email=NEW) == []
        assert len(await ao.passive_learners()) == len(academyocean.world.passive)
        assert not (await ao.check_learner_invite(emails=[NEW]))[NEW].is_found

    asyncio.run(main())
    assert academyocean.world.attempts(NEW, quiz.id) == 0


def test_attempts_add_up(academyocean, ao):
    quiz = next(each for each in academyocean.world.catalogue.courses[0].contents if each.is_quiz)

    async def main():
        for _ in range(3):
            await ao.add_learner_quiz_attempts(quiz_id=quiz.id, email=OLD)

    asyncio.run(main())
    assert academyocean.world.attempts(OLD, quiz.id) == 3
    assert academyocean.world.attempts("learner8@example.com", quiz.id) == 0
    assert [effect for _, effect in effects(academyocean)] == ["attempt 1", "attempt 2", "attempt 3"]


def test_a_login_link_works_once_and_registers_a_stranger(academyocean, ao):
    world = academyocean.world

    async def main():
        link = (
            await ao.create_login_token(
                academy_id=world.academy_id,
                email=NEW,
                first_name="Nina",
                last_name="New",
                teams=[world.catalogue.teams[1].id],
            )
        ).link
        assert await ao.learners(email=NEW) == []
        assert [academyocean.open_link(link) for _ in range(3)] == [302, 410, 410]
        (learner,) = await ao.learners(email=NEW, with_teams=True)
        assert (learner.name, len(learner.teams)) == ("Nina New", 1)
        assert learner.last_login_at == learner.registered_at

    asyncio.run(main())
    assert academyocean.open_link("https://academy.example.com/auth/token/none") == 404


def test_logging_in_again_makes_a_repeated_log_in(academyocean, ao):
    world = academyocean.world
    number = next(each for each in range(1, 100) if world.learner(each).log_ins == 1)
    email = world.learner(number).email

    async def main():
        before = {each.email for each in await ao.learners_repeated_log_ins()}
        link = (await ao.create_login_token(academy_id=world.academy_id, email=email)).link
        assert academyocean.open_link(link) == 302
        after = {each.email: each.log_ins_amount for each in await ao.learners_repeated_log_ins()}
        assert set(after) - before == {email}
        assert after[email] == 2

    asyncio.run(main())


@pytest.mark.parametrize("by", ["slug", "id"])
def test_a_login_link_leads_where_it_should(academyocean, ao, by):
    world = academyocean.world
    course = world.catalogue.courses[1]
    lesson = next(each for each in course.contents if not each.is_quiz)
    quiz = next(each for each in course.contents if each.is_quiz)
    common = {"academy_id": world.academy_id, "email": OLD}

    async def main():
        if by == "slug":
            await ao.create_login_token(**common, course=course.slug)
            await ao.create_login_token(**common, course=course.slug, lesson=lesson.slug)
            await ao.create_login_token(**common, course=course.slug, quiz=quiz.slug)
        else:
            await ao.create_login_token(**common, course_id=course.id)
            await ao.create_login_token(**common, course_id=course.id, content_id=lesson.id)
            await ao.create_login_token(**common, course_id=course.id, content_id=quiz.id)
        await ao.create_login_token(**common)
        with pytest.raises(ApiError, match="Content not found"):
            await ao.create_login_token(**common, course=course.slug, quiz="none")

    asyncio.run(main())
    assert [each.target for each in world.links.values()] == [
        f"/course/{course.slug}",
        f"/course/{course.slug}/lesson/{lesson.slug}",
        f"/course/{course.slug}/quiz/{quiz.slug}",
        "/courses",
    ]


def test_a_private_academy_takes_only_whom_it_knows(academyocean, ao):
    common = {"academy_id": academyocean.world.academy_id, "ignore_academy_privacy_mode": False}

    async def main():
        await ao.create_login_token(email=OLD, **common)
        with pytest.raises(ApiError, match="private"):
            await ao.create_login_token(email=NEW, **common)

    asyncio.run(main())


def test_revoked_access_closes_the_door_until_it_is_returned(academyocean, ao):
    async def main():
        link = (await ao.create_login_token(academy_id=academyocean.world.academy_id, email=OLD)).link
        await ao.revoke_learners_access(learners=[OLD, NEW])
        await ao.revoke_learners_access(learners=[OLD])
        assert academyocean.open_link(link) == 410
        assert len(await ao.learners(email=OLD)) == 1  # progress is kept
        await ao.return_learners_access(learners=[OLD, "learner8@example.com"])
        assert academyocean.open_link(link) == 302

    asyncio.run(main())
    assert [effect for _, effect in effects(academyocean)[1:]] == ["1 revoked", "0 revoked", "1 returned"]


def test_learners_join_and_leave_teams(academyocean, ao):
    teams = academyocean.world.catalogue.teams
    ids = [each.id for each in teams]

    async def main():
        async def names():
            return [each.name for each in (await ao.learners(email=OLD, with_teams=True))[0].teams]

        await ao.add_learners_to_teams(teams=ids, learners=[OLD, NEW])
        assert await names() == [each.name for each in teams]
        await ao.add_learners_to_teams(teams=ids, learners=[OLD])
        await ao.remove_learners_from_teams(learners=[actions.TeamRemoval(email=OLD, teams=ids[:3])])
        assert await names() == [teams[3].name]
        assert not (await ao.check_learner_invite(emails=[NEW]))[NEW].is_found

    asyncio.run(main())
    assert [effect for _, effect in effects(academyocean)] == ["1 added, 0 invited", "0 added, 0 invited", "1 removed"]


def test_strangers_are_invited_into_teams_and_may_leave_before_they_come(academyocean, ao):
    ids = [each.id for each in academyocean.world.catalogue.teams]

    async def main():
        await ao.add_learners_to_teams(teams=ids[:1], learners=[NEW], send_invites=True)
        await ao.add_learners_to_teams(teams=ids[1:3], learners=[NEW])
        await ao.remove_learners_from_teams(
            learners=[
                actions.TeamRemoval(email=NEW, teams=ids[1:2]),
                actions.TeamRemoval(email="other@example.com", teams=ids),
            ]
        )

    asyncio.run(main())
    assert academyocean.accept_invite(NEW).teams == (1, 3)
    assert [each.to for each in academyocean.world.mails] == [NEW]


def test_variables_are_set_made_and_kept_for_who_is_invited(academyocean, ao):
    academy_id = academyocean.world.academy_id
    other = "learner8@example.com"

    async def main():
        variable = actions.LessonVariable(key="level", value="gold", default_value="none")
        await ao.set_lesson_variables(academy_id=academy_id, records={OLD: [variable], NEW: [variable]})
        found = await ao.get_learner_variable(records={OLD: ["level"], other: ["level", "x"], NEW: ["level"]})
        assert found == {OLD: {"level": "gold"}, other: {"level": "none"}, NEW: {}}

        await ao.set_lesson_variables(
            academy_id=academy_id, records={NEW: [variable]}, is_invite_learner_if_not_found=True
        )
        assert (await ao.get_learner_variable(records={NEW: ["level"]}))[NEW] == {}
        academyocean.accept_invite(NEW)
        assert (await ao.get_learner_variable(records={NEW: ["level", "department"]}))[NEW] == {
            "level": "gold",
            "department": None,
        }

    asyncio.run(main())
    assert effects(academyocean) == [
        ("setLessonVariables", "1 values set, 0 invited"),
        ("setLessonVariables", "1 values set, 1 invited"),
    ]


@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_a_refusal_has_the_status_that_is_wanted(status):
    async def main():
        ao = Session("client-id", "client-secret", sender=Emulator(quirks=Quirks(error_status=status)))
        with pytest.raises(ApiError, match="Learner not found") as caught:
            await ao.certificates(email=NEW)
        assert caught.value.status == status

    asyncio.run(main())
