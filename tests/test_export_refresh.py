"""A new round over an export: it ends as a new export would be, and only what changed is asked for and written."""

import asyncio
import errno
import json
import os
from collections import Counter
from datetime import date

import pytest
from attrs import frozen

from aoclient import actions, wire
from aoclient.cli.exported import Exported
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError, ExportError, ServerError
from aoclient.export import (
    ActionJob,
    CertificatesJob,
    Committed,
    CourseProgressJob,
    CoursesJob,
    JsonLines,
    LearnersJob,
    Planned,
    ProgressByCourseJob,
    QuizStatisticsJob,
    TeamsJob,
    bylearner,
    plan,
    read_manifest,
)
from aoclient.export.folder import Folder
from aoclient.wire import Response
from tests.kit.exporting import Wilful, rows_of, run, session

EXTRAS = {"parquet": "pyarrow", "duckdb": "duckdb", "jsonl.zst": "zstandard", "csv.zst": "zstandard"}
FAMILIES = ["jsonl", "csv.gz", "parquet", "sqlite", "duckdb"]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(bylearner, "LEARNERS_PER_SHARD", 10)


@pytest.fixture
def target(tmp_path, request):
    fmt = request.getfixturevalue("fmt")
    if fmt in EXTRAS:
        pytest.importorskip(EXTRAS[fmt], reason=f"{EXTRAS[fmt]} is not installed")
    return tmp_path / ("export.db" if fmt in ("sqlite", "duckdb") else "export")


def all_jobs():
    return [
        LearnersJob(),
        ProgressByCourseJob(show_not_started_learners=True),
        CourseProgressJob(),
        CertificatesJob(),
        QuizStatisticsJob(),
        TeamsJob(),
        CoursesJob(),
    ]


def contents(target, jobs):
    """Return the rows of each job, in no order."""
    return {job.name: sorted(map(repr, rows_of(target, job.name, job.table))) for job in jobs}


def take_a_night(emulator):
    """Have somebody learn, somebody leave and somebody come."""
    for number in (3, 14):
        pupil = emulator.learner(f"learner{number}@example.com")
        pupil.log_in()
        pupil.finish_course(emulator.world.catalogue.courses[1].id)
    emulator.world.delete(5)
    emulator.sign_up("new@example.com", first_name="Nina", last_name="New")


class Asking(Wilful):
    """The emulator, which lists one learner or course no more; it notes what it was asked for."""

    gone: str = ""

    async def send(self, request):
        response = await super().send(request)
        if not self.gone or not request.body.startswith((b"action=courses", b"action=learners&", b"action=learners")):
            return response
        items = json.loads(response.body)
        if isinstance(items, list):
            items = [item for item in items if self.gone not in (item.get("id"), item.get("email"))]
        return Response(response.status, response.headers, json.dumps(items).encode())

    def asked(self, cls):
        actions = (wire.read(body) for body in self.bodies if body.startswith("action="))
        return [action for action in actions if isinstance(action, cls)]

    def learners(self, cls):
        return {action.email for action in self.asked(cls)}


@pytest.mark.parametrize(
    ("fmt", "refresh"),
    [*((fmt, "changed") for fmt in (*FAMILIES, "jsonl.zst")), *((fmt, "all") for fmt in ("jsonl", "sqlite", "duckdb"))],
)
def test_a_refreshed_target_holds_what_a_new_export_would(fmt, refresh, target, tmp_path):
    emulator = Emulator(learners=34, courses=2)
    run(emulator, all_jobs(), target, format=fmt)
    take_a_night(emulator)
    manifest = run(emulator, all_jobs(), target, format=fmt, refresh=refresh)
    fresh = tmp_path / f"fresh-{target.name}"
    run(emulator, all_jobs(), fresh, format=fmt)
    found = contents(target, all_jobs())
    assert found == contents(fresh, all_jobs())
    assert {name: len(rows) for name, rows in found.items()} == {name: manifest.rows_of(name) for name in found}
    assert set(read_manifest(target).shards) == set(manifest.shards)
    assert read_manifest(target).rounds == manifest.rounds
    assert set(manifest.rounds.values()) == {2}


# --- what a round costs ------------------------------------------------------------------------------------------


def test_only_learners_who_did_something_are_asked_for_again(tmp_path):
    emulator = Emulator(learners=34, courses=2)
    run(emulator, all_jobs(), tmp_path)
    take_a_night(emulator)
    emulator.learner("learner20@example.com").log_in()  # which issues no certificate
    sender = Asking(emulator)
    manifest = run(sender, all_jobs(), tmp_path, refresh="changed")
    active = {"learner3@example.com", "learner14@example.com", "new@example.com"}
    assert sender.learners(actions.CourseProgress) - {quiz_finder(sender)} == {*active, "learner20@example.com"}
    assert sender.learners(actions.Certificates) == active
    asked = {email for action in sender.asked(actions.GetLearnersQuizStatistic) for email in action.records}
    assert asked == {*active, "learner20@example.com"}
    written = {each.key for each in manifest.changed if each.job == "certificates"}
    assert written == {"learners/1", "learners/2"}  # of ten learners each; who is new has no certificate


def quiz_finder(sender):
    """Return the learner in whose progress the quizzes are looked up."""
    (first,) = sender.asked(actions.CourseProgress)[:1]
    return first.email


@pytest.mark.parametrize("fmt", FAMILIES)
def test_a_night_in_which_nothing_happens_writes_nothing_and_asks_for_no_learner(fmt, target):
    emulator = Emulator(learners=34, courses=2)
    jobs = [LearnersJob(), ProgressByCourseJob(), CourseProgressJob(), CertificatesJob(), CoursesJob()]
    first = run(emulator, jobs, target, format=fmt)
    files = {path: path.stat().st_ino for path in target.rglob("0*.*") if ".aoclient" not in path.parts}
    events = []
    sender = Asking(emulator)
    again = run(sender, jobs, target, format=fmt, refresh="changed", progress=events.append)
    assert again.changed == ()
    assert first.changed == first.shards
    assert sender.learners(actions.CourseProgress) | sender.learners(actions.Certificates) == set()
    assert [(each.sha256, each.committed_at) for each in again.shards] == [
        (each.sha256, each.committed_at) for each in first.shards
    ]
    assert {path: path.stat().st_ino for path in files} == files
    assert [event.record.is_kept for event in events if isinstance(event, Committed)] == [True] * 4
    planned = {event.job: event for event in events if isinstance(event, Planned)}
    assert planned["certificates"] == Planned("certificates", 4, 4, 0)


def test_a_shard_without_calls_is_as_any_other_where_progress_raises_or_it_cannot_be_written(tmp_path, monkeypatch):
    emulator = Emulator(learners=20, courses=1)
    run(emulator, [CourseProgressJob()], tmp_path)
    emulator.world.delete(5)  # its shard loses rows, and nobody is asked for

    def tell(event):
        if isinstance(event, Committed):
            raise BrokenPipeError("nobody listens")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "sink", full)
        with pytest.raises(ExportError, match=r"course_progress/learners/1: cannot write: .*No space left"):
            run(emulator, [CourseProgressJob()], tmp_path, refresh="changed")
    with pytest.raises(BrokenPipeError, match="nobody listens"):
        run(emulator, [CourseProgressJob()], tmp_path, progress=tell)
    assert len(run(emulator, [CourseProgressJob()], tmp_path).shards) == 2


def test_everything_is_asked_for_again_where_that_is_wanted_or_nothing_tells(tmp_path):
    emulator = Emulator(learners=12, courses=1)
    given = [CertificatesJob(emails=["learner1@example.com", "learner2@example.com"])]
    for name, jobs, refresh, calls in (("all", [CertificatesJob()], "all", 12), ("given", given, "changed", 2)):
        run(emulator, jobs, tmp_path / name)
        sender = Asking(emulator)
        assert run(sender, jobs, tmp_path / name, refresh=refresh).changed == ()
        assert len(sender.asked(actions.Certificates)) == calls


def test_a_plan_says_what_a_round_would_cost_and_changes_nothing(tmp_path):
    emulator = Emulator(learners=34, courses=2)
    jobs = [CertificatesJob(), ProgressByCourseJob()]
    first = run(emulator, jobs, tmp_path)
    take_a_night(emulator)

    async def planned(**settings):
        async with session(emulator) as ao:
            return await plan(ao, jobs, tmp_path, **settings)

    assert asyncio.run(planned(refresh="changed")) == [
        Planned("certificates", 4, 1, 3),
        Planned("progress_by_course", 2, 0, 2),
    ]
    assert asyncio.run(planned(refresh="all"))[0] == Planned("certificates", 4, 0, 34)
    assert asyncio.run(planned()) == [Planned("certificates", 4, 4, 0), Planned("progress_by_course", 2, 2, 0)]
    assert read_manifest(tmp_path).shards == first.shards


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_plan_goes_on_with_a_round_that_was_cut_off_before_all_was_planned(fmt, target):
    emulator = Emulator(learners=34, courses=2)
    jobs = [ProgressByCourseJob(), CertificatesJob()]
    run(emulator, jobs, target, format=fmt)
    take_a_night(emulator)
    down = ServerError("down", status=500)
    broken = Wilful(emulator, lambda body: None if "ByCourse" in body or "action=learners" not in body else down)
    with pytest.raises(ExportError, match="1 parts of the export are missing"):
        run(broken, jobs, target, format=fmt, refresh="changed")

    async def planned(**settings):
        async with session(emulator) as ao:
            return await plan(ao, jobs, target, format=fmt, **settings)

    left = [Planned("progress_by_course", 2, 2, 0), Planned("certificates", 4, 1, 3)]
    assert asyncio.run(planned()) == left
    assert asyncio.run(planned(refresh="changed")) == [Planned("progress_by_course", 2, 0, 2), left[1]]
    sender = Asking(emulator)
    run(sender, jobs, target, format=fmt)
    assert len(sender.asked(actions.Certificates)) == left[1].calls


def test_rounds_that_make_no_sense_are_refused_before_anything_is_sent(tmp_path):
    emulator = Emulator(learners=3, courses=1)
    for settings, words in (
        ({"refresh": "some"}, "refresh must be 'changed', 'all' or None, got 'some'"),
        ({"upsert": True}, "upsert goes with refresh"),
        ({"refresh": "all", "resume": False}, "refresh goes on with what resume=False removes"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            run(emulator, [TeamsJob()], tmp_path, **settings)
    with pytest.raises(ConfigurationError, match="upsert needs rows with a key; academies has none"):
        run(emulator, [ActionJob(actions.Academies())], tmp_path, refresh="all", upsert=True)
    assert emulator.journal.requests() == 0
    assert list(tmp_path.iterdir()) == []


@frozen(kw_only=True)
class Mine:
    """A format of somebody else's, which nobody here can read."""

    suffix: str = ".mine"

    def check(self):
        pass

    def writer(self, file, table):
        return JsonLines().writer(file, table)


def test_a_format_that_cannot_be_read_back_is_written_as_a_whole_only(tmp_path):
    emulator = Emulator(learners=3, courses=1)
    for settings in ({"refresh": "changed"}, {"refresh": "all", "upsert": True}):
        with pytest.raises(ConfigurationError, match=r"Mine\(suffix='.mine'\) cannot be read back; only refresh='all'"):
            run(emulator, [CertificatesJob()], tmp_path, format=Mine(), **settings)
    run(emulator, [LearnersJob()], tmp_path, format=Mine())
    emulator.world.delete(2)
    assert run(emulator, [LearnersJob()], tmp_path, format=Mine(), refresh="all").rows == 2


# --- files that are gone -----------------------------------------------------------------------------------------


def test_learners_whose_file_is_gone_are_asked_for_again(tmp_path):
    emulator = Emulator(learners=24, courses=1)
    whole = run(emulator, [CourseProgressJob()], tmp_path)
    (tmp_path / whole.shards[1].file).unlink()
    sender = Asking(emulator)
    again = run(sender, [CourseProgressJob()], tmp_path, refresh="changed")
    assert len(sender.learners(actions.CourseProgress)) == 10
    assert [each.sha256 for each in again.shards] == [each.sha256 for each in whole.shards]


@pytest.mark.parametrize("upsert", [False, True], ids=["refresh", "upsert"])
def test_a_file_that_goes_before_its_round_is_whole_is_not_made_of_a_part_of_its_rows(upsert, tmp_path):
    emulator = Emulator(learners=24, courses=2)
    jobs = [CourseProgressJob(), TeamsJob()]
    run(emulator, jobs, tmp_path)
    take_a_night(emulator)
    broken = Wilful(emulator, lambda body: ServerError("down", status=500) if "getTeams" in body else None)
    with pytest.raises(ExportError, match="1 parts of the export are missing"):
        run(broken, jobs, tmp_path, refresh="changed", upsert=upsert)
    (tmp_path / "course_progress" / "000003.jsonl").unlink()
    with pytest.raises(ExportError, match=r"course_progress/learners/3 is gone, .* use refresh='all'"):
        run(emulator, jobs, tmp_path)
    run(emulator, jobs, tmp_path, refresh="all")
    assert contents(tmp_path, jobs) == contents_of_new(emulator, jobs, tmp_path)


# --- who is gone, and what is ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", FAMILIES)
def test_rows_of_a_course_that_is_gone_go_and_with_upsert_they_stay(fmt, target):
    emulator = Emulator(learners=14, courses=3)
    job = ProgressByCourseJob(show_not_started_learners=True)
    whole = run(emulator, [job, CoursesJob()], target, format=fmt)
    before = contents(target, [job])
    gone = emulator.world.catalogue.courses[0].id
    sender = Asking(emulator)
    sender.gone = gone
    kept = run(sender, [job, CoursesJob()], target, format=fmt, refresh="all", upsert=True)
    assert contents(target, [job]) == before
    assert kept.rows == whole.rows
    assert {each.job for each in kept.changed} <= {"courses"}  # whose file has the row that came no more at its end
    less = run(sender, [job, CoursesJob()], target, format=fmt, refresh="all")
    assert {row["course_id"] for row in rows_of(target, job.name, job.table)} == {
        each.id for each in emulator.world.catalogue.courses[1:]
    }
    assert gone not in {row["id"] for row in rows_of(target, "courses", CoursesJob().table)}
    assert (len(less.shards), less.rows_of("courses"), less.rows_of(job.name)) == (3, 2, 28)
    assert read_manifest(target).rows == less.rows


@pytest.mark.parametrize("fmt", FAMILIES)
def test_an_upsert_replaces_rows_by_their_key_and_keeps_those_of_who_is_gone(fmt, target, tmp_path):
    emulator = Emulator(learners=24, courses=2)
    run(emulator, all_jobs(), target, format=fmt)
    before = {job.name: rows_of(target, job.name, job.table) for job in all_jobs()}
    take_a_night(emulator)
    for _ in range(2):  # the second time it changes nothing
        manifest = run(emulator, all_jobs(), target, format=fmt, refresh="changed", upsert=True)
    run(emulator, all_jobs(), tmp_path / "fresh")
    for job in all_jobs():
        fresh = {tuple(row[name] for name in job.key): row for row in rows_of(tmp_path / "fresh", job.name, job.table)}
        gone = [row for row in before[job.name] if row.get("email") == "learner5@example.com"]
        found = rows_of(target, job.name, job.table)
        assert len(found) == manifest.rows_of(job.name)
        if job.is_row_per_key:
            assert {tuple(row[name] for name in job.key): row for row in [*gone, *found]} | fresh == {
                tuple(row[name] for name in job.key): row for row in found
            }
        assert Counter(map(repr, found)) == Counter(
            map(repr, [*rows_of(tmp_path / "fresh", job.name, job.table), *gone])
        )
    assert any(row["email"] == "learner5@example.com" for row in rows_of(target, "learners", LearnersJob().table))
    assert read_manifest(target).rows == manifest.rows
    # A round without upsert drops who is gone, though nobody names them any more.
    without = run(emulator, all_jobs(), target, format=fmt, refresh="all")
    assert contents(target, all_jobs()) == contents(tmp_path / "fresh", all_jobs())
    assert read_manifest(target).rows == without.rows


@pytest.mark.parametrize("fmt", FAMILIES)
def test_learners_who_registered_since_are_put_among_the_others(fmt, target):
    emulator = Emulator(learners=30, courses=1)
    job = LearnersJob()
    run(emulator, [job], target, format=fmt)
    moment = max(row["registered_at"] for row in rows_of(target, job.name, job.table))
    emulator.sign_up("new@example.com", first_name="Nina", last_name="New")
    since = LearnersJob(since=moment)
    with pytest.raises(ExportError, match="with other settings; nothing was changed"):
        run(emulator, [since], target, format=fmt, refresh="all")
    manifest = run(emulator, [since], target, format=fmt, refresh="all", upsert=True)
    emails = Counter(row["email"] for row in rows_of(target, job.name, job.table))
    assert (len(emails), emails["new@example.com"], max(emails.values())) == (31, 1, 1)
    assert manifest.rows == 31


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_learner_who_left_and_came_again_is_there_once(fmt, target):
    emulator = Emulator(learners=12, courses=1)
    job = CourseProgressJob()
    sender = Asking(emulator)
    run(sender, [job], target, format=fmt)
    before = contents(target, [job])
    sender.gone = rows_of(target, job.name, job.table)[0]["email"]
    run(sender, [job], target, format=fmt, refresh="changed")
    assert sender.gone not in {row["email"] for row in rows_of(target, job.name, job.table)}
    sender.gone = ""
    run(sender, [job], target, format=fmt, refresh="changed")
    assert contents(target, [job]) == before


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_report_is_of_the_day_of_the_last_round_even_where_that_changed_nothing(fmt, target, monkeypatch):
    emulator = Emulator(learners=3, courses=1)
    run(emulator, [CoursesJob()], target, format=fmt)
    monkeypatch.setattr("aoclient.export.run.now", lambda: "2041-05-06T07:08:09+00:00")
    assert run(emulator, [CoursesJob()], target, format=fmt, refresh="all").changed == ()
    assert Exported.open(target).day == date(2041, 5, 6)


def contents_of_new(emulator, jobs, tmp_path):
    fresh = tmp_path.with_name(f"{tmp_path.name}-fresh")
    run(emulator, jobs, fresh)
    return contents(fresh, jobs)
