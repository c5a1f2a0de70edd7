"""The promises in their long form: run the tests of tests/test_promises_*.py with large numbers and collect figures.

    python benchmarks/reliability.py                 # JSON to standard output
    python benchmarks/reliability.py --fast          # as in CI
    python benchmarks/reliability.py --write         # also rewrites the table in benchmarks/reliability.md

Each test notes what it saw; nothing stands in the table that did not come out of this run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- begin of the figures -->", "<!-- end of the figures -->"
SHOWN = 4  # figures of one test; a matrix has hundreds

PROMISES = {
    "P1": "What adds is never applied twice because of us",
    "P2": "A lost answer is said; who reads back ends with all done once",
    "P3": "Reads survive a rough network",
    "P4": "No retry storm in an outage",
    "P5": "The server's pacing is obeyed",
    "P6": "One deadline spans queue, token, connection, attempts and waits",
    "P7": "One token request however many callers wait",
    "P9": "A refused token costs one renewal, never a loop",
    "P10": "Cancel anywhere, leak nothing",
    "P11": "Close is clean",
    "P12": "The form says what the caller said",
    "P13": "Malformed bodies raise documented errors only",
    "P14": "No silent coercion",
    "P15": "Answers are bounded, also inflated ones",
    "P16": "TLS on, no downgrade, no redirect",
    "P17": "A login page is never taken for data",
    "P18": "Secrets are never shown",
    "P19": "No header or log injection",
    "P20": "The rate is kept",
    "P25": "Signatures are compared in constant time",
    "P26": "One session per loop, said clearly",
    "P27": "Errors are plain, no exception groups",
}
WITHOUT_FIGURE = {
    "test_a_line_break_is_refused_before_anything_is_sent": "P19",
    "test_a_token_that_cannot_stand_in_a_header_is_refused": "P19",
    "test_control_characters_of_the_server_are_escaped_in_errors": "P19",
    "test_a_nasty_body_raises_documented_errors_only": "P13",
    "test_a_setting_that_cannot_be_used_shows_no_secret": "P18",
    "test_an_answer_that_holds_a_secret_in_an_odd_place_is_not_quoted": "P18",
    "test_a_header_that_is_no_time_hides_nothing": "P5",
}
"""Tests that count by their number of cases."""


def run(*, is_long: bool) -> list[dict[str, Any]]:
    """Run the tests and return one entry for each case."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        environ = {**os.environ, "AOCLIENT_LONG": "1" if is_long else "0"}
        tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_promises_*.py"))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--tb=short",
            "-o",
            "timeout=3600",
            f"--junitxml={report}",
            *tests,
        ]
        subprocess.run(command, cwd=ROOT, env=environ, check=False, stdout=sys.stderr)
        return [_entry(case) for case in ET.parse(report).iter("testcase")]


def _entry(case: ET.Element) -> dict[str, Any]:
    name, _, _ = case.get("name", "").partition("[")
    found = [(each.get("name"), each.get("value", "")) for each in case.iter("property")]
    promises = next((value.split(", ") for key, value in found if key == "promise"), [])
    if name in WITHOUT_FIGURE:
        promises = [WITHOUT_FIGURE[name]]
    return {
        "test": f"{case.get('classname', '').rpartition('.')[2]}.py::{name}",
        "case": case.get("name", ""),
        "promises": promises,
        "figures": [value for key, value in found if key == "figure"],
        "passed": not any(case.find(kind) is not None for kind in ("failure", "error", "skipped")),
        "seconds": float(case.get("time", "0")),
    }


def by_promise(entries: list[dict[str, Any]]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the entries by promise and test."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {promise: {} for promise in PROMISES}
    for entry in entries:
        for promise in entry["promises"]:
            found[promise].setdefault(entry["test"], []).append(entry)
    return found


def table(entries: list[dict[str, Any]], day: str) -> str:
    """Return the table as Markdown."""
    lines = ["| # | promise | test | seen | date |", "| --- | --- | --- | --- | --- |"]
    for promise, tests in by_promise(entries).items():
        files = sorted({f"`{test.partition('::')[0]}`" for test in tests})
        seen = "<br>".join(_seen(cases) for cases in tests.values()) or "not run"
        lines.append(f"| {promise} | {PROMISES[promise]} | {', '.join(files)} | {seen} | {day} |")
    return "\n".join(lines)


def _seen(cases: list[dict[str, Any]]) -> str:
    failed = [case["case"] for case in cases if not case["passed"]]
    if failed:
        return f"**FAILED**: {', '.join(failed)}".replace("|", "\\|")
    figures = [figure for case in cases for figure in case["figures"]]
    words = cases[0]["test"].partition("::test_")[2].replace("_", " ")
    if not figures or len(cases) > 2 * SHOWN:
        return f"{words}: {len(cases)} cases, all held"
    return "<br>".join(figure.replace("|", "\\|") for figure in figures[: 2 * SHOWN])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="the numbers of CI")
    parser.add_argument("--write", action="store_true", help="rewrite the table in reliability.md")
    given = parser.parse_args()
    began = time.perf_counter()
    entries = run(is_long=not given.fast)
    day = dt.datetime.now(dt.UTC).date().isoformat()
    result = {
        "date": day,
        "form": "fast" if given.fast else "long",
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "seconds": round(time.perf_counter() - began, 1),
        "cases": len(entries),
        "failed": [entry["case"] for entry in entries if not entry["passed"]],
        "tests": entries,
    }
    json.dump(result, sys.stdout, indent=1)
    if given.write:
        text = TABLE.read_text(encoding="utf-8")
        head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
        form = (
            f"Python {result['python']}, {result['processors']} processors, {result['form']} form, {len(entries)} cases"
        )
        TABLE.write_text(
            f"{head}{BEGIN}\n\n{form}, {result['seconds']:.0f} s.\n\n{table(entries, day)}\n\n{END}{tail}",
            encoding="utf-8",
        )
    return int(bool(result["failed"]))


if __name__ == "__main__":
    sys.exit(main())
