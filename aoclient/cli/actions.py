"""``aoclient actions``: the table of all actions, made from their declarations."""

from __future__ import annotations

from aoclient.action import Paged
from aoclient.actions import ACTIONS
from aoclient.cli.docstrings import describe
from aoclient.cli.output import NO_OUTPUT, OutputOptions, write_rows
from aoclient.cli.shapes import options_of


def actions(*, output: OutputOptions = NO_OUTPUT) -> None:
    """List the actions."""
    write_rows(
        (
            {
                "name": name,
                "effect": cls.spec.effect.value,
                "paged": issubclass(cls, Paged),
                "split": list(cls.spec.split),
                "adds_with": list(cls.spec.adds_with),
                "heading": cls.spec.heading or name,
                "options": [each.name for each in options_of(cls)],
                "summary": describe(cls).summary,
            }
            for name, cls in ACTIONS.items()
        ),
        output.format,
    )
