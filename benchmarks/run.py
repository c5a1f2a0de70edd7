"""Run all benchmarks one after the other and write ``results.json``; name some to run only those."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from measure import HERE, environment

SCRIPTS = [
    "decode",
    "small_calls",
    "fan_out",
    "over_http",
    "limiter",
    "exports",
    "writers",
    "receiver",
    "scale",
    "imports",
]
PACKAGES = [
    "aiohttp",
    "anyio",
    "attrs",
    "cattrs",
    "msgspec",
    "uvloop",
    "orjson",
    "httpx",
    "pydantic",
    "requests",
    "dlt",
    "pyarrow",
    "duckdb",
]


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scripts", nargs="*", default=SCRIPTS)
    parser.add_argument("--quick", action="store_true", help="a minute in all, to see that everything runs")
    given = parser.parse_args()
    target = HERE / ("results-quick.json" if given.quick else "results.json")
    results = json.loads(target.read_text()) if target.exists() else {"scripts": {}}
    results["python"] = platform.python_version()
    results["cores"] = os.cpu_count()
    results["packages"] = {package: version_of(package) for package in PACKAGES}
    for script in given.scripts:
        print(f"--- {script}", flush=True)
        command = [sys.executable, str(HERE / f"{script}.py"), *(["--quick"] if given.quick else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment(), check=False)
        if done.returncode:
            print(f"{script} failed", file=sys.stderr)
            continue
        *lines, last = done.stdout.splitlines()
        print("\n".join(lines), flush=True)
        load = os.getloadavg()[0]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        results["scripts"][script] = {"at": at, "load": round(load, 2), **json.loads(last)}
        target.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
