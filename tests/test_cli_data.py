"""What the command line reads and writes: lists and maps in, JSON and tables out."""

import json
import re
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import get_origin

import pytest

from aoclient.action import Page
from aoclient.actions import (
    ACTIONS,
    Acknowledged,
    InviteState,
    Learner,
    LearnerProgress,
    Named,
    ProgressInCourse,
    QuizStatistic,
    VariableType,
)
from aoclient.cli import doctor, drift, grammar, rows
from aoclient.cli.output import Output, Writer, counting, write_one, write_rows
from aoclient.cli.shapes import options_of
from aoclient.cli.tables import print_fields, print_rows
from aoclient.cli.text import json_text, shown
from aoclient.emulator import Emulator
from tests.kit.command_line import Stream, aoclient, served, streams

ITEMS = {
    option.name: option.shape for name in ("deleteLearners", "inviteLearners") for option in options_of(ACTIONS[name])
}
QUIZZES = options_of(ACTIONS["getLearnersQuizStatistic"])[0].shape
VARIABLES = next(each.shape for each in options_of(ACTIONS["setLessonVariables"]) if each.name == "records")

# --- reading -----------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines").write_text("a@x.co\n\n b@x.co, c@x.co \n")
    (tmp_path / "list.json").write_text('[\n"a@x.co",\n"b@x.co"]')
    (tmp_path / "people.jsonl").write_text('{"email": "a@x.co"}\n{"email": "b@x.co"}\n')
    (tmp_path / "records").write_text("ann@x.co=q1,q2\nbob@x.co=q3\n")
    (tmp_path / "binary").write_bytes(b"\xff")


@pytest.mark.parametrize(
    ("texts", "entries"),
    [
        (["a@x.co"], ["a@x.co"]),
        (["a@x.co,b@x.co", "c@x.co"], ["a@x.co", "b@x.co", "c@x.co"]),
        (['["a,b@x.co", 7, true]', "c"], ["a,b@x.co", "7", "1", "c"]),
        (["@lines"], ["a@x.co", "b@x.co", "c@x.co"]),
        (["@list.json", "c"], ["a@x.co", "b@x.co", "c"]),
        (["-"], ["in", "out"]),
        ([""], []),
    ],
)
def test_a_list_is_repeated_parted_by_commas_read_from_a_file_or_json(files, monkeypatch, texts, entries):
    monkeypatch.setattr(sys, "stdin", Stream("in\nout\n"))
    assert grammar.read_list(texts, ITEMS["emails"].item, "options[emails]") == entries


@pytest.mark.parametrize(
    ("texts", "entries"),
    [
        (["ann@x.co=q1,q2", "bob@x.co=q3", "ann@x.co=q4"], {"ann@x.co": ["q1", "q2", "q4"], "bob@x.co": ["q3"]}),
        (["a=b@x.co=q1"], {"a=b@x.co": ["q1"]}),
        (['ann@x.co=["q,1"]'], {"ann@x.co": ["q,1"]}),
        (['{"ann@x.co": ["q1"], "bob@x.co": [2]}'], {"ann@x.co": ["q1"], "bob@x.co": ["2"]}),
        (["@records"], {"ann@x.co": ["q1", "q2"], "bob@x.co": ["q3"]}),
    ],
)
def test_a_map_is_key_and_entries_or_json(files, texts, entries):
    assert grammar.read_map(texts, QUIZZES.item, "options[records]") == entries


def test_nested_inputs_are_json_and_a_null_is_left_out(files):
    inner = ITEMS["learners"].item
    assert grammar.read_list(['{"email": "a@x.co", "teams": ["t", 1], "name": null}'], inner, "p") == [
        {"email": "a@x.co", "teams": ["t", "1"]}
    ]
    assert grammar.read_list(["@people.jsonl"], inner, "p") == [{"email": "a@x.co"}, {"email": "b@x.co"}]
    for entry in ('[{"key": "k", "value": 1.50}]', '{"key": "k", "value": 1.50}'):
        assert grammar.read_map([f"ann@x.co={entry}"], VARIABLES.item, "p") == {
            "ann@x.co": [{"key": "k", "value": "1.50"}]
        }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["deleteLearners", "--emails", '["a"'], "--emails: this is no JSON: Expecting ',' delimiter at character 5"),
        (["deleteLearners", "--emails", "[" * 100_000], "--emails: this is no JSON: too deep"),
        (["deleteLearners", "--emails", "--dry-run"], "--emails: expected an entry, got '--dry-run'"),
        (["deleteLearners", "--emails", "@nobody"], "--emails: 'nobody' cannot be read: No such file"),
        (["deleteLearners", "--emails", "@binary"], "--emails: '@binary' is no UTF-8 text"),
        (["deleteLearners", "--emails", '{"a": "b"}'], "--emails at [0]: expected a text or a number"),
        (["deleteLearners", "--emails", '["a", null]'], "--emails at [1]: expected a text or a number"),
        (["deleteLearners", "--emails", "@empty"], "--emails: expected at least one entry"),
        (
            ["inviteLearners", "--learners", "a@x.co"],
            '--learners: expected JSON, {"email": .., "name": .., "type": ..}',
        ),
        (["inviteLearners", "--learners", "[1]"], "--learners at [0]: expected JSON, {"),
        (["inviteLearners", "--learners", '{"mail": 1}'], "there is no 'mail', only email, name, type, teams"),
        (["inviteLearners", "--learners", '{"email": "a@x.co"}'], "name and type must be given"),
        (["inviteLearners", "--learners", '{"teams": 1}'], "--learners at [0][teams]: expected a list"),
        (["getLearnersQuizStatistic", "--records", "ann@x.co"], "--records: expected KEY=ENTRY,ENTRY or JSON"),
        (["getLearnersQuizStatistic", "--records", "[1]"], "--records: expected KEY=ENTRY,ENTRY or JSON"),
        (["getLearnersQuizStatistic", "--records", '{"a": 1}'], "--records at [a]: expected a list"),
        (["getLearnersQuizStatistic", "--records", "a=[1"], "--records: this is no JSON"),
        (["setLessonVariables", "--academy-id", "a", "--records", "a=b"], '--records: expected JSON, KEY={"key": ..'),
        (["learnersWithScore", "--score", "1.5"], "--score: expected a whole number, got '1.5'"),
        (["learnersRegisteredAt", "--date", "tomorrow"], "--date: expected a date"),
        (["learnersRegisteredAt", "--dates", "2020-01-02,2020-01-01"], "--dates: expected two moments"),
        (
            ["courseProgress", "--email", "a@x.co", "--course-type", "some"],
            "--course-type: expected True, False or one",
        ),
        (["learnersProgressByCourse"], "--course-id: is required, or course_slug"),
        (["learnersProgressByCourse", "--course-id", "a", "--page", "0"], "--page: expected a whole number from 1"),
        (["deleteLearners"], "--emails: is required, or ids"),
        (["courses", "--extra", "x=[", "--dry-run"], "--x: this is no JSON"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_option(files, tmp_path, line, words):
    (tmp_path / "empty").write_text("")
    ended = aoclient("call", *line)
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1


# --- writing -----------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow():
    return {"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"}


def test_models_become_plain_data_with_their_own_names():
    assert rows.plain(
        LearnerProgress(email="a", view_time=timedelta(hours=1), started_at=datetime(2022, 1, 2, tzinfo=UTC))
    ) == {
        "email": "a",
        "full_name": None,
        "first_name": None,
        "last_name": None,
        "started_at": "2022-01-02T00:00:00+00:00",
        "completed_at": None,
        "status": None,
        "duration": None,
        "view_time": "01:00:00",
        "total_amount": None,
        "passed_amount": None,
        "course_score": None,
        "teams": [],
    }
    learner = rows.plain(Learner(email="a", teams=[Named(id=1, name="t")], extra={"new": [1]}))
    assert learner["teams"] == [{"id": 1, "name": "t"}]
    assert learner["extra"] == {"new": [1]}
    assert "academy" not in learner
    assert rows.plain({"a": [date(2020, 1, 2), VariableType.HTML, Acknowledged(["done"])]}) == {
        "a": ["2020-01-02", 3, ["done"]]
    }


def test_every_action_that_answers_a_map_has_names_for_its_keys():
    maps = {name for name, cls in ACTIONS.items() if get_origin(cls.answer_type) is dict}
    assert maps == set(rows.KEYS)


def test_maps_become_rows():
    statistic = QuizStatistic(name="q")
    found = list(rows.rows_of("getLearnersQuizStatistic", {"a@x.co": {"q1": statistic, "q2": statistic}, "b@x.co": {}}))
    assert [(row["email"], row["quiz_id"], row["name"]) for row in found] == [
        ("a@x.co", "q1", "q"),
        ("a@x.co", "q2", "q"),
    ]
    assert list(rows.rows_of("getLearnerVariable", {"a@x.co": {"level": [1]}})) == [
        {"email": "a@x.co", "name": "level", "value": [1]}
    ]
    assert next(iter(rows.rows_of("checkLearnerInvite", {"a@x.co": InviteState(is_found=True)})))["is_found"] is True
    assert list(rows.rows_of("learners", Page([1], 1))) == [1]
    assert rows.rows_of("learners", Acknowledged("done")) is None


@pytest.mark.parametrize("found", [[], [1], [1, {"a": 2}]])
def test_a_document_is_one_whatever_the_number_of_rows(found):
    with streams() as (out, _):
        write_rows(found, "json")
    assert json.loads(out.text()) == found


def test_text_of_the_server_cannot_act_on_the_terminal():
    evil = "red\x1b[31m\u202e\u2028\x85\ttab\nline"
    with streams() as (out, _):
        print_rows([{"name": evil, "\x1bkey": [evil]}])
        print_fields({"name": evil, "deep": {"a": evil}})
        write_one([evil], "jsonl")
    text = out.text()
    assert not set(text) & set("\x1b\u202e\u2028\x85\t")
    assert "red\\x1b[31m\\u202e" in text
    assert json.loads(text.splitlines()[-1]) == [evil]
    assert shown("Zoë 漢字 a") == "Zoë 漢字 a"
    assert json_text("Zoë", encoding="ascii") == '"Zo\\u00eb"'
    assert json_text("Zoë\x9f") == '"Zoë\\u009f"'


def test_a_table_keeps_to_the_width_and_says_what_is_missing(narrow):
    wide = {"city": "x" * 30, "os": "y" * 30}
    with streams(terminal=True, env=narrow) as (out, err):
        print_rows([{"email": f"{number}@example.com", "score": number, "none": None, **wide} for number in (1, 20)])
    lines = [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in out.text().splitlines()]
    assert [line.split() for line in lines] == [
        ["email", "score", "city"],
        ["1@example.com", "1", "x" * 30],
        ["20@example.com", "20", "x" * 30],
    ]
    assert max(map(len, lines)) <= 60
    assert lines[1].index(" 1 ") > lines[2].index(" 20 ")  # numbers stand to the right
    assert err.text() == "2 rows, and 1 columns that do not fit: os; --json has all\n"


def test_a_table_in_a_file_has_all_columns(narrow):
    with streams(env=narrow) as (out, _):
        print_rows([{f"column_{number}": "x" * 30 for number in range(20)}])
    assert "column_19" in out.text()
    assert "…" not in out.text()


def test_the_first_column_is_there_however_narrow_the_terminal():
    with streams(terminal=True, env={"COLUMNS": "10", "TERM": "xterm"}) as (out, err):
        print_rows([{"email": "somebody@example.com", "city": "Kyiv"}])
    assert "somebody" in out.text()
    assert "1 columns that do not fit: city" in err.text()


def test_cells_are_short_words():
    named = [{"id": 1, "name": "A"}, {"id": 2, "name": "B"}]
    row = {"flag": True, "off": False, "teams": named, "words": ["a", "b"], "deep": [{"a": 1}, {}], "one": {"a": 1}}
    with streams() as (out, _):
        print_rows([row])
    assert out.text().splitlines()[1].split() == ["yes", "no", "A,", "B", "a,", "b", "2", "entries", '{"a":', "1}"]


def test_no_rows_and_rows_that_are_no_maps():
    with streams() as (out, err):
        print_rows([])
        print_rows([1, "two"])
    assert err.text() == "0 rows\n2 rows\n"
    assert out.text().split() == ["value", "1", "two"]


def test_the_default_is_a_table_on_a_terminal_and_lines_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Stream(terminal=True))
    assert Output().format == "table"
    monkeypatch.setattr(sys, "stdout", Stream())
    assert Output().format == "jsonl"
    assert Output(json=True).format == "json"
    assert "--json does not go with --table" in aoclient("actions", "--json", "--table").err


def test_the_table_of_a_call_is_one():
    with served(Emulator(learners=30, courses=1)) as there:
        env = {**there, "NO_COLOR": "1", "TERM": "xterm"}
        course = aoclient("call", "courses", env=env).rows[0]["id"]
        line = ["call", "learnersProgressByCourse", "--course-id", course, "--show-not-started-learners"]
        ended = aoclient(*line, env=env, terminal=True)
        one = aoclient("call", "learnersFromCountry", "--country-iso-code", "US", env=env, terminal=True)
    assert re.sub(r"\x1b\[\d*m", "", ended.out).split()[:2] == ["email", "full_name"]
    assert not re.search(r"\x1b\[[34]\d", ended.out + one.out)  # no colour
    assert len(ended.out.splitlines()) == 31
    assert "30 rows" in ended.err
    assert re.sub(r"\x1b\[\d*m", "", one.out).split()[:2] == ["country_iso_code", "US"]


def test_the_map_of_a_call_is_one_document():
    with served(Emulator(learners=3, courses=1)) as env:
        ended = aoclient("call", "checkLearnerInvite", "--emails", "a@x.co", "--json", env=env)
    assert ended.document == {"a@x.co": {"is_found": False, "is_used": None, "used_at": None}}


def test_rows_are_counted_on_a_terminal_only():
    with streams(terminal=True, env={"TERM": "xterm"}) as (_, err):
        with counting(is_shown=True) as count:
            count(7)
        assert "7 rows" in err.text()
        before = err.text()
        with counting(is_shown=False) as count:
            count(8)
        assert err.text() == before


def test_a_stream_without_an_encoding_is_unicode(monkeypatch):
    written = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=None, write=written.append))
    Writer("jsonl").write("Zoë")
    assert written == ['"Zoë"\n']


# --- drift -------------------------------------------------------------------------------------------------------


def test_unknown_and_unreadable_fields_are_counted_by_model():
    tallies = {}
    progress = LearnerProgress(email="a", extra={"viewTime": "x", "new": 1})
    drift.look([progress, progress, {"q": [ProgressInCourse(academy=Named(extra={"slug": 1}))]}], tallies)
    assert tallies["LearnerProgress"].unknown == Counter(new=2)
    assert tallies["LearnerProgress"].unreadable == Counter(viewTime=2)
    assert str(tallies["LearnerProgress"]) == "2 read; unknown: new (2); unreadable: viewTime (2)"
    assert (tallies["Named"].is_clean, tallies["ProgressInCourse"].is_clean) == (False, True)


@pytest.mark.parametrize(
    ("base_url", "headers", "at", "states"),
    [
        ("https://x.co", {"date": "Sun, 24 Sep 2017 10:26:23 GMT"}, 1506248783.5, ("ok", "ok")),
        ("http://x.co", {"date": "Sun, 24 Sep 2017 10:26:23 GMT"}, 1506248800.0, ("warn", "warn")),
        ("http://x.co", {"date": "Sun, 24 Sep 2017 10:26:23 GMT"}, 1506248700.0, ("warn", "warn")),
        ("https://x.co", {}, 0.0, ("ok", "warn")),
    ],
)
def test_clock_and_connection_are_judged(base_url, headers, at, states):
    probe = SimpleNamespace(base_url=base_url, headers=headers, at=at)
    assert (doctor._transport(base_url).state, doctor._clock(probe).state) == states
