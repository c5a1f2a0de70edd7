"""Modules that are loaded when something of them is first used."""

import copy
import inspect
import pickle
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


@pytest.mark.usefixtures("written")
def test_what_is_set_before_the_first_use_is_set_on_the_module():
    names = {}
    later = names["seldom"] = Later("seldom", names)
    later.answer = 43
    assert names["seldom"] is sys.modules["seldom"]
    assert (sys.modules["seldom"].answer, later.answer) == (43, 43)


@pytest.mark.usefixtures("written")
def test_what_is_deleted_before_the_first_use_is_deleted_from_the_module():
    del Later("seldom", {}).answer
    assert not hasattr(sys.modules["seldom"], "answer")


@pytest.mark.usefixtures("written")
def test_what_is_patched_before_the_first_use_is_used_and_put_back(monkeypatch):
    names = {}
    later = names["seldom"] = Later("seldom", names)
    with monkeypatch.context() as patched:
        patched.setattr(later, "answer", 43)
        assert names["seldom"].answer == 43
    assert names["seldom"].answer == 42


@pytest.mark.usefixtures("written")
def test_its_names_are_those_of_the_module():
    assert "answer" in dir(Later("seldom", {}))
    assert vars(Later("seldom", {})) is vars(sys.modules["seldom"])


@pytest.mark.usefixtures("written")
def test_it_is_taken_for_a_module_and_shown_without_loading_it():
    later = Later("seldom", {})
    assert inspect.ismodule(later)
    assert repr(later) == "<module 'seldom', loaded when first used>"
    assert "seldom" not in sys.modules


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda later: pickle.loads(pickle.dumps(later))])
def test_copied_or_pickled_it_is_the_module(again):
    assert again(Later("seldom", {})) is sys.modules["seldom"]


def test_what_is_patched_before_the_first_call_is_what_a_call_uses():
    code = (
        "from unittest import mock\n"
        "from aoclient import Effect, wire\n"
        "with mock.patch.object(wire.refusals, 'parse', return_value=42):\n"
        "    request = wire.encode_plain('anyAction', {}, Effect.READS)\n"
        "    print(request.read(wire.Response(200, {}, b'')))\n"
        "print(request.read(wire.Response(200, {}, b'')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "42\nNone\n"


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
