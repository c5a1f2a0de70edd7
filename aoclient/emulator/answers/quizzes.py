"""Quizzes: how learners did, and further attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aoclient.actions.quizzes import (
    AddLearnerQuizAttempts,
    GetLearnersQuizStatistic,
    QuizAnswer,
    QuizAnswers,
    QuizQuestion,
    QuizStatistic,
)
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.answers.learners import minute
from aoclient.emulator.records import Refusal
from aoclient.model import Acknowledged

if TYPE_CHECKING:
    from aoclient.emulator.standing import Step


@answer.register(GetLearnersQuizStatistic)
def _statistic(action: GetLearnersQuizStatistic, turn: Turn) -> dict[str, dict[str, QuizStatistic]]:
    return {email: _of_learner(email, [str(each) for each in ids], turn) for email, ids in action.records.items()}


def _of_learner(email: str, quiz_ids: list[str], turn: Turn) -> dict[str, QuizStatistic]:
    world = turn.world
    number = world.find(email)
    if number is None:
        return {}
    learner = world.learner(number)
    found: dict[str, QuizStatistic] = {}
    for quiz_id in quiz_ids:
        place = world.catalogue.quiz(quiz_id)
        standing = None if place is None else world.standing(learner, place[0])
        if place is None or standing is None or place[1] >= len(standing.steps):
            continue
        step = standing.steps[place[1]]
        if step.attempts:  # nothing is known of the first attempt before it ends
            found[quiz_id] = _quiz(step)
    return found


def _quiz(step: Step) -> QuizStatistic:
    quiz = step.content
    return QuizStatistic(
        name=quiz.name,
        score=step.score,
        passing_score=quiz.passing_score,
        is_passed=step.is_passed,
        spent_time=timedelta(seconds=step.last_seconds),
        spent_time_seconds=step.last_seconds,
        passed_at=None if step.passed_at is None else minute(step.passed_at),
        is_timer_on=quiz.timer_minutes is not None,
        is_expired=step.is_expired,
        is_manual_approve_on=quiz.is_manual,
        global_comment="Well done" if quiz.is_manual and step.is_passed else None,
        pass_percent=round(100 * step.score / quiz.points, 2),
        questions=[_question(step, number) for number in range(1, quiz.points + 1)],
    )


def _question(step: Step, number: int) -> QuizQuestion:
    is_right = number <= step.score
    chosen = QuizAnswer(answer=f"Answer {number}", is_right=is_right, is_has_image=False, image_url="")
    right = QuizAnswer(answer=f"Right answer {number}", is_right=True, is_has_image=False, image_url="")
    return QuizQuestion(
        id=f"{step.content.id[:6]}{number:02}",
        name=f"Question {number}",
        number=number,
        type="checkbox",
        is_has_image=False,
        image_url="",
        is_passed=is_right,
        is_expired=False,
        checker_comment="",
        time_spent=timedelta(seconds=step.last_seconds // step.content.points),
        answers=QuizAnswers(selected=[chosen], missed=[] if is_right else [right]),
    )


@answer.register(AddLearnerQuizAttempts)
def _add_attempts(action: AddLearnerQuizAttempts, turn: Turn) -> Acknowledged:
    quiz_id = str(action.quiz_id)
    learner = turn.learner(action.email)
    if turn.world.catalogue.quiz(quiz_id) is None:
        raise Refusal("Quiz not found")
    turn.effect = f"attempt {turn.world.progress.give_attempt(learner.number, quiz_id)}"
    return Acknowledged(["done"])
