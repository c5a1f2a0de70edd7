"""Modules that are loaded when something of them is first used, so that what a call needs is not loaded before it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class Later:
    """Stands for a module in the names of another one until something of it is first used, and then gives it its place.

    From then on it is looked up as any imported module is, at no cost. Two threads that are first at once are kept
    apart by the lock of the import system. What is set on it or deleted from it is set on the module or deleted from
    it, and whoever keeps it goes on reaching the module; pickled and copied it becomes the module itself.

    Args:
        name: The module, which goes by the last part of its name.
        names: The ``globals()`` it stands in.
    """

    __slots__ = ("_name", "_names")  # no __dict__, so that it too is the module's
    _name: str
    _names: dict[str, Any]

    def __init__(self, name: str, names: dict[str, Any]) -> None:  # Any: whatever a module holds
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_names", names)

    def _load(self) -> ModuleType:
        module = self._names[self._name.rpartition(".")[2]] = import_module(self._name)
        return module

    def __getattr__(self, name: str) -> object:
        return getattr(self._load(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._load(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._load(), name)

    def __dir__(self) -> list[str]:
        return dir(self._load())

    __class__: Any = ModuleType  # pyright: ignore[reportIncompatibleMethodOverride]  # what `isinstance` takes it for

    def __reduce__(self) -> tuple[object, ...]:
        return import_module, (self._name,)

    def __repr__(self) -> str:
        return f"<module {self._name!r}, loaded when first used>"
