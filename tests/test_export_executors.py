"""What holds wherever shards run: in this process or on a Dask cluster, here with its workers in this process too."""

import asyncio
import errno
import os
from typing import ClassVar

import pytest
from attrs import evolve, frozen

from aoclient.actions import LearnersWithScore
from aoclient.emulator import Emulator
from aoclient.errors import AuthenticationError, ConfigurationError, ExportError, ResponseTooLargeError, ServerError
from aoclient.export import (
    ActionJob,
    Committed,
    CourseProgressJob,
    CoursesJob,
    FailedShard,
    JsonLines,
    LearnersJob,
    PageWritten,
    Planned,
    ProgressByCourseJob,
    Started,
    TeamsJob,
    bylearner,
    export,
    read_manifest,
)
from tests.kit import killing
from tests.kit.clusters import EXECUTORS, run_on
from tests.kit.exporting import Wilful, rows_of, session

everywhere = pytest.mark.parametrize("kind", EXECUTORS)


def progress():
    return ProgressByCourseJob(show_not_started_learners=True)


def courses_of(emulator):
    return [course.id for course in emulator.world.catalogue.courses]


def down(*words):
    return lambda body: ServerError("down", status=500) if any(word in body for word in words) else None


def asked_for(sender):
    return [body for body in sender.bodies if "learnersProgress" in body]


@pytest.mark.parametrize("fmt", ["jsonl.gz", "csv", "parquet"])
def test_a_cluster_writes_the_bytes_one_process_writes(fmt, tmp_path):
    if fmt == "parquet":
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    jobs = [*killing.jobs(), ActionJob(LearnersWithScore(score=50, operator=">"))]
    here = run_on("local", killing.academy(), jobs, tmp_path / "local", format=fmt)
    there = run_on("dask", killing.academy(), jobs, tmp_path / "dask", format=fmt)
    assert killing.contents(tmp_path / "dask") == killing.contents(tmp_path / "local")
    assert [(each.name, each.sha256, each.query_hash) for each in there.shards] == [
        (each.name, each.sha256, each.query_hash) for each in here.shards
    ]
    assert there.rows == here.rows > 200
    assert set(read_manifest(tmp_path / "dask").shards) == set(there.shards)


@pytest.mark.parametrize("upsert", [False, True], ids=["refresh", "upsert"])
def test_a_later_round_on_a_cluster_writes_the_bytes_one_process_writes(upsert, tmp_path, monkeypatch):
    monkeypatch.setattr(bylearner, "LEARNERS_PER_SHARD", 10)
    for kind in EXECUTORS:
        run_on(kind, killing.academy(), killing.later_jobs(), tmp_path / kind)
        later, settings = killing.academy(is_later=True), {"refresh": "changed", "upsert": upsert}
        manifest = run_on(kind, later, killing.later_jobs(), tmp_path / kind, **settings)
        assert set(read_manifest(tmp_path / kind).shards) == set(manifest.shards)
        assert 0 < len(manifest.changed) < len(manifest.shards)
    assert killing.contents(tmp_path / "dask") == killing.contents(tmp_path / "local")


@everywhere
def test_a_whole_export_is_not_sent_again(kind, tmp_path):
    emulator = Emulator(learners=120, courses=3)
    first = run_on(kind, emulator, [progress(), LearnersJob()], tmp_path)
    requests = emulator.journal.requests()
    assert run_on(kind, emulator, [progress(), LearnersJob()], tmp_path) == first
    assert emulator.journal.requests() == requests


@everywhere
def test_a_shard_that_fails_is_listed_the_rest_is_kept_and_only_it_runs_again(kind, tmp_path):
    emulator = Emulator(learners=120, courses=4)
    ids = courses_of(emulator)
    events = []
    with pytest.raises(ExportError) as caught:
        run_on(kind, Wilful(emulator, down(ids[1], ids[3])), [progress(), TeamsJob()], tmp_path, progress=events.append)
    missing = {f"progress_by_course/course/{ids[1]}", f"progress_by_course/course/{ids[3]}"}
    assert set(caught.value.missing) == missing
    for error in caught.value.missing.values():
        assert isinstance(error, ServerError)
        assert (error.status, error.message, error.attempts) == (500, "down", 1)
    assert "2 parts of the export are missing, 3 are in" in str(caught.value)
    assert {f"{each.job}/{each.key}" for each in events if isinstance(each, FailedShard)} == missing
    kept = read_manifest(tmp_path)
    assert (len(kept.shards), kept.planned) == (3, 5)
    again = Wilful(emulator)
    whole = run_on(kind, again, [progress(), TeamsJob()], tmp_path)
    assert {word for word in ids if any(word in body for body in asked_for(again))} == {ids[1], ids[3]}
    assert not any("getTeams" in body or "action=courses" in body for body in again.bodies)
    assert set(kept.shards) <= set(whole.shards)
    assert whole.rows_of("progress_by_course") == 480


@everywhere
def test_a_refused_secret_ends_the_export_at_once(kind, tmp_path):
    emulator = Emulator(learners=20, courses=60)
    job = ProgressByCourseJob(courses=courses_of(emulator))
    sender = Wilful(emulator, lambda body: AuthenticationError("no", status=401) if "learnersP" in body else None)
    with pytest.raises(ExportError) as caught:
        run_on(kind, sender, [job], tmp_path)
    assert len(caught.value.missing) == 60
    assert {type(error) for error in caught.value.missing.values()} == {AuthenticationError}
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert len(asked_for(sender)) < 40


@everywhere
def test_an_export_begun_otherwise_is_refused_and_resume_false_begins_it_anew(kind, tmp_path, monkeypatch):
    emulator = Emulator(learners=20, courses=2)
    first = run_on(kind, emulator, [progress(), TeamsJob()], tmp_path)
    requests = emulator.journal.requests()
    with pytest.raises(ExportError, match="with other settings; nothing was changed"):
        run_on(kind, emulator, [ProgressByCourseJob()], tmp_path)
    table = TeamsJob().table
    with monkeypatch.context() as patched, pytest.raises(ExportError, match=r"with other columns \(id\)"):
        patched.setattr(TeamsJob, "table", evolve(table, columns=table.columns[1:]))
        run_on(kind, emulator, [TeamsJob()], tmp_path)
    assert emulator.journal.requests() == requests
    assert read_manifest(tmp_path) == first
    again = run_on(kind, emulator, [ProgressByCourseJob()], tmp_path, resume=False)
    assert again.rows < first.rows_of("progress_by_course")
    assert len(rows_of(tmp_path, "progress_by_course", progress().table)) == again.rows


@everywhere
def test_a_second_export_into_the_same_folder_is_refused(kind, tmp_path):
    emulator = Emulator(learners=20, courses=3)

    async def main():
        async with EXECUTORS[kind](emulator) as executor, session(emulator) as ao:
            second = []

            def intrude(event):
                if isinstance(event, Started) and not second:
                    second.append(asyncio.ensure_future(export(ao, [TeamsJob()], tmp_path, executor=executor)))

            whole = await export(ao, [progress()], tmp_path, executor=executor, progress=intrude)
            with pytest.raises(ExportError, match="another export is writing to"):
                await second[0]
            return whole

    assert asyncio.run(main()).rows == 60


@everywhere
def test_an_answer_that_is_too_big_comes_in_smaller_ones(kind, tmp_path):
    emulator = Emulator(learners=200, courses=1)

    class Small(Wilful):
        async def send(self, request):
            response = await super().send(request)
            if response.body.count(b'"email"') > 60:
                raise ResponseTooLargeError("too big", action=request.name)
            return response

    manifest = run_on(kind, Small(emulator), [LearnersJob(), CoursesJob()], tmp_path)
    emails = [row["email"] for row in rows_of(tmp_path, "learners", LearnersJob().table)]
    assert len(emails) == len(set(emails)) == 200
    requests = emulator.journal.requests()
    assert run_on(kind, Small(emulator), [LearnersJob(), CoursesJob()], tmp_path) == manifest
    assert emulator.journal.requests() == requests


@everywhere
def test_an_answer_that_stays_too_big_is_missing(kind, tmp_path):
    emulator = Emulator(learners=9, courses=1)
    sender = Wilful(emulator, lambda body: ResponseTooLargeError("too big") if "learners" in body else None)
    with pytest.raises(ExportError) as caught:
        run_on(kind, sender, [LearnersJob(with_teams=True), TeamsJob()], tmp_path)
    assert {name: type(error) for name, error in caught.value.missing.items()} == {
        "learners/all": ResponseTooLargeError
    }


@everywhere
def test_rows_of_a_shard_stand_in_the_order_of_its_calls(kind, tmp_path):
    class Unfair(Wilful):
        async def send(self, request):
            for _ in range(len(self.bodies) % 3 * 40):
                await asyncio.sleep(0)
            return await super().send(request)

    emulator = Emulator(learners=30, courses=2)
    run_on(kind, Unfair(emulator), [CourseProgressJob()], tmp_path)
    rows = rows_of(tmp_path, "course_progress", CourseProgressJob().table)
    emails = list(dict.fromkeys(row["email"] for row in rows))
    assert emails == sorted(emails, key=lambda email: int(email.removeprefix("learner").partition("@")[0]))


@everywhere
def test_progress_tells_the_plan_each_page_and_each_commit(kind, tmp_path):
    emulator = Emulator(learners=250, courses=2)
    events = []
    manifest = run_on(kind, emulator, [progress(), TeamsJob()], tmp_path, progress=events.append)
    assert events[:2] == [Planned("progress_by_course", 2, 0, 2), Planned("teams", 1, 0, 1)]
    assert {event.record for event in events if isinstance(event, Committed)} == set(manifest.shards)
    for shard in manifest.shards:
        ours = [event for event in events if getattr(event, "key", None) == shard.key and event.job == shard.job]
        assert isinstance(ours[0], Started)
        assert [type(event) for event in ours[1:]] == [PageWritten] * (3 if shard.job != "teams" else 1)
        assert ours[-1].rows_so_far == shard.rows


@everywhere
@pytest.mark.parametrize("event", [Planned, Started, PageWritten, Committed])
def test_what_progress_raises_comes_out_as_it_is(kind, event, tmp_path):
    emulator = Emulator(learners=20, courses=3)

    def stumble(told):
        if isinstance(told, event):
            raise BrokenPipeError(event.__name__)

    with pytest.raises(BrokenPipeError, match=event.__name__):  # of the caller's terminal, not of the target
        run_on(kind, emulator, [progress()], tmp_path, progress=stumble)
    assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []
    assert len(run_on(kind, emulator, [progress()], tmp_path).shards) == 3


@everywhere
@pytest.mark.parametrize("times", [1, 2, 3, 1_000_000], ids=["once", "twice", "thrice", "until it has ended"])
def test_a_cancelled_export_leaves_nothing_half_written_and_sends_no_more(kind, times, tmp_path):
    emulator = Emulator(learners=400, courses=4)

    class Held(Wilful):
        """Lets ten calls through; the others never end."""

        held = 0
        reached = asyncio.Event()

        async def send(self, request):
            if len(self.bodies) == 10:
                self.held += 1
                self.reached.set()
                await asyncio.Event().wait()
            return await super().send(request)

    async def main():
        held = Held(emulator)
        async with EXECUTORS[kind](held) as executor, session(held) as ao:
            task = asyncio.ensure_future(export(ao, [progress(), LearnersJob()], tmp_path, executor=executor))
            await held.reached.wait()
            for _ in range(times):
                if task.done():
                    break
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []
            waiting = held.held
        return waiting, held.held  # whoever still sends does it while the cluster closes

    before, after = asyncio.run(main())
    assert before == after > 0
    assert run_on(kind, emulator, [progress(), LearnersJob()], tmp_path).rows == 2000


@everywhere
def test_an_export_cancelled_while_it_begins_to_give_out_shards_leaves_nothing(kind, tmp_path):
    async def main():
        emulator = Emulator(learners=5, courses=1)
        async with EXECUTORS[kind](emulator) as executor, session(emulator) as ao:
            for turns in range(10):
                planned, target = asyncio.Event(), tmp_path / str(turns)
                doing = export(ao, [TeamsJob()], target, executor=executor, progress=lambda _, it=planned: it.set())
                task = asyncio.ensure_future(doing)
                await planned.wait()
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                assert list((target / ".aoclient" / "tmp").iterdir()) == []

    asyncio.run(main())


@frozen(kw_only=True)
class FullDisk(JsonLines):
    """Takes so many pages, then the disk is full; it says it is plain JSON lines."""

    left: ClassVar[int]  # of the class, which workers in this process share

    def __repr__(self):
        return repr(JsonLines())

    def writer(self, file, table):
        inner = JsonLines().writer(file, table)

        class Writer:
            def write(self, rows):
                FullDisk.left -= 1
                if FullDisk.left < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                inner.write(rows)

            def close(self):
                inner.close()

        return Writer()


@everywhere
@pytest.mark.parametrize("pages", [0, 3])
def test_a_full_disk_ends_the_export_and_keeps_what_was_committed(kind, pages, tmp_path):
    emulator = Emulator(learners=120, courses=5)
    FullDisk.left = pages
    with pytest.raises(ExportError, match="No space left") as caught:
        run_on(kind, emulator, [progress()], tmp_path, format=FullDisk())
    kept = read_manifest(tmp_path)
    assert len(kept.shards) + len(caught.value.missing) == 5
    assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []
    whole = run_on(kind, emulator, [progress()], tmp_path)
    assert set(kept.shards) <= set(whole.shards)
    assert whole.rows == 600


@everywhere
def test_a_file_that_appears_under_a_shards_name_is_not_overwritten(kind, tmp_path):
    emulator = Emulator(learners=20, courses=1)

    def intrude(event):
        if isinstance(event, PageWritten):
            (tmp_path / "courses" / "000001.jsonl").write_text("mine")

    with pytest.raises(ExportError, match="File exists"):
        run_on(kind, emulator, [CoursesJob()], tmp_path, progress=intrude)
    assert (tmp_path / "courses" / "000001.jsonl").read_text() == "mine"


@everywhere
def test_no_calls_at_once_are_refused(kind, tmp_path):
    sender = Wilful(Emulator(learners=5, courses=1))
    with pytest.raises(ConfigurationError, match="concurrency must be at least 1, got 0"):
        run_on(kind, sender, [TeamsJob()], tmp_path, concurrency=0)
    assert sender.bodies == []


def test_a_shard_an_executor_says_nothing_of_is_missing(tmp_path):
    class Forgetful:
        needs_a_folder = False

        async def run(self, work):
            list(work.shards)

    async def main():
        emulator = Emulator(learners=5, courses=1)
        async with session(emulator) as ao:
            await export(ao, [TeamsJob()], tmp_path, executor=Forgetful())

    with pytest.raises(ExportError) as caught:
        asyncio.run(main())
    assert {name: str(error) for name, error in caught.value.missing.items()} == {
        "teams/all": "the executor said nothing of it"
    }
