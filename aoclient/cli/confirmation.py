"""What would be sent, for a dry run, and the question before people are deleted."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_plus

from aoclient import forms, wire
from aoclient.action import Action, Effect
from aoclient.cli.exits import UsageError
from aoclient.cli.text import shown
from aoclient.forms import MAX_PAIRS, FormValue
from aoclient.splitting import split


def form_lines(tree: dict[str, FormValue]) -> list[str]:
    """Return a form, a line for each pair, decoded and fit for a terminal.

    Raises:
        InvalidOptionError: A value cannot be written as a form.
    """
    return [shown(unquote_plus(pair)) for pair in forms.encode(tree).split("&")]


def print_form(action: Action[Any]) -> None:  # Any: an action of whatever answer, here and below
    """Print the form of an action on stdout, and on stderr what else there is to know; nothing is sent."""
    lines = form_lines(wire.tree(action))
    print(*lines, sep="\n")
    parts = len(split(action, MAX_PAIRS)) if len(lines) > MAX_PAIRS else 1
    in_parts = f" in {parts} requests" if parts > 1 else ""
    print(f"dry run, nothing was sent: {len(lines)} pairs{in_parts}, effect: {action.effect.value}", file=sys.stderr)


def confirm(action: Action[Any]) -> None:
    """Ask before an action that deletes people and cannot be undone by a repeat; any other passes.

    Raises:
        UsageError: The answer was no, or nobody is there to ask.
    """
    if not action.spec.deletes_people or action.effect is not Effect.ADDS:
        return
    name = action.spec.name
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{name} deletes learners: give --yes, or --dry-run to see what would be sent")
    lines = form_lines(wire.tree(action))
    for line in lines[:_SHOWN]:
        print(f"  {line}", file=sys.stderr)
    if len(lines) > _SHOWN:
        print(f"  and {len(lines) - _SHOWN} more", file=sys.stderr)
    print(f"This deletes learners. Type {name} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != name:
        raise UsageError("nothing was sent")


_SHOWN = 20
