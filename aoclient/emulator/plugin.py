"""The pytest fixtures ``academyocean``, an emulator, and ``ao``, a session on it. Installed with the library.

```python
@pytest.mark.academyocean(learners=500, faults="503@every=3")
def test_report(academyocean, ao):
    report = asyncio.run(make_report(ao))
    assert academyocean.journal.count("learnersProgressByCourse") == 50
```

Nothing is started and nothing has to be awaited: ``ao`` calls the emulator in process. It belongs to the event loop it
is first used in: it goes into ``asyncio.run``, into a test under ``pytest.mark.anyio`` and into one of pytest-asyncio
alike, but into one loop for each test. ``academyocean.serve()`` puts the emulator on a socket for other clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aoclient.emulator.academy import Emulator
    from aoclient.session import Session

# The library is imported inside the fixtures: a test run that uses neither pays nothing, and coverage that begins after
# the plugins were loaded sees all of it.


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "academyocean(**settings): settings of the emulator behind the fixtures academyocean and ao"
    )


@pytest.fixture
def academyocean(request: pytest.FixtureRequest) -> Emulator:
    """Return a fresh emulator, with the settings of the marker ``academyocean``; the closest one wins for each."""
    from aoclient.emulator.academy import Emulator  # noqa: PLC0415  # see above

    settings: dict[str, object] = {}
    for marker in request.node.iter_markers("academyocean"):
        settings = {**marker.kwargs, **settings}
    return Emulator(**settings)  # type: ignore[arg-type]  # Emulator says what it takes


@pytest.fixture
def ao(academyocean: Emulator) -> Session:
    """Return a session on the emulator of the fixture ``academyocean``, in process and ready for calls."""
    from aoclient.session import Session  # noqa: PLC0415  # see above

    return Session(academyocean.client_id, academyocean.client_secret, sender=academyocean)
