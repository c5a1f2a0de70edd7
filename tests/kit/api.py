"""Every public name with its signature, a line each. ``python -m tests.kit.api`` writes them into ``tests/api.txt``."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

SNAPSHOT = Path(__file__).parent.parent / "api.txt"

MODULES = (
    "aoclient",
    "aoclient.actions",
    "aoclient.forms",
    "aoclient.webhooks",
    "aoclient.receivers",
    "aoclient.emulator",
    "aoclient.export",
    "aoclient.cassettes",
    "aoclient.report",
    "aoclient.contrib.dask",
    "aoclient.contrib.dlt",
    "aoclient.contrib.otel",
    "aoclient.contrib.redis",
)
"""What users import; all else may change at any time."""


def lines() -> Iterator[str]:
    """Give the lines, module by module, in the order of the names."""
    for module in MODULES:
        for name in names_of(module):
            yield from _lines_of(f"{module}.{name}", getattr(import_module(module), name))


def names_of(module: str) -> list[str]:
    """Return the public names of a module: those of ``__all__``, or those it defines."""
    found = import_module(module)
    declared = getattr(found, "__all__", None)
    if declared is not None:
        return sorted(declared)
    here = [name for name, value in vars(found).items() if getattr(value, "__module__", None) == module]
    return sorted(name for name in here if not name.startswith("_"))


def _lines_of(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, type):
        yield f"{name}{_signature(value)}" if callable(value) else f"{name}: {type(value).__name__}"
        return
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    yield f"class {name}{f' <- {bases}' if bases else ''}"
    if issubclass(value, enum.Enum):
        yield from (f"  {name}.{member.name} = {member.value!r}" for member in value)
        return
    yield f"  {name}{_signature(value)}"
    for each in sorted(vars(value)):
        static = inspect.getattr_static(value, each)
        if not each.startswith("_") and not inspect.ismemberdescriptor(static):  # a field stands in the signature
            yield f"  {name}.{each}{_member(static, value, each)}"


def _member(static: Any, owner: type, name: str) -> str:
    if isinstance(static, property):
        return f" -> {inspect.get_annotations(static.fget).get('return', '?')}" if static.fget else ""
    value = getattr(owner, name)
    return _signature(value) if callable(value) and not isinstance(value, type) else ""


def _signature(value: Any) -> str:
    if get_origin(value) is not None:
        return f" = {_annotation('', value)}"
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(..)"
    parts: list[str] = []
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = "" if each.default is each.empty else f" = {_default(each.default)}"
        parts.append(f"{stars}{each.name}{_annotation(': ', each.annotation)}{default}")
    return f"({', '.join(parts)}){_annotation(' -> ', signature.return_annotation)}"


def _annotation(before: str, annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return before + text.replace("'", "").replace("typing.", "")


def _default(value: Any) -> str:
    """Return a default that reads the same everywhere; what is not plain is two dots: it may be the environment."""
    if isinstance(value, enum.Enum):
        return str(value)
    return repr(value) if value is None or value == () or isinstance(value, bool | int | float | str) else ".."


if __name__ == "__main__":
    SNAPSHOT.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
