"""`aoclient export`: what it writes, what it says while it works, and how it ends."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from rich.console import Console

from aoclient.actions import LearnersProgressByCourse
from aoclient.cli.counted import Counted
from aoclient.cli.watching import duration, watched
from aoclient.emulator import Emulator
from aoclient.errors import ServerError
from aoclient.export import (
    Committed,
    FailedShard,
    LearnersJob,
    PageWritten,
    Planned,
    ProgressByCourseJob,
    ShardRecord,
    Started,
    TeamsJob,
    Waiting,
    read_manifest,
)
from aoclient.settings import Rate
from aoclient.wire import Response
from tests.kit import clock
from tests.kit.command_line import NOWHERE, Stream, aoclient, served


def rows(target, job):
    return [json.loads(line) for path in sorted((target / job).iterdir()) for line in path.read_text().splitlines()]


# --- what is written ---------------------------------------------------------------------------------------------


def test_every_name_is_exported_and_a_second_run_sends_nothing(tmp_path):
    emulator = Emulator(learners=30, courses=2)
    names = ["learners", "progress", "course-progress", "quiz-statistics", "certificates", "teams", "courses"]
    target = tmp_path / "out"
    with served(emulator) as env:
        ended = aoclient("export", *names, "--out", str(target), "--not-started", env=env)
        requests = emulator.journal.requests()
        again = aoclient("export", *names, "--out", str(target), "--not-started", env=env)
    assert ended.code == again.code == 0, ended.err
    assert (ended.out, again.out) == ("", "")
    assert emulator.journal.requests() == requests + 0
    manifest = read_manifest(target)
    assert f"whole: {manifest.rows} rows in {len(manifest.shards)} shards" in ended.err
    assert len(rows(target, "learners")) == 30
    assert len({(row["course_id"], row["email"]) for row in rows(target, "progress_by_course")}) == 60
    assert len(rows(target, "courses")) == 2
    quizzes = {each.id for course in emulator.world.catalogue.courses for each in course.contents if each.points}
    statistics = rows(target, "quiz_statistics")
    assert {row["quiz_id"] for row in statistics} == quizzes
    assert {email for entry in emulator.journal.of("getLearnersQuizStatistic") for email in entry.action.records} == {
        row["email"] for row in rows(target, "learners")
    }


def test_an_action_is_exported_by_the_name_of_the_vendor(tmp_path):
    emulator = Emulator(learners=30, courses=2)
    course = emulator.world.catalogue.courses[0].id
    given = ["--option", f"course-id={course}", "--option", "show_not_started_learners=yes", "--option", "amount=7"]
    with served(emulator) as env:
        arguments = ("export", "learnersProgressByCourse", "--out", str(tmp_path / "a.db"), "--format", "sqlite")
        ended = aoclient(*arguments, *given, env=env)
        records = ["--option", "records=learner1@example.com=department"]
        variables = aoclient("export", "getLearnerVariable", "--out", str(tmp_path / "v"), *records, env=env)
    assert (ended.code, variables.code) == (0, 0), ended.err + variables.err
    assert read_manifest(tmp_path / "a.db").rows_of("learners_progress_by_course") == 30
    second = LearnersProgressByCourse(course_id=course, show_not_started_learners=True, amount=7, page=2)
    assert second in [entry.action for entry in emulator.journal.of("learnersProgressByCourse")]
    assert [row["value"] for row in rows(tmp_path / "v", "get_learner_variable")] == ["Support"]


def test_learners_since_a_moment(tmp_path):
    emulator = Emulator(learners=50, courses=1)
    with served(emulator) as env:
        aoclient("export", "learners", "--out", str(tmp_path / "all"), env=env)
        moments = sorted(row["registered_at"] for row in rows(tmp_path / "all", "learners"))
        aoclient("export", "learners", "--out", str(tmp_path / "new"), "--since", moments[30].rstrip("Z"), env=env)
        other = aoclient("export", "learners", "--out", str(tmp_path / "new"), "--since", "2020-01-01", env=env)
    assert sorted(row["registered_at"] for row in rows(tmp_path / "new", "learners")) == moments[30:]
    assert other.code == 1
    assert "with other settings; nothing was changed" in other.err


def test_a_later_round_is_planned_run_and_gone_on_with(tmp_path):
    emulator = Emulator(learners=30, courses=2)
    out = ("--out", str(tmp_path / "out"))
    with served(emulator) as env:
        aoclient("export", "learners", "certificates", *out, env=env)
        emulator.learner("learner3@example.com").finish_course(emulator.world.catalogue.courses[0].id)
        emulator.world.delete(5)
        planned = aoclient(
            "export", "learners", "certificates", *out, "--refresh", "changed", "--dry-run", "--json", env=env
        )
        ended = aoclient("export", "learners", "certificates", *out, "--refresh", "changed", "--upsert", env=env)
        since = ("--since", "2030-01-01", "--refresh", "all", "--upsert")
        later = aoclient("export", "learners", *out, *since, env=env)
    assert (planned.code, ended.code, later.code) == (0, 0, 0), planned.err + ended.err + later.err
    assert [each["calls"] for each in json.loads(planned.out)] == [1, 1]
    assert "whole: " in ended.err
    assert "2 of them written anew" in ended.err
    assert "0 of them written anew" in later.err
    assert len(rows(tmp_path / "out", "learners")) == 30  # who is gone stays with --upsert


def test_a_later_round_that_is_missing_parts_says_the_command_that_finishes_it(tmp_path):
    out = ("--out", str(tmp_path / "out"))
    with served(Emulator(learners=10, courses=2)) as env:
        aoclient("export", "teams", "courses", *out, env=env)
    with served(Emulator(learners=10, courses=2, faults="error-200@action=getTeams")) as env:
        ended = aoclient("export", "teams", "courses", *out, "--refresh", "all", env=env)
    assert ended.code == 6
    assert re.search(r"go on with: aoclient export teams courses --out \S+ --format jsonl --concurrency 10$", ended.err)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name what to export: learners, progress, "),
        (["people"], "there is no 'people' to export: learners, progress, "),
        (["deleteLearners", "--option", "emails=a@example.com"], "does more than read"),
        (["progress", "--since", "2024-01-01"], "--since goes with learners only"),
        (["learners", "--not-started"], "--not-started goes with progress only"),
        (["learners", "--option", "a=b"], "--option goes with one action"),
        (["learnersWithScore", "--option", "points=3"], "expected NAME=VALUE with one of score, operator"),
        (
            ["learnersProgressByCourse", "--option", "show_not_started_learners=maybe"],
            "expected yes or no, got 'maybe'",
        ),
        (["learnersWithScore"], "score"),
        (["learners", "--format", "xlsx"], "xlsx"),
        (["learners", "--concurrency", "0"], "concurrency"),
        (["learners", "--refresh", "some"], "some"),
        (["learners", "--upsert"], "upsert goes with refresh"),
        (["learners", "--refresh", "all", "--no-resume"], "refresh goes on with what resume=False removes"),
        (["academies", "--refresh", "all", "--upsert"], "upsert needs rows with a key; academies has none"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(arguments, words, tmp_path):
    ended = aoclient("export", *arguments, "--out", str(tmp_path / "out"))
    assert ended.code == 2
    assert words in ended.err
    assert not (tmp_path / "out").exists()


# --- how it ends -------------------------------------------------------------------------------------------------


def test_missing_parts_are_said_with_the_command_that_goes_on(tmp_path):
    target = str(tmp_path / "o ut")
    with served(Emulator(learners=10, courses=2, faults="error-200@action=getTeams")) as env:
        ended = aoclient("export", "teams", "courses", "--out", target, "--rate", "500/1", env=env)
    assert ended.code == 6
    assert "\nteams/all: " in f"\n{ended.err}"
    again = f"go on with: aoclient export teams courses --out '{target}' --format jsonl --concurrency 10 --rate 500/1"
    assert again in ended.err
    with served(Emulator(learners=10, courses=2)) as env:
        assert aoclient("export", "teams", "courses", "--out", target, env=env).code == 0


def test_nothing_at_all_is_a_failure_and_a_refused_secret_says_so(tmp_path):
    with served(Emulator(learners=10, courses=2, faults="error-200@action=getTeams")) as env:
        ended = aoclient("export", "teams", "--out", str(tmp_path / "out"), env=env)
        env |= {"AOCLIENT_CLIENT_SECRET": "wrong"}
        refused = aoclient("export", "courses", "progress", "--out", str(tmp_path / "no"), env=env)
    assert (ended.code, refused.code) == (1, 3)
    assert "1 parts of the export are missing" in ended.err
    assert "authentication failed" in refused.err


@pytest.mark.skipif(os.name != "posix", reason="an interrupt is a signal of POSIX here")
def test_an_interrupted_export_says_how_to_go_on(tmp_path):
    target = tmp_path / "out"
    with served(Emulator(learners=300, courses=3, faults="stall@action=learnersProgressByCourse")) as env:
        process = subprocess.Popen(
            [sys.executable, "-m", "aoclient", "export", "courses", "progress", "--out", str(target)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        with process:
            while not list(target.glob("courses/*")):
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate()
    assert process.returncode == 130
    assert f"go on with: aoclient export courses progress --out {target}" in errors
    assert "Traceback" not in errors


# --- the plan ----------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_calls_and_time_and_writes_nothing(tmp_path):
    emulator = Emulator(learners=250, courses=3, rate=Rate(60, per=60))
    target = tmp_path / "out"
    with served(emulator) as env:
        ended = aoclient("export", "certificates", "progress", "--out", str(target), "--dry-run", env=env)
    assert ended.code == 0
    assert ended.rows == [
        {"job": "certificates", "shards": 3, "committed": 0, "calls": 250, "pages": None},
        {
            "job": "progress_by_course",
            "shards": 3,
            "committed": 0,
            "calls": 3,
            "pages": "one call more for each further page",
        },
    ]
    assert "at least 253 calls to make, 2 made to plan; at least 4 min 13 s under the limit of 60 calls" in ended.err
    assert "more machines or more concurrency do not help" in ended.err
    assert emulator.journal.count("certificates") == 0
    assert not target.exists()


@pytest.mark.parametrize("fmt", ["jsonl", "sqlite"])
def test_a_dry_run_looks_at_what_is_there(fmt, tmp_path):
    target = str(tmp_path / "out")
    arguments = ("export", "teams", "courses", "--out", target, "--format", fmt)
    with served(Emulator(learners=10, courses=2, faults="error-200@action=getTeams")) as env:
        assert aoclient(*arguments, env=env).code == 6
    plan = aoclient(*arguments, "--dry-run")
    assert [(row["committed"], row["calls"]) for row in plan.rows] == [(0, 1), (1, 0)]
    assert "1 calls to make, 0 made to plan; no limit is known, --rate tells one" in plan.err
    anew = aoclient(*arguments, "--dry-run", "--no-resume", "--rate", "1/1", env=NOWHERE)
    assert [(row["committed"], row["calls"]) for row in anew.rows] == [(0, 1), (0, 1)]
    assert "2 s under the limit of 1 calls in 1 s" in anew.err
    more = aoclient("export", "teams", "learners", "--out", target, "--format", fmt, "--dry-run")
    assert [(row["committed"], row["calls"]) for row in more.rows] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("rate", "bounds"),
    [
        (None, ["10 calls at once on each", "10 calls at once on each", *["3 shards, each on one machine"] * 2]),
        ("20/1", ["10 calls at once on each", *["the limit"] * 3]),
    ],
)
def test_a_dry_run_tells_what_more_machines_bring(rate, bounds, tmp_path):
    emulator = Emulator(learners=250, courses=1, latency=0.6)  # so one machine makes 17 calls a second
    arguments = ("export", "certificates", "--out", str(tmp_path / "out"), "--dry-run")
    with served(emulator) as env:
        ended = aoclient(*arguments, *(("--rate", rate) if rate else ()), env=env)
    words, heading, *lines = ended.err.splitlines()[-6:]
    assert words.startswith("dry run: 250 calls to make, 1 made to plan, the quickest in ")
    assert words.endswith("which counts the whole account" if rate else "no limit is known, --rate tells one")
    assert heading.split() == ["machines", "at", "least", "bound", "by"]
    assert [line.split()[0] for line in lines] == ["1", "2", "4", "8"]
    assert [line[22:].partition(":")[0] for line in lines] == bounds


# --- while it works ----------------------------------------------------------------------------------------------


class Silent:
    async def send(self, request):
        return Response(200, {"x-ratelimit-limit": "60"}, b"[]")


class Call:
    path = "/api/v1/"


def committed(job, key, count):
    texts = dict.fromkeys(["file", "sha256", "schema_hash", "query_hash", "committed_at"], "")
    return Committed(ShardRecord(job=job, key=key, rows=count, bytes=0, **texts))


JOBS = (LearnersJob(), ProgressByCourseJob(), TeamsJob())


def watch(script, *, terminal=False, jobs=JOBS):
    """Run events on virtual time, a number being seconds to wait; return what stderr had."""
    stream = Stream(terminal=terminal)
    counted = Counted(Silent(), None)

    async def main():
        console = Console(file=stream, width=100, force_terminal=terminal)
        async with watched(list(jobs), counted, console) as take:
            for each in script:
                if isinstance(each, float):
                    await asyncio.sleep(each)
                else:
                    if isinstance(each, PageWritten):
                        await counted.send(Call())
                    take(each)

    clock.run(main())
    return stream.text().splitlines()


PLANNED = [Planned("learners", 1, 0, 1), Planned("progress_by_course", 4, 1, 3), Planned("teams", 1, 0, 1)]


def test_where_stderr_is_no_terminal_there_is_a_line_every_ten_seconds():
    lines = watch(
        [
            11.0,
            *PLANNED,
            PageWritten("learners", "all", 250, 250),
            5.0,
            committed("learners", "all", 250),
            5.0,
            Started("progress_by_course", "course/a"),
            *[PageWritten("progress_by_course", "course/a", 100, 100 * number) for number in range(1, 4)],
            committed("progress_by_course", "course/a", 300),
            10.0,
            PageWritten("teams", "all", 3, 3),
            committed("teams", "all", 3),
        ]
    )
    assert lines == [
        "0/0 shards; 0 rows, 0 rows/s; 0 calls, 0 calls/s",
        # three courses of three pages are left, and the teams: ten calls at 1 call in 20 s
        "2/6 shards; 250 rows, 12 rows/s; 1 calls, 0.05 of 1 allowed calls/s; 3 min 20 s left",
        # two courses and the teams: seven calls at four calls in 30 s
        "3/6 shards; 550 rows, 18 rows/s; 4 calls, 0.133 of 1 allowed calls/s; 53 s left",
        "4/6 shards; 553 rows, 18 rows/s; 5 calls, 0.161 of 1 allowed calls/s; 38 s left",
    ]


def test_the_time_left_is_not_guessed_while_nobody_knows_the_pages():
    lines = watch([*PLANNED[1:], 11.0], jobs=[ProgressByCourseJob(), TeamsJob()])
    assert lines == ["1/5 shards; 0 rows, 0 rows/s; 0 calls, 0 calls/s"] * 2


def test_a_wait_for_the_rate_limit_is_said_until_it_is_over():
    lines = watch([PLANNED[0], Waiting(datetime(2026, 1, 1, tzinfo=UTC), 15.0), 11.0, 11.0], jobs=[LearnersJob()])
    assert re.search(r"calls/s; waiting for the rate limit until \d\d:\d\d:\d\d, 5 s$", lines[0])
    assert "waiting" not in lines[1]
    text = "\n".join(watch([PLANNED[0], Waiting(datetime(2026, 1, 1, tzinfo=UTC), 15.0)], terminal=True))
    assert "waiting for the rate limit until" in text


def test_a_failure_is_said_at_once_and_its_text_moves_no_cursor():
    error = ServerError("down\x1b[2J", status=500)
    script = [
        *PLANNED,
        FailedShard("teams", "all", error),
        Planned("progress_by_course", 0, 0, 0),
        FailedShard("progress_by_course", "", error),
    ]
    lines = watch(script)
    assert lines[0].startswith("teams/all: down\\x1b[2J")
    assert lines[1].startswith("progress_by_course: down")
    assert "0/2 shards; 1 failed" in lines[2]


def test_on_a_terminal_there_is_a_bar_for_each_job():
    text = "\n".join(
        watch(
            [
                *PLANNED[:2],
                PageWritten("learners", "all", 250, 250),
                committed("learners", "all", 250),
                PageWritten("progress_by_course", "course/a", 100, 100),
            ],
            terminal=True,
        )
    )
    assert "1/1 shards" in text
    assert "1/4 shards" in text
    assert "planning" in text
    assert "━" in text
    assert "100 rows" in text
    assert "of 1 allowed calls/s" in text


def test_what_was_done_before_is_shown_as_done():
    script = [Planned("teams", 2, 2, 0), Planned("learners", 1, 1, 0)]
    text = "\n".join(watch(script, terminal=True, jobs=[TeamsJob(), LearnersJob()]))
    assert "2/2 shards" in text
    assert "done before" in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.2, "1 min 0 s"), (12.1, "13 s"), (246, "4 min 6 s"), (7500, "2 h 5 min")]
)
def test_a_time_is_said_as_people_say_it(seconds, words):
    assert duration(seconds) == words
