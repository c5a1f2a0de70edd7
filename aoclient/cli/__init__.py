"""The command line, behind the extra ``cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``aoclient`` with the arguments of the process."""
    try:
        from aoclient.cli.app import app
    except ModuleNotFoundError as missing:
        if missing.name not in ("cyclopts", "rich"):
            raise
        sys.exit(f"The command line needs {missing.name}, which is not installed: pip install 'aoclient[cli]'")
    app()
