"""Docstrings of this library as Sphinx wants them, and names in them as links.

House style differs from Google's in a few points: a section ``Answer``, a last line ``Doc:`` with the heading on the
vendor's page, and ``Attributes`` without types, since those stand in the class.
"""

from __future__ import annotations

import builtins
import inspect
import re
from typing import TYPE_CHECKING, Any

import attrs
from sphinx.util.nodes import make_refnode

from aoclient.action import Action
from aoclient.session import Session

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

METHODS = {method.action: name for name, method in vars(Session).items() if hasattr(method, "action")}
"""Name of the session's method by action class."""

_ATTRIBUTE = re.compile(r"^(\s+)(\w+): ")


def rewrite(_app: Sphinx, what: str, name: str, obj: object, _options: object, lines: list[str]) -> None:
    """Put a docstring into the form napoleon reads."""
    if what in VALUES:
        _kept[name] = list(lines)
        return
    is_class = inspect.isclass(obj)
    if is_class and issubclass(obj, Action) and obj in METHODS:
        method = METHODS[obj]
        text = f"``{method}`` as a value, for `Session.send` and `Session.fan_out`. Options: see `Session.{method}`."
        lines[:] = [text, ""]
        return
    types = _types(obj) if is_class else {}
    section = ""
    for number, line in enumerate(lines):
        if line and not line.startswith(" "):
            section = line
        if line.startswith("Doc: "):
            lines[number] = f"On the vendor's page: ``{line.removeprefix('Doc: ')}``."
        elif section == "Attributes:" and (found := _ATTRIBUTE.match(line)) and found[2] in types:
            lines[number] = f"{found[1]}{found[2]} ({types[found[2]]}): {line[found.end() :]}"


VALUES = ("attribute", "data", "property")
_kept: dict[str, list[str]] = {}


def restore(_app: Sphinx, what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Put back the text of a value, of which napoleon takes what stands before a colon for a type."""
    if what in VALUES:
        lines[:] = _kept.pop(name, lines)


def _types(cls: type[Any]) -> dict[str, str]:
    """Return the types of a class's fields as they are written in it."""
    if not attrs.has(cls):
        return {}
    return {each.name: each.type for each in attrs.fields(cls) if isinstance(each.type, str)}


def hide_signature(_app: Sphinx, what: str, _name: str, obj: object, *_: object) -> tuple[str, None] | None:
    """Leave out the arguments of models, which nobody but this library makes."""
    if what != "class" or not attrs.has(obj):  # type: ignore[arg-type]
        return None
    doc = obj.__doc__ or ""
    return ("", None) if "Attributes:" in doc and "Args:" not in doc else None


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> nodes.Node | None:
    """Link a name that is written without its module; leave Python's own as text.

    Where several things end in the name it is the one of the package the text stands in.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].lstrip(".")
    if hasattr(builtins, target) or target in PYTHON:
        return content
    objects = env.domains.python_domain.objects
    found = [name for name in objects if f".{name}".endswith(f".{target}") and not objects[name].aliased]
    if not found:
        return None
    room = ".".join((node.get("py:module") or "aoclient").split(".")[:2])
    homes = [f"{node.get('py:class')}.", f"{room}.", "aoclient.actions.", ""]
    name = min(found, key=lambda each: (next(n for n, home in enumerate(homes) if each.startswith(home)), len(each)))
    return make_refnode(app.builder, node["refdoc"], objects[name].docname, objects[name].node_id, content, name)


PYTHON = {"timedelta", "datetime", "date", "Mapping", "Sequence", "Iterable", "AsyncIterable", "Any", "Callable"}
"""Names of Python that docstrings and types use without their module."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all of it."""
    app.connect("autodoc-process-docstring", rewrite, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", restore, priority=600)  # behind it
    app.connect("autodoc-process-signature", hide_signature)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
