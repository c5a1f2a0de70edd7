"""``aoclient completion``: the script that makes a shell complete commands and options."""

from __future__ import annotations

import sys
from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print the completion script for a shell.

    Parameters
    ----------
    shell
        The shell.
    """
    from aoclient.cli.app import app

    sys.stdout.write(app.generate_completion(shell=shell))
