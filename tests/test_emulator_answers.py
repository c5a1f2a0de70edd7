"""The emulator answers every action, and its answers agree with each other."""

import json
from pathlib import Path

import pytest

from aoclient import actions, wire
from aoclient.actions import ACTIONS
from aoclient.emulator import Emulator, Quirks
from aoclient.emulator.answers import Turn, answer
from aoclient.emulator.world import Refusal
from aoclient.wire import Response

GOLDEN = Path(__file__).parent / "golden"
EMULATOR = Emulator(learners=60, courses=5, seed=3)
WORLD = EMULATOR.world
COURSES = WORLD.catalogue.courses
EMAIL = WORLD.learner(next(iter(WORLD.completed[0]))).email


def ask(action, emulator=EMULATOR, quirks=None):
    return answer(action, Turn(emulator.world, quirks or Quirks(), "https://academy.example.com"))


def everybody():
    return ask(actions.Learners())


def quizzes():
    return [content for course in COURSES for content in course.contents if content.is_quiz]


READS = [
    actions.Learners(),
    actions.Learners(email=EMAIL, with_academy=True, with_teams=True),
    actions.LearnersWithScore(score=30, operator=">="),
    actions.LearnersRegisteredAt(date="2022-06-01", operator=">"),
    actions.LearnersFromCountry(country_iso_code="DE"),
    actions.LearnersAmountFromCountries(),
    actions.LearnersRepeatedLogIns(),
    actions.PassiveLearners(),
    actions.Courses(),
    actions.CourseProgress(email=EMAIL, course_type="all", with_teams=True, with_academy=True),
    actions.LearnersProgressByCourse(course_slug=COURSES[0].slug, amount=100, show_not_started_learners=True),
    actions.LearnersCourseComplete(course_id=COURSES[0].id),
    actions.LearnersChurnAtContent(course_id=COURSES[0].slug, content_id=COURSES[0].contents[0].slug),
    actions.Certificates(email=EMAIL),
    actions.CheckLearnerInvite(emails=[EMAIL, "nobody@example.com"]),
    actions.GetTeams(records="course"),
    actions.GetTeams(),
    actions.GetLearnersQuizStatistic(records={EMAIL: [each.id for each in quizzes()], "nobody@example.com": ["q"]}),
    actions.GetLearnerVariable(records={EMAIL: ["department", "unheard_of"], "nobody@example.com": ["department"]}),
    actions.Academies(),
]


def test_every_action_has_a_handler():
    missing = [name for name, cls in ACTIONS.items() if answer.dispatch(cls) is answer.dispatch(object)]
    assert missing == []


def test_an_action_without_a_handler_is_refused():
    with pytest.raises(Refusal, match="cannot answer learners"):
        answer.dispatch(object)(actions.Learners(), Turn(WORLD, Quirks(), ""))


@pytest.mark.parametrize("action", READS, ids=lambda action: action.spec.name)
def test_an_answer_is_the_same_after_the_wire(action):
    value = ask(action)
    assert value
    assert wire.decode(action, Response(200, {}, wire.answer(action, value))) == value


@pytest.mark.parametrize("action", READS, ids=lambda action: action.spec.name)
@pytest.mark.parametrize(
    "quirk",
    ["filtered_lists", "numbers_as_text", "flags_as_numbers", "wrapped_in_object", "time_on", "capital_courses"],
)
def test_a_quirk_changes_the_bytes_and_not_the_answer(action, quirk):
    quirks = Quirks(**{quirk: True})
    value = ask(action)
    body = quirks.apply(action.spec.name, wire.answer(action, value))
    assert wire.decode(action, Response(200, {}, body)) == value


def test_each_quirk_shows():
    shown = {
        "filtered_lists": (actions.Learners(), '{"0":{', '"2":{'),
        "numbers_as_text": (actions.Academies(), '"learners_amount":"60"', ""),
        "flags_as_numbers": (actions.Academies(), '"is_private":1', ""),
        "wrapped_in_object": (READS[10], '{"learners":[', ""),
        "time_on": (READS[9], '"is_time_on":', ""),
        "capital_courses": (actions.GetTeams(records="course"), '"Courses":', ""),
    }
    for quirk, (action, *parts) in shown.items():
        plain = wire.answer(action, ask(action))
        text = Quirks(**{quirk: True}).apply(action.spec.name, plain).decode()
        assert text != plain.decode(), quirk
        assert all(part in text for part in parts), quirk
    alone = Quirks(filtered_lists=True).apply("academies", wire.answer(actions.Academies(), ask(actions.Academies())))
    assert list(json.loads(alone)) == ["1"]  # one entry has a gap before it, or PHP would see a list


def test_lessons_and_quizzes_have_the_keys_of_the_vendors_sample():
    printed = json.loads((GOLDEN / "courseProgress.answer.json").read_bytes())
    keys = {each["type"]: set(each) for course in printed for each in course["content_progress"]}
    keys["quiz"] ^= {"is_time_on", "is_timer_on"}  # the latter is in the table beside it
    action = actions.CourseProgress(email=EMAIL, course_type="all")
    contents = [each for row in json.loads(wire.answer(action, ask(action))) for each in row["content_progress"]]
    assert {each["is_timer_on"] for each in contents if each["type"] == "quiz"} == {True, False}
    assert [each for each in contents if set(each) != keys[each["type"]]] == []


def test_the_same_seed_makes_the_same_academy():
    assert ask(actions.Learners(), Emulator(learners=60, courses=5, seed=3)) == everybody()
    assert ask(actions.Learners(), Emulator(learners=60, courses=5, seed=4)) != everybody()


def test_progress_of_a_learner_agrees_with_progress_by_course():
    for course in COURSES:
        rows = ask(actions.LearnersProgressByCourse(course_id=course.id, amount=100))
        assert rows
        for row in rows:
            (mine,) = (
                each
                for each in ask(actions.CourseProgress(email=row.email, course_type="all"))
                if each.course_id == course.id
            )
            assert (mine.progress_amount, mine.lessons_amount) == (row.passed_amount, row.total_amount)
            assert mine.progress == row.course_score
            assert (mine.finish_date is not None) == (row.completed_at is not None) == (row.status == "Completed")
            spent = sum(each.pass_time_sec or 0 for each in mine.content_progress)
            assert spent <= row.view_time.total_seconds()
            if not course.is_group:
                assert mine.start_date.replace(second=0) == row.started_at


def test_completions_certificates_and_summaries_agree():
    completed = dict.fromkeys((each.email for each in everybody()), 0)
    for course in COURSES:
        rows = ask(actions.LearnersProgressByCourse(course_id=course.id, amount=100))
        done = [row.email for row in rows if row.status == "Completed"]
        assert len(ask(actions.LearnersCourseComplete(course_id=course.slug))) == len(done) > 0
        for email in done:
            completed[email] += 1
    for learner in everybody():
        certificates = ask(actions.Certificates(email=learner.email))
        assert len(certificates) == learner.certificates_amount == learner.courses_completed == completed[learner.email]


def test_the_score_is_what_was_passed_of_all_contents():
    for learner in everybody():
        progress = ask(actions.CourseProgress(email=learner.email, course_type="all"))
        assert learner.lessons_completed == sum(each.progress_amount for each in progress)
        total = sum(each.lessons_amount for each in progress)
        assert learner.score == round(100 * learner.lessons_completed / total)


@pytest.mark.parametrize("operator", ["=", ">", "<", ">=", "<=", "<>"])
def test_scores_are_compared_as_asked(operator):
    middle = sorted(each.score for each in everybody())[30]
    compare = {
        "=": lambda score: score == middle,
        ">": lambda score: score > middle,
        "<": lambda score: score < middle,
        ">=": lambda score: score >= middle,
        "<=": lambda score: score <= middle,
        "<>": lambda score: score != middle,
    }[operator]
    found = ask(actions.LearnersWithScore(score=int(middle), operator=operator))
    assert found == [each for each in everybody() if compare(each.score)] != []


@pytest.mark.parametrize("operator", ["=", ">", "<", ">=", "<=", "<>"])
def test_days_of_registration_are_compared_as_asked(operator):
    day = everybody()[30].registered_at.date()
    compare = {
        "=": lambda other: other == day,
        ">": lambda other: other > day,
        "<": lambda other: other < day,
        ">=": lambda other: other >= day,
        "<=": lambda other: other <= day,
        "<>": lambda other: other != day,
    }[operator]
    found = ask(actions.LearnersRegisteredAt(date=day, operator=operator))
    assert found == [each for each in everybody() if compare(each.registered_at.date())] != []


def test_an_interval_of_registration_takes_both_ends():
    first, last = everybody()[10].registered_at, everybody()[20].registered_at
    assert ask(actions.LearnersRegisteredAt(dates=[first, last])) == everybody()[10:21]
    assert ask(actions.Learners(dates=[first, last])) == everybody()[10:21]
    assert ask(actions.Learners(dates=[first, last], email="learner12@example.com")) == everybody()[11:12]
    assert ask(actions.Learners(dates=[first, last], email="learner40@example.com")) == []
    assert ask(actions.LearnersRegisteredAt(date=first)) == everybody()[10:11]


def test_countries_agree_with_the_learners_in_them():
    amounts = ask(actions.LearnersAmountFromCountries())
    assert sum(each.amount for each in amounts) == 60
    for country in amounts:
        found = ask(actions.LearnersFromCountry(country_iso_code=country.country_iso_code.lower()))
        assert found.amount == country.amount == len(found.learners)
        assert {each.country_iso_code for each in found.learners} == {country.country_iso_code}
    assert ask(actions.LearnersAmountFromCountries(country_iso_code="JP"))[0].country == "Japan"
    assert ask(actions.LearnersFromCountry(country_iso_code="XX")).learners == []


def test_passive_learners_opened_nothing_and_repeated_ones_came_again():
    idle = [each.email for each in everybody() if each.lessons_opened == 0]
    assert [each.email for each in ask(actions.PassiveLearners())] == idle != []
    repeated = ask(actions.LearnersRepeatedLogIns())
    assert repeated
    assert all(each.log_ins_amount > 1 for each in repeated)


def test_who_churned_opened_the_content_last_and_did_not_complete():
    for course in COURSES:
        rows = ask(actions.LearnersProgressByCourse(course_id=course.id, amount=100))
        churned = [
            each.email
            for content in course.contents
            for each in ask(actions.LearnersChurnAtContent(course_id=course.slug, content_id=content.slug))
        ]
        assert sorted(churned) == sorted(row.email for row in rows if row.status == "In progress")


def test_quiz_statistics_agree_with_the_progress():
    for learner in everybody()[:20]:
        statistic = ask(actions.GetLearnersQuizStatistic(records={learner.email: [each.id for each in quizzes()]}))
        progress = ask(actions.CourseProgress(email=learner.email, course_type="all"))
        contents = {each.id: each for course in progress for each in course.content_progress}
        opened = {key for key, each in contents.items() if each.type == "quiz" and each.started_at is not None}
        assert set(statistic[learner.email]) == opened
        for quiz_id, quiz in statistic[learner.email].items():
            assert (quiz.score, quiz.is_passed) == (contents[quiz_id].score, contents[quiz_id].is_passed)
            assert quiz.is_passed == (quiz.score >= quiz.passing_score)
            assert sum(each.is_passed for each in quiz.questions) == quiz.score


def test_course_type_chooses_the_courses():
    def shown(course_type):
        return [each.course_name for each in ask(actions.CourseProgress(email=EMAIL, course_type=course_type), SEVEN)]

    every = [each.name for each in SEVEN.world.catalogue.courses]
    assert shown("all") == every
    assert shown("unpublished") == every[5:6]
    assert shown("published") == shown(None) == shown(False) == every[:5] + every[6:]
    started = [
        each.course.name
        for each in SEVEN.world.standings(SEVEN.world.learner(SEVEN.world.find(EMAIL)))
        if each.course.is_published
    ]
    assert shown(True) == started


SEVEN = Emulator(learners=60, courses=7, seed=3)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (actions.CourseProgress(email="nobody@example.com"), "Learner not found"),
        (actions.Certificates(email="learner61@example.com"), "Learner not found"),
        (actions.LearnersProgressByCourse(course_id="c"), "Course not found"),
        (actions.LearnersChurnAtContent(course_id=COURSES[0].id, content_id="c"), "Content not found"),
        (actions.AddLearnerQuizAttempts(quiz_id="q", email=EMAIL), "Quiz not found"),
        (actions.AddLearnersToTeams(teams=["t"], learners=[EMAIL]), "Team not found"),
        (actions.CreateLoginToken(academy_id="a", email=EMAIL), "Academy not found"),
    ],
)
def test_what_there_is_not_is_refused(action, message):
    with pytest.raises(Refusal, match=message):
        ask(action)
