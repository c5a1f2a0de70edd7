"""One legal instance of each action at least, so that every option of every action is set in one of them.

Tests are parametrised over `SAMPLES`; where options exclude each other an action has several.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from aoclient import actions, phpjson, wire
from aoclient.actions import Action, Invitee, LessonVariable, Operator, TeamRemoval, VariableType

ANN = "ann.o'neil+test@example.com"
BOB = "bob@example.com"

ATOM = "2017-09-24T10:26:23+00:00"
MOMENT = datetime(2017, 9, 24, 10, 26, 23, tzinfo=UTC)
"""What `ATOM` says."""

SAMPLES: list[Action[Any]] = [
    actions.Learners(email=ANN, with_academy=True, with_teams=False),
    actions.Learners(dates=[date(2017, 7, 25), datetime(2017, 7, 25, 23, 59, 59, tzinfo=UTC)]),
    actions.Courses(),
    actions.Certificates(email=ANN),
    actions.LearnersProgressByCourse(
        course_id="byY3dwq2exrmWvLpoanMQ", show_not_started_learners=True, page=2, amount=10
    ),
    actions.LearnersProgressByCourse(course_slug="my-course"),
    actions.CourseProgress(email=ANN, course_type=True, with_academy=True, with_teams=True),
    actions.CourseProgress(email=ANN, course_type="unpublished"),
    actions.LearnersAmountFromCountries(country_iso_code="US"),
    actions.LearnersFromCountry(country_iso_code="US"),
    actions.LearnersWithScore(score=40, operator=Operator.GREATER_OR_EQUAL),
    actions.LearnersRegisteredAt(date=date(2017, 9, 24), operator="<>"),
    actions.LearnersRegisteredAt(dates=["2017-09-24 00:00:00", datetime(2017, 9, 27, 23, 59, 59, tzinfo=UTC)]),
    actions.LearnersCourseComplete(course_id="my-course"),
    actions.PassiveLearners(),
    actions.InviteLearners(
        learners=[
            Invitee(email=ANN, name="Ann O'Neil", type="learner", teams=["team1", "team2"]),
            Invitee(email=BOB, name="Боб", type="manager"),
        ],
        is_send_email=True,
    ),
    actions.CheckLearnerInvite(emails=[ANN, BOB]),
    actions.LearnersChurnAtContent(course_id="my-course", content_id="first-lesson"),
    actions.LearnersRepeatedLogIns(),
    actions.Academies(),
    actions.CreateLoginToken(
        academy_id="zyK0bxgWEY9E4XA6JedG",
        email=ANN,
        first_name="Ann",
        last_name="O'Neil",
        course="my-course",
        lesson="first-lesson",
        ignore_academy_privacy_mode=False,
        teams=["team1"],
    ),
    actions.CreateLoginToken(academy_id="zyK0bxgWEY9E4XA6JedG", email=ANN, course="my-course", quiz="first-quiz"),
    actions.CreateLoginToken(academy_id="zyK0bxgWEY9E4XA6JedG", email=ANN, course_id="c1", content_id="l1"),
    actions.SetLessonVariables(
        academy_id="zyK0bxgWEY9E4XA6JedG",
        records={
            ANN: [
                LessonVariable(key="some_variable", value="Example", type=0, default_value="nothing yet"),
                LessonVariable(key="level_2", value=7, type=VariableType.NUMBER, default_value=0),
            ],
            BOB: [LessonVariable(key="some_variable", value="two\nlines & more")],
        },
        is_invite_learner_if_not_found=True,
    ),
    actions.GetLearnerVariable(records={ANN: ["var_name_1", "var_name_4"], BOB: ["var_name_2"]}),
    actions.GetTeams(records="course"),
    actions.AddLearnersToTeams(teams=["team1", "team2"], learners=[ANN, BOB], send_invites=True),
    actions.RemoveLearnersFromTeams(
        learners=[TeamRemoval(email=ANN, teams=["team1", "team2"]), TeamRemoval(email=BOB, teams=[42])]
    ),
    actions.RevokeLearnersAccess(learners=[ANN, BOB]),
    actions.ReturnLearnersAccess(learners=[ANN, BOB]),
    actions.GetLearnersQuizStatistic(records={ANN: ["quiz1", "quiz2"], BOB: ["quiz1"]}),
    actions.AddLearnerQuizAttempts(quiz_id="quiz1", email=ANN),
    actions.DeleteLearnerInvite(emails=[ANN, BOB], is_delete_users=False),
    actions.DeleteLearnerInvite(emails=[ANN], is_delete_users="True"),
    actions.DeleteLearners(emails=[ANN], ids=["learner1", 2], is_permanently_delete=True),
]
"""In the order of the vendor's page."""


def name_of(sample: Action[Any]) -> str:
    """Return the id of a sample among the parameters of a test."""
    return sample.spec.name


def decode(cls: type[Action[Any]], raw: object) -> Any:
    """Return what an action makes of an answer, given as JSON values or as the bytes of the body."""
    body = raw if isinstance(raw, bytes) else phpjson.dumps(raw).encode()
    action = next(sample for sample in SAMPLES if type(sample) is cls)
    return wire.decode(action, wire.Response(200, {}, body))
