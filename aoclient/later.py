"""Modules that are loaded when something of them is first used, so that what a call needs is not loaded before it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Later:
    """Stands for a module in the names of another one until something of it is first used, and then gives it its place.

    From then on it is looked up as any imported module is, at no cost. Two threads that are first at once are kept
    apart by the lock of the import system.

    Args:
        name: The module, which goes by the last part of its name.
        names: The ``globals()`` it stands in.
    """

    def __init__(self, name: str, names: dict[str, Any]) -> None:  # Any: whatever a module holds
        self._name = name
        self._names = names

    def __getattr__(self, name: str) -> object:
        module = import_module(self._name)
        self._names[self._name.rpartition(".")[2]] = module
        return getattr(module, name)
