"""The academy itself, and links that log a learner in."""

from __future__ import annotations

from aoclient.actions.academies import Academies, Academy, CreateLoginToken, LoginLink
from aoclient.emulator import records as state
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.answers.learners import moment
from aoclient.emulator.people import FIRST_DAY
from aoclient.emulator.records import Refusal


@answer.register(Academies)
def _academies(_: Academies, turn: Turn) -> list[Academy]:
    return [
        Academy(
            id=turn.world.academy_id,
            name="Academy",
            slug="academy",
            is_cname_enabled=False,
            cname_domain=None,
            is_private=True,
            is_published=True,
            learners_amount=len(turn.world.everyone),
            created_at=moment(FIRST_DAY),
            content_amount=len(turn.world.catalogue.courses),
            access_request_amount=0,
        )
    ]


@answer.register(CreateLoginToken)
def _create_login_token(action: CreateLoginToken, turn: Turn) -> LoginLink:
    world = turn.world
    turn.academy(action.academy_id)
    is_known = world.find(action.email) is not None or action.email.lower() in world.invites
    if action.ignore_academy_privacy_mode is False and not is_known:
        raise Refusal("The academy is private")
    link = state.LoginLink(
        email=action.email,
        first_name=action.first_name or "",
        last_name=action.last_name or "",
        teams=tuple(world.team(str(each)).number for each in action.teams or ()),
        target=_target(action, turn),
    )
    token = world.entrance.add_link(link)
    turn.effect = "1 link"
    return LoginLink(link=f"{turn.base_url}/auth/token/{token}")


def _target(action: CreateLoginToken, turn: Turn) -> str:
    wanted = action.course if action.course_id is None else action.course_id
    if wanted is None:
        return "/courses"
    course = turn.course(wanted)
    content = action.content_id or action.lesson or action.quiz
    if content is None:
        return f"/course/{course.slug}"
    for each in course.contents:
        if content in (each.id, each.slug):
            return f"/course/{course.slug}/{'quiz' if each.is_quiz else 'lesson'}/{each.slug}"
    raise Refusal("Content not found")
