"""What is declared against the vendor's page, retyped in tests/doc; what differs is listed with a reason."""

import csv
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import attrs
import pytest

from aoclient.action import Paged
from aoclient.actions import ACTIONS, InviteeType, Operator, TeamRecords, VariableType
from aoclient.actions.invites import InviteeTypeText
from aoclient.actions.learners import OperatorText
from aoclient.actions.teams import TeamRecordsText
from aoclient.actions.variables import VariableTypeNumber
from aoclient.model import Acknowledged, Id, JsonValue, Wire, wire_of

DOC = Path(__file__).parent / "doc"


class Row(NamedTuple):
    action: str
    field: str
    direction: str
    type: str
    required: str


class Excused(NamedTuple):
    actions: str  # "*" is all of them
    direction: str
    field: str  # and what stands below it
    what: str  # "type", "required", "only on the page" or "only declared"
    reason: str


EXCEPTIONS = [
    Excused("learners", "in", "dates", "only declared", "used in the introduction, absent from the chapter's table"),
    Excused(
        "learners learnersWithScore learnersRegisteredAt learnersRepeatedLogIns courseProgress",
        "out",
        "academy",
        "only declared",
        "the page says with_academy adds id and name and does not say under which key; one model for all learners",
    ),
    Excused(
        "learners learnersWithScore learnersRegisteredAt learnersRepeatedLogIns courseProgress",
        "out",
        "teams",
        "only declared",
        "the page says with_teams adds ids and names and does not say under which key; one model for all learners",
    ),
    Excused("learnersFromCountry", "out", "learners[][academy]", "only declared", "one model for all learners"),
    Excused("learnersFromCountry", "out", "learners[][teams]", "only declared", "one model for all learners"),
    Excused("learnersProgressByCourse", "in", "course_id", "required", "either of the two is, clients send one"),
    Excused("learnersProgressByCourse", "in", "course_slug", "required", "either of the two is, clients send one"),
    Excused("courseProgress", "in", "course_type", "type", "bool as option, three words in the output table: both"),
    Excused("courseProgress", "out", "content_progress[][score]", "type", 'int in the table, text ("5") in the sample'),
    Excused("learnersRegisteredAt", "in", "date", "required", "the page has two tables with an 'or' between them"),
    Excused("learnersRegisteredAt", "in", "dates", "required", "the page has two tables with an 'or' between them"),
    Excused("inviteLearners", "in", "is_send_email", "type", "a string that means True or False: either goes"),
    Excused("deleteLearnerInvite", "in", "is_delete_users", "type", "a string that means True or False: either goes"),
    Excused("deleteLearnerInvite", "out", "[]", "only on the page", '["done"] is kept as it is'),
    Excused("getTeams", "in", "options[records]", "only on the page", "written with the name of the options around it"),
    Excused("getTeams", "in", "records", "only declared", "written with the name of the options around it"),
    Excused("getTeams", "out", "Courses[id]", "only on the page", "the table leaves out the brackets of the list"),
    Excused("getTeams", "out", "Courses[name]", "only on the page", "the table leaves out the brackets of the list"),
    Excused("getTeams", "out", "Courses[]", "only declared", "the table leaves out the brackets of the list"),
    Excused(
        "getLearnersQuizStatistic",
        "out",
        "[email][quiz_id][is_time_on]",
        "only declared",
        "courseProgress writes the same flag both ways, so it is read both ways here too",
    ),
    Excused(
        "getLearnersQuizStatistic",
        "out",
        "[email][quiz_id][questions][][answers][missed][]",
        "only declared",
        "the sample shows an empty list; the answers in it are taken to be like the selected ones",
    ),
]


def page() -> list[Row]:
    with (DOC / "actions.tsv").open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file, delimiter="\t")]


def headings() -> list[tuple[str, str]]:
    lines = (DOC / "headings.tsv").read_text(encoding="utf-8").splitlines()
    return [(heading, action) for heading, action in (line.split("\t") for line in lines[1:])]


# --- what is declared --------------------------------------------------------------------------------------------


class Declared(NamedTuple):
    field: str
    types: frozenset[str]  # the page's words that agree with it
    required: bool = False
    holds: bool = False  # other fields, which have lines of their own; the page often leaves out the line of such a one


WORDS: Mapping[Any, str] = {
    str: "string",
    int: "int",
    float: "int",
    bool: "bool",
    date: "string",
    datetime: "string",
    timedelta: "string",
}
SAME = {"integer": "int", "boolean": "bool"}
SECOND_KEY = {"getLearnersQuizStatistic": "quiz_id", "getLearnerVariable": "var_name"}


def members(declared: Any) -> list[Any]:
    if get_origin(declared) in (Union, UnionType):
        return [each for each in get_args(declared) if each is not NoneType and get_origin(each) is not Literal]
    return [declared]


def words(declared: Any, direction: str) -> frozenset[str]:
    kinds = members(declared)
    if set(kinds) == set(get_args(Id)):
        found = {"string"} if direction == "in" else {"string", "int"}
    elif kinds[0] is not str and set(kinds) == {date, str}:
        found = {"string"}
    else:
        found = {word_of(kind) for kind in kinds}
    return frozenset(found | ({"null"} if NoneType in get_args(declared) else set()))


def word_of(kind: Any) -> str:
    if get_origin(kind) in (Sequence, list):
        return "array"
    if issubclass(kind, StrEnum | IntEnum):
        return "string" if issubclass(kind, StrEnum) else "int"
    return WORDS[kind]


def walk(declared: Any, path: str, direction: str, *, required: bool, wire: Wire | None = None) -> Iterator[Declared]:
    kind = members(declared)[0]
    if declared == JsonValue:
        yield Declared(path, frozenset({"int / string"}))
    elif attrs.has(kind):
        yield from fields_of(kind, path, direction)
    elif get_origin(kind) in (Sequence, list) and attrs.has(get_args(kind)[0]):
        yield Declared(path, frozenset({"array"}), required, holds=True)
        yield from fields_of(get_args(kind)[0], f"{path}[]" if path else "", direction)
    elif get_origin(kind) in (Mapping, dict):
        yield Declared(path, frozenset({"array"}), required, holds=True)
        yield from walk(get_args(kind)[1], f"{path}[email]", direction, required=required)
    else:
        found = words(declared, direction)
        yield Declared(path, frozenset({"string"}) if wire and (wire.as_text or wire.clock) else found, required)


def fields_of(cls: Any, path: str, direction: str) -> Iterator[Declared]:
    for attribute in attrs.fields(attrs.resolve_types(cls)):
        if attribute.name != "extra":
            wire = wire_of(attribute) if direction == "out" else Wire((attribute.name,))
            for name in wire.names:
                inner = f"{path}[{name}]" if path else name
                required = attribute.default is attrs.NOTHING
                if attrs.has(members(attribute.type)[0]):
                    yield Declared(inner, frozenset({"array"}), required, holds=True)
                yield from walk(attribute.type, inner, direction, required=required, wire=wire)


def declared_in(action: str) -> list[Declared]:
    return list(fields_of(ACTIONS[action], "", "in"))


def declared_out(action: str) -> list[Declared]:
    cls = ACTIONS[action]
    if cls.answer_type is Acknowledged:
        return []
    if issubclass(cls, Paged):
        return list(fields_of(cls.answer_type, f"{cls.spec.rows}[]", "out"))
    answer, start = cls.answer_type, ""
    for key in ("email", SECOND_KEY.get(action, "")):
        if get_origin(answer) is dict:
            answer, start = get_args(answer)[1], f"{start}[{key}]"
    return list(walk(answer, start, "out", required=False))


# --- the comparison ----------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    action: str
    direction: str
    field: str
    what: str
    detail: str


def differences() -> Iterator[Difference]:
    rows = page()
    for action in ACTIONS:
        for direction, declared in (("in", declared_in(action)), ("out", declared_out(action))):
            told = {row.field: row for row in rows if (row.action, row.direction) == (action, direction)}
            # An array of plain values is `teams` in one table and `records[email][]` in the other.
            told = {field.removesuffix("[]") or field: row for field, row in told.items()}
            known = {each.field: each for each in declared if each.field}
            for field in told.keys() - known.keys():
                yield Difference(action, direction, field, "only on the page", told[field].type)
            for field in known.keys() - told.keys():
                if not known[field].holds:
                    yield Difference(action, direction, field, "only declared", str(set(known[field].types)))
            for field in known.keys() & told.keys():
                row, each = told[field], known[field]
                asked = SAME.get(row.type, row.type)
                agrees = each.types - {"null"} == {asked} if direction == "in" else asked in {*each.types, "-"}
                if not agrees:
                    yield Difference(action, direction, field, "type", f"{row.type}, declared {set(each.types)}")
                if direction == "in" and each.required != (row.required == "required"):
                    yield Difference(action, direction, field, "required", f"{row.required}, declared otherwise")


def excuses(excused: Excused, difference: Difference) -> bool:
    return (
        difference.action in excused.actions.split()
        and (difference.direction, difference.what) == (excused.direction, excused.what)
        and (difference.field == excused.field or difference.field.startswith(f"{excused.field}["))
    )


def test_every_difference_from_the_page_has_a_reason():
    unexplained = [each for each in differences() if not any(excuses(excused, each) for excused in EXCEPTIONS)]
    assert unexplained == []


@pytest.mark.parametrize("excused", EXCEPTIONS, ids=lambda each: f"{each.field}-{each.what}")
def test_every_reason_is_still_needed_by_every_action_it_names(excused):
    excused_actions = {each.action for each in differences() if excuses(excused, each)}
    assert excused_actions == set(excused.actions.split())


@pytest.mark.parametrize(
    ("choice", "plain", "printed"),
    [
        (Operator, OperatorText, ["=", ">", "<", ">=", "<=", "<>"]),
        (InviteeType, InviteeTypeText, ["learner", "manager"]),
        (TeamRecords, TeamRecordsText, ["course"]),
        (VariableType, VariableTypeNumber, [0, 1, 2, 3, 4]),
    ],
)
def test_a_choice_has_the_values_of_the_page_in_their_order(choice, plain, printed):
    assert [each.value for each in choice] == list(get_args(plain)) == printed


def test_the_numbers_of_variable_types_stand_for_what_the_page_says():
    printed = ["String", "Paragraph", "Number", "HTML", "Markdown String"]
    assert [each.name for each in VariableType] == [each.upper().removesuffix(" STRING") for each in printed]


# --- the table itself --------------------------------------------------------------------------------------------


def test_the_actions_are_the_chapters_of_the_page():
    assert sorted(action for _, action in headings()) == sorted(ACTIONS)


def test_the_table_stands_in_the_order_of_the_page_and_has_every_field_once():
    rows = page()
    order = [action for _, action in headings()]
    assert [action for action, _ in groupby(row.action for row in rows)] == [each for each in order if each]
    assert len({row[:3] for row in rows}) == len(rows)
    assert {row.direction for row in rows} == {"in", "out"}
    assert all(row.required in {"required", "optional"} for row in rows if row.direction == "in")
    assert all(row.required == "-" for row in rows if row.direction == "out")


@pytest.mark.parametrize(("heading", "action"), headings())
def test_the_docstring_names_the_chapter_it_stands_for(heading, action):
    cls = ACTIONS[action]
    assert re.findall(r"^Doc: (.*)$", inspect.cleandoc(cls.__doc__), re.MULTILINE) == [heading]
    assert (cls.spec.heading or cls.spec.name) == heading
