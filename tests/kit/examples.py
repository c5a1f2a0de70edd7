"""The files of examples/: run as their first lines say, or imported by a test that puts work into their queues."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from unittest import mock

from aoclient.emulator import Emulator
from tests.kit.command_line import served
from tests.kit.programs import Relay, relayed

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@contextmanager
def behind_relay(emulator: Emulator, **more: str) -> Iterator[tuple[Relay, dict[str, str]]]:
    """Serve an academy behind a relay; give it, and the environment for a program that is to go there."""
    with served(emulator) as settings, relayed(settings["AOCLIENT_BASE_URL"]) as relay:
        there = {"AOCLIENT_BASE_URL": relay.url, "PYTHONPATH": str(EXAMPLES)}
        yield relay, {**os.environ, **settings, **there, **more}


@contextmanager
def imported(name: str, env: Mapping[str, str]) -> Iterator[ModuleType]:
    """Import an example anew, as a program does that puts work into its queue."""
    with mock.patch.dict(os.environ, env), mock.patch.object(sys, "path", [str(EXAMPLES), *sys.path]):
        sys.modules.pop(name, None)
        try:
            yield importlib.import_module(name)
        finally:
            sys.modules.pop(name, None)
