"""Every test is watched for secrets it shows."""

from __future__ import annotations

import pytest

from tests.kit.leaks import Leaks


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "shows_secrets(where, reason): a place that begins so may show a secret; the reason says why"
    )
    config.pluginmanager.register(Leaks(), "leaks")
