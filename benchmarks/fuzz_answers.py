"""Fuzz the doors data comes in by, guided by coverage. Needs ``pip install atheris``.

    python benchmarks/fuzz_answers.py answers --seconds 120
    python benchmarks/fuzz_answers.py all --seconds 120 --write    # also the figures in fuzz.json

What must hold is in tests/kit/fuzzing.py. It begins with tests/corpus/ and the golden answers. An input that breaks
something is written to the current folder; once mended it belongs into tests/corpus/, where CI replays it.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the tests are no package that is installed


def seeds(door: str, folder: Path) -> None:
    """Write what fuzzing begins with."""
    from tests.kit.fuzzing import kept
    from tests.samples import SAMPLES

    bodies = dict(kept(door))
    kind = {"forms": "*.request", "answers": "*.answer.json", "webhooks": "webhooks/*.json"}.get(door)
    bodies |= {path.name: path.read_bytes() for path in (ROOT / "tests" / "golden").glob(kind)} if kind else {}
    for number, body in enumerate(bodies.values()):
        for place in range(len(SAMPLES) if door == "answers" else 1):
            (folder / f"{number}-{place}").write_bytes(bytes([place]) + body if door == "answers" else body)


def fuzz(door: str, folder: str, seconds: int) -> None:
    """Run in this process until time is over; atheris ends the process."""
    import logging

    import atheris

    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=["aoclient"]):
        from tests.kit.fuzzing import DOORS
    limits = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=20",
        "-rss_limit_mb=1500",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *limits, folder], DOORS[door])
    atheris.Fuzz()


def run(door: str, seconds: int) -> dict[str, object]:
    """Fuzz one door in a process of its own and return the figures."""
    with tempfile.TemporaryDirectory() as name:
        seeds(door, Path(name))
        began_with = len(list(Path(name).iterdir()))
        command = [sys.executable, __file__, door, "--here", name, f"--seconds={seconds}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(done.stderr[-1500:], file=sys.stderr)
        executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        covered = re.findall(r"cov: (\d+) ft: (\d+)", done.stderr)
        return {
            "door": door,
            "seconds": seconds,
            "executions": int(executed[1]) if executed else 0,
            "edges": [int(covered[0][0]), int(covered[-1][0])] if covered else [],
            "inputs": [began_with, len(list(Path(name).iterdir()))],
            "findings": len(re.findall(r"Test unit written to (\S+)", done.stderr)),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("door", choices=["all", "answers", "tokens", "forms", "webhooks", "headers"])
    parser.add_argument("--seconds", type=int, default=120, help="for each door")
    parser.add_argument("--write", action="store_true", help="keep the figures as fuzz.json")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        fuzz(given.door, given.here, given.seconds)
        return 0
    doors = ["answers", "tokens", "forms", "webhooks", "headers"] if given.door == "all" else [given.door]
    report = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "doors": [run(door, given.seconds) for door in doors],
    }
    text = json.dumps(report, indent=1)
    print(text)
    if given.write:
        (Path(__file__).parent / "fuzz.json").write_text(text + "\n", encoding="utf-8")
    return int(any(each["findings"] for each in report["doors"]))


if __name__ == "__main__":
    sys.exit(main())
