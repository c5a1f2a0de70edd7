"""Modules that are loaded when something of them is first used."""

import subprocess
import sys

import pytest

from aoclient.later import Later


@pytest.fixture
def written(tmp_path, monkeypatch):
    (tmp_path / "seldom.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("seldom", None)


@pytest.mark.usefixtures("written")
def test_a_module_is_loaded_by_its_first_use_and_takes_the_place_of_what_stood_for_it():
    names = {}
    later = names["seldom"] = Later("seldom", names)
    assert "seldom" not in sys.modules
    assert later.answer == 42
    assert names["seldom"] is sys.modules["seldom"]


@pytest.mark.usefixtures("written")
def test_what_a_module_does_not_have_is_an_error_as_of_any_module():
    with pytest.raises(AttributeError, match="has no attribute 'question'"):
        _ = Later("seldom", {}).question


def test_a_session_starts_without_what_only_a_call_needs():
    code = (
        "import asyncio, sys, aoclient\n"
        "async def main():\n"
        "    async with aoclient.Session('a', 'b'):\n"
        "        pass\n"
        "asyncio.run(main())\n"
        "late = ['cattrs', 'msgspec', *(f'aoclient.{name}' for name in ('actions', 'agenda', 'convert', 'options'))]\n"
        "print([name for name in late if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
