"""Calls that show how an academy answers and change nothing: each is made of what an earlier one answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from aoclient import actions
from aoclient.action import Action
from aoclient.errors import AoError

if TYPE_CHECKING:
    from aoclient.session import Session

_ROWS = 5  # learners on the one page that is asked for


@frozen
class Called:
    """A call and what came of it; ``answer`` is None where there is an ``error``."""

    action: Action[Any]  # Any: whatever it answers
    answer: Any = None
    error: AoError | None = None


async def survey(session: Session, *, whole: bool) -> AsyncIterator[Called]:
    """Call one action after the other, those that depend on an answer behind it.

    Args:
        session: An open session.
        whole: All actions that read, those that list everybody included; else a handful that read little.
    """
    todo: list[Action[Any]] = [
        actions.Academies(),
        actions.Courses(),
        actions.GetTeams(records="course"),
        actions.LearnersAmountFromCountries(),
    ]
    if whole:
        todo += [
            actions.PassiveLearners(),
            actions.LearnersRepeatedLogIns(),
            actions.LearnersWithScore(score=100),
            actions.LearnersRegisteredAt(date=datetime.now(UTC).date(), operator=actions.Operator.LESS),
        ]
    while todo:
        action = todo.pop(0)
        try:
            answer = await session.send(action)
        except AoError as error:
            yield Called(action, error=error)
            continue
        yield Called(action, answer)
        todo += _behind(action, answer, whole=whole)


def _behind(action: Action[Any], answer: Any, *, whole: bool) -> list[Action[Any]]:
    """Return the calls that an answer makes possible."""
    if not answer:
        return []
    match action:
        case actions.Courses():
            course = answer[0].id
            page = actions.LearnersProgressByCourse(
                course_id=course, page=1, amount=_ROWS, show_not_started_learners=True
            )
            return [page, *([actions.LearnersCourseComplete(course_id=course)] if whole else [])]
        case actions.LearnersProgressByCourse():
            email = answer[0].email
            asked: list[Action[Any]] = [
                actions.Learners(email=email, with_academy=True, with_teams=True),
                actions.CourseProgress(email=email),
                actions.Certificates(email=email),
            ]
            if whole:
                asked += [
                    actions.CheckLearnerInvite(emails=[email]),
                    actions.GetLearnerVariable(records={email: ["department"]}),
                ]
            return asked
        case actions.LearnersAmountFromCountries() if whole:
            return [actions.LearnersFromCountry(country_iso_code=answer[0].country_iso_code)]
        case actions.CourseProgress() if whole:
            return _of_contents(action.email, answer)
        case _:
            return []


def _of_contents(email: str, courses: list[actions.ProgressInCourse]) -> list[Action[Any]]:
    found = [(course.course_id, content) for course in courses for content in course.content_progress]
    quizzes = [content.id for _, content in found if content.type == "quiz"]
    behind: list[Action[Any]] = []
    if found:
        behind.append(actions.LearnersChurnAtContent(course_id=found[0][0], content_id=found[0][1].id))
    if quizzes:
        behind.append(actions.GetLearnersQuizStatistic(records={email: quizzes[:_ROWS]}))
    return behind
