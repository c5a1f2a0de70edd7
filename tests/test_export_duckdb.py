"""Exports into a file of DuckDB: typed tables, a ledger beside them, and the refusals every target has."""

import asyncio
import io
import random
import resource
import string
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from aoclient.emulator import Emulator
from aoclient.errors import ExportError, MissingExtraError, ServerError
from aoclient.export import (
    CoursesJob,
    LearnersJob,
    PageWritten,
    ProgressByCourseJob,
    Started,
    TeamsJob,
    engines,
    export,
    plan,
    read_manifest,
)
from aoclient.export.engines import DUCKDB
from tests.kit.exporting import Wilful, rows_of, run, session

duckdb = pytest.importorskip("duckdb", reason="the extra duckdb is not installed")

JOBS = [LearnersJob(with_teams=True), ProgressByCourseJob(show_not_started_learners=True)]


def into(target, jobs=JOBS, sender=None, **settings):
    return run(sender or Emulator(learners=120, courses=3), jobs, target, format="duckdb", **settings)


def ask(target, sql):
    with closing(duckdb.connect(str(target))) as db:
        return db.execute(sql).fetchall()


def down(body):
    return ServerError("down", status=500) if "learnersP" in body else None


# --- what is in it -----------------------------------------------------------------------------------------------


def test_the_columns_have_types_of_their_own(tmp_path):
    target = tmp_path / "out.duckdb"
    into(target)
    types = {name: kind for name, kind, *_ in ask(target, "DESCRIBE progress_by_course")}
    assert list(types) == list(JOBS[1].table.names)
    assert [
        types[name] for name in ("course_id", "started_at", "duration", "passed_amount", "course_score", "teams")
    ] == [
        "VARCHAR",
        "TIMESTAMP WITH TIME ZONE",
        "BIGINT",
        "BIGINT",
        "DOUBLE",
        "JSON",
    ]
    assert dict(ask(target, "SELECT column_name, column_type FROM (DESCRIBE learners)"))["registered_at"].endswith(
        "ZONE"
    )


def test_times_and_json_can_be_asked_about(tmp_path):
    target = tmp_path / "out.duckdb"
    into(target)
    rows = rows_of(target, "learners", JOBS[0].table)
    ((newest, in_teams),) = ask(
        target,
        "SELECT epoch(max(registered_at))::BIGINT, count(*) FILTER (json_array_length(teams) > 0) FROM learners",
    )
    assert newest == max(row["registered_at"] for row in rows).timestamp()
    assert in_teams == sum(bool(row["teams"]) for row in rows) > 0


def test_a_shard_of_many_rows_is_loaded_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_BYTES_AT_ONCE", 3_000)
    whole = into(tmp_path / "a.duckdb")
    assert ask(tmp_path / "a.duckdb", "SELECT count(*), count(DISTINCT email) FROM learners") == [(120, 120)]
    assert whole.rows == 480


def test_rows_too_long_for_the_usual_memory_are_loaded(tmp_path):
    table = JOBS[0].table
    with closing(DUCKDB.connect(tmp_path / "out.duckdb")) as db:
        cursor = with_learners(db, table)
        row = ["x" * 700_000] * 2 + [None] * (len(table.columns) - 2)  # of a batch's own; 24 MB were too little for 20
        for rows in ([row] * 20, [[None] * len(table.columns)] * 1000):
            load(cursor, table, rows)
        cursor.execute("SELECT count(*), sum(length(email)) FROM learners")
        assert cursor.fetchone() == (1020, 20 * 700_000)


def with_learners(db, table):
    """Make a table whose columns take texts of any length; return a cursor."""
    cursor = db.cursor()
    cursor.execute(f"CREATE TABLE learners ({', '.join(f'{each.name} VARCHAR' for each in table.columns)})")
    return cursor


def load(cursor, table, rows):
    lines = io.BytesIO()
    DUCKDB.lines(lines, table)(rows)
    lines.seek(0)
    cursor.execute("BEGIN")
    DUCKDB.load(cursor, "learners", table, lines)
    cursor.execute("COMMIT")


def memory_of(db):
    cursor = db.cursor()
    cursor.execute("SELECT current_setting('memory_limit')")
    return cursor.fetchone()[0]


def test_long_rows_of_many_short_shards_are_loaded(tmp_path):
    table = JOBS[0].table
    text = "".join(random.Random(1).choices(string.ascii_letters, k=200_000))
    with closing(DUCKDB.connect(tmp_path / "out.duckdb")) as db:
        cursor = with_learners(db, table)
        for shard in range(6):  # a checkpoint holds the rows of several: the fifth was too much for 24 MB
            empty = [None] * (len(table.columns) - 2)
            rows = [[text[at + shard : at + shard + 50_000]] * 2 + empty for at in range(0, 40_000, 1_000)]
            load(cursor, table, rows)
        cursor.execute("SELECT count(*) FROM learners")
        assert cursor.fetchone() == (240,)


def test_memory_that_rows_once_took_is_not_taken_back(tmp_path):
    table = JOBS[0].table
    with closing(DUCKDB.connect(tmp_path / "out.duckdb")) as db:
        cursor = with_learners(db, table)
        assert memory_of(db) == "7.6 MiB"
        DUCKDB.load(cursor, "learners", table, io.BytesIO())
        assert memory_of(db) == "9.5 MiB"
        DUCKDB.make_room_to_compare(cursor, size=10_000_000, rows=20_000)
        assert memory_of(db) == "61.0 MiB"
        DUCKDB.load(cursor, "learners", table, io.BytesIO())
        DUCKDB.make_room_to_delete(cursor)
        assert memory_of(db) == "61.0 MiB"
        DUCKDB.make_room_to_compare(cursor, size=1_500_000, rows=100)  # others as long may lie beside them
        assert memory_of(db) == "198.6 MiB"


def test_a_file_with_larger_blocks_than_ours_gets_the_memory_they_take(tmp_path):
    duckdb.connect(str(tmp_path / "mine.duckdb")).close()
    with closing(DUCKDB.connect(tmp_path / "mine.duckdb")) as db:
        assert memory_of(db) == "22.8 MiB"


# --- again -------------------------------------------------------------------------------------------------------


def test_only_the_missing_shards_run_again_and_a_whole_export_sends_nothing(tmp_path):
    emulator = Emulator(learners=120, courses=3)
    target = tmp_path / "out.duckdb"
    with pytest.raises(ExportError, match="3 parts of the export are missing, 1 are in"):
        into(target, sender=Wilful(emulator, down))
    assert [(shard.job, shard.rows) for shard in read_manifest(target).shards] == [("learners", 120)]
    whole = into(target, sender=emulator)
    assert (emulator.journal.count("learners"), whole.rows, whole.planned) == (1, 480, 4)
    requests = emulator.journal.requests()
    assert into(target, sender=emulator) == whole
    assert emulator.journal.requests() == requests
    assert read_manifest(target) == whole


def test_a_plan_of_what_is_left(tmp_path):
    emulator = Emulator(learners=20, courses=3)
    target = tmp_path / "out.duckdb"
    with pytest.raises(ExportError):
        into(target, sender=Wilful(emulator, down))

    async def main():
        async with session(emulator) as ao:
            return await plan(ao, [*JOBS, TeamsJob()], target, format="duckdb")

    assert [(each.shards, each.committed, each.calls) for each in asyncio.run(main())] == [
        (1, 1, 0),
        (3, 0, 3),
        (1, 0, 1),
    ]


def test_without_resume_the_table_is_made_anew(tmp_path):
    target = tmp_path / "out.duckdb"
    into(target)
    with pytest.raises(ExportError, match="with other settings; nothing was changed"):
        into(target, [LearnersJob()])
    again = into(target, [LearnersJob()], Emulator(learners=7, courses=1), resume=False)
    assert again.rows == len(rows_of(target, "learners", LearnersJob().table)) == 7


# --- the target is refused ---------------------------------------------------------------------------------------


def test_what_no_export_wrote_is_left_alone(tmp_path):
    mine = tmp_path / "mine.duckdb"
    with closing(duckdb.connect(str(mine))) as db:
        db.execute("CREATE TABLE teams (name TEXT)")
    with pytest.raises(ExportError, match="has a table teams that no export wrote"):
        into(mine, [TeamsJob()])
    other = tmp_path / "other.duckdb"
    with closing(duckdb.connect(str(other))) as db:
        db.execute("CREATE TABLE t (name TEXT)")
    with pytest.raises(ExportError, match="holds no export"):
        read_manifest(other)
    text = tmp_path / "text.duckdb"
    text.write_text("no database at all\n" * 500)
    with pytest.raises(ExportError, match="cannot be used as a file of DuckDB"):
        into(text, [TeamsJob()])
    assert text.read_text() == "no database at all\n" * 500


def test_a_second_export_into_the_same_file_is_refused(tmp_path):
    target = tmp_path / "out.duckdb"

    async def main():
        async with session(Emulator(learners=20, courses=2)) as ao:

            def start_another(event):
                if isinstance(event, Started):
                    others.append(asyncio.ensure_future(export(ao, [TeamsJob()], target, format="duckdb")))

            others = []
            await export(ao, [CoursesJob()], target, format="duckdb", progress=start_another)
            with pytest.raises(ExportError, match="another export is writing to"):
                await others[0]
            return await export(ao, [TeamsJob()], target, format="duckdb")

    assert len(asyncio.run(main()).shards) == 1


def test_a_file_another_program_has_open_is_refused(tmp_path):
    target = tmp_path / "out.duckdb"
    into(target, [TeamsJob()])
    code = f"import duckdb, sys; db = duckdb.connect({str(target)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ExportError, match="cannot be used as a file of DuckDB"):
            into(target, [TeamsJob()])
        with pytest.raises(OSError, match="lock"):
            read_manifest(target)
        other.stdin.close()
    assert into(target, [TeamsJob()]).rows > 0


def test_a_shard_that_is_in_the_ledger_already_is_not_committed_twice(tmp_path, monkeypatch):
    target = tmp_path / "out.duckdb"
    opened = []
    connect = type(engines.DUCKDB).connect
    monkeypatch.setattr(
        type(engines.DUCKDB), "connect", lambda *given, **named: opened.append(connect(*given, **named)) or opened[-1]
    )

    def intrude(event):
        if isinstance(event, PageWritten):
            opened[0].cursor().execute("INSERT INTO _aoclient_shards (job, key, rows) VALUES ('teams', 'all', 0)")

    with pytest.raises(ExportError, match=r"cannot write: .*[Dd]uplicate key"):
        into(target, [TeamsJob()], progress=intrude)
    assert rows_of(target, "teams", TeamsJob().table) == []


def test_a_missing_extra_is_named_with_the_command_before_anything_is_sent(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    emulator = Emulator(learners=2, courses=1)
    with pytest.raises(MissingExtraError, match=r"pip install 'aoclient\[duckdb\]'"):
        into(tmp_path / "out", [TeamsJob()], emulator)
    assert emulator.journal.requests() == 0
    assert not (tmp_path / "out").exists()


# --- the disk ----------------------------------------------------------------------------------------------------


@contextmanager
def files_of_at_most(size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_ends_the_export_and_keeps_what_was_committed(tmp_path):
    target = tmp_path / "out.duckdb"
    into(target, [TeamsJob()])
    big = Emulator(learners=4000, courses=1)
    with files_of_at_most(200_000), pytest.raises(ExportError, match="cannot write"):
        into(target, [TeamsJob(), LearnersJob()], big)
    assert [shard.job for shard in read_manifest(target).shards] == ["teams"]
    assert into(target, [TeamsJob(), LearnersJob()], big).rows_of("learners") == 4000
