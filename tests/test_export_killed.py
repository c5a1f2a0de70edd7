"""An export that is killed at any moment and run again: no row lost, none twice, none torn."""

import asyncio
import os
import random
import shutil

import pytest

from aoclient.export import FORMATS
from tests.kit import killing

KILLS = int(os.environ.get("KILLS", "9"))
"""Of each format; about one in three by a clock, the others at a line of the package.

The long form is ``KILLS=100 pytest --timeout 3600 tests/test_export_killed.py``, over every format.
"""


def target_in(folder, fmt):
    return folder / ("export.db" if fmt in ("sqlite", "duckdb") else "export")


@pytest.mark.parametrize("fmt", FORMATS if "KILLS" in os.environ else ["jsonl", "sqlite", "duckdb"])
def test_an_export_killed_anywhere_ends_as_an_unbroken_one(fmt, tmp_path):
    if fmt == "duckdb":
        pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
    rng = random.Random(f"kill -9 {fmt}")
    whole = target_in(tmp_path / "whole", fmt)
    lines = killing.lines_of(whole, fmt)
    expected = killing.contents(whole)
    assert len(expected) >= 7
    killed = 0
    kills = KILLS if fmt != "duckdb" or "KILLS" in os.environ else KILLS // 2  # it takes long to load
    while killed < kills:
        folder = tmp_path / f"killed{killed}"
        target = target_in(folder, fmt)
        while True:  # each target is killed until it happens to get through
            dies = (
                killing.kill_after(target, fmt, rng.uniform(0.02, 0.3))
                if rng.random() < 0.3
                else killing.kill_at_line(target, fmt, rng.randrange(1, lines))
            )
            killed += dies
            killing.assert_nothing_is_torn(target, expected)
            if not dies or rng.random() < 0.2:
                break
        manifest = asyncio.run(killing.run(target, fmt))
        assert killing.contents(target) == expected
        assert len(manifest.shards) == manifest.planned
        shutil.rmtree(folder)
