"""What a release rests on: pinned actions, no permissions by default, one version, a changelog that is kept."""

import re
import tomllib
from pathlib import Path

import pytest

import aoclient

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

needs_the_repository = pytest.mark.skipif(not WORKFLOWS, reason="the repository's own files are not here")


@needs_the_repository
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_hash_and_nothing_is_permitted_by_default(path):
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)$", text, re.MULTILINE)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action} has no version beside it"
    assert "\npermissions: {}\n" in text
    assert len(re.findall(r"^    permissions:$", text, re.MULTILINE)) == len(re.findall(r"runs-on:", text))
    assert "secrets." not in text


@needs_the_repository
def test_only_the_job_that_publishes_may_ask_for_an_identity():
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    build, publish = release.split("\n  publish:\n")
    assert "id-token" not in build
    assert "id-token: write" in publish
    assert "run:" not in publish  # nothing of ours is executed beside the identity


def test_the_version_is_said_once_and_the_changelog_has_what_is_not_released():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert aoclient.__version__ == project["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert sections[0] == "Unreleased"
    kinds = set(re.findall(r"^### (\w+)$", changelog, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_requirement_names_its_oldest_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for requirement in [*project["dependencies"], *(each for entries in extras.values() for each in entries)]:
        assert requirement.startswith("aoclient[") or re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?>=[\d.]+", requirement), (
            requirement
        )
