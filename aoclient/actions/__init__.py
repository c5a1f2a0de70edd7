"""All actions of the vendor's page, one class each, with the models they answer.

`ACTIONS` has every class by the vendor's name.
"""

from aoclient.action import ACTIONS, Action, Effect, Page, Paged, Spec
from aoclient.actions.academies import (
    Academies,
    Academy,
    CreateLoginToken,
    LoginLink,
)
from aoclient.actions.access import (
    DeletedCount,
    DeleteLearners,
    ReturnLearnersAccess,
    RevokeLearnersAccess,
)
from aoclient.actions.activity import (
    LearnerLogIns,
    LearnersRepeatedLogIns,
    PassiveLearner,
    PassiveLearners,
)
from aoclient.actions.countries import (
    CountryAmount,
    CountryLearners,
    LearnersAmountFromCountries,
    LearnersFromCountry,
)
from aoclient.actions.courses import (
    Certificate,
    Certificates,
    Churn,
    Course,
    CourseCompletion,
    Courses,
    LearnersChurnAtContent,
    LearnersCourseComplete,
)
from aoclient.actions.invites import (
    CheckLearnerInvite,
    DeleteLearnerInvite,
    InvitedCount,
    Invitee,
    InviteeType,
    InviteLearners,
    InviteState,
)
from aoclient.actions.learners import (
    Learner,
    Learners,
    LearnersRegisteredAt,
    LearnersWithScore,
    Named,
    Operator,
)
from aoclient.actions.progress import (
    ContentProgress,
    CourseProgress,
    LearnerProgress,
    LearnersProgressByCourse,
    ProgressInCourse,
)
from aoclient.actions.quizzes import (
    AddLearnerQuizAttempts,
    GetLearnersQuizStatistic,
    QuizAnswer,
    QuizAnswers,
    QuizQuestion,
    QuizStatistic,
)
from aoclient.actions.teams import (
    AddLearnersToTeams,
    GetTeams,
    RemoveLearnersFromTeams,
    Team,
    TeamRecords,
    TeamRemoval,
)
from aoclient.actions.variables import (
    GetLearnerVariable,
    LessonVariable,
    SetLessonVariables,
    VariableType,
)
from aoclient.model import Acknowledged

__all__ = [
    "ACTIONS",
    "Academies",
    "Academy",
    "Acknowledged",
    "Action",
    "AddLearnerQuizAttempts",
    "AddLearnersToTeams",
    "Certificate",
    "Certificates",
    "CheckLearnerInvite",
    "Churn",
    "ContentProgress",
    "CountryAmount",
    "CountryLearners",
    "Course",
    "CourseCompletion",
    "CourseProgress",
    "Courses",
    "CreateLoginToken",
    "DeleteLearnerInvite",
    "DeleteLearners",
    "DeletedCount",
    "Effect",
    "GetLearnerVariable",
    "GetLearnersQuizStatistic",
    "GetTeams",
    "InviteLearners",
    "InviteState",
    "InvitedCount",
    "Invitee",
    "InviteeType",
    "Learner",
    "LearnerLogIns",
    "LearnerProgress",
    "Learners",
    "LearnersAmountFromCountries",
    "LearnersChurnAtContent",
    "LearnersCourseComplete",
    "LearnersFromCountry",
    "LearnersProgressByCourse",
    "LearnersRegisteredAt",
    "LearnersRepeatedLogIns",
    "LearnersWithScore",
    "LessonVariable",
    "LoginLink",
    "Named",
    "Operator",
    "Page",
    "Paged",
    "PassiveLearner",
    "PassiveLearners",
    "ProgressInCourse",
    "QuizAnswer",
    "QuizAnswers",
    "QuizQuestion",
    "QuizStatistic",
    "RemoveLearnersFromTeams",
    "ReturnLearnersAccess",
    "RevokeLearnersAccess",
    "SetLessonVariables",
    "Spec",
    "Team",
    "TeamRecords",
    "TeamRemoval",
    "VariableType",
]
