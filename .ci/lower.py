"""Print the test files that need no room above floor 3: those that import none."""

import ast
from collections.abc import Iterator
from pathlib import Path

UPPER = ("emulator", "receivers", "export", "report", "cassettes", "contrib", "cli")
TESTS = Path(__file__).parent.parent / "tests"


def imported(path: Path) -> Iterator[str]:
    """Give the modules a file imports, kits included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            if (node.module or "").startswith("tests.kit."):
                yield from imported(TESTS / "kit" / f"{(node.module or '').rpartition('.')[2]}.py")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


for test in sorted(TESTS.glob("test_*.py")):
    if not any(f"{name}.".startswith(f"aoclient.{room}.") for name in imported(test) for room in UPPER):
        print(f"tests/{test.name}")
