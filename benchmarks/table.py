"""Write the figures of ``results.json`` into ``README.md`` beside it, and the main ones into that of the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from measure import HERE, ROOT
from picture import described, taken

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
WORDS = {True: "met", False: "**missed**", None: ""}


@frozen
class Main:
    """A line of the short table: what is measured, and which figures are ours and those of others."""

    what: str
    ours: str
    others: Mapping[str, str]


MAIN = (
    Main(
        "CPU from bytes to models; `orjson.loads`, to dicts, is 1",
        "decode progress rows, speed / orjson.loads",
        {"pydantic": "decode progress rows, pydantic / orjson.loads"},
    ),
    Main(
        "CPU of a small call, 64 at once; bare aiohttp is 1",
        "CPU of a small call, ours, speed / bare aiohttp, 64 in flight",
        {
            "requests": "CPU of a small call, requests / bare aiohttp, 64 in flight",
            "httpx": "CPU of a small call, httpx / bare aiohttp, 64 in flight",
        },
    ),
    Main(
        "microseconds for an item of a fan-out that does nothing",
        "fan-out, us for an item, as completed, 1000000 items",
        {"`gather` and a semaphore": "gather and a semaphore, us for an item"},
    ),
    Main(
        "MB for a fan-out over a million items",
        "fan-out, MB, completed, 1000000 items",
        {"`gather` and a semaphore, a tenth of them": "gather and a semaphore, MB, 100000 items"},
    ),
    Main(
        "most calls the server counts in any window, of those the rate allows",
        "limiter, 500 per s: most in any window / n",
        {},
    ),
    Main(
        "CPU of the import; `import aiohttp` is 1",
        "import aoclient / import aiohttp",
        {"httpx": "import httpx / import aiohttp", "requests": "import requests / import aiohttp"},
    ),
)


def whole(results: Mapping[str, Any]) -> str:
    """Return all figures with their goals."""
    packages = ", ".join(f"{name} {version}" for name, version in results["packages"].items())
    lines = [f"Python {results['python']}, {results['cores']} cores; {packages}.", ""]
    for script, found in results["scripts"].items():
        lines += [f"### {script}", "", f"{found['at'][:10]}, load of the machine at the end {found['load']:g}.", ""]
        lines += ["| figure | measured | quartiles | goal | |", "| --- | ---: | --- | --- | --- |"]
        for each in found["figures"]:
            cells = each["figure"], f"{each['measured']:g}", each["quartiles"], each["goal"], WORDS[each["met"]]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def short(results: Mapping[str, Any]) -> str:
    """Return the picture and the main figures that were measured."""
    figures = [each for script in results["scripts"].values() for each in script["figures"]]
    measured = {each["figure"]: f"{each['measured']:.3g}" for each in figures}
    missed = sum(each["met"] is False for each in figures)
    goals = sum(each["met"] is not None for each in figures)
    lines = [
        "<picture>",
        '<source media="(prefers-color-scheme: dark)" srcset="docs/images/benchmarks-dark.svg">',
        f'<img src="docs/images/benchmarks-light.svg" width="600" alt="{described(results)}">',
        "</picture>",
        "",
        "| | aoclient | others |",
        "| --- | ---: | --- |",
    ]
    for line in MAIN:
        if line.ours in measured:
            others = ", ".join(
                f"{name} {measured[figure]}" for name, figure in line.others.items() if figure in measured
            )
            lines.append(f"| {line.what} | {measured[line.ours]} | {others} |")
    lines += ["", f"{taken(results, results['scripts'])}. Of {goals} goals {missed} were missed: all figures are in"]
    lines += ["[benchmarks/README.md](benchmarks/README.md).", ""]
    return "\n".join(lines)


def between(text: str, figures: str) -> str:
    """Return a page with its figures replaced."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{figures}\n{END}{rest.split(END)[1]}"


def pages(results: Mapping[str, Any]) -> dict[Path, str]:
    """Return the two pages as they should be."""
    return {
        page: between(page.read_text(encoding="utf-8"), figures)
        for page, figures in ((HERE / "README.md", whole(results)), (ROOT / "README.md", short(results)))
    }


def main() -> None:
    for page, text in pages(json.loads((HERE / "results.json").read_text())).items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
