"""An honest, stateful academy behind the vendor's wire: in process, on a socket, or as pytest fixtures.

``Emulator`` is the server, ``Faults`` what goes wrong on purpose, ``Quirks`` the odd habits of the real one,
``Webhooks`` where its webhooks go. Nothing is imported before it is asked for, so that
the pytest plugin costs a test run nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoclient.emulator.academy import Emulator
    from aoclient.emulator.deliveries import Attempt, Deliveries, Delivery, State
    from aoclient.emulator.expectations import Call
    from aoclient.emulator.faults import Fault, Faults
    from aoclient.emulator.given import Invited, Registered
    from aoclient.emulator.journal import Applied, Journal, Received
    from aoclient.emulator.pupil import Pupil
    from aoclient.emulator.quirks import Quirks
    from aoclient.emulator.records import Refusal
    from aoclient.emulator.webhooks import Webhooks
    from aoclient.emulator.world import World

__all__ = [
    "Applied",
    "Attempt",
    "Call",
    "Deliveries",
    "Delivery",
    "Emulator",
    "Fault",
    "Faults",
    "Invited",
    "Journal",
    "Pupil",
    "Quirks",
    "Received",
    "Refusal",
    "Registered",
    "State",
    "Webhooks",
    "World",
]

_HOMES = {
    "Applied": "journal",
    "Attempt": "deliveries",
    "Call": "expectations",
    "Deliveries": "deliveries",
    "Delivery": "deliveries",
    "Emulator": "academy",
    "Fault": "faults",
    "Faults": "faults",
    "Invited": "given",
    "Journal": "journal",
    "Pupil": "pupil",
    "Quirks": "quirks",
    "Received": "journal",
    "Refusal": "records",
    "Registered": "given",
    "State": "deliveries",
    "Webhooks": "webhooks",
    "World": "world",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
