"""The command line, behind the extra ``cli``."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import cast


def main() -> None:
    """Run ``aoclient`` with the arguments of the process."""
    _open_what_is_closed()
    try:
        from aoclient.cli.app import run
    except ModuleNotFoundError as missing:
        if missing.name not in ("cyclopts", "rich"):
            raise
        sys.exit(f"The command line needs {missing.name}, which is not installed: pip install 'aoclient[cli]'")
    except KeyboardInterrupt:  # imports take a while; what comes later `run` says itself
        print("aoclient: stopped", file=sys.stderr)
        sys.exit(130)
    stdout: object = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        cast("TextIOWrapper", stdout).reconfigure(
            errors="backslashreplace"
        )  # as stderr does: a name is no reason to fail
    sys.exit(run())


def _open_what_is_closed() -> None:
    """Have all three standard streams there; one that a daemon was started without is None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # it ends with the process
