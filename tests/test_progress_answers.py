"""The nested answers: the progress of learners and the statistics of quizzes, from the vendor's samples."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from aoclient import actions, convert
from aoclient.actions import LearnerProgress, Named, Page, QuizAnswer, QuizAnswers, QuizQuestion, QuizStatistic
from tests.samples import ANN, ATOM, MOMENT, decode


def test_progress_by_course_joins_date_and_time_and_reads_durations():
    raw = {
        "email": ANN,
        "full_name": "John Smith",
        "first_name": "John",
        "last_name": "Smith",
        "startDate": "01/31/2022",
        "startTime": "7:41 AM",
        "completionDate": None,
        "completionTime": None,
        "status": "Completed",
        "duration": "00:10:50",
        "viewTime": "100:10:55",
        "totalAmount": 5,
        "passedAmount": "5",
        "courseScore": 100,
        "teams": ["No Team"],
    }
    page = decode(actions.LearnersProgressByCourse, [{"learners": [raw]}])
    assert page == Page(
        [
            LearnerProgress(
                email=ANN,
                full_name="John Smith",
                first_name="John",
                last_name="Smith",
                started_at=datetime(2022, 1, 31, 7, 41, tzinfo=UTC),
                status="Completed",
                duration=timedelta(minutes=10, seconds=50),
                view_time=timedelta(hours=100, minutes=10, seconds=55),
                total_amount=5,
                passed_amount=5,
                course_score=100.0,
                teams=["No Team"],
            )
        ],
        2,
    )
    assert convert.unstructure(page.rows) == [raw]


LESSON_PROGRESS = {
    "id": "9GKDJlMkpMREXyz2Awp",
    "name": "lesson 1",
    "type": "lesson",
    "is_passed": False,
    "started_at": ATOM,
    "passed_at": None,
    "pass_time_sec": None,
}
QUIZ_PROGRESS = LESSON_PROGRESS | {
    "type": "quiz",
    "score": "5",
    "passing_score": 0,
    "is_need_manual_approve": True,
    "is_time_on": None,
    "is_timer_expired": False,
    "timer_minutes": 5,
}
COURSE_PROGRESS = {
    "course_id": "c1",
    "course_name": "Test group",
    "course_description": "",
    "course_open_url": "u",
    "course_img": "i",
    "start_date": "2021-12-08",
    "finish_date": ATOM,
    "lessons_amount": 4,
    "progress_amount": 3,
    "progress": 75.0,
    "content_progress": [LESSON_PROGRESS, QUIZ_PROGRESS],
}


def test_course_progress_has_lessons_quizzes_and_both_kinds_of_dates():
    (course,) = decode(actions.CourseProgress, [COURSE_PROGRESS])
    assert type(course.start_date) is date
    assert course.start_date == date(2021, 12, 8)
    assert course.finish_date == MOMENT
    assert course.progress == 75.0
    lesson, quiz = course.content_progress
    assert (lesson.type, lesson.score, lesson.passed_at) == ("lesson", None, None)
    assert (quiz.score, quiz.passing_score, quiz.timer_minutes, quiz.is_timer_on) == (5.0, 0.0, 5, None)
    assert [each.extra for each in (course, lesson, quiz)] == [{}, {}, {}]


def test_course_progress_is_written_as_the_vendor_writes_it():
    (course,) = decode(actions.CourseProgress, [COURSE_PROGRESS])
    without_null = {key: value for key, value in QUIZ_PROGRESS.items() if key != "is_time_on"}
    assert convert.unstructure(course) == COURSE_PROGRESS | {"content_progress": [LESSON_PROGRESS, without_null]}


def test_academy_teams_and_course_type_are_read_where_they_are_sent():
    raw = {"course_id": "c1", "course_type": "all", "academy": {"id": "a1"}, "teams": [{"id": "t1", "name": "T"}]}
    (course,) = decode(actions.CourseProgress, [raw])
    assert (course.course_type, course.academy, course.teams) == ("all", Named(id="a1"), [Named(id="t1", name="T")])


@pytest.mark.parametrize("key", ["is_timer_on", "is_time_on"])
def test_the_timer_of_a_quiz_is_read_under_both_of_its_names(key):
    (course,) = decode(actions.CourseProgress, [{"content_progress": [{"type": "quiz", key: True}]}])
    assert course.content_progress[0].is_timer_on is True
    statistics = decode(actions.GetLearnersQuizStatistic, {ANN: {"q1": {key: 1}}})
    assert statistics[ANN]["q1"].is_timer_on is True


def test_quiz_statistics_go_down_to_each_answer():
    answer = {"answer": "asdasdasdas", "is_right": True, "isHasImage": False, "imageUrl": ""}
    question = {
        "id": "yJAg4qNO",
        "name": "First Question",
        "number": 1,
        "type": "checkbox",
        "isHasImage": False,
        "imageUrl": "",
        "is_passed": True,
        "isExpired": False,
        "checkerComment": "",
        "time_spent": "00:00:05",
        "answers": {"selected": [answer], "missed": []},
    }
    raw = {
        "name": "Quiz Name 1",
        "score": 4,
        "passing_score": 4,
        "is_passed": True,
        "spent_time": "00:01:30",
        "spent_time_seconds": 90,
        "pass_date": "01/24/2021",
        "pass_time": "07:40 AM",
        "is_timer_on": False,
        "is_expired": False,
        "is_manual_approve_on": False,
        "globalComment": None,
        "pass_percent": 100,
        "questions": [question],
    }
    answers = QuizAnswers(selected=[QuizAnswer(answer="asdasdasdas", is_right=True, is_has_image=False, image_url="")])
    expected = QuizStatistic(
        name="Quiz Name 1",
        score=4.0,
        passing_score=4.0,
        is_passed=True,
        spent_time=timedelta(seconds=90),
        spent_time_seconds=90,
        passed_at=datetime(2021, 1, 24, 7, 40, tzinfo=UTC),
        is_timer_on=False,
        is_expired=False,
        is_manual_approve_on=False,
        pass_percent=100.0,
        questions=[
            QuizQuestion(
                id="yJAg4qNO",
                name="First Question",
                number=1,
                type="checkbox",
                is_has_image=False,
                image_url="",
                is_passed=True,
                is_expired=False,
                checker_comment="",
                time_spent=timedelta(seconds=5),
                answers=answers,
            )
        ],
    )
    answer = decode(actions.GetLearnersQuizStatistic, {ANN: {"q1": raw}, "b": []})
    assert answer == {ANN: {"q1": expected}, "b": {}}
    assert convert.unstructure(answer[ANN]["q1"]) == raw
