"""Columns, formats and the ledger's files, each on its own."""

import csv
import errno
import gzip
import io
import json
import os
import sys
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import actions
from aoclient.actions import (
    ContentProgress,
    LearnerProgress,
    LearnersProgressByCourse,
    Named,
    ProgressInCourse,
    QuizAnswers,
    QuizQuestion,
    QuizStatistic,
)
from aoclient.convert import structure
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError, MissingExtraError
from aoclient.export import (
    CertificatesJob,
    CourseProgressJob,
    CoursesJob,
    Csv,
    JsonLines,
    Kind,
    LearnersJob,
    Parquet,
    ProgressByCourseJob,
    QuizStatisticsJob,
    TeamsJob,
)
from aoclient.export import folder as folder_module
from aoclient.export import lines as lines_module
from aoclient.export.columns import table_of
from aoclient.export.publishing import publish
from tests.kit.exporting import run

MOMENT = datetime(2022, 1, 31, 7, 41, tzinfo=UTC)
ROW = LearnerProgress(
    email="ann@example.com",
    full_name="=cmd|' /C calc'!A1",
    started_at=MOMENT,
    duration=timedelta(hours=27, seconds=5),
    passed_amount=3,
    course_score=75.5,
    teams=["Sales", "No Team"],
)
ASKED = LearnersProgressByCourse(course_id="c1")
TABLE = table_of(LearnersProgressByCourse, ("course_id",))


def written(fmt, table, rows):
    file = io.BytesIO()
    writer = fmt.writer(file, table)
    writer.write(rows)
    writer.close()
    return file.getvalue()


# --- columns -----------------------------------------------------------------------------------------------------


def test_the_columns_of_a_job_are_those_of_its_model_with_what_was_asked_in_front():
    assert TABLE.schema == {
        "course_id": "text",
        "email": "text",
        "full_name": "text",
        "first_name": "text",
        "last_name": "text",
        "started_at": "timestamp",
        "completed_at": "timestamp",
        "status": "text",
        "duration": "duration",
        "view_time": "duration",
        "total_amount": "integer",
        "passed_amount": "integer",
        "course_score": "number",
        "teams": "json",
        "extra": "json",
    }
    assert table_of(actions.GetLearnersQuizStatistic).names[:3] == ("email", "quiz_id", "name")


@pytest.mark.parametrize(
    "job",
    [
        LearnersJob(),
        ProgressByCourseJob(),
        CourseProgressJob(),
        CertificatesJob(),
        QuizStatisticsJob(records={}),
        TeamsJob(),
        CoursesJob(),
    ],
    ids=lambda job: job.name,
)
def test_every_column_of_every_job_says_what_it_holds_and_has_a_name_of_its_own(job):
    assert all(column.about for column in job.table.columns)
    assert len(set(job.table.names)) == len(job.table.names)


def test_nested_values_are_plain_json_under_the_names_of_the_fields():
    row = ProgressInCourse(
        course_id=7,
        start_date=date(2021, 12, 8),
        finish_date=MOMENT,
        content_progress=[ContentProgress(id="x", passed_at=MOMENT, extra={"new": [1]})],
        academy=Named(id=1, name="A"),
    )
    table = table_of(actions.CourseProgress, ("email",))
    (values,) = table.rows(actions.CourseProgress(email="ann@example.com"), [row])
    found = dict(zip(table.names, values, strict=True))
    assert (found["email"], found["course_id"]) == ("ann@example.com", "7")
    assert found["start_date"] == datetime(2021, 12, 8, tzinfo=UTC)
    assert found["finish_date"] == MOMENT
    assert found["content_progress"][0]["passed_at"] == "2022-01-31T07:41:00Z"
    assert found["content_progress"][0]["extra"] == {"new": [1]}
    assert found["academy"] == {"id": 1, "name": "A"}
    assert (found["teams"], found["extra"]) == (None, None)
    question = QuizQuestion(id="q", time_spent=timedelta(seconds=65), answers=QuizAnswers())
    statistics = table_of(actions.GetLearnersQuizStatistic)
    asked = actions.GetLearnersQuizStatistic(records={"ann@example.com": ["q1"]})
    ((email, quiz, *_, questions, _),) = statistics.rows(
        asked, {"ann@example.com": {"q1": QuizStatistic(questions=[question])}}
    )
    assert (email, quiz, questions[0]["time_spent"]) == ("ann@example.com", "q1", 65)
    assert questions[0]["answers"] == {"selected": [], "missed": []}


def test_a_whole_number_no_column_holds_is_kept_in_extra():
    row = structure({"email": "a", "totalAmount": 2**63, "passedAmount": str(-(2**63)), "new": 1}, LearnerProgress)
    (values,) = TABLE.rows(ASKED, [row])
    found = dict(zip(TABLE.names, values, strict=True))
    assert (found["total_amount"], found["passed_amount"]) == (None, -(2**63))
    assert found["extra"] == {"new": 1, "total_amount": str(2**63)}
    (values,) = TABLE.rows(ASKED, [LearnerProgress(total_amount=2**70)])
    assert values[-1] == {"total_amount": str(2**70)}


# --- files -------------------------------------------------------------------------------------------------------


def test_a_line_of_json_has_plain_values():
    line = json.loads(written(JsonLines(), TABLE, TABLE.rows(ASKED, [ROW])))
    assert line["started_at"] == "2022-01-31T07:41:00Z"
    assert line["duration"] == 27 * 3600 + 5
    assert line["teams"] == ["Sales", "No Team"]
    assert (line["completed_at"], line["extra"], line["course_score"]) == (None, None, 75.5)
    assert written(JsonLines(), TABLE, []) == b""


def test_lines_of_json_are_the_same_with_and_without_msgspec(monkeypatch):
    pytest.importorskip("msgspec", reason="the extra speed is not installed")
    rows = TABLE.rows(
        ASKED, [ROW, LearnerProgress(full_name='"\u2028ä/\n\x01', course_score=1 / 3, extra={"x": [2**70]})]
    )
    teams = TABLE.names.index("teams")
    rows.append((*rows[0][:teams], ["Sales", {"id": 1}], *rows[0][teams + 1 :]))
    quickly = written(JsonLines(), TABLE, rows)
    monkeypatch.setattr(lines_module, "_msgspec", None)
    assert written(JsonLines(), TABLE, rows) == quickly


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {
    "text": TEXTS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats() | st.sampled_from([-1e16, 1e-4, 9e-5, -2.5e-5, 1e-6, -0.0]),
    "timestamp": st.datetimes(timezones=st.just(UTC)) | st.just(MOMENT),
    "duration": st.integers(0, 10**6),
    "json": st.lists(TEXTS) | st.recursive(TEXTS | st.booleans() | st.none(), st.lists, max_leaves=4),
}


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.tuples(*(st.none() | VALUES[kind] for kind in TABLE.schema.values())), max_size=3))
def test_the_two_writers_of_lines_write_the_same_bytes(rows):
    schema = tuple(TABLE.schema.items())
    assert lines_module._writer(schema)(rows) == lines_module._quick_writer(schema)(rows)


def test_csv_has_a_heading_even_without_rows_and_keeps_what_a_cell_may_hold():
    heading = ",".join(TABLE.names) + "\r\n"
    assert written(Csv(), TABLE, []).decode() == heading
    name = 'a,"b"\r\nc\u2028ä'
    raw = written(Csv(), TABLE, TABLE.rows(ASKED, [LearnerProgress(email="", full_name=name)])).decode()
    (row,) = csv.DictReader(io.StringIO(raw, newline=""))
    assert (row["full_name"], row["email"], row["status"], row["teams"]) == (name, "", "", "[]")
    unix = written(Csv(dialect="unix"), TABLE, []).decode()
    assert unix.startswith('"course_id","email"')
    assert unix.endswith("\n")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_spreadsheet_takes_a_text_for_a_formula(first):
    row = LearnerProgress(email="a@example.com", full_name=f"{first}1+1", course_score=-1.0, extra={"x": first})
    (cells,) = csv.DictReader(
        io.StringIO(written(Csv(excel_safe=True), TABLE, TABLE.rows(ASKED, [row])).decode(), newline="")
    )
    assert cells["full_name"] == f"'{first}1+1"
    assert (cells["email"], cells["course_score"]) == ("a@example.com", "-1.0")
    (cells,) = csv.DictReader(io.StringIO(written(Csv(), TABLE, TABLE.rows(ASKED, [row])).decode(), newline=""))
    assert cells["full_name"] == f"{first}1+1"


def test_json_that_stands_for_a_text_is_made_safe_too():
    table = table_of(actions.GetLearnerVariable)
    asked = actions.GetLearnerVariable(records={"a": ["n"]})
    raw = written(Csv(excel_safe=True), table, table.rows(asked, {"a": {"n": -5}}))
    assert raw.decode().endswith("a,n,'-5\r\n")


def test_compressed_files_are_the_same_bytes_each_time():
    rows = TABLE.rows(ASKED, [ROW] * 50)
    for fmt in (JsonLines(compression="gzip"), Csv(compression="gzip")):
        first, second = (written(fmt, TABLE, rows) for _ in range(2))
        assert first == second
        assert gzip.decompress(first) == written(type(fmt)(), TABLE, rows)


def test_parquet_has_typed_columns_in_groups_of_rows():
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    rows = TABLE.rows(ASKED, [ROW] * 50)
    file = io.BytesIO()
    writer = Parquet(rows_per_group=100).writer(file, TABLE)
    for _ in range(5):
        writer.write(rows)
    writer.write([])
    writer.close()
    read = parquet.ParquetFile(io.BytesIO(file.getvalue()))
    assert [read.metadata.row_group(at).num_rows for at in range(read.num_row_groups)] == [100, 100, 50]
    types = {name: str(kind) for name, kind in zip(read.schema_arrow.names, read.schema_arrow.types, strict=True)}
    assert types["started_at"] == "timestamp[us, tz=UTC]"
    assert (types["duration"], types["total_amount"], types["teams"]) == ("duration[s]", "int64", "string")
    assert read.schema_arrow.field("email").metadata[b"about"].startswith(b"Identifies the learner")
    assert read.read().to_pylist()[0]["duration"] == timedelta(hours=27, seconds=5)


def test_parquet_without_rows_has_columns_and_no_group():
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    read = parquet.ParquetFile(io.BytesIO(written(Parquet(), TABLE, [])))
    assert (read.num_row_groups, tuple(read.schema_arrow.names)) == (0, TABLE.names)


@pytest.mark.parametrize(("fmt", "most"), [(Parquet(), 1), (JsonLines(), 8)], ids=["parquet", "jsonl"])
def test_as_many_commit_at_once_as_is_good_for_the_memory_of_the_format(fmt, most, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    lock, all_here = threading.Lock(), threading.Barrier(most)
    under_way, seen = [], []
    sink_of = folder_module.Folder.sink

    def sink(store, shard, table):
        made = sink_of(store, shard, table)
        commit = made.commit

        def slow():
            with lock:
                under_way.append(made)
                seen.append(len(under_way))
            all_here.wait(10)  # so many are here at once, or this fails
            try:
                return commit()
            finally:
                with lock:
                    under_way.remove(made)

        made.commit = slow
        return made

    monkeypatch.setattr(folder_module.Folder, "sink", sink)
    run(Emulator(learners=3, courses=8), [ProgressByCourseJob()], tmp_path, format=fmt)
    assert max(seen) == most


# --- what is not installed, and what is no setting ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "module", "name"),
    [
        ("jsonl.zst", "zstandard", "zstd"),
        ("csv.zst", "zstandard", "zstd"),
        ("parquet", "pyarrow.parquet", "parquet"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_before_anything_is_sent(fmt, module, name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    emulator = Emulator(learners=2, courses=1)
    with pytest.raises(MissingExtraError, match=rf"pip install 'aoclient\[{name}\]'"):
        run(emulator, [TeamsJob()], tmp_path / "out", format=fmt)
    assert emulator.journal.requests() == 0
    assert not (tmp_path / "out").exists()


def test_settings_that_are_none_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="compression must be gzip, zstd or None, got 'lz4'"):
        JsonLines(compression="lz4")
    with pytest.raises(ConfigurationError, match="rows_per_group must be at least 1"):
        Parquet(rows_per_group=0)
    with pytest.raises(ConfigurationError, match="there is no csv dialect 'tsv'"):
        Csv(dialect="tsv")


# --- one step or none --------------------------------------------------------------------------------------------


def without_links(_, final):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(final))


def test_a_file_is_published_once_with_and_without_hard_links(tmp_path, monkeypatch):
    for number in range(2):
        for name in ("first", "second"):
            (tmp_path / name).write_text(name)
        final = tmp_path / f"final{number}"
        publish(tmp_path / "first", final)
        with pytest.raises(FileExistsError):
            publish(tmp_path / "second", final)
        assert final.read_text() == "first"
        assert not (tmp_path / "first").exists()
        assert (tmp_path / "second").exists()
        monkeypatch.setattr(folder_module.os, "link", without_links)


def test_a_failure_to_link_that_is_another_one_is_raised(tmp_path):
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "nothing", tmp_path / "final")


def test_the_types_of_columns_are_few():
    assert {
        column.kind
        for job in (CourseProgressJob(), ProgressByCourseJob(), CoursesJob())
        for column in job.table.columns
    } == set(Kind)
