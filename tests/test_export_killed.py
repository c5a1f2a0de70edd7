"""An export that is killed at any moment and gone on with: no row lost, none twice, none torn."""

import asyncio
import os
import random
import shutil

import pytest

from aoclient.export import FORMATS
from tests.kit import killing

IS_LONG = "KILLS" in os.environ
"""The long form is ``KILLS=28 pytest --timeout 3600 tests/test_export_killed.py``: so many over every case."""

EXTRAS = {"parquet": "pyarrow", "duckdb": "duckdb", "jsonl.zst": "zstandard", "csv.zst": "zstandard"}

FAST = {
    **{("first", fmt): 2 if fmt in ("jsonl", "csv", "parquet", "sqlite") else 1 for fmt in FORMATS},
    **{("refresh", fmt): kills for fmt, kills in (("jsonl.gz", 1), ("parquet", 2), ("sqlite", 2), ("duckdb", 1))},
    **{("upsert", fmt): kills for fmt, kills in (("csv", 2), ("parquet", 1), ("sqlite", 2), ("duckdb", 1))},
}
"""Kills in the fast form, 25 in all; about one in three by a clock, the others at a line of the package."""

LONG = [(mode, fmt) for mode in killing.ROUND for fmt in FORMATS]


def target_in(folder, fmt):
    return folder / ("export.db" if fmt in ("sqlite", "duckdb") else "export")


@pytest.mark.parametrize(("mode", "fmt"), LONG if IS_LONG else FAST)
def test_an_export_killed_anywhere_ends_as_an_unbroken_one(mode, fmt, tmp_path):
    if fmt in EXTRAS:
        pytest.importorskip(EXTRAS[fmt], reason=f"{EXTRAS[fmt]} is not installed")
    rng = random.Random(f"kill -9 {mode} {fmt}")
    whole = target_in(tmp_path / "whole", fmt)
    before = {}
    if mode != "first":
        asyncio.run(killing.run(whole, fmt, wanted=killing.later_jobs()))
        before = killing.contents(whole)
        shutil.copytree(whole.parent, tmp_path / "before")
    lines = killing.lines_of(whole, fmt, mode)
    expected = killing.contents(whole)
    assert len(expected) >= 4
    assert expected != before
    killed = 0
    while killed < (int(os.environ["KILLS"]) if IS_LONG else FAST[mode, fmt]):
        folder = tmp_path / f"killed{killed}"
        target = target_in(folder, fmt)
        if before:
            shutil.copytree(tmp_path / "before", folder)
        while True:  # each target is killed until it happens to get through
            dies = (
                killing.kill_after(target, fmt, mode, rng.uniform(0.02, 0.3))
                if rng.random() < 0.3
                else killing.kill_at_line(target, fmt, mode, rng.randrange(1, lines))
            )
            killed += dies
            killing.assert_nothing_is_torn(target, before, expected)
            if not dies or rng.random() < 0.2:
                break
        manifest = asyncio.run(killing.go_on(target, fmt, mode))
        assert killing.contents(target) == expected
        assert len(manifest.shards) == manifest.planned
        shutil.rmtree(folder)
