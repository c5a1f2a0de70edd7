"""What an export does: every row once, only what is missing sent again, and its failures said in one error."""

import asyncio
import errno
import gc
import itertools
import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from attrs import define, evolve, field, frozen

from aoclient import actions
from aoclient.actions import ACTIONS, Effect, LearnerProgress
from aoclient.emulator import Emulator, Journal
from aoclient.errors import (
    AoError,
    ConfigurationError,
    ExportError,
    ResponseTooLargeError,
    ServerError,
)
from aoclient.export import (
    FORMATS,
    ActionJob,
    CertificatesJob,
    CourseProgressJob,
    CoursesJob,
    FailedShard,
    JsonLines,
    LearnersJob,
    PageWritten,
    ProgressByCourseJob,
    QuizStatisticsJob,
    Started,
    TeamsJob,
    Waiting,
    bylearner,
    export,
    read_manifest,
)
from aoclient.export.targets import store_for
from aoclient.export.waiting import telling_waits
from aoclient.senders.limited import Limited
from aoclient.settings import Rate
from tests.kit import clock
from tests.kit.exporting import Wilful, rows_of, run, session


def courses_of(emulator):
    return [course.id for course in emulator.world.catalogue.courses]


def quizzes_of(emulator):
    return [each.id for course in emulator.world.catalogue.courses for each in course.contents if each.points]


def asked(emulator, action, option):
    return Counter(getattr(entry.action, option) for entry in emulator.journal.of(action))


def progress():
    return ProgressByCourseJob(show_not_started_learners=True)


def down(*words):
    return lambda body: ServerError("down", status=500) if any(word in body for word in words) else None


# --- the rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_holds_the_rows_the_session_answers(fmt, tmp_path, monkeypatch):
    if fmt.endswith(".zst"):
        pytest.importorskip("zstandard", reason="the extra zstd is not installed")
    if fmt == "parquet":
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    if fmt == "duckdb":
        pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
    monkeypatch.setattr(bylearner, "LEARNERS_PER_SHARD", 10)
    emulator = Emulator(learners=230, courses=3)
    emails = [f"learner{number}@example.com" for number in range(1, 26)]
    records = dict.fromkeys(emails, quizzes_of(emulator))
    jobs = [
        LearnersJob(with_teams=True, with_academy=True),
        progress(),
        CourseProgressJob(emails=emails),
        CertificatesJob(emails=emails),
        QuizStatisticsJob(records=records),
        TeamsJob(),
        CoursesJob(),
        ActionJob(actions.LearnersWithScore(score=50, operator=">")),
    ]

    async def expected():
        async with session(emulator) as ao:
            by_learner = [
                (await ao.course_progress(email=email), await ao.certificates(email=email)) for email in emails
            ]
            statistics = await ao.get_learners_quiz_statistic(records=records)
            return {
                "learners": [((), row) for row in await ao.learners(with_teams=True, with_academy=True)],
                "progress_by_course": [
                    ((course,), row)
                    for course in courses_of(emulator)
                    async for row in ao.learners_progress_by_course(course_id=course, show_not_started_learners=True)
                ],
                "course_progress": [
                    ((e,), row) for e, (rows, _) in zip(emails, by_learner, strict=False) for row in rows
                ],
                "certificates": [((e,), row) for e, (_, rows) in zip(emails, by_learner, strict=False) for row in rows],
                "quiz_statistics": [((e, q), row) for e, rows in statistics.items() for q, row in rows.items()],
                "teams": [((), row) for row in await ao.get_teams(records="course")],
                "courses": [((), row) for row in await ao.courses()],
                "learners_with_score": [((), row) for row in await ao.learners_with_score(score=50, operator=">")],
            }

    answers = asyncio.run(expected())
    in_database = fmt in ("sqlite", "duckdb")
    target = tmp_path / ("export.db" if in_database else "export")
    manifest = run(emulator, jobs, target, format=fmt)
    for job in jobs:
        found = rows_of(target, job.name, job.table)
        wanted = answers[job.name]
        assert len(found) == len(wanted) == manifest.rows_of(job.name) > 0
        simple = [each.name for each in job.table.columns if each.kind in ("integer", "number", "flag", "timestamp")]
        in_order = sorted(found, key=str) if in_database else found
        of_models = [{name: getattr(row, name) for name in simple if hasattr(row, name)} for _, row in wanted]
        of_files = [{name: row[name] for name in each} for row, each in zip(found, of_models, strict=False)]
        assert Counter(map(str, of_files)) == Counter(map(str, of_models))
        if not in_database:  # shards come in any order there
            keys = [tuple(list(row.values())[: len(key)]) for row, (key, _) in zip(in_order, wanted, strict=False)]
            assert keys == [key for key, _ in wanted]
    assert manifest.rows == sum(map(len, answers.values()))
    assert (read_manifest(target).rows, read_manifest(target).bytes) == (manifest.rows, manifest.bytes)


def test_all_formats_hold_equal_rows(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    pytest.importorskip("zstandard", reason="the extra zstd is not installed")
    pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
    emulator = Emulator(learners=60, courses=2)
    emails = ["learner1@example.com", "learner2@example.com", "learner3@example.com"]
    jobs = [
        LearnersJob(with_teams=True),
        progress(),
        CourseProgressJob(emails=emails),
        QuizStatisticsJob(records=dict.fromkeys(emails, quizzes_of(emulator))),
    ]
    read = {}
    for fmt in FORMATS:
        target = tmp_path / fmt
        run(emulator, jobs, target, format=fmt)
        read[fmt] = [sorted(map(repr, rows_of(target, job.name, job.table))) for job in jobs]
    assert all(rows == read["jsonl"] for rows in read.values())
    assert all(read["jsonl"])


def test_every_action_that_reads_can_be_exported(tmp_path):
    emulator = Emulator(learners=40, courses=2)
    course = emulator.world.catalogue.courses[0]
    given = {
        "learnersFromCountry": {"country_iso_code": "US"},
        "learnersWithScore": {"score": 0, "operator": ">="},
        "learnersRegisteredAt": {"date": "2000-01-01", "operator": ">"},
        "learnersProgressByCourse": {"course_id": course.id},
        "courseProgress": {"email": "learner1@example.com"},
        "certificates": {"email": "learner1@example.com"},
        "learnersCourseComplete": {"course_id": course.id},
        "learnersChurnAtContent": {"course_id": course.slug, "content_id": course.contents[0].slug},
        "checkLearnerInvite": {"emails": ["a@example.com"]},
        "getLearnersQuizStatistic": {"records": {"learner1@example.com": quizzes_of(emulator)}},
        "getLearnerVariable": {"records": {"learner1@example.com": ["department"]}},
    }
    reading = [cls for cls in ACTIONS.values() if cls.spec.effect is Effect.READS]
    assert len(reading) == 18
    jobs = [ActionJob(cls(**given.get(cls.spec.name, {}))) for cls in reading]
    manifest = run(emulator, jobs, tmp_path / "all")
    assert len(manifest.shards) == 18
    assert {shard.job for shard in manifest.shards} >= {"learners_course_complete", "get_learner_variable", "academies"}
    assert rows_of(tmp_path / "all", "get_learner_variable", jobs[-1].table) == [
        {"email": "learner1@example.com", "name": "department", "value": "Support"}
    ]


def test_an_action_that_is_too_long_for_a_form_is_exported_in_parts(tmp_path):
    emulator = Emulator(learners=700, courses=1)
    emails = [f"learner{number}@example.com" for number in range(1, 701)]
    job = ActionJob(actions.GetLearnerVariable(records={key: ["department", "team"] for key in emails}))
    manifest = run(emulator, [job], tmp_path)
    assert emulator.journal.count("getLearnerVariable") > 1
    assert {row["email"] for row in rows_of(tmp_path, job.name, job.table)} == set(emails)
    assert len(manifest.shards) == 1


def test_learners_without_an_address_are_not_asked_for_and_no_learner_twice(tmp_path):
    emulator = Emulator(learners=5, courses=1)
    emails = ["learner1@example.com", "", "learner2@example.com", "learner1@example.com"]
    run(emulator, [CertificatesJob(emails=emails)], tmp_path)
    assert asked(emulator, "certificates", "email") == {"learner1@example.com": 1, "learner2@example.com": 1}


@define
class Odd:
    """The emulator, but for answers of an action to which ``adds`` adds."""

    emulator: Emulator
    action: str
    adds: Callable[[list[dict[str, object]]], list[dict[str, object]]]

    async def send(self, request):
        response = await self.emulator.send(request)
        if request.name == self.action:
            rows = json.loads(response.body)
            response.body = json.dumps([*rows, *self.adds(rows)]).encode()
        return response


@pytest.mark.parametrize("job", [CourseProgressJob(), CertificatesJob(), QuizStatisticsJob()], ids=lambda job: job.name)
def test_learners_who_are_listed_twice_or_without_an_address_change_nothing(job, tmp_path):
    emulator = Emulator(learners=5, courses=2)
    odd = Odd(emulator, "learners", lambda rows: [rows[0], {**rows[0], "email": " "}])
    assert run(odd, [job], tmp_path / "odd").rows == run(emulator, [job], tmp_path / "even").rows > 0


@pytest.mark.parametrize("job", [ProgressByCourseJob(), QuizStatisticsJob()], ids=lambda job: job.name)
def test_courses_without_an_id_are_not_asked_for(job, tmp_path):
    emulator = Emulator(learners=5, courses=2)
    odd = Odd(emulator, "courses", lambda rows: [{**rows[0], "id": ""}])
    assert run(odd, [job], tmp_path / "odd").rows == run(emulator, [job], tmp_path / "even").rows > 0


def test_learners_are_looked_up_where_none_are_given(tmp_path):
    emulator = Emulator(learners=30, courses=1)
    manifest = run(emulator, [CourseProgressJob()], tmp_path)
    assert emulator.journal.count("courseProgress") == 30
    assert manifest.planned == 1


# --- again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_whole_export_is_not_sent_again(fmt, tmp_path):
    emulator = Emulator(learners=120, courses=3)
    first = run(emulator, [progress(), LearnersJob()], tmp_path / "out", format=fmt)
    requests = emulator.journal.requests()
    assert run(emulator, [progress(), LearnersJob()], tmp_path / "out", format=fmt) == first
    assert emulator.journal.requests() == requests


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_only_the_missing_shards_run_again(fmt, tmp_path):
    emulator = Emulator(learners=120, courses=4)
    ids = courses_of(emulator)
    target = tmp_path / "out"
    with pytest.raises(ExportError) as caught:
        run(Wilful(emulator, down(ids[1], ids[3])), [progress(), TeamsJob()], target, format=fmt)
    missing = {f"progress_by_course/course/{ids[1]}", f"progress_by_course/course/{ids[3]}"}
    assert set(caught.value.missing) == missing
    assert all(isinstance(error, ServerError) for error in caught.value.missing.values())
    assert "2 parts of the export are missing, 3 are in" in str(caught.value)
    assert ids[1] in str(caught.value)
    kept = read_manifest(target)
    assert (len(kept.shards), kept.planned) == (3, 5)
    before = asked(emulator, "learnersProgressByCourse", "course_id")
    whole = run(emulator, [progress(), TeamsJob()], target, format=fmt)
    again = asked(emulator, "learnersProgressByCourse", "course_id") - before
    assert set(again) == {ids[1], ids[3]}
    assert (emulator.journal.count("courses"), emulator.journal.count("getTeams")) == (1, 1)
    assert set(kept.shards) <= set(whole.shards)
    alone = tmp_path / "alone"
    run(emulator, [progress(), TeamsJob()], alone, format=fmt)
    for job in (progress(), TeamsJob()):
        found, wanted = (sorted(map(repr, rows_of(each, job.name, job.table))) for each in (target, alone))
        assert found == wanted


def test_a_job_that_cannot_be_planned_is_missing_and_the_others_are_kept(tmp_path):
    emulator = Emulator(learners=20, courses=2)
    events = []
    with pytest.raises(ExportError) as caught:
        run(Wilful(emulator, down("action=courses")), [progress(), TeamsJob()], tmp_path, progress=events.append)
    assert list(caught.value.missing) == ["progress_by_course"]
    assert [each.job for each in events if isinstance(each, FailedShard)] == ["progress_by_course"]
    assert [shard.job for shard in read_manifest(tmp_path).shards] == ["teams"]
    assert len(run(emulator, [progress(), TeamsJob()], tmp_path).shards) == 3


def test_a_shard_that_fails_sends_no_further_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(bylearner, "LEARNERS_PER_SHARD", 50)
    emulator = Emulator(learners=100, courses=1)
    emails = [f"learner{number}@example.com" for number in range(1, 101)]
    sender = Wilful(emulator, down("learner1%40"))
    with pytest.raises(ExportError) as caught:
        run(sender, [CertificatesJob(emails=emails)], tmp_path)
    assert list(caught.value.missing) == ["certificates/learners/1"]
    assert emulator.journal.count("certificates") < 80
    assert [shard.key for shard in read_manifest(tmp_path).shards] == ["learners/2"]


# --- the target is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_another_job_of_the_same_name_is_refused_and_nothing_is_touched(fmt, tmp_path):
    emulator = Emulator(learners=20, courses=2)
    target = tmp_path / "out"
    first = run(emulator, [progress()], target, format=fmt)
    requests = emulator.journal.requests()
    with pytest.raises(ExportError, match="with other settings; nothing was changed"):
        run(emulator, [TeamsJob(), ProgressByCourseJob()], target, format=fmt)
    assert emulator.journal.requests() == requests
    assert read_manifest(target) == first
    again = run(emulator, [ProgressByCourseJob()], target, format=fmt, resume=False)
    assert again.rows < first.rows
    job = ProgressByCourseJob()
    assert len(rows_of(target, job.name, job.table)) == again.rows == read_manifest(target).rows


def test_another_format_in_the_same_folder_is_refused(tmp_path):
    emulator = Emulator(learners=20, courses=2)
    run(emulator, [TeamsJob()], tmp_path)
    with pytest.raises(ExportError, match="in another format"):
        run(emulator, [TeamsJob()], tmp_path, format="csv")


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_other_columns_are_refused_by_name(fmt, tmp_path, monkeypatch):
    emulator = Emulator(learners=20, courses=2)
    target = tmp_path / "out"
    run(emulator, [TeamsJob()], target, format=fmt)
    table = TeamsJob().table
    monkeypatch.setattr(TeamsJob, "table", evolve(table, columns=table.columns[1:]))
    with pytest.raises(ExportError, match=r"with other columns \(id\); nothing was changed"):
        run(emulator, [TeamsJob()], target, format=fmt)
    monkeypatch.setattr(TeamsJob, "table", evolve(table, columns=table.columns[::-1]))
    with pytest.raises(ExportError, match=r"with other columns \(in another order\); nothing was changed"):
        run(emulator, [TeamsJob()], target, format=fmt)


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_second_export_into_the_same_target_is_refused(fmt, tmp_path):
    emulator = Emulator(learners=20, courses=2)
    target = tmp_path / "out"

    async def main():
        async with session(emulator) as ao:

            def start_another(event):
                if isinstance(event, Started):
                    others.append(asyncio.ensure_future(export(ao, [TeamsJob()], target, format=fmt)))

            others = []
            await export(ao, [CoursesJob()], target, format=fmt, progress=start_another)
            with pytest.raises(ExportError, match="another export is writing to"):
                await others[0]
            return await export(ao, [TeamsJob()], target, format=fmt)

    assert len(asyncio.run(main()).shards) == 1


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_target_is_free_again_though_a_process_forked_meanwhile_has_its_lock_open(fmt, tmp_path):
    store = store_for(tmp_path / "out", fmt)
    store.open()
    child = os.dup(store._lock)  # what a fork makes of it
    store.close()
    store.open()
    assert store._lock not in (None, child)
    store.close()
    os.close(child)


def test_a_file_that_was_changed_is_refused_and_one_that_is_gone_is_exported_again(tmp_path):
    emulator = Emulator(learners=20, courses=2)
    whole = run(emulator, [progress()], tmp_path)
    gone, changed = (tmp_path / shard.file for shard in whole.shards)
    gone.unlink()
    again = run(emulator, [progress()], tmp_path)
    assert [shard.sha256 for shard in again.shards] == [shard.sha256 for shard in whole.shards]
    once, twice = sorted(asked(emulator, "learnersProgressByCourse", "course_id").values())
    assert twice == 2 * once
    with changed.open("a") as file:
        file.write("{}\n")
    with pytest.raises(ExportError, match="was changed after it was exported"):
        run(emulator, [progress()], tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]\n", b"\xff", b'{"job": "teams"}\n'])
@pytest.mark.parametrize("name", ["teams/plan.jsonl", "teams/000001.json", "teams/000001.next.json", "round.json"])
def test_a_damaged_ledger_is_named_and_without_it_the_export_is_whole_again(name, damage, tmp_path):
    emulator = Emulator(learners=2, courses=1)
    first = run(emulator, [TeamsJob()], tmp_path)
    path = tmp_path / ".aoclient" / name
    path.write_bytes(damage)
    with pytest.raises(ExportError, match=rf"{path.name} is damaged; remove it"):
        run(emulator, [TeamsJob()], tmp_path)
    path.unlink()
    assert run(emulator, [TeamsJob()], tmp_path).rows == first.rows


def test_a_damaged_line_of_a_plan_is_damage_too(tmp_path):
    run(Emulator(learners=2, courses=1), [TeamsJob()], tmp_path)
    path = tmp_path / ".aoclient/teams/plan.jsonl"
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ExportError, match=r"plan.jsonl is damaged"):
        read_manifest(tmp_path)


def test_a_shard_recorded_for_another_query_is_refused(tmp_path):
    emulator = Emulator(learners=20, courses=1)
    run(emulator, [TeamsJob()], tmp_path)
    record = tmp_path / ".aoclient" / "teams" / "000001.json"
    record.write_text(record.read_text().replace('"query_hash": "', '"query_hash": "0'))
    with pytest.raises(ExportError, match="teams/all was exported with another query"):
        run(emulator, [TeamsJob()], tmp_path)


def test_what_no_export_wrote_is_left_alone(tmp_path):
    emulator = Emulator(learners=20, courses=1)
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "000001.jsonl").write_text("mine")
    with pytest.raises(ExportError, match="is not empty and was not written by an export"):
        run(emulator, [TeamsJob()], tmp_path)
    assert (tmp_path / "teams" / "000001.jsonl").read_text() == "mine"
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, and longer than a header of one would be, which is a hundred bytes" * 2)
    with pytest.raises(ExportError, match="cannot be used as a file of SQLite"):
        run(emulator, [TeamsJob()], text, format="sqlite")
    for target in (text, tmp_path / "nothing"):
        with pytest.raises(ExportError, match="holds no export"):
            read_manifest(target)


def test_a_table_that_no_export_wrote_is_left_alone(tmp_path):
    target = tmp_path / "mine.db"
    with sqlite3.connect(target) as db:
        db.execute("CREATE TABLE teams (name TEXT)")
    db.close()
    with pytest.raises(ExportError, match="has a table teams that no export wrote"):
        run(Emulator(learners=2, courses=1), [TeamsJob()], target, format="sqlite")


def test_a_shard_that_is_in_the_ledger_already_is_not_committed_twice(tmp_path):
    target = tmp_path / "out.db"

    def intrude(event):
        if isinstance(event, PageWritten):
            with sqlite3.connect(target) as db:
                db.execute("INSERT INTO _aoclient_shards (job, key, rows) VALUES ('teams', 'all', 0)")
            db.close()

    with pytest.raises(ExportError, match="UNIQUE constraint failed"):
        run(Emulator(learners=2, courses=1), [TeamsJob()], target, format="sqlite", progress=intrude)
    assert rows_of(target, "teams", TeamsJob().table) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX here")
def test_a_target_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Not a directory|exists"):
        run(Emulator(learners=2, courses=1), [TeamsJob()], tmp_path / "file" / "below")


def test_arguments_that_cannot_be_used_are_refused_before_anything_is_sent(tmp_path):
    emulator = Emulator(learners=2, courses=1)
    with pytest.raises(ConfigurationError, match=r"jobs must be objects like LearnersJob\(\), got <class .*TeamsJob'>"):
        run(emulator, [TeamsJob], tmp_path)
    with pytest.raises(ConfigurationError, match="two jobs have one name"):
        run(emulator, [TeamsJob(), TeamsJob()], tmp_path)
    with pytest.raises(ConfigurationError, match="format must be one of jsonl, "):
        run(emulator, [TeamsJob()], tmp_path, format="xlsx")
    with pytest.raises(ConfigurationError, match="does more than read"):
        ActionJob(actions.DeleteLearners(emails=["a@example.com"]))
    with pytest.raises(ConfigurationError, match="a job is named with"):
        ActionJob(actions.Courses(), name="../courses")
    for name in ("tmp", "lock"):
        with pytest.raises(ConfigurationError, match=f"a job cannot be named '{name}'"):
            run(emulator, [ActionJob(actions.Courses(), name=name)], tmp_path)

    async def tell(_):
        raise AssertionError

    with pytest.raises(ConfigurationError, match="progress is a plain def"):
        run(emulator, [TeamsJob()], tmp_path, progress=tell)
    with pytest.raises(ConfigurationError, match="expected a list of texts"):
        CertificatesJob(emails="a@example.com")
    assert emulator.journal.requests() == 0


# --- the disk ----------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class FullDisk(JsonLines):
    """Takes so many pages, then the disk is full; it says it is plain JSON lines."""

    pages: list[int]

    def __repr__(self):
        return repr(JsonLines())

    def writer(self, file, table):
        inner = JsonLines().writer(file, table)
        pages = self.pages

        class Writer:
            def write(self, rows):
                pages[0] -= 1
                if pages[0] < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                inner.write(rows)

            def close(self):
                inner.close()

        return Writer()


@pytest.mark.parametrize("pages", [0, 1, 4, 7])
def test_a_full_disk_ends_the_export_and_keeps_what_was_committed(pages, tmp_path):
    emulator = Emulator(learners=120, courses=5)
    with pytest.raises(ExportError, match="No space left") as caught:
        run(emulator, [progress()], tmp_path, format=FullDisk(pages=[pages]))
    assert isinstance(caught.value.__cause__, OSError)
    kept = read_manifest(tmp_path)
    assert len(kept.shards) + len(caught.value.missing) == 5
    assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []
    whole = run(emulator, [progress()], tmp_path)
    assert set(kept.shards) <= set(whole.shards)
    assert whole.rows == 600


# --- while it runs -----------------------------------------------------------------------------------------------


def learners_under_a_limit(tell, calls=5):
    """Ask under a limit of two calls in 20 s, on a clock that jumps, and tell the waits."""

    async def main():
        loop = asyncio.get_running_loop()
        emulator = Emulator(learners=3, courses=1, rate=Rate(2, 20), clock=lambda: 1_700_000_000 + loop.time())
        async with session(emulator, rate=Rate(2, 20)) as ao:

            async def ask():
                for _ in range(calls):
                    await asyncio.gather(ao.courses(), ao.get_teams())
                return loop.time()

            return await telling_waits(ao, tell, ask())

    return clock.run(main())


def test_each_wait_for_the_rate_limit_is_told_once():
    events = []
    assert learners_under_a_limit(events.append) > 80
    assert len(events) <= 5 * 2
    for wait in events:
        assert 2 <= wait.seconds <= 21
    assert sum(wait.seconds for wait in events) > 70


def test_what_is_raised_at_a_wait_ends_what_was_done():
    def stumble(_):
        raise BrokenPipeError("at a wait")

    with pytest.raises(BrokenPipeError, match="at a wait"):
        learners_under_a_limit(stumble)


def test_progress_tells_a_wait_for_the_rate_limit(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(Limited, "held_for", 30.0)
    run(Emulator(learners=3, courses=1, latency=0.3), [TeamsJob()], tmp_path, progress=events.append)
    (wait,) = (event for event in events if isinstance(event, Waiting))
    assert wait.seconds == 30
    assert timedelta(seconds=20) < wait.until - datetime.now(UTC) < timedelta(seconds=30)


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_cancelled_export_leaves_nothing_half_written(fmt, tmp_path):
    emulator = Emulator(learners=300, courses=3)
    target = tmp_path / "out"

    async def main():
        async with session(emulator) as ao:

            def cancel(event):
                if isinstance(event, PageWritten) and event.rows_so_far >= 200:
                    task.cancel()

            task = asyncio.ensure_future(export(ao, [progress()], target, format=fmt, progress=cancel))
            with pytest.raises(asyncio.CancelledError):
                await task
            return await export(ao, [progress()], target, format=fmt)

    manifest = asyncio.run(main())
    assert manifest.rows == len(rows_of(target, "progress_by_course", progress().table)) == 900


@frozen(kw_only=True)
class Held(JsonLines):
    """Its files are committed once they may; it says it is plain JSON lines."""

    began: threading.Event = field(factory=threading.Event)
    may: threading.Event = field(factory=threading.Event)

    def __repr__(self):
        return repr(JsonLines())

    def writer(self, file, table):
        inner, began, may = JsonLines().writer(file, table), self.began, self.may

        class Writer:
            write = inner.write

            def close(self):
                began.set()
                assert may.wait(20)
                inner.close()

        return Writer()


def test_whoever_cancels_all_tasks_does_not_let_go_of_a_target_that_is_being_written(tmp_path):
    emulator, held = Emulator(learners=10, courses=1), Held()

    async def main():
        async with session(emulator) as ao:
            task = asyncio.create_task(export(ao, [progress()], tmp_path, format=held))
            while not held.began.is_set():  # noqa: ASYNC110  # a thread sets it
                await asyncio.sleep(0.001)
            for _ in range(3):
                for each in asyncio.all_tasks() - {asyncio.current_task()}:
                    each.cancel()
                await asyncio.sleep(0)
            with pytest.raises(ExportError, match="another export is writing to"):
                await export(ao, [progress()], tmp_path)
            held.may.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await export(ao, [progress()], tmp_path)

    assert asyncio.run(main()).rows == 10


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_rows_of_a_shard_stand_in_the_order_of_its_calls_whichever_answer_comes_first(fmt, tmp_path):
    class Unfair(Wilful):
        async def send(self, request):
            for _ in range(next(calls) % 3 * 40):
                await asyncio.sleep(0)
            return await super().send(request)

    calls = itertools.count()
    emulator = Emulator(learners=30, courses=2)
    target = tmp_path / "out"
    run(Unfair(emulator), [CourseProgressJob()], target, format=fmt)
    job = CourseProgressJob()
    emails = list(dict.fromkeys(row["email"] for row in rows_of(target, job.name, job.table)))
    assert emails == sorted(emails, key=lambda email: int(email.removeprefix("learner").partition("@")[0]))
    arrived = [entry.action.email for entry in emulator.journal.of("courseProgress")]
    assert [email for email in arrived if email in emails] != emails


def test_all_slots_are_busy(tmp_path):
    emulator = Emulator(learners=400, courses=6)
    sender = Wilful(emulator)
    run(sender, [progress(), LearnersJob()], tmp_path, concurrency=3)
    assert sender.most_in_flight == 3


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_rows_in_memory_are_those_of_the_pages_on_their_way(fmt, tmp_path):
    held = []

    def count(event):
        if isinstance(event, PageWritten) and event.rows_so_far % 500 == 0:
            held.append(sum(type(each) is LearnerProgress for each in gc.get_objects()))

    emulator = Emulator(learners=3000, courses=2, journal=Journal(keep=10))
    manifest = run(emulator, [progress()], tmp_path / "out", format=fmt, progress=count)
    assert manifest.rows == 6000
    assert len(held) == 12
    assert max(held) <= 2 * 4 * 100  # two pages for each of four slots


# --- learners in windows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [20, 150])
def test_learners_whose_answer_is_too_big_come_in_windows(most, tmp_path):
    emulator = Emulator(learners=200, courses=1)

    class Small(Wilful):
        async def send(self, request):
            response = await super().send(request)
            if response.body.count(b'"email"') > most:
                raise ResponseTooLargeError("too big", action=request.name)
            return response

    job = LearnersJob()
    run(Small(emulator), [job], tmp_path)
    emails = [row["email"] for row in rows_of(tmp_path, "learners", job.table)]
    assert len(emails) == len(set(emails)) == 200


def test_learners_are_looked_up_in_windows_where_they_are_too_many(tmp_path):
    emulator = Emulator(learners=45, courses=1)
    refused = Wilful(
        emulator, lambda body: ServerError("no memory", status=500) if "action=learners&" in f"{body}&" else None
    )
    run(refused, [CertificatesJob()], tmp_path)
    assert len(asked(emulator, "certificates", "email")) == emulator.journal.count("certificates") == 45
    down_for_all = Wilful(emulator, down("learners"))
    with pytest.raises(ExportError) as caught:
        run(down_for_all, [CourseProgressJob()], tmp_path)
    assert isinstance(caught.value.missing["course_progress"], ServerError)
    assert len([body for body in down_for_all.bodies if "learners" in body]) == 2


def test_learners_who_registered_since_a_moment(tmp_path):
    emulator = Emulator(learners=200, courses=1)
    job = LearnersJob()
    run(emulator, [job], tmp_path / "all")
    everybody = rows_of(tmp_path / "all", "learners", job.table)
    moment = everybody[120]["registered_at"]
    run(emulator, [LearnersJob(since=moment)], tmp_path / "since")
    assert rows_of(tmp_path / "since", "learners", job.table) == [
        row for row in everybody if row["registered_at"] >= moment
    ]
    with pytest.raises(ConfigurationError, match="goes with neither"):
        LearnersJob(since=moment, with_teams=True)


def test_what_cannot_be_asked_for_in_parts_is_missing(tmp_path):
    emulator = Emulator(learners=9, courses=1)
    too_big = Wilful(emulator, lambda body: ResponseTooLargeError("too big") if "learners" in body else None)
    jobs = [
        LearnersJob(with_teams=True),
        ActionJob(actions.LearnersRegisteredAt(date="2022-01-01", operator=">")),
        ActionJob(actions.LearnersRegisteredAt(dates=("2022-01-01", "2022-01-01 00:00:02")), name="a_moment"),
        ActionJob(actions.LearnersWithScore(score=1)),
    ]
    with pytest.raises(ExportError) as caught:
        run(too_big, jobs, tmp_path)
    assert {type(error) for error in caught.value.missing.values()} == {ResponseTooLargeError}
    assert len(caught.value.missing) == 4
    assert isinstance(caught.value, AoError)
