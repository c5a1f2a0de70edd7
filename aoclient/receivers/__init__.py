"""Webhooks received: `Receiver` has them verified, handled once and answered, behind aiohttp or any ASGI server.

Names are loaded when they are first used; only `handler`, `routes` and `serve`, of the aiohttp adapter, load aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoclient.receivers.aiohttp import handler, routes, serve
    from aoclient.receivers.answer import Answer
    from aoclient.receivers.asgi import asgi_app
    from aoclient.receivers.receiver import Receiver
    from aoclient.receivers.sqlite import SQLiteStore
    from aoclient.receivers.stores import DeliveryStore, MemoryStore
    from aoclient.webhooks.state import State

__all__ = [
    "Answer",
    "DeliveryStore",
    "MemoryStore",
    "Receiver",
    "SQLiteStore",
    "State",
    "asgi_app",
    "handler",
    "routes",
    "serve",
]

_HOMES = {
    "Answer": "answer",
    "DeliveryStore": "stores",
    "MemoryStore": "stores",
    "Receiver": "receiver",
    "SQLiteStore": "sqlite",
    "State": "stores",
    "asgi_app": "asgi",
    "handler": "aiohttp",
    "routes": "aiohttp",
    "serve": "aiohttp",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
