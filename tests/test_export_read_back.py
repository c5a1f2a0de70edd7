"""Files of an export as DuckDB and polars read them, knowing nothing of aoclient: the emulator's own records, typed."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from aoclient.emulator import Emulator
from aoclient.export import LearnersJob, ProgressByCourseJob
from tests.kit.exporting import run

duckdb = pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
polars = pytest.importorskip("polars", reason="the extra polars is not installed")

JOBS = [LearnersJob(), ProgressByCourseJob(show_not_started_learners=True)]
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def emulator():
    return Emulator(learners=60, courses=3)


@pytest.fixture(scope="module")
def target(emulator, tmp_path_factory):
    path = tmp_path_factory.mktemp("exports")
    for fmt in ("jsonl", "parquet"):
        run(emulator, JOBS, path / fmt, format=fmt)
    return path


def at_minute(seconds):
    return None if seconds is None else datetime.fromtimestamp(seconds - seconds % 60, UTC)


def second(seconds):
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def learners(world):
    """Return what the emulator keeps of learners, under the names of the columns."""
    return [
        {
            "email": learner.email,
            "name": learner.name,
            "registered_at": second(learner.registered_at),
            "last_login_at": second(learner.last_login_at),
            "company": learner.company,
            "spent_time_in_academy": sum(each.seconds for each in world.standings(learner)),
        }
        for learner in map(world.learner, world.everyone)
    ]


def status(standing):
    if standing is None:
        return "Not started"
    return "In progress" if standing.completed_at is None else "Completed"


def progress(world):
    """Return the rows of all courses, put together of what the emulator keeps."""
    rows = []
    for course in world.catalogue.courses:
        if not course.is_published:
            continue
        for number in world.everyone.page(0, 1000):
            learner = world.learner(number)
            standing = world.standing(learner, course)
            teams = [world.catalogue.teams[each - 1] for each in learner.teams]
            rows.append(
                {
                    "course_id": course.id,
                    "email": learner.email,
                    "full_name": learner.name,
                    "first_name": learner.first_name,
                    "last_name": learner.last_name,
                    "started_at": at_minute(standing and standing.started_at),
                    "completed_at": at_minute(standing and standing.completed_at),
                    "status": status(standing),
                    "duration": timedelta(minutes=course.minutes),
                    "view_time": timedelta(seconds=standing.seconds if standing else 0),
                    "total_amount": len(course.contents),
                    "passed_amount": standing.passed if standing else 0,
                    "course_score": standing.percent if standing else 0.0,
                    "teams": [team.name for team in teams if course.number in team.courses] or ["No Team"],
                    "extra": None,
                }
            )
    return rows


# --- DuckDB ------------------------------------------------------------------------------------------------------


def from_duckdb(path, job):
    """Return types and rows; times are asked for as microseconds, for which no pytz is needed."""
    read = "read_parquet" if path.name == "parquet" else "read_json"
    source = f"{read}('{path}/{job}/*')"
    with duckdb.connect() as db:
        types = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        times = [name for name, kind in types.items() if kind == "TIMESTAMP WITH TIME ZONE"]
        asked = ", ".join(f"epoch_us({each}) AS {each}" for each in times)
        found = db.execute(f"SELECT * REPLACE ({asked}) FROM {source}")
        rows = [dict(zip(types, row, strict=True)) for row in found.fetchall()]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for row in rows:
        for name in times:
            row[name] = None if row[name] is None else epoch + timedelta(microseconds=row[name])
    return types, rows


@pytest.mark.parametrize("fmt", ["jsonl", "parquet"])
def test_duckdb_reads_the_progress_of_all_learners(fmt, emulator, target):
    types, rows = from_duckdb(target / fmt, "progress_by_course")
    assert types == {
        **dict.fromkeys(["course_id", "email", "full_name", "first_name", "last_name", "status"], "VARCHAR"),
        **dict.fromkeys(["started_at", "completed_at"], "TIMESTAMP WITH TIME ZONE"),
        **dict.fromkeys(["duration", "view_time", "total_amount", "passed_amount"], "BIGINT"),
        "course_score": "DOUBLE",
        "teams": "VARCHAR[]" if fmt == "jsonl" else "VARCHAR",
        "extra": '"NULL"' if fmt == "jsonl" else "VARCHAR",
    }
    wanted = [
        {**row, "duration": row["duration"] // SECOND, "view_time": row["view_time"] // SECOND}
        for row in progress(emulator.world)
    ]
    assert in_order(with_teams(rows, fmt)) == in_order(wanted)
    assert {row["status"] for row in wanted} == {"Not started", "In progress", "Completed"}


@pytest.mark.parametrize("fmt", ["jsonl", "parquet"])
def test_duckdb_reads_the_learners(fmt, emulator, target):
    types, rows = from_duckdb(target / fmt, "learners")
    wanted = learners(emulator.world)
    assert (types["registered_at"], types["score"]) == ("TIMESTAMP WITH TIME ZONE", "DOUBLE")
    assert [{name: row[name] for name in wanted[0]} for row in rows] == wanted


# --- polars ------------------------------------------------------------------------------------------------------


def from_polars(path, job):
    read = polars.read_parquet if path.name == "parquet" else polars.read_ndjson
    return read(f"{path}/{job}/*")


@pytest.mark.parametrize("fmt", ["jsonl", "parquet"])
def test_polars_reads_the_progress_of_all_learners(fmt, emulator, target):
    frame = from_polars(target / fmt, "progress_by_course")
    is_typed = fmt == "parquet"
    moment, duration = polars.Datetime("us", "UTC"), polars.Duration("ms")
    assert frame.schema == {
        **dict.fromkeys(["course_id", "email", "full_name", "first_name", "last_name"], polars.String),
        **dict.fromkeys(["started_at", "completed_at"], moment if is_typed else polars.String),
        "status": polars.String,
        **dict.fromkeys(["duration", "view_time"], duration if is_typed else polars.Int64),
        **dict.fromkeys(["total_amount", "passed_amount"], polars.Int64),
        "course_score": polars.Float64,
        "teams": polars.String if is_typed else polars.List(polars.String),
        "extra": polars.String if is_typed else polars.Null,
    }
    if not is_typed:  # JSON has neither times nor durations
        frame = frame.with_columns(
            polars.col("started_at", "completed_at").str.to_datetime(time_unit="us", time_zone="UTC"),
            polars.duration(seconds="duration").alias("duration"),
            polars.duration(seconds="view_time").alias("view_time"),
        )
    assert in_order(with_teams(frame.to_dicts(), fmt)) == in_order(progress(emulator.world))


@pytest.mark.parametrize("fmt", ["jsonl", "parquet"])
def test_polars_reads_the_learners(fmt, emulator, target):
    frame = from_polars(target / fmt, "learners")
    wanted = learners(emulator.world)
    if fmt == "jsonl":
        times = polars.col("registered_at", "last_login_at").str.to_datetime(time_unit="us", time_zone="UTC")
        frame = frame.with_columns(times)
    assert frame.select(list(wanted[0])).to_dicts() == wanted


# --- both --------------------------------------------------------------------------------------------------------


def with_teams(rows, fmt):
    """Read the lists that Parquet holds as JSON text."""
    return [{**row, "teams": json.loads(row["teams"])} for row in rows] if fmt == "parquet" else rows


def in_order(rows):
    return sorted(rows, key=lambda row: (row["course_id"], row["email"]))
