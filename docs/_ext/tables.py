"""Directives whose content comes from the declarations, so that no table has to be kept in step by hand."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from docstrings import METHODS
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from aoclient import errors
from aoclient.action import Effect, Paged
from aoclient.actions import ACTIONS
from aoclient.emulator import faults
from aoclient.webhooks import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_log = logging.getLogger(__name__)

AFTERWARDS = {
    Effect.READS: "sent again",
    Effect.SETS: "sent again: a repeat ends in the same state",
    Effect.ADDS: "never sent again: `OutcomeUnknownError`",
}
"""What follows a failure that leaves open whether the action was executed."""

STAGES = {
    faults.Stage.ACCEPT: "no, the connection is refused",
    faults.Stage.INSTEAD: "no",
    faults.Stage.AFTER: "yes",
}

OUTCOMES = {
    errors.Outcome.NOT_EXECUTED: "no",
    errors.Outcome.REFUSED: "no, it was refused",
    errors.Outcome.UNKNOWN: "perhaps",
}


def summary(thing: object) -> str:
    """Return the first sentence of a docstring."""
    paragraph = " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", paragraph)[0]


class Table(SphinxDirective):
    """A table of cells in which `names` link and ``code`` is code."""

    headings: ClassVar[Sequence[str]]
    widths: ClassVar[Sequence[int]]

    def rows(self) -> Iterable[Sequence[str]]:
        """Return the cells, row by row."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in self.widths), cols=len(self.widths))
        group += nodes.thead("", self._row(self.headings))
        group += nodes.tbody("", *map(self._row, self.rows()))
        return [nodes.table("", group)]

    def _row(self, cells: Sequence[str]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *self._inline(cell))) for cell in cells))

    def _inline(self, text: str) -> Iterable[nodes.Node]:
        for part in re.split(r"(``[^`]+``|`[^`]+`)", text):
            name = part.strip("`")
            if part.startswith("``"):
                yield nodes.literal("", name)
            elif part.startswith("`"):
                link = addnodes.pending_xref(
                    "",
                    nodes.literal("", name.removeprefix("Session.")),
                    refdomain="py",
                    reftype="obj",
                    reftarget=name,
                    refdoc=self.env.docname,
                    refwarn=True,
                )
                yield link
            elif part:
                yield nodes.Text(part)


class ActionTable(Table):
    """All actions: name, what each does, effect."""

    headings = ("action", "what it does", "effect")
    widths = (35, 50, 15)

    def rows(self) -> Iterable[Sequence[str]]:
        """Return a row for each action."""
        for name, cls in ACTIONS.items():
            facts = {"paged": issubclass(cls, Paged), "split": bool(cls.spec.split)}
            notes = "".join(f", {word}" for word, holds in facts.items() if holds)
            yield f"`Session.{METHODS[cls]}` ``{name}``", summary(cls), f"{cls.spec.effect.value}{notes}"


class SafetyTable(Table):
    """All actions: what a repeat does, and what follows a failure nobody can judge."""

    headings = ("method", "effect", "after a lost answer", "look with")
    widths = (30, 10, 40, 20)

    def rows(self) -> Iterable[Sequence[str]]:
        """Return a row for each action, and a further one where an option changes the effect."""
        for cls in ACTIONS.values():
            look = f"`Session.{METHODS[ACTIONS[cls.spec.look_with]]}`" if cls.spec.look_with else ""
            shown = "" if cls.spec.effect is Effect.READS else look or "nothing shows it"
            adds = ", ".join(f"``{each}``" for each in cls.spec.adds_with)
            is_sure = cls.spec.effect is not Effect.ADDS
            method = f"`Session.{METHODS[cls]}`"
            yield method, cls.spec.effect.value, AFTERWARDS[cls.spec.effect], "" if is_sure else shown
            if adds:
                yield f"{method} with {adds}", Effect.ADDS.value, AFTERWARDS[Effect.ADDS], shown


class EventTable(Table):
    """All events of webhooks."""

    headings = ("event", "class", "when")
    widths = (34, 34, 32)

    def rows(self) -> Iterable[Sequence[str]]:
        """Return a row for each event."""
        for cls in EVENTS.values():
            names = " or ".join(f"``{name}``" for name in cls.names())
            yield names, f"`aoclient.webhooks.{cls.__name__}`", summary(cls)


class ErrorTable(Table):
    """All errors, the more general ones first."""

    headings = ("error", "what happened", "executed?", "is a")
    widths = (24, 40, 18, 18)

    def rows(self) -> Iterable[Sequence[str]]:
        """Return a row for each error, in the order of the module."""
        for cls in vars(errors).values():
            if inspect.isclass(cls) and issubclass(cls, errors.AoError) and cls is not errors.AoError:
                parents = ", ".join(
                    f"`{each.__name__}`" if issubclass(each, errors.AoError) else f"``{each.__name__}``"
                    for each in cls.__bases__
                )
                yield f"`{cls.__name__}`", summary(cls), OUTCOMES[cls.outcome], parents


class FaultTable(Table):
    """All kinds of faults the emulator can make."""

    headings = ("kind", "was the action executed?")
    widths = (40, 60)

    def rows(self) -> Iterable[Sequence[str]]:
        """Return a row for each stage, with its kinds."""
        for stage, text in STAGES.items():
            kinds = [kind for kind, where in faults.KINDS.items() if where is stage]
            yield ", ".join(f"``{kind}``" for kind in kinds), text


class ActionReference(SphinxDirective):
    """One action: what a repeat does, its method, its class."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entries of autodoc with a line in front."""
        cls = ACTIONS[self.arguments[0]]
        notes = [f"Effect: {cls.spec.effect.value}"]
        if cls.spec.adds_with:
            notes.append(f"adds with ``{'``, ``'.join(cls.spec.adds_with)}``")
        if cls.spec.split:
            notes.append(f"long ``{'``, ``'.join(cls.spec.split)}`` are split over several requests")
        if issubclass(cls, Paged):
            notes.append("paged: awaited it is one page, iterated it is every row of every page")
        lines = [
            f"{'; '.join(notes)}.",
            "",
            f".. automethod:: aoclient.Session.{METHODS[cls]}",
            "",
            f".. autoclass:: aoclient.actions.{cls.__name__}",
        ]
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines, source=str(self.get_source_info()[0])), self.content_offset, holder)
        return holder.children


PACKAGES = (
    "",
    ".actions",
    ".webhooks",
    ".receivers",
    ".emulator",
    ".export",
    ".contrib.redis",
    ".contrib.otel",
    ".contrib.dlt",
    ".report",
)
"""Whose public names all need an entry."""


def check(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no reference page has; each action is one of them."""
    entries = env.domains.python_domain.objects
    names = set(entries)
    for package in PACKAGES:
        module = import_module(f"aoclient{package}")
        for name in module.__all__:
            home = f"{module.__name__}.{name}"
            # What a package shows of another one has its entry there.
            if name != "__version__" and home not in names and not _is_elsewhere(getattr(module, name), name, names):
                _log.warning("no reference page has %s", home)


def _is_elsewhere(thing: object, name: str, names: set[str]) -> bool:
    return f"{getattr(thing, '__module__', '')}.{name}" in names


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    app.add_directive("action-table", ActionTable)
    app.add_directive("safety-table", SafetyTable)
    app.add_directive("event-table", EventTable)
    app.add_directive("error-table", ErrorTable)
    app.add_directive("fault-table", FaultTable)
    app.add_directive("action", ActionReference)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": False}
