"""How long a plan takes at least, and what more machines bring."""

import pytest

from aoclient import Rate
from aoclient.errors import ConfigurationError
from aoclient.export import Estimate, Planned, estimate

PLAN = [Planned("certificates", 60, 10, 5000), Planned("courses", 1, 1, 0)]
"""50 shards are left."""


def test_without_a_limit_time_goes_down_until_each_machine_has_one_shard():
    assert estimate(PLAN, latency=0.2, machines=(1, 2, 49, 50, 100)) == [
        Estimate(1, 100.0, "calls"),
        Estimate(2, 50.0, "calls"),
        Estimate(49, 5000 * 0.2 / 490, "calls"),
        Estimate(50, 2.0, "shards"),
        Estimate(100, 2.0, "shards"),
    ]


def test_no_number_of_machines_is_faster_than_the_limit():
    found = estimate(PLAN, latency=0.2, rate=Rate(100, per=1.0))
    assert found == [
        Estimate(1, 100.0, "calls"),
        Estimate(2, 50.0, "rate"),
        Estimate(4, 50.0, "rate"),
        Estimate(8, 50.0, "rate"),
    ]


def test_where_nothing_is_left_it_takes_no_time():
    assert estimate([Planned("courses", 1, 1, 0)], latency=0.2, machines=(1,)) == [Estimate(1, 0.0, "shards")]


@pytest.mark.parametrize("wrong", [{"latency": -1}, {"latency": 1, "concurrency": 0}, {"latency": 1, "machines": (0,)}])
def test_numbers_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="expected machines and concurrency from 1 and a latency from 0"):
        estimate(PLAN, **wrong)
