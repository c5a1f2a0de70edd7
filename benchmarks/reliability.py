"""The promises in their long form: run the tests of tests/test_promises_*.py with large numbers and collect figures.

    python benchmarks/reliability.py                        # JSON to standard output
    python benchmarks/reliability.py --fast                 # as in CI
    python benchmarks/reliability.py --write                # also rewrites the figures in benchmarks/reliability.md
    python benchmarks/reliability.py --write --from FILE    # the same from the JSON of an earlier run
    python benchmarks/reliability.py --from FILE --again test_a.py test_b.py::test_c    # run some of it once more

Each test notes what it saw; nothing stands in the table that did not come out of this run, but for the soak and the
fuzzing, which have scripts of their own, soak.py and fuzz_answers.py, and stand with their own dates.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- begin of the figures -->", "<!-- end of the figures -->"
TESTS = ("test_promises_*.py", "test_machines_*.py", "test_redis_processes.py")
SHOWN = 4  # figures of one test; a matrix has hundreds

PROMISES = {
    "P1": "What adds is never applied twice because of us",
    "P2": "A lost answer is said; who reads back ends with all done once",
    "P3": "Reads survive a rough network",
    "P4": "No retry storm in an outage",
    "P5": "The server's pacing is obeyed",
    "P6": "One deadline spans queue, token, connection, attempts and waits",
    "P7": "One token request however many callers wait",
    "P8": "The same across processes that share a Redis",
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
    "P28": "A long soak is flat",
    "P29": "What deletes people does not happen by accident",
    "P30": "Supply chain: no release is allowed that lacks a fix",
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


def run(patterns: Sequence[str] = TESTS, *, is_long: bool) -> list[dict[str, Any]]:
    """Run the tests and return one entry for each case."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        environ = {**os.environ, "AOCLIENT_LONG": "1" if is_long else "0"}
        tests = [
            test for pattern in patterns for test in ([f"tests/{pattern}"] if "::" in pattern else _files(pattern))
        ]
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


def _files(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob(pattern))


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
        seen, days = [_seen(cases) for cases in tests.values()], [day] if tests else []
        if promise == "P28" and (soak := _kept("soak")):
            files, seen, days = [*files, "`soak.py`"], [*seen, _soaked(soak)], [*days, soak["date"]]
        dates = ", ".join(dict.fromkeys(days))
        lines.append(
            f"| {promise} | {PROMISES[promise]} | {', '.join(files)} | {'<br>'.join(seen) or 'not run'} | {dates} |"
        )
    return "\n".join(lines)


def _kept(name: str) -> dict[str, Any] | None:
    path = TABLE.with_name(f"{name}.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _soaked(soak: dict[str, Any]) -> str:
    heap, rss = ("{} ± {} MiB".format(*soak[name]) for name in ("heap_mib_per_hour", "rss_mib_per_hour"))
    return (
        f"{soak['calls']} calls in {soak['seconds'] / 60:.0f} minutes, 5 % faults, a token a minute: in an hour the"
        f" heap would grow by {heap}, the process by {rss}; {soak['tasks_left']} tasks and {soak['fds_left']}"
        f" descriptors left, {sum(soak['unhandled'].values())} errors unhandled"
    )


def sections() -> str:
    """Return what the soak and the fuzzing saw, as Markdown."""
    text = ""
    if soak := _kept("soak"):
        rows = {
            "calls": soak["calls"],
            "how they ended": ", ".join(f"{count} {end}" for end, count in soak["ends"].items()),
            "heap at the first and the last sample, MiB": f"{soak['heap_mib'][0]}, {soak['heap_mib'][-1]}",
            "growth of the heap, MiB an hour, 95 % interval": "{} ± {}".format(*soak["heap_mib_per_hour"]),
            "growth of the process, MiB an hour, 95 % interval": "{} ± {}".format(*soak["rss_mib_per_hour"]),
            "tasks between calls, at most, first and last third": "{:g}, {:g}".format(*soak["tasks"]),
            "tasks left": soak["tasks_left"],
            "descriptors, median of the first and the last third, most": "{:g}, {:g}, {:g}".format(*soak["fds"]),
            "descriptors left": soak["fds_left"],
            "errors that nobody handled": sum(soak["unhandled"].values()),
            "p99, first and last sixth, ms": "{}, {}".format(*soak["p99_ms"]),
            "CPU for each call, first and last sixth, ms": "{}, {}".format(*soak["cpu_ms_per_call"]),
        }
        text += (
            f"\n\n## Soak\n\n`python benchmarks/soak.py`, {soak['date']}, Python {soak['python']},"
            f" {soak['processors']} processors. Other programs shared the machine: its load was {soak['load'][0]:g} at"
            f" the begin and {soak['load'][1]:g} at the end, so times tell little; CPU for each call tells more.\n\n"
            "| | seen |\n| --- | --- |\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items())
        )
    if fuzz := _kept("fuzz"):
        text += (
            f"\n\n## Fuzzing\n\n`python benchmarks/fuzz_answers.py all`, {fuzz['date']}, Python {fuzz['python']},"
            " guided by coverage. A finding is an error that is not documented, or a decoder that reads otherwise with"
            " the `speed` extra than without.\n\n| door | seconds | executions | inputs | findings |\n"
            "| --- | --- | --- | --- | --- |\n"
        )
        text += "\n".join(
            f"| {each['door']} | {each['seconds']} | {each['executions']} | {each['inputs'][0]} to"
            f" {each['inputs'][1]} | {each['findings']} |"
            for each in fuzz["doors"]
        )
    return text


def _seen(cases: list[dict[str, Any]]) -> str:
    failed = [case["case"] for case in cases if not case["passed"]]
    if failed:
        return f"**FAILED**: {', '.join(failed)}".replace("|", "\\|")
    figures = [figure for case in cases for figure in case["figures"]]
    words = cases[0]["test"].partition("::test_")[2].replace("_", " ")
    if not figures or len(cases) > 2 * SHOWN:
        return f"{words}: {len(cases)} cases, all held"
    return "<br>".join(figure.replace("|", "\\|") for figure in figures[: 2 * SHOWN])


def write(result: dict[str, Any]) -> None:
    """Put the figures of a run into the page."""
    text = TABLE.read_text(encoding="utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    failed = f" **{len(result['failed'])} failed.**" if result["failed"] else " All held."
    if again := result.get("again"):
        failed += f" Run again on the same day, after a change: {', '.join(f'`{each}`' for each in again)}."
    form = (
        f"Python {result['python']}, {result['processors']} processors, {result['form']} form, {result['cases']} cases,"
        f" {result['seconds']:.0f} s.{failed}"
    )
    figures = f"{form}\n\n{table(result['tests'], result['date'])}{sections()}"
    TABLE.write_text(f"{head}{BEGIN}\n\n{figures}\n\n{END}{tail}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="the numbers of CI")
    parser.add_argument("--write", action="store_true", help="rewrite the figures in reliability.md")
    parser.add_argument("--from", dest="earlier", type=Path, help="take the JSON of an earlier run")
    parser.add_argument("--again", nargs="+", default=[], metavar="TEST", help="run these of it once more")
    given = parser.parse_args()
    began = time.perf_counter()
    if given.earlier:
        result = json.loads(given.earlier.read_text(encoding="utf-8"))
        entries = [entry for entry in result["tests"] if not entry["test"].startswith(tuple(given.again))]
    else:
        entries = []
        result = {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "form": "fast" if given.fast else "long",
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "seconds": 0.0,
        }
    if given.again or not given.earlier:
        entries += run(given.again or TESTS, is_long=result["form"] == "long")
        result["again"] = sorted({*result.get("again", []), *given.again})
        result["seconds"] = round(result["seconds"] + time.perf_counter() - began, 1)
        result["cases"] = len(entries)
        result["failed"] = [f"{entry['test']} {entry['case']}" for entry in entries if not entry["passed"]]
        result["tests"] = entries
        json.dump(result, sys.stdout, indent=1)
    if given.write:
        write(result)
    return int(bool(result["failed"]))


if __name__ == "__main__":
    sys.exit(main())
