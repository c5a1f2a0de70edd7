"""Webhook payloads and events: the vendor's samples, the page's contradictions, and how the events are declared."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest

import aoclient
from aoclient import jsontext, makers, phpjson, structs, webhooks
from aoclient.model import NO_EXTRA
from aoclient.webhooks import (
    EVENTS,
    Course,
    Event,
    Learner,
    Lesson,
    Named,
    Quiz,
    UnknownEvent,
    dumps,
    event,
    parse,
    payload,
)
from tests.golden_webhooks import COURSE_FINISHED, JOHN, TEAM_NEW_LEARNERS, VALUES, named

GOLDEN = Path(__file__).parent / "golden" / "webhooks"
NAMES = [  # the names in the samples, in the order of the page
    "course.started",
    "course.finished",
    "course_group.started",
    "course_group.finished",
    "learner.course_certificate.issued",
    "lesson.started",
    "lesson.finished",
    "quiz.started",
    "quiz.finished",
    "academy.learner.sign_up",
    "learner.course.available",
    "learner.end_quiz_attempts",
    "team.new_learners",
]
MODELS = [Named, Learner, Course, webhooks.CourseGroup, Lesson, Quiz, webhooks.Certificate]


def golden(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_bytes())


def parsed(**changes: object) -> Any:
    """Return the event of a sample, ``name=``, with some keys changed; ... takes a key away."""
    payload = golden(str(changes.pop("name"))) | changes
    return parse(json.dumps({key: value for key, value in payload.items() if value is not ...}).encode())


# --- the samples -------------------------------------------------------------------------------------------------


def test_each_sample_has_a_value():
    assert sorted(VALUES) == sorted(path.name.removesuffix(".json") for path in GOLDEN.glob("*.json"))


@pytest.mark.parametrize("name", VALUES)
def test_a_sample_is_read(name: str, caplog: pytest.LogCaptureFixture):
    found = parse((GOLDEN / f"{name}.json").read_bytes())
    assert type(found) is type(VALUES[name])
    assert found == VALUES[name]
    assert found.extra is NO_EXTRA
    assert caplog.records == []


@pytest.mark.parametrize("name", VALUES)
def test_a_sample_is_written_with_its_keys_in_their_order(name: str):
    assert dumps(VALUES[name]) == phpjson.dumps(golden(name)).encode()


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no php on this machine to compare with")
@pytest.mark.parametrize("name", VALUES)
def test_php_writes_the_very_same_bytes(name: str):
    anna = Learner(email="anna@example.com", full_name="Анна O'Neil </b> 🔑", last_name='"\\\t')
    learner = {"learners": [anna]} if hasattr(VALUES[name], "learners") else {"learner": anna}
    body = dumps(attrs.evolve(VALUES[name], **learner))
    code = "echo json_encode(json_decode(stream_get_contents(STDIN), true));"
    assert subprocess.run(["php", "-n", "-r", code], input=body, capture_output=True, check=True).stdout == body


ODD = [
    {"extra": 1},
    {"id": 7},
    {"id": None},
    {"id": ...},
    {"academy": ...},
    {"academy": {"id": 1, "name": None}},
    {"academy": {"id": True}},
    {"learner": {}},
    {"learner": []},
    {"learner": [{"email": "a@x.co"}]},
    {"learner": {"email": "a@x.co", "age": 5}},
    {"learners": [{"email": "a@x.co"}]},
    {"team": {"id": "t"}},
    {"course": None},
    {"course": {"id": "c", "name": "C", "is_in_folder": None}},
    {"quiz": {"id": "q", "name": "Q", "score": 1.5, "finish_date": "2021-12-10T14:12:00+02:00"}},
    {"quiz": {"id": "q", "name": "Q", "score": "many", "start_date": "today"}},
    {"lesson": {"id": "l", "name": "L", "finish_date": None}},
    {"event": "quiz.cancelled"},
    {"event": 5},
]


@pytest.mark.parametrize("changes", [{}, *ODD], ids=str)
@pytest.mark.parametrize("name", VALUES)
def test_an_event_is_the_same_with_and_without_the_speed_extra(
    name: str, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    quick = parsed(name=name, **changes)
    monkeypatch.setattr(jsontext, "_msgspec", None)
    slow = parsed(name=name, **changes)
    assert (quick, repr(quick)) == (slow, repr(slow))


def test_what_is_as_the_vendor_describes_it_needs_no_tolerance(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("msgspec", reason="the extra speed is not installed")
    monkeypatch.setattr(payload, "structure", None)
    for name in VALUES:
        assert parse((GOLDEN / f"{name}.json").read_bytes()) == VALUES[name]


def test_a_class_that_cannot_be_made_quickly_has_no_quick_reader():
    pytest.importorskip("msgspec", reason="the extra speed is not installed")

    @attrs.frozen(kw_only=True)
    class Last:
        id: str = ""

        def __init_subclass__(cls):
            raise TypeError

    assert structs.reader_of(jsontext.speed(), Last) is None


# --- the page's contradictions -----------------------------------------------------------------------------------


def test_the_name_in_the_payload_decides_not_what_is_in_it():
    as_printed = VALUES["course.finished.as_printed"]
    assert parsed(name="course.finished", event="lesson.finished") == as_printed
    assert type(parsed(name="lesson.finished", event="course.finished")) is webhooks.CourseFinished
    assert parsed(name="course.finished", lesson=...) == attrs.evolve(COURSE_FINISHED, lesson=None)


def test_team_new_learners_comes_under_either_name_and_keeps_it():
    assert parsed(name="team.new_learners", event="team.new.learners").event == "team.new.learners"
    assert parsed(name="team.new_learners") == TEAM_NEW_LEARNERS
    assert json.loads(dumps(VALUES["team.new_learners.heading"]))["event"] == "team.new.learners"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"team": ..., "teams": [{"id": "t", "name": "T"}]}, [named("t", "T")]),
        ({"team": None, "teams": [{"id": "t", "name": "T"}]}, [named("t", "T")]),
        ({"team": {"id": "t", "name": "T"}}, [named("t", "T")]),
        ({"team": {"0": {"id": "t", "name": "T"}, "2": {"id": 2, "name": None}}}, [named("t", "T"), Named(id=2)]),
        ({"team": ...}, []),
        ({"team": []}, []),
    ],
    ids=["plural", "plural beside null", "one", "filtered", "missing", "empty"],
)
def test_teams_are_read_in_each_shape(changes: dict[str, object], expected: list[Named]):
    assert parsed(name="team.new_learners", **changes) == attrs.evolve(TEAM_NEW_LEARNERS, team=expected)


SMITH = {"email": "ann@example.com", "full_name": "John Smith", "first_name": "John", "last_name": "Smith"}


@pytest.mark.parametrize("name", ["lesson.started", "quiz.finished", "academy.learner.sign_up", "course_group.started"])
def test_one_learner_may_come_in_a_list(name: str):
    assert parsed(name=name, learner=..., learners=[SMITH]) == VALUES[name]
    assert parsed(name=name, learner=[SMITH]) == VALUES[name]


def test_learners_and_courses_may_come_one_alone():
    name = "learner.course.available"
    course = golden(name)["courses"][0]
    assert parsed(name=name, learners=..., learner=SMITH) == VALUES[name]
    assert parsed(name=name, courses=..., course=course, teams=..., team=golden(name)["teams"]) == VALUES[name]


def test_a_key_beside_the_one_that_counts_is_kept():
    found = parsed(name="lesson.started", learners=[{"email": "bob@example.com"}])
    assert found.learner == JOHN
    assert found.extra == {"learners": [{"email": "bob@example.com"}]}


def test_two_learners_where_one_is_expected_are_kept_and_not_chosen_from():
    found = parsed(name="lesson.started", learner=[SMITH, SMITH])
    assert (found.learner, found.extra) == (Learner(), {"learner": [SMITH, SMITH]})


@pytest.mark.parametrize("value", ["text", 5, {}, True])
def test_what_is_no_list_of_teams_is_kept(value: object):
    found = parsed(name="team.new_learners", team=value)
    assert (found.team, found.extra) == ([], {"team": value})


@pytest.mark.parametrize(
    ("score", "expected"), [("1", 1.0), ("7.5", 7.5), (3, 3.0), (2.25, 2.25), ("0", 0.0), (None, None)]
)
def test_a_score_is_a_number_whether_it_comes_as_text_or_not(score: object, expected: float | None):
    found = parsed(name="quiz.finished", quiz={"id": "q", "name": "Q", "score": score}).quiz
    assert found == Quiz(id="q", name="Q", score=expected)


def test_folder_fields_may_be_missing_null_or_numbers():
    found = parsed(name="course.started", course={"id": 7, "is_in_folder": 1, "folder_id": 9, "folder_name": None})
    assert found.course == Course(id=7, is_in_folder=True, folder_id=9)


def test_moments_are_utc_in_whatever_spelling():
    texts = ["2021-12-10T16:12:01+02:00", "2021-12-10 14:12:01", "2021-12-10T14:12:01.000000Z"]
    for text in texts:
        lesson = parsed(name="lesson.started", lesson={"start_date": text}).lesson
        assert lesson == Lesson(start_date=datetime(2021, 12, 10, 14, 12, 1, tzinfo=UTC))
        assert lesson.start_date.utcoffset() == timedelta(0)


# --- what nobody declared ----------------------------------------------------------------------------------------


def test_unknown_keys_are_kept_at_every_depth_and_written_again():
    found = parsed(name="quiz.finished", sent_at=5, academy={"id": "a", "name": "A", "plan": {"pro": [1, None]}})
    assert found.extra == {"sent_at": 5}
    assert found.academy == Named(id="a", name="A", extra={"plan": {"pro": [1, None]}})
    assert parse(dumps(found)) == found


def test_what_cannot_be_read_costs_one_field_and_is_kept(caplog: pytest.LogCaptureFixture):
    quiz = {"id": "q", "name": "Q", "score": "n/a", "start_date": "yesterday", "timer_minutes": 5}
    with caplog.at_level(logging.WARNING, "aoclient.convert"):
        found = parsed(name="quiz.finished", quiz=quiz, learner="ann@example.com", academy=None)
    assert found.quiz == Quiz(id="q", name="Q", timer_minutes=5, extra={"score": "n/a", "start_date": "yesterday"})
    assert (found.learner, found.academy) == (Learner(), Named())
    assert found.extra == {"learner": "ann@example.com", "academy": None}
    assert parse(dumps(found)) == found
    assert "ann@example.com" not in caplog.text


def test_an_id_is_the_same_text_each_time():
    assert parsed(name="quiz.started", id=42).id == "42"
    assert parsed(name="quiz.started", id=...).id == ""
    assert (parsed(name="quiz.started", id=True).id, parsed(name="quiz.started", id=None).id) == ("", "")
    assert parsed(name="quiz.started", id=True).extra == {"id": True}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"id": "1", "event": "learner.moved", "academy": {"id": "a", "name": "A"}, "learner": 5, "payload": {}},
            {"id": "1", "event": "learner.moved", "academy": named("a", "A")},
        ),
        ({"event": "Course.Started", "id": 9}, {"id": "9", "event": "Course.Started"}),
        ({"event": ""}, {"event": ""}),
        ({"event": None, "id": "1"}, {"id": "1", "event": ""}),
        ({"event": ["course.started"]}, {"event": ""}),
        ({"event": {}, "academy": "A"}, {"event": ""}),
        ({"test": True}, {"event": ""}),
        ({}, {"event": ""}),
    ],
    ids=["new name", "other case", "empty name", "null", "list", "map", "no name", "empty"],
)
def test_any_other_map_is_an_unknown_event_with_the_whole_payload(payload: Any, expected: dict[str, Any]):
    found = parse(json.dumps(payload).encode())
    assert found == UnknownEvent(payload=payload, **expected)
    assert found.extra is NO_EXTRA
    assert dumps(found) == phpjson.dumps(payload).encode()


def test_an_empty_map_of_php_is_a_map():
    assert parse(b"[]") == UnknownEvent(event="", payload={})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"course.started"',
        b"[1]",
        b'[{"event":"course.started"}]',
        b"{",
        b"{'event': 1}",
        b'{"event":"course.started",}',
        b'{"score":NaN}',
        b"\xff\xfe",
        b'{"event":"\xff"}',
        b'{"event":"\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"event=course.started",
        b"<html>",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_map_of_json_is_one_documented_error(body: bytes):
    with pytest.raises(aoclient.WebhookError, match=r"^the body is (no JSON|JSON, but not a map)$") as caught:
        parse(body)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # what is below holds the body


# --- writing -----------------------------------------------------------------------------------------------------


def test_moments_are_written_in_utc_and_whole_seconds():
    start = datetime(2021, 12, 10, 16, 12, 1, 999_999, tzinfo=timezone(timedelta(hours=2)))
    written = json.loads(dumps(webhooks.LessonStarted(lesson=Lesson(start_date=start))))
    assert written["lesson"]["start_date"] == "2021-12-10T14:12:01+00:00"


def test_a_new_event_has_its_name_and_nothing_else():
    assert json.loads(dumps(webhooks.AcademyLearnerSignUp(learner=JOHN))) == {
        "id": "",
        "event": "academy.learner.sign_up",
        "academy": {"id": "", "name": None},
        "learner": SMITH,
    }


deep: list[Any] = []
for _ in range(100_000):
    deep = [deep]


@pytest.mark.parametrize(
    "unwritable",
    [
        webhooks.QuizFinished(quiz=Quiz(passing_score=float("nan"))),
        webhooks.QuizFinished(quiz=Quiz(passing_score=float("-inf"))),
        webhooks.CourseStarted(id="\ud800"),
        webhooks.CourseStarted(extra={"key": object()}),
        webhooks.CourseStarted(extra={"key": {1, 2}}),
        webhooks.CourseStarted(extra={"key": deep}),
        webhooks.LessonStarted(lesson=Lesson(start_date=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))),
        UnknownEvent(event="x", payload={"key": float("nan")}),
    ],
    ids=["nan", "infinity", "half a pair", "object", "set", "deep", "year 0", "unknown"],
)
def test_what_json_cannot_hold_is_one_documented_error(unwritable: Event):
    with pytest.raises(aoclient.WebhookError, match=f"^this {type(unwritable).__name__} cannot be written as JSON$"):
        dumps(unwritable)


# --- how events are declared -------------------------------------------------------------------------------------


def test_the_events_are_those_of_the_page():
    assert list(EVENTS) == NAMES
    assert {cls.__name__ for cls in EVENTS.values()} <= set(webhooks.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_called_as_the_vendor_calls_it(name: str):
    cls = EVENTS[name]
    assert cls.__name__ == "".join(word.capitalize() for word in re.split(r"[._]", name))
    assert cls().event == cls.NAME == cls.names()[0] == name
    assert inspect.cleandoc(cls.__doc__ or "").endswith(f"\nDoc: {cls.HEADING or name}")


def test_one_heading_differs_from_the_name():
    headings = {name: cls.HEADING for name, cls in EVENTS.items() if cls.HEADING}
    assert headings == {"team.new_learners": "team.new.learners"}


@pytest.mark.parametrize("cls", [Event, UnknownEvent, *EVENTS.values(), *MODELS], ids=lambda cls: cls.__name__)
def test_every_field_has_its_line(cls: type[Any]):
    doc = inspect.cleandoc(cls.__doc__ or "")
    documented = re.findall(r"^    (\w+): ", doc.partition("Attributes:")[2].partition("Raises:")[0], re.MULTILINE)
    inherited = [] if cls is Event or not issubclass(cls, Event) else [each.name for each in attrs.fields(Event)]
    assert documented == [each.name for each in attrs.fields(cls) if each.name not in inherited]


def test_all_is_sorted_and_each_name_is_there():
    assert webhooks.__all__ == sorted(webhooks.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(webhooks, name) for name in webhooks.__all__)
    assert {each.__name__ for each in [Event, UnknownEvent, *EVENTS.values(), *MODELS]} <= set(webhooks.__all__)


def test_an_event_cannot_be_called_as_another():
    with pytest.raises(aoclient.WebhookError, match=r"^CourseStarted is no event 'course\.finished'$"):
        webhooks.CourseStarted(event="course.finished")


def test_events_cannot_be_changed_and_can_be_pickled():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        COURSE_FINISHED.id = "other"
    with pytest.raises(TypeError):
        EVENTS["course.started"] = Event
    for each in (*VALUES.values(), parse(b'{"event":"new","a":[1]}')):
        assert pickle.loads(pickle.dumps(each)) == each


def test_only_classes_with_a_name_of_their_own_are_events_of_the_page():
    class Marked(webhooks.CourseStarted):
        pass

    assert EVENTS["course.started"] is webhooks.CourseStarted
    assert Marked not in event.EVENTS.values()


@pytest.mark.parametrize("cls", EVENTS.values())
def test_events_as_the_vendor_describes_them_are_read_by_the_quick_way(cls):
    assert makers.twin_of(cls) is not None
    event = parse((GOLDEN / f"{cls.NAME}.json").read_bytes())
    assert type(event) is cls
    with pytest.raises(AttributeError):
        event.id = "another"  # type: ignore[misc]  # frozen, as the slow way has it
    with pytest.raises(AttributeError):
        del event.id
    assert repr(event) == repr(cls(**{each.name: getattr(event, each.name) for each in attrs.fields(cls)}))
