"""Every action against its form and its answer in tests/golden, both directions of each."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from aoclient import convert, jsontext, wire
from aoclient.actions import ACTIONS, Acknowledged, Action
from aoclient.wire import Response
from tests.golden_actions import BOB, REQUESTS, SAME, VALUES

GOLDEN = Path(__file__).parent / "golden"
ANSWERS = sorted(path.name.removesuffix(".answer.json") for path in GOLDEN.glob("*.answer.json"))


def form_of(name: str) -> bytes:
    return (GOLDEN / f"{name}.request").read_bytes().replace(b"\n", b"")


def body_of(name: str) -> bytes:
    return (GOLDEN / f"{name}.answer.json").read_bytes()


def action_of(name: str) -> Action[Any]:
    return REQUESTS.get(name) or REQUESTS[name.partition(".")[0]]


def decoded(name: str) -> Any:
    return wire.decode(action_of(name), Response(200, {"content-type": "application/json"}, body_of(name)))


def models_in(value: object) -> Iterator[Any]:
    if attrs.has(type(value)):
        yield value
        for attribute in attrs.fields(type(value)):
            yield from models_in(getattr(value, attribute.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from models_in(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from models_in(item)


# --- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_a_form_and_an_answer(action):
    assert (GOLDEN / f"{action}.request").is_file()
    assert (GOLDEN / f"{action}.answer.json").is_file()


def test_no_file_is_left_over():
    assert {path.name.removesuffix(".request") for path in GOLDEN.glob("*.request")} == REQUESTS.keys()
    assert {name.partition(".")[0] for name in ANSWERS} == ACTIONS.keys()
    assert VALUES.keys() | SAME.keys() <= set(ANSWERS)
    files = [path.name for path in GOLDEN.iterdir() if path.is_file() and path.name != "README.md"]
    assert [name for name in files if not name.endswith((".request", ".answer.json"))] == []


@pytest.mark.parametrize("name", REQUESTS)
def test_a_form_has_one_pair_on_each_line(name):
    lines = (GOLDEN / f"{name}.request").read_text("ascii").splitlines(keepends=True)
    assert all(line.endswith("&\n") and line.count("&") == line.count("=") == 1 for line in lines[:-1])
    assert lines[-1].endswith("\n")
    assert "&" not in lines[-1]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_spelt_as_php_spells_json(name):
    text = body_of(name).decode("ascii")
    assert text == json.dumps(json.loads(text), indent=4).replace("/", "\\/") + "\n"


# --- forms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "action"), REQUESTS.items(), ids=REQUESTS)
def test_an_action_is_written_as_its_form(name, action):
    request = wire.encode(action)
    assert request.body == form_of(name)
    assert request.name == name.partition(".")[0]


@pytest.mark.parametrize(("name", "action"), REQUESTS.items(), ids=REQUESTS)
def test_a_form_is_read_as_its_action(name, action):
    read = wire.read(form_of(name))
    assert read == action
    assert type(read) is type(action) is ACTIONS[name.partition(".")[0]]
    assert read.extra == {}


# --- answers -----------------------------------------------------------------------------------------------------


WITHOUT_MODELS = {
    "learners.empty",
    "checkLearnerInvite.empty",
    "getLearnersQuizStatistic.empty",
    "getLearnerVariable",
    "getLearnerVariable.empty",
    "getLearnerVariable.numbered",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_and_nothing_is_left_over(name, caplog):
    with caplog.at_level(logging.DEBUG):
        value = decoded(name)
    assert [record.getMessage() for record in caplog.records] == []
    assert [model for model in models_in(value) if getattr(model, "extra", None)] == []
    assert any(True for _ in models_in(value)) == (name not in WITHOUT_MODELS)


@pytest.mark.parametrize(("name", "value"), VALUES.items(), ids=VALUES)
def test_an_answer_says_what_is_written_out(name, value):
    assert decoded(name) == value
    assert type(decoded(name)) is type(value)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_the_same_with_and_without_the_speed_extra(name, monkeypatch):
    quick = decoded(name)
    monkeypatch.setattr(jsontext, "_msgspec", None)
    slow = decoded(name)
    assert (quick, repr(quick), type(quick)) == (slow, repr(slow), type(slow))


PRINTED = {
    "courses",
    "learnersProgressByCourse",
    "courseProgress",
    "checkLearnerInvite",
    "getTeams",
    "getTeams.course",
    "getLearnersQuizStatistic",
}
"""Lists and maps of models that the page has a sample of."""


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_what_is_as_the_vendor_prints_it_needs_no_tolerance(name, monkeypatch):
    pytest.importorskip("msgspec", reason="the extra speed is not installed")
    expected = decoded(name)
    monkeypatch.setattr(convert, "structure", None)
    assert decoded(name) == expected


@pytest.mark.parametrize(("name", "plain"), SAME.items(), ids=SAME)
def test_another_spelling_says_the_same(name, plain):
    assert json.loads(body_of(name)) != json.loads(body_of(plain))
    assert decoded(name) == decoded(plain)


def test_rows_are_gathered_from_several_wrappers():
    page = decoded("learnersProgressByCourse.several")
    (row,) = decoded("learnersProgressByCourse")
    assert list(page) == [row, attrs.evolve(row, email=BOB)]


def test_a_learner_who_did_not_start_has_no_dates():
    (row,) = decoded("learnersProgressByCourse.not_started")
    assert (row.started_at, row.completed_at, row.passed_amount, row.teams) == (None, None, 0, [])


def test_the_timer_is_read_from_the_table_and_unknown_in_the_sample():
    ((from_table,),) = [course.content_progress for course in decoded("courseProgress.published")]
    assert from_table.is_timer_on is True
    quizzes = [each for course in decoded("courseProgress") for each in course.content_progress if each.type == "quiz"]
    assert [(quiz.score, quiz.is_timer_on) for quiz in quizzes] == [(5.0, None), (1.0, None), (3.0, None)]


def test_a_group_has_dates_and_a_course_has_moments():
    kinds = [type(course.start_date).__name__ for course in decoded("courseProgress")]
    assert kinds == ["date", "datetime", "date"]


# --- answers, the way back ---------------------------------------------------------------------------------------

READ_ONLY = {
    *SAME,  # the usual spelling is written
    "learnersProgressByCourse.several",  # one wrapper is written
    "getLearnersQuizStatistic.failed",  # numbers and flags in text
    "courseProgress.published",  # a score that is no text
}
"""Answers in spellings that are read and not written; the others come back as they are."""


def without_null_timer(value: object) -> object:
    """Leave out ``is_time_on``: null, which says nothing and is written as no key at all."""
    if isinstance(value, dict):
        return {key: without_null_timer(item) for key, item in value.items() if (key, item) != ("is_time_on", None)}
    return [without_null_timer(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name in ANSWERS if name not in READ_ONLY])
def test_an_answer_is_written_as_the_vendor_writes_it(name):
    written = json.loads(wire.answer(action_of(name), decoded(name)))
    assert written == without_null_timer(json.loads(body_of(name)))


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_another_spelling_survives_the_way_back(name):
    action = action_of(name)
    body = wire.answer(action, decoded(name))
    assert json.loads(body) != json.loads(body_of(name))
    assert wire.decode(action, Response(200, {}, body)) == decoded(name)


UNDESCRIBED = [name for name, cls in ACTIONS.items() if cls.answer_type is Acknowledged]


@pytest.mark.parametrize("name", UNDESCRIBED)
@pytest.mark.parametrize("value", [["done"], True, None, {}, {"updated": 3}, "ok"], ids=repr)
def test_an_undescribed_answer_is_handed_over_untouched(name, value):
    answer = wire.decode(REQUESTS[name], Response(200, {}, json.dumps(value).encode()))
    assert answer == Acknowledged(value)
    assert wire.decode(REQUESTS[name], Response(200, {}, b"")) == Acknowledged(None)
