"""What importing costs, against ``import aiohttp``; the start of the interpreter is taken off.

All programs find all modules compiled, as they are once a package is installed. Until that was so, a checkout under
``PYTHONDONTWRITEBYTECODE`` had ours compiled anew for each program, and those of aiohttp not.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from statistics import median

from measure import at_most, environment, figure, finish, rounds_of

ENTERED = "\nasync def main():\n async with {}: pass\nasyncio.run(main())"
PROGRAMS = {
    "nothing": "pass",
    "aiohttp": "import aiohttp",
    "aoclient": "import aoclient",
    "session": "import asyncio, aoclient" + ENTERED.format("aoclient.Session('a', 'b')"),
    "aiohttp session": "import asyncio, aiohttp" + ENTERED.format("aiohttp.ClientSession()"),
    "actions": "import aoclient.actions",
    "webhooks": "import aoclient.webhooks",
    "httpx": "import httpx",
    "requests": "import requests",
}


def spent() -> float:
    """Return the CPU seconds of all children; `os.times` counts in steps of 10 ms."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def program(source: str) -> Callable[[], dict[str, float]]:
    def case() -> dict[str, float]:
        before = spent()
        run(source)
        return {"cpu": spent() - before}

    run(source)  # the first one compiles
    return case


def run(source: str) -> str:
    command = [sys.executable, "-c", source]
    return subprocess.run(command, check=True, env=environment(), stdout=subprocess.PIPE, text=True).stdout


def loads_aiohttp(source: str) -> bool:
    return run(f"import sys\n{source}\nprint('aiohttp' in sys.modules)").splitlines()[-1] == "True"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 2 if parser.parse_args().quick else 15
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        measure(rounds)


def measure(rounds: int) -> None:
    got = rounds_of({name: program(source) for name, source in PROGRAMS.items()}, rounds)

    def over(name: str, below: str) -> float:
        bare = [each["cpu"] for each in got["nothing"]]
        above = [each["cpu"] - nothing for each, nothing in zip(got[name], bare, strict=True)]
        under = [each["cpu"] - nothing for each, nothing in zip(got[below], bare, strict=True)]
        return median(above) / median(under)

    help_text = (
        "import runpy\nsys.argv = ['aoclient', '--help']\n"
        "try: runpy.run_module('aoclient', run_name='__main__')\nexcept SystemExit: pass"
    )
    figures = [
        at_most("import aoclient / import aiohttp", over("aoclient", "aiohttp"), 0.2),
        at_most("a session entered and left / the same of aiohttp", over("session", "aiohttp session"), 1.2),
        figure("import aoclient.actions / import aiohttp", over("actions", "aiohttp"), ""),
        figure("import aoclient.webhooks / import aiohttp", over("webhooks", "aiohttp"), ""),
        figure("import httpx / import aiohttp", over("httpx", "aiohttp"), ""),
        figure("import requests / import aiohttp", over("requests", "aiohttp"), ""),
        at_most("aoclient --help loads aiohttp (1 is yes)", float(loads_aiohttp(help_text)), 0),
        at_most("aoclient.actions loads aiohttp (1 is yes)", float(loads_aiohttp(PROGRAMS["actions"])), 0),
    ]
    finish(figures, {name: median(each["cpu"] for each in reports) for name, reports in got.items()})


if __name__ == "__main__":
    main()
