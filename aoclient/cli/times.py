"""What a plan takes, in words: under the limit, by the time of a call, and what more machines bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.cli.watching import duration
from aoclient.export import estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aoclient.cli.counted import Counted
    from aoclient.export import Planned


def times_of(planned: Sequence[Planned], counted: Counted, *, concurrency: int, has_pages: bool) -> Iterator[str]:
    """Give the lines that tell it.

    Args:
        planned: What is planned.
        counted: What was sent to plan it.
        concurrency: Calls of one machine at once.
        has_pages: Whether there are listings, whose further pages are calls nobody knows of yet.
    """
    calls, at_least = sum(each.calls for each in planned), "at least " if has_pages else ""
    rate, latency = counted.rate, counted.quickest
    words = f"dry run: {at_least}{calls} calls to make, {counted.calls} made to plan"
    limit = "no limit is known, --rate tells one"
    if rate is not None:
        took = f"{at_least}{duration(calls * rate.per / rate.calls)}"
        limit = f"{took} under the limit of {rate.calls} calls in {rate.per:g} s, which counts the whole account"
    if latency is None or not calls:
        yield f"{words}; {limit}" if calls else words
        return
    estimates = estimate(planned, latency=latency, rate=rate, concurrency=concurrency)
    if estimates[0].bound == "rate":
        yield f"{words}; {limit}: more machines or more concurrency do not help"
        return
    yield f"{words}, the quickest in {latency * 1000:.0f} ms; {limit}"
    shards = sum(each.shards - each.committed for each in planned)
    bounds = {
        "calls": f"{concurrency} calls at once on each",
        "shards": f"{shards} shards, each on one machine: more do not help",
        "rate": "the limit: more do not help",
    }
    yield f"machines  {'at least':<12}bound by"
    for each in estimates:
        yield f"{each.machines:>8}  {duration(each.seconds):<12}{bounds[each.bound]}"
