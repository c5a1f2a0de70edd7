"""How a command ends: an exit code that scripts can rely on, and one line on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from cyclopts import CycloptsError

from aoclient.cli.text import shown
from aoclient.errors import (
    AoError,
    AuthenticationError,
    ConfigurationError,
    DeadlineError,
    InvalidOptionError,
    OutcomeUnknownError,
    RateLimitError,
)

DONE, FAILURE, USAGE, SIGN_IN, LATER, UNKNOWN, INTERRUPTED = 0, 1, 2, 3, 5, 6, 130
"""The exit codes. 4 is free."""


class UsageError(Exception):
    """What was asked for cannot be done as it was asked."""


class IncompleteError(Exception):
    """Part of the data was written, the rest could not be had."""


def exit_code(command: Callable[[], Any]) -> int:  # Any: what cyclopts returns
    """Run a command and return its exit code. What ends it is said in one line, never a traceback with its locals."""
    try:
        code = int(command())
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has enough; what is still buffered would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        _say("stopped")
        return INTERRUPTED
    except CycloptsError as error:
        _say(f"{error} (see --help)")
        return USAGE
    except (AoError, UsageError, IncompleteError, OSError) as error:
        _say(_words_of(error))
        return code_of(error)
    return code


def code_of(error: Exception) -> int:
    """Return the exit code for an error."""
    match error:
        case UsageError() | InvalidOptionError() | ConfigurationError():
            return USAGE
        case OutcomeUnknownError() | IncompleteError():
            return UNKNOWN
        case AoError(parts=parts) if parts is not None and parts.done:
            return UNKNOWN
        case AuthenticationError():
            return SIGN_IN
        case RateLimitError() | DeadlineError():
            return LATER
        case _:
            return FAILURE


def _words_of(error: Exception) -> str:
    if isinstance(error, AuthenticationError):
        return f"{error}; aoclient config show says where client id and secret come from"
    if not isinstance(error, InvalidOptionError) or not error.path.startswith(_OPTIONS):
        return str(error)
    option, _, inner = error.path.removeprefix(_OPTIONS).partition("]")
    reason = error.message.removeprefix(f"{error.path}: ")
    return f"{flag(option)}{f' at {inner}' if inner else ''}: {reason}"


_OPTIONS = "options["


def flag(option: str) -> str:
    """Return an option as it is written on the command line."""
    return f"--{option.replace('_', '-')}"


def _say(words: str) -> None:
    print(f"aoclient: {shown(' '.join(words.split()))}", file=sys.stderr)
