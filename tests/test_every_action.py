"""All 28 actions, asked by a session over a real socket, answer the models they declare."""

import asyncio
from typing import get_args, get_origin

from aoclient import Session, actions
from aoclient.actions import ACTIONS
from aoclient.emulator import Emulator

EMAIL = "learner1@example.com"
NEW = "new@example.com"


def is_of(value, declared):
    """Tell whether a value is of a declared answer type; models are looked at one level deep."""
    if get_origin(declared) is list:
        return type(value) is list and bool(value) and all(is_of(each, get_args(declared)[0]) for each in value)
    if get_origin(declared) is dict:
        return (
            type(value) is dict and bool(value) and all(is_of(each, get_args(declared)[1]) for each in value.values())
        )
    return not isinstance(declared, type) or type(value) is declared


def test_every_action_answers_its_models_over_a_socket():
    async def main():
        emulator = Emulator(learners=40, courses=3, seed=3)
        async with emulator.serve() as url, Session("client-id", "client-secret", base_url=url) as ao:
            course, *_ = await ao.courses()
            (academy,), (team, *_) = await ao.academies(), await ao.get_teams()
            certified = emulator.world.learner(next(iter(emulator.world.completed[0]))).email
            contents = [
                each for taught in await ao.course_progress(email=certified) for each in taught.content_progress
            ]
            quiz = next(each.id for each in contents if each.type == "quiz" and each.is_passed)
            lesson = next(each.slug for each in emulator.world.catalogue.courses[0].contents if not each.is_quiz)
            variable = actions.LessonVariable(key="department", value="sales")
            todo = [
                actions.Learners(),
                actions.LearnersWithScore(score=1, operator=">="),
                actions.LearnersRegisteredAt(date="2020-01-01", operator=">"),
                actions.LearnersFromCountry(country_iso_code="DE"),
                actions.LearnersAmountFromCountries(),
                actions.LearnersRepeatedLogIns(),
                actions.PassiveLearners(),
                actions.Courses(),
                actions.CourseProgress(email=EMAIL),
                actions.LearnersProgressByCourse(course_id=course.id, page=1),
                actions.LearnersCourseComplete(course_id=course.id),
                actions.LearnersChurnAtContent(course_id=course.id, content_id=lesson),
                actions.Certificates(email=certified),
                actions.InviteLearners(learners=[actions.Invitee(email=NEW, name="New", type="learner")]),
                actions.CheckLearnerInvite(emails=[NEW]),
                actions.DeleteLearnerInvite(emails=[NEW]),
                actions.RevokeLearnersAccess(learners=[EMAIL]),
                actions.ReturnLearnersAccess(learners=[EMAIL]),
                actions.GetTeams(records="course"),
                actions.AddLearnersToTeams(teams=[team.id], learners=[EMAIL]),
                actions.RemoveLearnersFromTeams(learners=[actions.TeamRemoval(email=EMAIL, teams=[team.id])]),
                actions.GetLearnersQuizStatistic(records={certified: [quiz]}),
                actions.AddLearnerQuizAttempts(quiz_id=quiz, email=EMAIL),
                actions.SetLessonVariables(academy_id=academy.id, records={EMAIL: [variable]}),
                actions.GetLearnerVariable(records={EMAIL: ["department"]}),
                actions.Academies(),
                actions.CreateLoginToken(academy_id=academy.id, email=EMAIL),
                actions.DeleteLearners(emails=["learner2@example.com"]),
            ]
            assert {type(action) for action in todo} == set(ACTIONS.values())
            for action in todo:
                answer = await ao.send(action)
                declared = action.answer_type
                rows = list(answer) if isinstance(answer, actions.Page) else answer
                expected = list[declared] if isinstance(answer, actions.Page) else declared
                assert is_of(rows, expected), (action, answer)
            assert await ao.get_learner_variable(records={EMAIL: ["department"]}) == {EMAIL: {"department": "sales"}}

    asyncio.run(main())
