"""A machine of Hypothesis against the ledger of exports: runs that fail, are cancelled, or lose a file, and go on.

What was committed stays; what the target holds is the rows of the committed shards, each once; every story ends with
the target an undisturbed run makes.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from aoclient.emulator import Emulator
from aoclient.errors import AoError, ExportError, NotFoundError
from aoclient.export import CoursesJob, LearnersJob, Manifest, ProgressByCourseJob, export, read_manifest
from tests.kit.exporting import Wilful, session
from tests.kit.trial import sized

JOBS = [LearnersJob(), CoursesJob(), ProgressByCourseJob(show_not_started_learners=True)]
NAMES = [job.name for job in JOBS]


def academy() -> Emulator:
    return Emulator(learners=12, courses=3, teams=1, clock=lambda: 1_700_000_000.0)


def lines(target: Path, job: str) -> Counter[str]:
    """Return the rows of a job as texts, those that stand twice counted twice."""
    if target.is_file():
        with closing(sqlite3.connect(target)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (job,)).fetchone():
                return Counter()
            return Counter(repr(row) for row in db.execute(f'SELECT * FROM "{job}"'))
    folder = target / job
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    return Counter(line for file in files for line in file.read_text(encoding="utf-8").splitlines())


class Exports(RuleBasedStateMachine):
    """On files."""

    fmt = "jsonl"
    target_name = "out"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.target = self.folder / self.target_name
        self.committed: set[str] = set()
        self.uncounted: set[Path] = set()  # files without a record, until the next run that is whole
        self.sent: Counter[str] = Counter()

    def once(self, *, refuses: int | None = None, cancels: int | None = None, wholly: bool = False) -> Manifest | None:
        """Run the export, refused or cancelled at the n-th request; None where it is not whole."""
        asked = 0

        async def main() -> Manifest:
            def at(body: str) -> AoError | None:
                nonlocal asked
                asked += 1
                self.sent[body] += 1
                if asked == cancels:
                    running.cancel()
                return NotFoundError("gone", status=404) if asked == refuses else None

            async with session(Wilful(academy(), at)) as ao:
                running = asyncio.ensure_future(export(ao, JOBS, self.target, format=self.fmt))
                return await running

        try:
            return asyncio.run(main())
        except ExportError:
            assert refuses is not None
        except asyncio.CancelledError:
            assert cancels is not None
        assert not wholly
        return None

    def held(self) -> Manifest | None:
        try:
            return read_manifest(self.target)
        except ExportError:
            return None

    @rule(request=st.integers(1, 9))
    def a_run_is_refused_something(self, request: int) -> None:
        self.once(refuses=request)

    @rule(request=st.integers(1, 9))
    def a_run_is_cancelled(self, request: int) -> None:
        self.once(cancels=request)

    @precondition(lambda self: self.fmt == "jsonl" and self.committed)
    @rule(data=st.data())
    def a_file_is_lost(self, data: st.DataObject) -> None:
        manifest = self.held()
        assert manifest is not None
        record = data.draw(st.sampled_from(sorted(manifest.shards, key=lambda each: each.name)))
        (self.target / record.file).unlink(missing_ok=True)
        self.committed.discard(record.name)

    @precondition(lambda self: self.fmt == "jsonl" and self.committed)
    @rule(data=st.data())
    def a_kill_came_between_a_file_and_its_record(self, data: st.DataObject) -> None:
        manifest = self.held()
        assert manifest is not None
        record = data.draw(st.sampled_from(sorted(manifest.shards, key=lambda each: each.name)))
        file = Path(record.file)
        (self.target / ".aoclient" / file.with_suffix(".json")).unlink()
        self.committed.discard(record.name)
        self.uncounted.add(file)

    @precondition(lambda self: self.fmt == "jsonl" and self.target.is_dir())
    @rule(text=st.sampled_from(['{"torn', "\n", ""]))
    def a_kill_leaves_half_a_file_where_files_are_written(self, text: str) -> None:
        for folder in self.target.glob(".aoclient/tmp"):
            (folder / f"{NAMES[0]}.000001.jsonl").write_text(text)

    @rule()
    def a_run_ends_well(self) -> None:
        before = dict(self.sent)
        kept = set(self.committed)
        manifest = self.once(wholly=True)
        self.uncounted.clear()
        assert manifest is not None
        assert len(manifest.shards) == manifest.planned
        assert {name: lines(self.target, name) for name in NAMES} == self.undisturbed()
        if len(kept) == manifest.planned:
            assert dict(self.sent) == before, "a whole export asked again"

    _undisturbed: dict[str, dict[str, Counter[str]]] = {}  # noqa: RUF012  # made once for each format

    def undisturbed(self) -> dict[str, Counter[str]]:
        if self.fmt not in self._undisturbed:
            with tempfile.TemporaryDirectory() as folder:
                other = type(self)()
                other.target = Path(folder) / self.target_name
                assert other.once(wholly=True) is not None
                self._undisturbed[self.fmt] = {name: lines(other.target, name) for name in NAMES}
                other.teardown()
        return self._undisturbed[self.fmt]

    @invariant()
    def what_was_committed_stays_and_each_row_is_there_once(self) -> None:
        manifest = self.held()
        if manifest is None:
            assert self.committed == set()
            return
        present = [each for each in manifest.shards if self.target.is_file() or (self.target / each.file).exists()]
        names = [each.name for each in present]
        assert len(names) == len(set(names))
        assert self.committed <= set(names)
        self.committed = set(names)
        for job in NAMES:
            rows = lines(self.target, job)
            if self.uncounted:
                continue
            assert rows.total() == sum(each.rows for each in present if each.job == job)
            assert rows <= self.undisturbed()[job]
            if self.fmt == "jsonl":
                for row in rows:
                    json.loads(row)

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class ExportsToDatabase(Exports):
    """On a file of SQLite."""

    fmt = "sqlite"
    target_name = "out.db"


FORM = settings(max_examples=sized(8, 400), stateful_step_count=sized(6, 12), deadline=None, print_blob=True)


@pytest.mark.parametrize("machine", [Exports, ExportsToDatabase], ids=["jsonl", "sqlite"])
def test_what_was_committed_stays_in_whatever_order_runs_end(machine):
    run_state_machine_as_test(machine, settings=FORM)
