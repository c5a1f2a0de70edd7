"""The public names and their signatures are those of `tests/api.txt`: a change of them is meant, and seen in review."""

import difflib
import re
from pathlib import Path

import pytest

from tests.kit.api import MODULES, SNAPSHOT, lines, names_of

ROOT = Path(__file__).parent.parent


def test_the_public_names_and_signatures_are_those_of_the_snapshot():
    for extra in ("dlt", "opentelemetry", "redis"):
        pytest.importorskip(extra, reason="its integration is public too")
    kept = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    found = list(lines())
    difference = "\n".join(difflib.unified_diff(kept, found, "tests/api.txt", "the library", lineterm="", n=0))
    assert not difference, f"if it is meant: python -m tests.kit.api, and a line in CHANGELOG.md\n{difference}"


def test_every_module_of_the_reference_is_in_the_snapshot():
    documented = set()
    for page in (ROOT / "docs" / "reference").rglob("*.rst"):
        text = page.read_text(encoding="utf-8")
        documented |= set(re.findall(r"^\.\. (?:currentmodule|automodule):: (aoclient[\w.]*)", text, re.MULTILINE))
    assert documented
    assert documented <= set(MODULES)


@pytest.mark.parametrize("module", [each for each in MODULES if "contrib" not in each])
def test_every_public_name_of_a_module_is_there_and_sorted_out(module):
    names = names_of(module)
    assert names
    assert len(names) == len(set(names))
