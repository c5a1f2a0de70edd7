"""The fixtures a user of the library gets."""

import asyncio
import subprocess
import sys

import pytest

from aoclient import RateLimitError, RetryPolicy

pytestmark = pytest.mark.academyocean(learners=30, seed=2)


def test_the_fixtures_are_an_academy_and_a_session_on_it(academyocean, ao):
    learners = asyncio.run(ao.learners())
    assert len(learners) == 30
    assert academyocean.journal.count("learners") == 1


@pytest.mark.academyocean(learners=12, faults="429@retry_after=600")
def test_the_closest_marker_wins_for_each_setting(academyocean, ao):
    assert (academyocean.world.population, academyocean.world.seed) == (12, 2)
    with pytest.raises(RateLimitError):
        asyncio.run(ao.with_options(retries=RetryPolicy(attempts=1)).learners())


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_session_works_in_a_test_that_is_a_coroutine(ao, academyocean, anyio_backend):
    async with ao:
        assert len(await ao.learners()) == 30


def test_the_plugin_imports_nothing_of_the_library_but_itself():
    code = (
        "import sys, aoclient.emulator.plugin\n"
        "print(sorted(name for name in sys.modules if name.startswith('aoclient') or name == 'aiohttp'))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "['aoclient', 'aoclient.emulator', 'aoclient.emulator.plugin']"
    unknown = "import aoclient.emulator as e; print(dir(e)); e.nothing"
    ended = subprocess.run([sys.executable, "-c", unknown], capture_output=True, text=True, check=False)
    assert "'Emulator', 'Fault', 'Faults'" in ended.stdout
    assert "has no attribute 'nothing'" in ended.stderr
