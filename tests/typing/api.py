"""What type checkers see of the public interface. Never run; mypy and pyright check it in strict mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import assert_type

import aoclient
from aoclient import Done, Failed, Page, actions
from aoclient.model import Acknowledged, JsonValue


async def learners(ao: aoclient.Session) -> None:
    assert_type(await ao.learners(email="a@example.com", with_teams=True), list[actions.Learner])
    assert_type(await ao.learners_with_score(score=40, operator=">="), list[actions.Learner])
    assert_type(
        await ao.learners_registered_at(date=date(2017, 9, 24), operator=actions.Operator.LESS), list[actions.Learner]
    )
    assert_type(await ao.learners_from_country(country_iso_code="US"), actions.CountryLearners)
    assert_type(await ao.learners_amount_from_countries(), list[actions.CountryAmount])
    assert_type(await ao.learners_repeated_log_ins(), list[actions.LearnerLogIns])
    assert_type(await ao.passive_learners(), list[actions.PassiveLearner])


async def courses(ao: aoclient.Session) -> None:
    assert_type(await ao.courses(), list[actions.Course])
    assert_type(await ao.course_progress(email="a@example.com"), list[actions.ProgressInCourse])
    assert_type(await ao.learners_progress_by_course(course_id="c1", page=1), Page[actions.LearnerProgress])
    assert_type(await ao.learners_course_complete(course_id="c1"), list[actions.CourseCompletion])
    assert_type(await ao.learners_churn_at_content(course_id="c1", content_id="l1"), list[actions.Churn])
    assert_type(await ao.certificates(email="a@example.com"), list[actions.Certificate])


async def people(ao: aoclient.Session) -> None:
    invitee = actions.Invitee(email="a@example.com", name="Ann", type="learner", teams=["t1"])
    assert_type(await ao.invite_learners(learners=[invitee], is_send_email=False), actions.InvitedCount)
    assert_type(await ao.invite_missing(learners=[invitee], is_send_email=True), aoclient.Invitations)
    assert_type(await ao.check_learner_invite(emails=["a@example.com"]), dict[str, actions.InviteState])
    assert_type(await ao.delete_learner_invite(emails=["a@example.com"]), Acknowledged)
    assert_type(await ao.revoke_learners_access(learners=["a@example.com"]), Acknowledged)
    assert_type(await ao.return_learners_access(learners=["a@example.com"]), Acknowledged)
    assert_type(await ao.delete_learners(emails=["a@example.com"], ids=["1"]), actions.DeletedCount)


async def teams_and_quizzes(ao: aoclient.Session) -> None:
    assert_type(await ao.get_teams(records="course"), list[actions.Team])
    assert_type(await ao.add_learners_to_teams(teams=["t1"], learners=["a@example.com"]), Acknowledged)
    removal = actions.TeamRemoval(email="a@example.com", teams=["t1"])
    assert_type(await ao.remove_learners_from_teams(learners=[removal]), Acknowledged)
    statistic = await ao.get_learners_quiz_statistic(records={"a@example.com": ["q1"]})
    assert_type(statistic, dict[str, dict[str, actions.QuizStatistic]])
    assert_type(statistic["a@example.com"]["q1"].spent_time, timedelta | None)
    assert_type(await ao.add_learner_quiz_attempts(quiz_id="q1", email="a@example.com"), Acknowledged)


async def variables_and_academies(ao: aoclient.Session) -> None:
    records = {"a@example.com": [actions.LessonVariable(key="k", value="v")]}
    assert_type(await ao.set_lesson_variables(academy_id="a1", records=records), Acknowledged)
    assert_type(await ao.create_lesson_variables(academy_id="a1", records=records), Acknowledged)
    assert_type(await ao.get_learner_variable(records={"a@example.com": ["k"]}), dict[str, dict[str, JsonValue]])
    assert_type(await ao.academies(), list[actions.Academy])
    assert_type(await ao.create_login_token(academy_id="a1", email="a@example.com"), actions.LoginLink)


async def what_is_wrong_is_an_error(ao: aoclient.Session) -> None:
    await ao.learners(emial="a@example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await ao.learners("a@example.com")  # type: ignore[call-arg,arg-type]  # pyright: ignore[reportCallIssue]
    await ao.learners_with_score()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await ao.learners_with_score(score="40")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await ao.learners_with_score(score=1, operator="=>")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def paging(ao: aoclient.Session) -> None:
    async for row in ao.learners_progress_by_course(course_id="c1"):
        assert_type(row, actions.LearnerProgress)
    pages = ao.learners_progress_by_course(course_id="c1").pages()
    assert_type(pages, AsyncIterator[Page[actions.LearnerProgress]])


async def many(ao: aoclient.Session) -> None:
    todo = (actions.CourseProgress(email=email) for email in ("a@example.com", "b@example.com"))
    async with ao.fan_out(todo, concurrency=32, ordered=True) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Done[list[actions.ProgressInCourse]] | Failed[list[actions.ProgressInCourse]])
            if isinstance(outcome, Done):
                assert_type(outcome.answer, list[actions.ProgressInCourse])
    async with ao.fan_out([actions.LearnersProgressByCourse(course_id="c1")]) as listing:
        async for page in listing:
            if isinstance(page, Done):
                assert_type(page.answer, Page[actions.LearnerProgress])


async def other_doors(ao: aoclient.Session) -> None:
    assert_type(await ao.send(actions.Courses()), list[actions.Course])
    assert_type(await ao.call("newAction", {"a": [1, {"b": None}]}, effect="reads"), JsonValue)
    assert_type(ao.with_options(priority=-1), aoclient.Session)
    assert_type(aoclient.Session.from_env(), aoclient.Session)
    assert_type(aoclient.Rate(60, per=60.0).per, float)
