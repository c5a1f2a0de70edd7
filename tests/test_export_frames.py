"""Exports and answers as tables of Arrow, frames of polars and of pandas: the rows and the types."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from aoclient import actions
from aoclient.actions import Course, Learner, LearnerProgress, Team
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError, ExportError, MissingExtraError, ServerError
from aoclient.export import (
    FORMATS,
    ActionJob,
    CourseProgressJob,
    Csv,
    LearnersJob,
    Parquet,
    ProgressByCourseJob,
    QuizStatisticsJob,
    TeamsJob,
    frames,
    to_arrow,
    to_pandas,
    to_polars,
)
from tests.kit.exporting import Wilful, run, session

arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")

JOBS = [LearnersJob(with_teams=True), ProgressByCourseJob(show_not_started_learners=True), TeamsJob()]
ROW = LearnerProgress(
    email="=ann@example.com",
    full_name="@Ann",
    started_at=datetime(2022, 1, 31, 7, 41, tzinfo=UTC),
    duration=timedelta(seconds=65),
    passed_amount=3,
    course_score=75.5,
    teams=["Sales"],
    extra={"new": True},
)


def types(table):
    return {each.name: str(each.type) for each in table.schema}


# --- exports -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", [*FORMATS, Csv(excel_safe=True, dialect="unix"), Parquet(rows_per_group=10)], ids=str)
def test_an_export_of_any_format_is_read_back_alike(fmt, tmp_path, monkeypatch):
    if str(fmt).endswith("zst"):
        pytest.importorskip("zstandard", reason="the extra zstd is not installed")
    if fmt == "duckdb":
        pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
    monkeypatch.setattr(frames, "_AT_ONCE", 17)
    emulator = Emulator(learners=40, courses=2)
    emails = ["learner1@example.com", "learner2@example.com"]
    quizzes = [each.id for course in emulator.world.catalogue.courses for each in course.contents if each.points]
    jobs = [*JOBS, CourseProgressJob(emails=emails), QuizStatisticsJob(records=dict.fromkeys(emails, quizzes))]
    run(emulator, jobs, tmp_path / "parquet", format="parquet")
    manifest = run(emulator, jobs, tmp_path / "out", format=fmt)
    for job in jobs:
        wanted, found = to_arrow(tmp_path / "parquet", job.name), to_arrow(manifest, job.name)
        assert found.schema.equals(wanted.schema)
        rows, given = found.to_pylist(), wanted.to_pylist()
        if "csv" in str(fmt).lower():  # it does not tell an empty text from none
            given = [{key: None if value == "" else value for key, value in row.items()} for row in given]
        assert sorted(map(str, rows)) == sorted(map(str, given))
        assert len(rows) == manifest.rows_of(job.name) > 0


def test_the_types_are_those_of_parquet(tmp_path):
    run(Emulator(learners=5, courses=1), JOBS, tmp_path, format="jsonl")
    found = types(to_arrow(str(tmp_path), "progress_by_course"))
    assert list(found) == list(JOBS[1].table.names)
    assert (found["started_at"], found["duration"]) == ("timestamp[us, tz=UTC]", "duration[s]")
    assert (found["passed_amount"], found["course_score"], found["teams"]) == ("int64", "double", "string")
    assert found == {each.name: str(each.type) for each in frames.arrow_schema(JOBS[1].table.columns)}


def test_values_that_are_no_model_are_read_back(tmp_path):
    records = {"learner1@example.com": ["department"]}
    job = ActionJob(actions.GetLearnerVariable(records=records))
    run(Emulator(learners=5, courses=1), [job], tmp_path, format="csv")
    assert to_arrow(tmp_path).to_pylist() == [
        {"email": "learner1@example.com", "name": "department", "value": '"Support"'}
    ]


def test_a_job_without_rows_is_an_empty_table_of_its_columns(tmp_path):
    for fmt in ("jsonl", "csv", "sqlite", "parquet"):
        run(Emulator(learners=0, courses=0), [LearnersJob()], tmp_path / fmt, format=fmt)
        table = to_arrow(tmp_path / fmt)
        assert (table.num_rows, list(types(table))) == (0, list(LearnersJob().table.names))


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_job_without_shards_is_found_as_any_other(fmt, tmp_path):
    run(Emulator(learners=3, courses=0), [ProgressByCourseJob()], tmp_path / "out", format=fmt)
    assert to_arrow(tmp_path / "out").column_names == list(ProgressByCourseJob().table.names)


def test_what_is_committed_is_read_where_the_export_is_not_whole(tmp_path):
    emulator = Emulator(learners=20, courses=2)
    down = Wilful(emulator, lambda body: ServerError("down", status=500) if "learnersP" in body else None)
    with pytest.raises(ExportError):
        run(down, JOBS, tmp_path)
    assert to_arrow(tmp_path, "learners").num_rows == 20
    assert to_arrow(tmp_path, "progress_by_course").num_rows == 0
    with pytest.raises(ConfigurationError, match="job= must be one of learners, teams"):
        to_arrow(tmp_path)
    with pytest.raises(ExportError, match="holds no job courses, only learners, teams"):
        to_arrow(tmp_path, "courses")
    with pytest.raises(ExportError, match="holds no export"):
        to_arrow(tmp_path / "nothing")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ExportError, match="holds no export"):
        to_arrow(tmp_path / "nothing")


# --- answers -----------------------------------------------------------------------------------------------------


def test_answers_have_the_rows_and_types_of_an_export(tmp_path):
    emulator = Emulator(learners=30, courses=1)
    run(emulator, [LearnersJob(with_teams=True)], tmp_path)

    async def main():
        async with session(emulator) as ao:
            return await ao.learners(with_teams=True)

    learners = asyncio.run(main())
    assert to_arrow(learners).equals(to_arrow(tmp_path))
    assert to_arrow(iter(learners[:3])).num_rows == 3
    assert to_arrow([], model=Learner).schema.equals(to_arrow(learners).schema)


def test_what_is_no_list_of_one_model_is_refused():
    with pytest.raises(ConfigurationError, match="an empty list does not tell its columns"):
        to_arrow([])
    with pytest.raises(ConfigurationError, match="models of one class, got Course, Team"):
        to_arrow([Course(), Team()])
    with pytest.raises(ConfigurationError, match="models of one class, got int"):
        to_arrow([1, 2])


# --- frames ------------------------------------------------------------------------------------------------------


def test_a_frame_of_polars(tmp_path):
    polars = pytest.importorskip("polars", reason="the extra polars is not installed")
    frame = to_polars([ROW, LearnerProgress()])
    assert frame.schema["started_at"] == polars.Datetime("us", "UTC")
    assert isinstance(frame.schema["duration"], polars.Duration)
    assert (frame.schema["passed_amount"], frame.schema["teams"]) == (polars.Int64, polars.String)
    first, second = frame.to_dicts()
    assert (first["started_at"], first["duration"]) == (ROW.started_at, ROW.duration)
    assert (first["teams"], first["extra"]) == ('["Sales"]', '{"new":true}')
    assert second["passed_amount"] is None
    run(Emulator(learners=8, courses=2), JOBS, tmp_path, format="csv.gz")
    by_course = to_polars(tmp_path, "progress_by_course").group_by("course_id").len()
    assert by_course["len"].to_list() == [8, 8]


def test_a_frame_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas", reason="the extra pandas is not installed")
    frame = to_pandas([ROW, LearnerProgress()])
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert (kinds["started_at"], kinds["duration"]) == ("datetime64[us, UTC]", "timedelta64[s]")
    assert (kinds["passed_amount"], kinds["course_score"], kinds["email"]) == ("Int64", "float64", "string")
    assert frame["started_at"][0] == pandas.Timestamp(ROW.started_at)
    assert (frame["duration"].sum(), frame["passed_amount"].sum()) == (ROW.duration, 3)
    run(Emulator(learners=8, courses=2), JOBS, tmp_path, format="csv.gz")
    assert to_pandas(tmp_path, "progress_by_course").groupby("course_id").size().tolist() == [8, 8]


def test_duckdb_reads_parquet_and_json_lines_alike(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
    emulator = Emulator(learners=150, courses=2)
    sums = (
        "count(*), count(DISTINCT course_id), sum(passed_amount)::BIGINT, epoch(max(started_at::TIMESTAMPTZ))::BIGINT"
    )
    found = []
    for fmt, reads in (("parquet", "read_parquet"), ("jsonl.gz", "read_json"), ("csv", "read_csv")):
        run(emulator, [JOBS[1]], tmp_path / fmt, format=fmt)
        with duckdb.connect() as db:
            found += db.execute(f"SELECT {sums} FROM {reads}('{tmp_path}/{fmt}/*/*.*')").fetchall()
    table = to_arrow(tmp_path / "parquet").to_pylist()
    newest = max(row["started_at"] for row in table if row["started_at"])
    total = sum(row["passed_amount"] for row in table)
    assert found == [(300, 2, total, newest.timestamp())] * 3


# --- what is not installed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "module", "name"),
    [
        (to_arrow, "pyarrow", "parquet"),
        (to_polars, "polars", "polars"),
        (to_polars, "pyarrow", "polars"),
        (to_pandas, "pandas", "pandas"),
        (to_pandas, "pyarrow", "pandas"),
    ],
)
def test_a_missing_extra_is_named_with_the_command(make, module, name, monkeypatch):
    for each in {"polars", "pandas"} - {module}:  # so that this holds where the others are not installed either
        monkeypatch.setitem(sys.modules, each, SimpleNamespace(from_arrow=None))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{module} is not installed: pip install 'aoclient\[{name}\]'"):
        make([ROW])
