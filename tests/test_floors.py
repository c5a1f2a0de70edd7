"""The house: a module imports only from lower floors, or from siblings in its own room."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aoclient

PACKAGE = Path(aoclient.__file__).parent

FLOORS = {
    0: ["errors", "secret", "settings", "environment", "later", "flock"],
    1: [
        "model",
        "dates",
        "phpjson",
        "jsontext",
        "forms",
        "kinds",
        "options",
        "action",
        "quirks",
        "declared",
        "makers",
        "convert",
        "structs",
        "refusals",
        "wire",
        "actions",
        "webhooks",
    ],
    2: ["tokens", "filestore", "senders"],
    3: ["method", "paging", "splitting", "agenda", "fanout", "inviting", "session"],
    4: ["emulator", "receivers", "export", "report", "cassettes"],
    5: ["contrib"],  # it joins the rooms below to other tools
    6: ["cli", "__main__"],
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
ROOMS_THAT_ARE_STRANGERS = 4
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports_of(path):
    """Return the rooms of this package a module imports at run time or for types, and all else it imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.module == "aoclient":
                yield from (f"aoclient.{alias.name}" for alias in node.names if alias.name != "__version__")
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(
    "path", [each for each in MODULES if each.parent != PACKAGE or each.stem != "__init__"], ids=str
)
def test_a_module_imports_only_from_below_or_from_its_own_room(path):
    room = room_of(path)
    floor = FLOOR_OF[room]
    for name in imports_of(path):
        if name.split(".")[0] != "aoclient":
            continue
        other = name.split(".")[1]
        if other == room:
            continue
        limit = floor - 1 if floor == ROOMS_THAT_ARE_STRANGERS else floor
        types_only = {("paging", "session"), ("method", "session")}
        if floor == 3 and (room, other) in types_only:
            continue
        assert FLOOR_OF[other] <= limit, f"{path.name} on floor {floor} imports {name} from floor {FLOOR_OF[other]}"


@pytest.mark.parametrize("room", FLOORS[0] + FLOORS[1])
def test_floors_0_and_1_do_no_io(room):
    paths = [each for each in MODULES if room_of(each) == room]
    for path in paths:
        found = {name.split(".")[0] for name in imports_of(path)}
        assert not found & {"aiohttp", "anyio", "asyncio", "aiolimiter", "socket", "threading"}, path


def test_no_module_passes_400_lines():
    long = {path.name: count for path in MODULES if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert long == {}


def test_no_module_is_called_after_nothing():
    banned = {"utils", "helpers", "common", "base", "manager", "misc"}
    assert [path for path in MODULES if banned & set(path.with_suffix("").parts)] == []


def test_wait_for_is_not_used():
    sources = {path.name: path.read_text(encoding="utf-8") for path in MODULES}
    assert [name for name, source in sources.items() if "wait_for(" in source] == []


@pytest.mark.parametrize(
    "module", ["aoclient", "aoclient.actions", "aoclient.forms", "aoclient.webhooks", "aoclient.wire"]
)
def test_importing_a_pure_module_loads_no_network_library(module):
    code = f"import sys, {module}; print(*sorted({{'aiohttp', 'anyio', 'asyncio'}} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []


def test_a_session_makes_no_models_before_a_call_needs_them():
    code = "import sys, aoclient; aoclient.Session('a', 'b'); print(*{'aoclient.actions', 'anyio'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []


def test_a_form_is_read_where_nothing_loaded_the_actions_yet():
    code = "from aoclient import wire; print(type(wire.read('action=courses')).__name__)"
    read = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert read == "Courses"
