"""Laravel's throttle: fixed windows that open with their first request, and the headers it adds to every answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from aoclient.settings import Rate


@frozen
class Verdict:
    """Whether a request may pass, and the headers its answer gets."""

    passes: bool
    headers: Mapping[str, str]


class Throttle:
    """Count requests for each client, as ``ThrottleRequests`` does.

    Args:
        rate: Requests in a window.
        clock: Returns unix seconds.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def hit(self, client: str) -> Verdict:
        """Count a request; one that is refused is not counted."""
        now = self._clock()
        ends, used = self._windows.get(client, (now, 0))
        if now >= ends:
            ends, used = now + self._rate.per, 0
        passes = used < self._rate.calls
        used += passes
        self._windows[client] = (ends, used)
        headers = {"x-ratelimit-limit": str(self._rate.calls), "x-ratelimit-remaining": str(self._rate.calls - used)}
        if not passes:
            headers |= {"retry-after": str(math.ceil(ends - now)), "x-ratelimit-reset": str(math.ceil(ends))}
        return Verdict(passes, headers)
