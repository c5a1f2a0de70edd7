"""The tables and the picture of the benchmarks are what their scripts make of ``results.json``."""

from __future__ import annotations

import copy
import html
import json
import re
import sys
from importlib import import_module
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
OWN = ("measure", "picture", "table")


@pytest.fixture(name="scripts")
def scripts_of_the_benchmarks():
    with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]), mock.patch.dict(sys.modules):
        for name in OWN:
            sys.modules.pop(name, None)
        yield {name: import_module(name) for name in OWN}


@pytest.fixture(name="results")
def results_as_they_were_measured():
    return json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))


def test_the_tables_are_what_was_measured(scripts, results):
    for page, text in scripts["table"].pages(results).items():
        assert page.read_text(encoding="utf-8") == text, f"{page}: run python benchmarks/table.py"


def test_another_result_makes_another_table(scripts, results):
    results["scripts"]["imports"]["figures"][0]["measured"] = 0.123
    assert all("0.123" in text for text in scripts["table"].pages(results).values())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_is_of_what_was_measured(theme, scripts, results):
    svg = (ROOT / "docs" / "images" / f"benchmarks-{theme}.svg").read_text(encoding="utf-8")
    (described,) = re.findall(r"<dc:description>(.*?)</dc:description>", svg, re.DOTALL)
    assert html.unescape(described) == scripts["picture"].described(results), "run python benchmarks/picture.py"


def test_a_peer_that_was_not_measured_is_left_out(scripts, results):
    fewer = copy.deepcopy(results)
    figures = fewer["scripts"]["exports"]["figures"]
    figures[:] = [each for each in figures if "httpx" not in each["figure"]]
    fewer["packages"]["requests"] = "not installed"
    clients = [bar.client for bar in scripts["picture"].bars(fewer)]
    assert len(clients) == len(scripts["picture"].bars(results)) - 1
    assert "aoclient" in clients
    assert "requests in 32 threads" in clients
    del fewer["scripts"]["fan_out"]
    assert "fan-out" not in scripts["table"].short(fewer)
