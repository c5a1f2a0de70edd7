"""What the report counts: progress, weeks, time, quizzes, inactive learners, certificates, by course and team."""

from datetime import UTC, date, datetime, timedelta

import pytest

from aoclient.report import summarize
from aoclient.report.people import MOST_LISTED
from aoclient.report.reading import day_of, seconds_of, teams_of

UNTIL = date(2026, 11, 23)

COURSES = [{"id": "c1", "name": "First aid"}, {"id": "c2", "name": "Fire safety"}]
LEARNERS = [
    {"email": "Ann@example.com", "name": "Ann", "last_login_at": "2026-11-20T10:00:00Z", "teams": [{"name": "Sales"}]},
    {"email": "ben@example.com", "name": "Ben", "last_login_at": "2026-10-01T10:00:00Z", "teams": []},
    {
        "email": "eva@example.com",
        "name": "Eva",
        "last_login_at": None,
        "teams": [{"name": "Legal"}, {"name": "Sales"}],
    },
]


def progress(course, email, **more):
    return {
        "course_id": course,
        "email": email,
        "full_name": email.partition("@")[0].title(),
        "started_at": None,
        "completed_at": None,
        "duration": 3600,
        "view_time": 0,
        "total_amount": 4,
        "passed_amount": 0,
        "teams": ["No Team"],
        **more,
    }


PROGRESS = [
    progress(
        "c1",
        "ann@example.com",
        started_at="2026-11-02T08:00:00Z",
        completed_at="2026-11-16T08:00:00Z",
        passed_amount=4,
        view_time=1800,
    ),
    progress("c1", "ben@example.com", started_at="2026-11-08T23:59:00Z", passed_amount=2, view_time=299),
    progress("c1", "eva@example.com"),
    progress("c2", "ben@example.com", started_at="2026-11-09T00:00:00Z", passed_amount=1, view_time=30_000),
]


def counted(is_anonymous=False, **jobs):
    given = {"courses": COURSES, "learners": LEARNERS, "progress_by_course": PROGRESS, **jobs}
    return summarize(lambda job: iter(given.get(job, ())), until=UNTIL, is_anonymous=is_anonymous)


NOBODYS, ANNS, EVAS = 0, 1, 2  # combinations of teams, in the order they come


def test_courses_teams_and_combinations_of_teams_are_numbered():
    summary = counted()
    assert summary["courses"] == ["First aid", "Fire safety"]
    assert summary["planned"] == [3600, 3600]
    assert summary["teams"] == ["Sales", "Legal"]
    assert summary["sets"] == [(), (0,), (0, 1)]


def test_a_course_without_an_id_is_left_out():
    assert counted(courses=[{"id": "", "name": "Lost"}, *COURSES])["courses"] == ["First aid", "Fire safety"]


def test_progress_is_in_one_cell_for_each_course_and_combination_of_teams():
    assert counted()["progress"] == [
        [0, NOBODYS, 1, 1, 1, 0, 299],
        [0, ANNS, 1, 1, 1, 1, 1800],
        [0, EVAS, 1, 0, 0, 0, 0],
        [1, NOBODYS, 1, 1, 0, 0, 30_000],
    ]


def test_who_completed_a_course_began_it_and_passed_half_whatever_else_the_row_says():
    rows = [progress("c1", "ann@example.com", completed_at="2026-11-16T08:00:00Z", total_amount=0)]
    assert counted(progress_by_course=rows)["progress"] == [[0, ANNS, 1, 1, 1, 1, 0]]


def test_a_course_without_contents_is_not_half_done():
    rows = [progress("c1", "ann@example.com", started_at="2026-11-02", total_amount=0)]
    assert counted(progress_by_course=rows)["progress"] == [[0, ANNS, 1, 1, 0, 0, 0]]


def test_weeks_begin_on_monday():
    weeks = counted()["weeks"]
    mondays = [(*row[:2], date.fromordinal(row[2] * 7 + 1).isoformat(), *row[3:]) for row in weeks]
    assert mondays == [
        (0, NOBODYS, "2026-11-02", 1, 0),  # begun on Sunday the 8th
        (0, ANNS, "2026-11-02", 1, 0),
        (0, ANNS, "2026-11-16", 0, 1),
        (1, NOBODYS, "2026-11-09", 1, 0),
    ]


def test_dates_behind_the_day_of_the_export_are_left_out():
    rows = [progress("c1", "ann@example.com", started_at="9999-12-31T00:00:00Z", completed_at="2026-11-23T00:00:00Z")]
    weeks = counted(progress_by_course=rows)["weeks"]
    assert [row[3:] for row in weeks] == [[0, 1]]


def test_time_spent_is_counted_by_class_for_those_who_began():
    assert counted()["spent"] == [[0, NOBODYS, 0, 1], [0, ANNS, 3, 1], [1, NOBODYS, 7, 1]]  # the classes of SPENT


def test_inactive_learners_are_counted_back_from_the_newest_sign_in():
    summary = counted()
    assert summary["newest"] == "2026-11-20"
    everybody = [row[1:] for row in summary["seen"] if row[0] == -1]
    assert everybody == [[NOBODYS, 2, 1], [ANNS, 0, 1], [EVAS, 6, 1]]  # 50 days ago; today; never


def test_inactive_learners_of_a_course_are_those_under_way_in_it():
    of_courses = [row for row in counted()["seen"] if row[0] != -1]
    assert of_courses == [[0, NOBODYS, 2, 1], [1, NOBODYS, 2, 1]]  # Ann completed it, Eva did not begin


def test_a_sign_in_behind_the_day_of_the_export_does_not_move_the_newest_one():
    late = {"email": "zoe@example.com", "last_login_at": datetime(2099, 1, 1, tzinfo=UTC), "teams": []}
    summary = counted(learners=[*LEARNERS, late])
    assert summary["newest"] == "2026-11-20"
    assert [-1, NOBODYS, 0, 1] in summary["seen"]


def statistic(email, quiz="q1", **more):
    questions = [
        {"id": "a", "name": "Why?", "is_passed": True},
        {"id": "b", "name": None, "number": 2, "is_passed": False},
        {"id": "c", "name": "Not marked yet", "is_passed": None},
    ]
    return {
        "email": email,
        "quiz_id": quiz,
        "name": "Quiz 1",
        "pass_percent": 50.0,
        "is_passed": False,
        "questions": questions,
        **more,
    }


COURSE_PROGRESS = [
    {"course_id": "c2", "course_name": "Fire safety", "content_progress": [{"id": "q1", "type": "quiz"}]},
    {"course_id": "c1", "course_name": "First aid", "content_progress": [{"id": "x", "type": "lesson"}]},
]


def test_quiz_scores_are_counted_by_ten_percent():
    rows = [
        statistic("ann@example.com", pass_percent=100.0, is_passed=True),
        statistic("ben@example.com", pass_percent=9.9),
        statistic("eva@example.com", pass_percent=None),
    ]
    assert counted(quiz_statistics=rows)["scores"] == [[-1, NOBODYS, 0, 0, 1], [-1, ANNS, 9, 1, 0]]


def test_questions_are_counted_with_those_answered_rightly():
    rows = [statistic("ann@example.com"), statistic("ann@example.com", questions=None), statistic("ben@example.com")]
    summary = counted(quiz_statistics=rows)
    assert summary["questions"] == ["Quiz 1 · Why?", "Quiz 1 · 2"]
    assert summary["answers"] == [
        [-1, NOBODYS, 0, 1, 1],
        [-1, NOBODYS, 1, 1, 0],
        [-1, ANNS, 0, 1, 1],
        [-1, ANNS, 1, 1, 0],
    ]


def test_a_quiz_is_placed_by_the_progress_of_any_learner():
    summary = counted(quiz_statistics=[statistic("ann@example.com")], course_progress=COURSE_PROGRESS)
    assert summary["scores"] == [[1, ANNS, 5, 0, 1]]


def test_course_progress_is_read_until_each_course_was_seen():
    def rows():
        yield from COURSE_PROGRESS
        raise AssertionError("it was read on")

    assert counted(course_progress=rows())["courses"] == ["First aid", "Fire safety"]


def test_course_progress_stands_in_for_progress_by_course_and_names_the_courses():
    row = {
        "email": "ann@example.com",
        "course_id": "c9",
        "course_name": "Negotiation",
        "start_date": "2026-11-02",
        "finish_date": None,
        "lessons_amount": 2,
        "progress_amount": 1,
        "content_progress": [{"id": "x", "type": "lesson", "pass_time_sec": 60}, {"id": "y", "pass_time_sec": None}],
    }
    given = {"course_progress": [row]}
    summary = summarize(lambda job: iter(given.get(job, ())), until=UNTIL)
    assert summary["courses"] == ["Negotiation"]
    assert summary["progress"] == [[0, NOBODYS, 1, 1, 1, 0, 60]]


def test_certificates_are_counted_by_month_under_the_course_of_that_name():
    rows = [
        {"email": "ann@example.com", "issued_date": "2026-01-31T23:59:59Z", "course_name": "Fire safety"},
        {"email": "ann@example.com", "issued_date": "2025-12-01T00:00:00Z", "course_name": "Gone"},
        {"email": "ann@example.com", "issued_date": None, "course_name": "Fire safety"},
    ]
    assert counted(certificates=rows)["certificates"] == [[-1, ANNS, 2025 * 12 + 11, 1], [1, ANNS, 2026 * 12, 1]]


def test_where_learners_come_without_teams_those_of_their_progress_are_taken_together():
    learners = [{**row, "teams": None} for row in LEARNERS]
    rows = [
        progress("c1", "ann@example.com", teams=["Sales"]),
        progress("c2", "ann@example.com", teams=["Legal"]),
        progress("c1", "ben@example.com"),
        progress("c1", ""),
    ]
    summary = counted(learners=learners, progress_by_course=rows)
    anns = summary["sets"].index((0, 1))
    assert summary["teams"] == ["Sales", "Legal"]
    assert [row[:3] for row in summary["progress"]] == [[0, NOBODYS, 2], [0, anns, 1], [1, anns, 1]]


def test_learners_are_listed_with_the_courses_they_began():
    people = {row[0]: row[1:] for row in counted()["people"]}
    assert people == {
        "Ann": ["Ann@example.com", ANNS, "2026-11-20", [(0, 100, 1800, 1)]],
        "Ben": ["ben@example.com", NOBODYS, "2026-10-01", [(0, 50, 299, 0), (1, 25, 30_000, 0)]],
        "Eva": ["eva@example.com", EVAS, "", []],
    }


def test_those_seen_least_lately_are_listed_where_there_are_too_many():
    first = date(2000, 1, 1)
    many = [
        {"email": f"{at}@example.com", "name": str(at), "last_login_at": first + timedelta(days=at % 7000)}
        for at in range(MOST_LISTED + 100, 0, -1)
    ]
    many.append({"email": "", "name": "without an address"})
    summary = counted(learners=many, progress_by_course=[])
    assert summary["learners"] == MOST_LISTED + 100
    assert {row[0] for row in summary["people"]} == {str(at) for at in range(1, MOST_LISTED + 1)}


def test_without_a_list_of_learners_those_with_progress_are_listed():
    summary = counted(learners=[])
    assert [row[:4] for row in summary["people"]] == [
        ["Ann", "ann@example.com", NOBODYS, None],
        ["Ben", "ben@example.com", NOBODYS, None],
        ["Eva", "eva@example.com", NOBODYS, None],
    ]
    assert summary["seen"] == []


@pytest.mark.parametrize("learners", [LEARNERS, []])
def test_an_anonymous_summary_names_nobody(learners):
    summary = counted(is_anonymous=True, learners=learners)
    assert summary["people"] == []
    assert summary["learners"] == 3
    assert summary["progress"][0][2:] == counted(learners=learners)["progress"][0][2:]
    text = str(summary).lower()
    assert not [word for word in ("@example.com", "'ann'", "'ben'", "'eva'") if word in text]


def test_an_empty_export_makes_an_empty_summary():
    summary = summarize(lambda _: (), until=UNTIL)
    lists = [value for name, value in summary.items() if isinstance(value, list) and name != "sets"]
    assert lists
    assert not any(lists)


def test_days_are_read_from_texts_and_values():
    assert day_of("2026-11-23T10:00:00Z") == UNTIL
    assert day_of(datetime(2026, 11, 23, 10, tzinfo=UTC)) == UNTIL
    assert day_of(UNTIL) == UNTIL
    assert [day_of(value) for value in ("soon", None, 5)] == [None, None, None]


def test_durations_are_read_from_numbers_and_values():
    assert [seconds_of(value) for value in (90, 90.7, timedelta(minutes=2), -1, timedelta(-1), None)] == [
        90,
        90,
        120,
        0,
        0,
        0,
    ]


def test_teams_are_read_from_names_and_maps():
    assert teams_of(["Sales", "No Team", {"id": 1, "name": "Legal"}, {"id": 2}, ""]) == ["Sales", "Legal"]
    assert teams_of(None) == []
