"""Exports that fail, over the formats: what was committed stays, a later round leaves old shards or new ones."""

import asyncio
import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from attrs import evolve

from aoclient.emulator import Emulator
from aoclient.errors import ExportError, ServerError
from aoclient.export import (
    FORMATS,
    CoursesJob,
    LearnersJob,
    ProgressByCourseJob,
    Started,
    TeamsJob,
    export,
    read_manifest,
)
from tests.kit import killing
from tests.kit.exporting import Wilful, rows_of, run, session

EXTRAS = {"parquet": "pyarrow", "duckdb": "duckdb", "jsonl.zst": "zstandard", "csv.zst": "zstandard"}
FAMILIES = ["jsonl", "csv.gz", "parquet", "sqlite", "duckdb"]
ROUNDS = {"refresh": {"refresh": "all"}, "upsert": {"refresh": "all", "upsert": True}}


def name_of(fmt):
    if fmt in EXTRAS:
        pytest.importorskip(EXTRAS[fmt], reason=f"{EXTRAS[fmt]} is not installed")
    return "export.db" if fmt in ("sqlite", "duckdb") else "export"


def progress():
    return ProgressByCourseJob(show_not_started_learners=True)


def by_course(target):
    """Return the rows of each course."""
    found = {}
    for row in rows_of(target, progress().name, progress().table):
        found.setdefault(row["course_id"], []).append(repr(row))
    return {course: sorted(rows) for course, rows in found.items()}


def have_a_night(emulator):
    for number in range(1, 40):
        emulator.world.delete(number)
    for number in range(5):
        emulator.sign_up(f"new{number}@example.com", first_name="Nina", last_name="New")


# --- the disk ----------------------------------------------------------------------------------------------------


class Disk:
    """A file system in memory whose size can be told."""

    def __init__(self, path):
        self.path = path

    def _mount(self, *options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(self.path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def open(self, size):
        """Mount it.

        Raises:
            OSError: Nobody may.
        """
        self.path.mkdir()
        done = self._mount(f"size={size}")
        if done.returncode:
            raise OSError(done.stderr.strip())

    def is_now(self, *options):
        """Change its size, or make it one that cannot be written."""
        done = self._mount("remount", *options)
        assert done.returncode == 0, done.stderr

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@contextmanager
def disk_of(path, size):
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    disk = Disk(path)
    try:
        disk.open(size)
    except OSError as error:
        pytest.skip(f"no file system can be mounted: {error}")
    try:
        yield disk
    finally:
        disk.close()


@pytest.mark.skipif(os.name != "posix", reason="file systems are mounted on POSIX")
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_full_disk_ends_an_export_and_a_later_round_and_both_can_be_gone_on_with(fmt, tmp_path):
    name = name_of(fmt)
    emulator = Emulator(learners=300, courses=6)
    run(emulator, [progress()], tmp_path / f"size-{name}", format=fmt)
    paths = [tmp_path / f"size-{name}"]
    paths += paths[0].rglob("*")
    needed = sum(path.stat().st_size for path in paths if path.is_file())
    with disk_of(tmp_path / "disk", 150_000 if fmt == "duckdb" else needed // 3) as disk:  # whose log comes first
        target = disk.path / name
        with pytest.raises((ExportError, OSError), match=r"(?i)no space|disk is full|disk I/O|could not"):
            run(emulator, [progress()], target, format=fmt)
        disk.is_now("size=64m")
        whole = run(emulator, [progress()], target, format=fmt)
        assert (whole.rows, len(whole.shards)) == (1800, 6)
        before = by_course(target)
        assert before == by_course(tmp_path / f"size-{name}")

        have_a_night(emulator)
        disk.is_now(f"size={shutil.disk_usage(disk.path).used}")
        with pytest.raises((ExportError, OSError), match=r"(?i)no space|disk is full|disk I/O|could not"):
            run(emulator, [progress()], target, format=fmt, refresh="all")
        disk.is_now("size=64m")
        after_failure = by_course(target)
        run(emulator, [progress()], target, format=fmt, refresh="all")
        fresh = tmp_path / f"fresh-{name}"
        run(emulator, [progress()], fresh, format=fmt)
        after = by_course(fresh)
        assert all(rows in (before[course], after[course]) for course, rows in after_failure.items())
        assert by_course(target) == after


@pytest.mark.skipif(os.name != "posix", reason="file systems are mounted on POSIX")
@pytest.mark.parametrize("fmt", FAMILIES)
def test_a_target_that_cannot_be_written_sends_nothing_and_is_left_as_it_is(fmt, tmp_path):
    name = name_of(fmt)
    emulator = Emulator(learners=20, courses=2)
    with disk_of(tmp_path / "disk", "16m") as disk:
        whole = run(emulator, [progress()], disk.path / name, format=fmt)
        requests = emulator.journal.requests()
        disk.is_now("ro")
        for target, settings in ((name, {}), (name, {"refresh": "all"}), (f"new-{name}", {})):
            with pytest.raises((ExportError, OSError), match=r"(?i)read-?only|cannot be used"):
                run(emulator, [progress()], disk.path / target, format=fmt, **settings)
        assert emulator.journal.requests() == requests
        assert read_manifest(disk.path / name).shards == whole.shards
        disk.is_now("rw")
        assert run(emulator, [progress()], disk.path / name, format=fmt) == whole


# --- the academy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ROUNDS.values(), ids=ROUNDS)
@pytest.mark.parametrize("fmt", FAMILIES)
def test_a_shard_that_always_fails_keeps_its_old_rows_and_the_others_get_new_ones(fmt, settings, tmp_path):
    target = tmp_path / name_of(fmt)
    emulator = Emulator(learners=60, courses=3)
    run(emulator, [progress(), CoursesJob()], target, format=fmt)
    before = by_course(target)
    have_a_night(emulator)
    broken = emulator.world.catalogue.courses[1].id
    sender = Wilful(emulator, lambda body: ServerError("down", status=500) if broken in body else None)
    for again in (settings, {}, settings):  # the round, the round gone on with, and the next one
        with pytest.raises(ExportError, match="1 parts of the export are missing, 3 are in") as caught:
            run(sender, [progress(), CoursesJob()], target, format=fmt, **again)
        assert list(caught.value.missing) == [f"progress_by_course/course/{broken}"]
        found = by_course(target)
        assert found[broken] == before[broken]
        assert all(rows != before[course] for course, rows in found.items() if course != broken)
    whole = run(emulator, [progress(), CoursesJob()], target, format=fmt)
    assert (len(whole.shards), whole.rows) == (4, sum(map(len, by_course(target).values())) + 3)
    assert by_course(target)[broken] != before[broken]


@pytest.mark.parametrize("fmt", FAMILIES)
def test_learners_that_cannot_be_listed_leave_their_job_as_it_was_and_the_round_is_finished_later(fmt, tmp_path):
    target = tmp_path / name_of(fmt)
    emulator = Emulator(learners=60, courses=1)
    jobs = [LearnersJob(), progress()]
    run(emulator, jobs, target, format=fmt)
    have_a_night(emulator)
    sender = Wilful(emulator, lambda body: ServerError("down", status=500) if "action=courses" in body else None)
    with pytest.raises(ExportError) as caught:
        run(sender, jobs, target, format=fmt, refresh="all")
    assert list(caught.value.missing) == ["progress_by_course"]
    assert read_manifest(target).rounds == {"learners": 2, "progress_by_course": 1}
    assert read_manifest(target).rows_of("progress_by_course") == 60
    whole = run(emulator, jobs, target, format=fmt)  # without refresh: it finishes the round
    assert whole.rounds == {"learners": 2, "progress_by_course": 2}
    assert whole.rows_of("progress_by_course") == whole.rows_of("learners") == 26


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_round_that_is_given_up_is_not_finished_later(fmt, tmp_path):
    target = tmp_path / name_of(fmt)
    emulator = Emulator(learners=20, courses=1)
    run(emulator, [progress()], target, format=fmt)
    sender = Wilful(emulator, lambda body: ServerError("down", status=500) if "action=courses" in body else None)
    with pytest.raises(ExportError):
        run(sender, [progress()], target, format=fmt, refresh="all")
    anew = run(emulator, [progress()], target, format=fmt, resume=False)
    requests = emulator.journal.requests()
    assert run(emulator, [progress()], target, format=fmt) == anew
    assert (emulator.journal.requests(), anew.rounds) == (requests, {"progress_by_course": 1})


# --- the target --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, *ROUNDS.values()], ids=["again", *ROUNDS])
@pytest.mark.parametrize("fmt", FAMILIES)
def test_other_columns_are_refused_and_nothing_is_overwritten(fmt, settings, tmp_path, monkeypatch):
    target = tmp_path / name_of(fmt)
    emulator = Emulator(learners=20, courses=2)
    whole = run(emulator, [TeamsJob()], target, format=fmt)
    before = killing.contents(target)
    requests = emulator.journal.requests()
    table = TeamsJob().table
    monkeypatch.setattr(TeamsJob, "table", evolve(table, columns=table.columns[1:]))
    with pytest.raises(ExportError, match=r"with other columns \(id\); nothing was changed"):
        run(emulator, [TeamsJob()], target, format=fmt, **settings)
    assert killing.contents(target) == before
    assert read_manifest(target).shards == whole.shards
    assert emulator.journal.requests() == requests


@pytest.mark.parametrize("settings", [{}, *ROUNDS.values()], ids=["again", *ROUNDS])
@pytest.mark.parametrize("fmt", FAMILIES)
def test_a_second_export_into_a_target_is_refused_while_the_first_one_runs(fmt, settings, tmp_path):
    target = tmp_path / name_of(fmt)
    emulator = Emulator(learners=20, courses=2)
    run(emulator, [CoursesJob()], target, format=fmt)

    async def main():
        async with session(emulator) as ao:

            def start_another(event):
                if isinstance(event, Started):
                    others.append(asyncio.ensure_future(export(ao, [CoursesJob()], target, format=fmt, **settings)))

            others = []
            manifest = await export(ao, [CoursesJob()], target, format=fmt, refresh="all", progress=start_another)
            with pytest.raises(ExportError, match="another export is writing to"):
                await others[0]
            return manifest

    manifest = asyncio.run(main())
    assert read_manifest(target).shards == manifest.shards
