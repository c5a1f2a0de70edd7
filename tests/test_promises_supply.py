"""P30: no release is allowed that lacks a fix this library rests on, and what is installed keeps to that."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.kit.trial import Figures

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = [Requirement(each) for each in PROJECT["dependencies"]]
EXTRAS = [Requirement(each) for given in PROJECT["optional-dependencies"].values() for each in given]

NEEDED = {
    "aiohttp": (
        "3.14.3",
        "3.13.3 bounds inflating; 3.14.1 closes on a cancel, 3.14.2 resets read timers, 3.14.3 headers",
    ),
    "anyio": ("4.8", "the oldest one the tests were run with"),
    "attrs": ("24.1", "__attrs_init_subclass__, which declares the actions"),
    "cattrs": ("24.1", "Converter.get_structure_hook, which strict hooks are made with"),
    "aiolimiter": ("1.1", "no deadlock where a waiter is cancelled"),
    "redis": ("5.0.1", "a cancelled command drops its connection instead of leaving its answer to the next one"),
}
"""The release a dependency must not be older than, and why."""


def lowest(requirement: Requirement) -> Version | None:
    """Return the lower bound, or None where there is none."""
    bounds = [each.version for each in requirement.specifier if each.operator in (">=", "==", "~=")]
    return max(map(Version, bounds)) if bounds else None


@pytest.mark.parametrize("name", NEEDED)
def test_the_lower_bound_has_the_fixes(name):
    bounds = [lowest(each) for each in CORE + EXTRAS if each.name == name]
    assert bounds
    assert all(bound is not None and bound >= Version(NEEDED[name][0]) for bound in bounds), NEEDED[name]


def test_every_dependency_has_a_lower_bound_and_none_has_a_cap(request):
    """A cap would keep fixes away from those who install this library beside others."""
    own = [each for each in CORE + EXTRAS if each.name != PROJECT["name"]]
    assert [str(each) for each in own if lowest(each) is None] == []
    assert [str(each) for each in own if any(part.operator in ("<", "<=", "==") for part in each.specifier)] == []
    assert {each.name for each in CORE} == {"aiohttp", "attrs", "cattrs", "anyio", "aiolimiter"}
    Figures(request, "P30")(
        f"{len(CORE)} dependencies and {len({each.name for each in own})} with the extras: all with a lower bound,"
        f" {len(NEEDED)} of them for a fix that is named"
    )


def test_what_is_installed_keeps_to_the_bounds(request):
    found = {}
    for each in CORE:
        version = Version(metadata.version(each.name))
        assert version in each.specifier
        found[each.name] = str(version)
    Figures(request, "P30")(f"tested with {', '.join(f'{name} {version}' for name, version in found.items())}")


def test_nothing_is_asked_for_by_an_address():
    """A dependency by URL is not one of a registry: nobody checks its advisories, and it may change."""
    assert [str(each) for each in CORE + EXTRAS if each.url] == []
    assert not any(re.search(r"@|git\+|https?:", str(each)) for each in CORE)
