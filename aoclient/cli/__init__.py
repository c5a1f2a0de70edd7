"""The command line, behind the extra ``cli``."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import cast


def main() -> None:
    """Run ``aoclient`` with the arguments of the process."""
    try:
        from aoclient.cli.app import run
    except ModuleNotFoundError as missing:
        if missing.name not in ("cyclopts", "rich"):
            raise
        sys.exit(f"The command line needs {missing.name}, which is not installed: pip install 'aoclient[cli]'")
    stdout: object = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        cast("TextIOWrapper", stdout).reconfigure(
            errors="backslashreplace"
        )  # as stderr does: a name is no reason to fail
    sys.exit(run())
