"""The dlt source: what it loads into DuckDB, twice, and what happens when it cannot."""

import contextlib
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

pytest.importorskip("dlt", reason="the source is for dlt")
pytest.importorskip("duckdb", reason="tables are looked at in DuckDB")

import dlt
import duckdb

import aoclient
from aoclient import actions
from aoclient.contrib.dlt import JOBS, _Shared, academyocean
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError, ResponseTooLargeError, ServerError
from aoclient.export import ActionJob, CourseProgressJob, LearnersJob, ProgressByCourseJob
from tests.kit.exporting import Wilful

TABLES = ["certificates", "courses", "learners", "progress_by_course", "quiz_statistics", "teams"]


class House:
    """A warehouse in a folder, and the academy that is loaded into it."""

    def __init__(self, folder, **settings):
        self.path = folder / "house.duckdb"
        self.emulator = Emulator(courses=3, teams=2, **settings)
        self.sender = Wilful(self.emulator)
        self.sessions, self.first = [], {}
        self.pipeline = dlt.pipeline(
            "academy",
            destination=dlt.destinations.duckdb(str(self.path)),
            dataset_name="academy",
            pipelines_dir=str(folder / "pipelines"),
        )

    def open_session(self):
        retries = aoclient.RetryPolicy(attempts=1)
        ao = aoclient.Session(
            self.emulator.client_id, self.emulator.client_secret, sender=self.sender, retries=retries, max_concurrency=4
        )
        self.sessions.append(ao)
        return ao

    def source(self, *jobs, **settings):
        return academyocean(*([jobs] if jobs else []), open_session=self.open_session, **settings)

    def load(self, *jobs, **settings):
        """Run the pipeline and return how many rows each resource gave."""
        self.pipeline.run(self.source(*jobs, **settings))
        counts = self.pipeline.last_trace.last_normalize_info.row_counts
        return {name: count for name, count in counts.items() if not name.startswith("_")}

    def ask(self, query):
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(query).fetchall()

    def rows(self, table, columns="* exclude (_dlt_id, _dlt_load_id)"):
        return sorted(self.ask(f"select {columns} from academy.{table}"), key=repr)


@pytest.fixture(scope="module", autouse=True)
def _here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dlt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DLT_DATA_DIR", str(folder))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        yield


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, learners=30)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A house that was loaded once."""
    house = House(tmp_path_factory.mktemp("house"), learners=30, latency=0.001)
    house.first = house.load()
    return house


def test_a_second_run_loads_no_new_row(loaded):
    tables = {table: loaded.rows(table) for table in TABLES}
    assert {table: len(rows) for table, rows in tables.items()} == loaded.first
    assert min(loaded.first.values()) > 0
    loaded.load()
    assert {table: loaded.rows(table) for table in TABLES} == tables


def test_the_columns_have_the_types_of_the_models(loaded):
    kinds = loaded.rows("learners", "distinct typeof(registered_at), typeof(score), typeof(lessons_opened)")
    assert kinds == [("TIMESTAMP WITH TIME ZONE", "DOUBLE", "BIGINT")]
    assert loaded.rows("progress_by_course", "distinct typeof(view_time), typeof(teams)") == [("BIGINT", "JSON")]
    assert loaded.ask("select min(json_array_length(questions)) from academy.quiz_statistics")[0][0] > 0


def test_rows_tell_what_was_asked_for(loaded):
    courses = loaded.rows("courses", "id")
    assert loaded.rows("progress_by_course", "distinct course_id") == courses
    learners = loaded.rows("learners", "email")
    assert set(loaded.rows("certificates", "email")) <= set(learners)


def test_the_calls_go_in_parallel_on_one_session(loaded):
    assert loaded.sender.most_in_flight == 4
    assert len(loaded.sessions) <= 2  # of each run one


def test_no_secret_is_in_what_dlt_keeps(loaded):
    secrets = [loaded.emulator.client_secret.encode()]
    secrets += [session._authorized._held.token.value.reveal().encode() for session in loaded.sessions]
    files = [path for path in loaded.path.parent.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []


def test_what_changed_replaces_what_was_loaded(house):
    job = ProgressByCourseJob()
    house.load(job)
    before = dict(house.rows("progress_by_course", "course_id || email, passed_amount"))
    course = house.rows("progress_by_course", "course_id")[0][0]
    house.emulator.learner("learner1@example.com").finish_course(course)
    house.load(job)
    after = dict(house.rows("progress_by_course", "course_id || email, passed_amount"))
    assert set(after) == {*before, f"{course}learner1@example.com"}
    assert [key for key in after if after[key] != before.get(key)] == [f"{course}learner1@example.com"]


def test_only_new_learners_are_asked_for_when_told(house):
    job = LearnersJob()
    assert house.load(job, new_learners_only=True) == {"learners": 30}
    newest = house.ask("select max(registered_at) from academy.learners")[0][0]
    house.sender.bodies.clear()
    assert house.load(job, new_learners_only=True) == {}
    (body,) = [body for body in house.sender.bodies if body.startswith("action=")]
    assert "learnersRegisteredAt" in body
    assert newest.astimezone(UTC).strftime("%Y-%m-%d") in body
    house.emulator.sign_up("new@example.com")
    assert house.load(job, new_learners_only=True) == {"learners": 1}
    assert len(house.rows("learners")) == 31


def test_any_action_that_reads_can_be_a_table(house):
    job = ActionJob(actions.LearnersAmountFromCountries(), name="countries")
    house.load(job)
    once = house.rows("countries")
    house.load(job)
    assert once
    assert house.rows("countries") == once


# --- without a warehouse -----------------------------------------------------------------------------------------


def test_the_resources_are_named_after_the_jobs():
    assert sorted(academyocean().resources) == sorted(job.name for job in JOBS) == TABLES


def test_progress_of_each_learner_has_a_row_for_each_course(house):
    rows = list(house.source(CourseProgressJob(emails=["learner1@example.com", "learner2@example.com"])))
    assert len(rows) == len({(row["email"], row["course_id"]) for row in rows}) == 6


def test_an_answer_that_is_too_big_comes_in_windows(house):
    house.sender.refuses = lambda body: ResponseTooLargeError("too big") if body == "action=learners" else None
    assert len({row["email"] for row in house.source(LearnersJob())}) == 30


def test_a_call_that_fails_ends_the_run(house):
    house.sender.refuses = lambda body: ServerError("down", status=500) if "learnersProgress" in body else None
    with portals_end(), pytest.raises(Exception, match="down") as caught:
        list(house.source(ProgressByCourseJob()))
    assert isinstance(caught.value.__cause__, ServerError)


def test_a_reader_that_leaves_early_ends_what_is_on_its_way(house):
    with portals_end():
        rows = _Shared(house.open_session, None).rows(CourseProgressJob())
        assert next(rows)
        assert portals()
        rows.close()
    assert house.sessions[0]._limited._closed


def test_a_session_that_cannot_be_opened_leaves_nothing_behind():
    def broken():
        raise ConfigurationError("AOCLIENT_CLIENT_ID is not set")

    with portals_end(), pytest.raises(Exception, match="AOCLIENT_CLIENT_ID is not set"):
        list(academyocean([LearnersJob()], open_session=broken))


def portals():
    return [thread for thread in threading.enumerate() if "portal" in thread.name]


@contextlib.contextmanager
def portals_end():
    assert portals() == []
    yield
    assert portals() == []


def test_two_jobs_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="a name of its own"):
        academyocean([LearnersJob(), LearnersJob(since=datetime(2022, 1, 1, tzinfo=UTC))])


def test_new_learners_go_with_nothing_the_vendor_cannot_add():
    with pytest.raises(ConfigurationError, match="neither with_academy nor with_teams"):
        academyocean([LearnersJob(with_teams=True)], new_learners_only=True)


def test_without_dlt_the_error_says_what_to_install():
    code = "import sys; sys.modules['dlt'] = None; import aoclient.contrib.dlt"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: dlt is not installed: pip install 'aoclient[dlt]'" in done.stderr
