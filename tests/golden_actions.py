"""The action values whose forms stand in tests/golden, by the name of the file, and what some answers there say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from aoclient import actions
from aoclient.actions import (
    Acknowledged,
    Action,
    DeletedCount,
    Invitee,
    InviteState,
    Learner,
    LearnerProgress,
    LessonVariable,
    LoginLink,
    Named,
    Operator,
    Page,
    QuizStatistic,
    Team,
    TeamRemoval,
    VariableType,
)

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"
QUIZZES = ["eK61OzXl38z5vogrmP0y", "Lzq0weBKvR72E72olW4X"]
ACADEMY = "zyK0bxgWEY9E4XA6JedG"

REQUESTS: dict[str, Action[Any]] = {
    "learners": actions.Learners(email=ANN),
    "learners.dates": actions.Learners(dates=["2017-07-25 00:00:00", datetime(2017, 7, 25, 23, 59, 59, tzinfo=UTC)]),
    "learners.academy_and_teams": actions.Learners(email=ANN, with_academy=True, with_teams=True),
    "courses": actions.Courses(),
    "certificates": actions.Certificates(email=ANN),
    "learnersProgressByCourse": actions.LearnersProgressByCourse(
        course_id="byY3dwq2exrmWvLpoanMQ", page=1, amount=10, show_not_started_learners=True
    ),
    "learnersProgressByCourse.slug": actions.LearnersProgressByCourse(
        course_slug="course_slug", show_not_started_learners=False
    ),
    "courseProgress": actions.CourseProgress(email=ANN, course_type=True, with_academy=True, with_teams=True),
    "courseProgress.published": actions.CourseProgress(email=ANN, course_type="published"),
    "learnersAmountFromCountries": actions.LearnersAmountFromCountries(country_iso_code="US"),
    "learnersFromCountry": actions.LearnersFromCountry(country_iso_code="US"),
    "learnersWithScore": actions.LearnersWithScore(score=40, operator=">="),
    "learnersRegisteredAt": actions.LearnersRegisteredAt(date=date(2017, 9, 24), operator=Operator.GREATER_OR_EQUAL),
    "learnersRegisteredAt.dates": actions.LearnersRegisteredAt(
        dates=[datetime(2017, 9, 24, tzinfo=UTC), datetime(2017, 9, 27, 23, 59, 59, tzinfo=UTC)]
    ),
    "learnersCourseComplete": actions.LearnersCourseComplete(course_id="my-course"),
    "passiveLearners": actions.PassiveLearners(),
    "inviteLearners": actions.InviteLearners(
        learners=[
            Invitee(email=ANN, name="John Smith", type="learner", teams=["testTeamsID2", "testTeamsID1"]),
            Invitee(email=BOB, name="Bob Brown", type="manager", teams=[]),
        ],
        is_send_email=True,
    ),
    "inviteLearners.word": actions.InviteLearners(
        learners=[Invitee(email=ANN, name="John Smith", type="learner", teams=["testTeamsID2", "testTeamsID1"])],
        is_send_email="True",
    ),
    "checkLearnerInvite": actions.CheckLearnerInvite(emails=[ANN, BOB, CLEO]),
    "learnersChurnAtContent": actions.LearnersChurnAtContent(course_id="my-course", content_id="first-lesson"),
    "learnersRepeatedLogIns": actions.LearnersRepeatedLogIns(),
    "academies": actions.Academies(),
    "createLoginToken": actions.CreateLoginToken(academy_id=ACADEMY, email=ANN),
    "createLoginToken.lesson": actions.CreateLoginToken(
        academy_id=ACADEMY,
        email=ANN,
        first_name="John",
        last_name="Smith",
        course="my-course",
        lesson="first-lesson",
        ignore_academy_privacy_mode=False,
        teams=["G8jwqwdqwfq2EZJERy1LrQ7"],
    ),
    "createLoginToken.content_id": actions.CreateLoginToken(
        academy_id=ACADEMY, email=ANN, course_id="NVpz0PmrkjrkOQW9d1Kx", content_id="NVpz0werkjrkOQW9d1Kx"
    ),
    "setLessonVariables": actions.SetLessonVariables(
        academy_id=ACADEMY,
        records={
            ANN: [
                LessonVariable(
                    key="some_lesson_variable",
                    value="Example",
                    type=0,
                    default_value="Some Default Value For Variable",
                )
            ]
        },
    ),
    "setLessonVariables.invite": actions.SetLessonVariables(
        academy_id=ACADEMY,
        records={
            ANN: [
                LessonVariable(key="one", value="**bold** & ~plain~"),
                LessonVariable(key="two", value=2, type=VariableType.NUMBER),
            ],
            BOB: [LessonVariable(key="one", value="première ligne\r\nzweite Zeile")],
        },
        is_invite_learner_if_not_found=True,
    ),
    "getLearnerVariable": actions.GetLearnerVariable(
        records={ANN: ["var_name_1", "var_name_4"], BOB: ["var_name_2", "var_name_10"]}
    ),
    "getTeams": actions.GetTeams(),
    "getTeams.course": actions.GetTeams(records="course"),
    "addLearnersToTeams": actions.AddLearnersToTeams(teams=["teamID_1", "teamID_42"], learners=[ANN, BOB, CLEO]),
    "addLearnersToTeams.invites": actions.AddLearnersToTeams(
        teams=["testTeamID1", "testTeamID2"], learners=[ANN, BOB], send_invites=True
    ),
    "removeLearnersFromTeams": actions.RemoveLearnersFromTeams(
        learners=[TeamRemoval(email=ANN, teams=["teamID_42", "teamID_99"])]
    ),
    "revokeLearnersAccess": actions.RevokeLearnersAccess(learners=[ANN, BOB, CLEO]),
    "returnLearnersAccess": actions.ReturnLearnersAccess(learners=[ANN, BOB, CLEO]),
    "getLearnersQuizStatistic": actions.GetLearnersQuizStatistic(records={ANN: QUIZZES, BOB: QUIZZES}),
    "addLearnerQuizAttempts": actions.AddLearnerQuizAttempts(quiz_id="Lzq0wffwfq", email=ANN),
    "deleteLearnerInvite": actions.DeleteLearnerInvite(emails=[ANN, BOB, CLEO]),
    "deleteLearnerInvite.users": actions.DeleteLearnerInvite(emails=[ANN], is_delete_users=False),
    "deleteLearners": actions.DeleteLearners(
        emails=[ANN, BOB], ids=["learner1_ID", "learner2_ID"], is_permanently_delete=True
    ),
}

JOHN = Learner(
    name="John Smith",
    email=ANN,
    registered_at=datetime(2017, 7, 24, 10, 26, 23, tzinfo=UTC),
    score=50.0,
    lessons_opened=20,
    lessons_completed=10,
    courses_completed=1,
    spent_time_in_academy=234562,
    certificates_amount=1,
    company="https://academyocean.com",
    country="United States",
    country_iso_code="US",
    city="Los Angeles",
    os="OS X",
    device="Macintosh",
    browser="Chrome",
    last_login_at=datetime(2017, 9, 24, 10, 26, 23, tzinfo=UTC),
)
ZOE = Learner(
    name="Zoë Ångström",
    email=BOB,
    registered_at=datetime(2017, 7, 25, tzinfo=UTC),
    score=0.0,
    lessons_opened=0,
    lessons_completed=0,
    courses_completed=0,
    spent_time_in_academy=0,
    certificates_amount=0,
)

VALUES: dict[str, Any] = {
    "learners": [JOHN, ZOE],
    "learners.empty": [],
    "learnersWithScore": [JOHN],
    "learnersProgressByCourse": Page(
        [
            LearnerProgress(
                email=ANN,
                full_name="John Smith",
                first_name="John",
                last_name="Smith",
                started_at=datetime(2022, 1, 1, 7, 41, tzinfo=UTC),
                completed_at=datetime(2022, 1, 1, 7, 51, tzinfo=UTC),
                status="Completed",
                duration=timedelta(minutes=10, seconds=50),
                view_time=timedelta(minutes=10, seconds=55),
                total_amount=5,
                passed_amount=5,
                course_score=100.0,
                teams=["No Team"],
            )
        ],
        1,
    ),
    "learnersProgressByCourse.empty": Page([], 1),
    "checkLearnerInvite": {
        ANN: InviteState(is_found=True, is_used=True, used_at=datetime(2021, 12, 9, 18, 57, 44, tzinfo=UTC)),
        BOB: InviteState(is_found=True, is_used=False),
        CLEO: InviteState(is_found=False),
    },
    "checkLearnerInvite.empty": {},
    "createLoginToken": LoginLink(link="https://academy.academyocean.com/auth/token/TOKEN"),
    "getLearnerVariable": {ANN: {"var_name_1": 1, "var_name_4": "abcd"}, BOB: {"var_name_2": 2, "var_name_10": 10}},
    "getLearnerVariable.empty": {ANN: {}, BOB: {"var_name_2": None}},
    "getLearnerVariable.numbered": {ANN: {"0": "x", "1": 2}},
    "getTeams": [Team(id="1AbDljeg3zyEqB6rKZ92", name="test 5")],
    "getTeams.course": [Team(id="NVpz0PmrkjrkOQW9d1Kx", name="test 2", courses=[Named(id=2, name="2")])],
    "getLearnersQuizStatistic.empty": {},
    "getLearnersQuizStatistic.failed": {
        ANN: {
            "eK61OzXl38z5vogrmP0y": QuizStatistic(
                name="Quiz Name 2",
                score=2.5,
                passing_score=4.0,
                is_passed=False,
                spent_time=timedelta(hours=100, minutes=1, seconds=30),
                spent_time_seconds=360090,
                is_timer_on=True,
                is_expired=True,
                is_manual_approve_on=True,
                global_comment="See page 3 / “Basics”",
                pass_percent=62.5,
                questions=[],
            )
        },
        BOB: {},
    },
    "deleteLearnerInvite": Acknowledged(["done"]),
    "deleteLearners": DeletedCount(deleted=1),
}
"""What an answer says, written out."""

SAME = {
    "learners.filtered": "learners",
    "learners.numbers_as_text": "learners",
    "courses.flags_as_numbers": "courses",
    "learnersProgressByCourse.object": "learnersProgressByCourse",
    "academies.uncast": "academies",
    "academies.iso": "academies",
    "getTeams.table": "getTeams.course",
    "deleteLearners.text": "deleteLearners",
}
"""Answers that say the same in another spelling."""
