"""Exports on a Dask cluster of three processes, one of them killed with SIGKILL at a moment that is drawn.

    python benchmarks/dask_kills.py              # eight trials
    python benchmarks/dask_kills.py --trials 100

Each trial is compared, file by file, with the export of one process, and row by row with what the academy holds.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from aoclient.wire import API_PATH
from tests.kit import clusters, killing


async def trials(count: int, folder: Path, seed: str) -> list[dict[str, int]]:
    rng = random.Random(seed)
    emulator = clusters.academy()
    seen: list[dict[str, int]] = []
    async with emulator.serve() as url:
        os.environ.update(clusters.environment(emulator, url))
        await clusters.export_jobs(folder / "whole")
        expected, unbroken = killing.contents(folder / "whole"), emulator.journal.requests(API_PATH)
        print(f"one process, unbroken: {unbroken} calls, {len(expected)} files")
        async with clusters.cluster(n_workers=3, processes=True, local_directory=str(folder)) as client:
            for trial in range(count):
                target = folder / f"{trial}"
                manifest, moment, calls = await clusters.killed_export(client, emulator, target, rng)
                assert killing.contents(target) == expected, f"trial {trial}: files differ"
                clusters.assert_each_row_once(target, emulator)
                seen.append({"killed_at_call": moment, "calls": calls, "rows": manifest.rows})
                print(
                    f"trial {trial + 1}: a worker killed at call {moment}; {calls} calls in all; "
                    f"{len(expected)} files equal, {manifest.rows} rows, 0 lost, 0 twice",
                    flush=True,
                )
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--seed", default="kill -9 a worker")
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(trials(given.trials, Path(folder), given.seed))
    print(json.dumps({"trials": seen, "lost": 0, "twice": 0}))


if __name__ == "__main__":
    main()
