"""The pace of one process while Redis is away, and for a while after."""

from __future__ import annotations

import logging
import math

from attrs import define

_log = logging.getLogger("aoclient")


@define(eq=False)
class _Pace:
    """Turns at even distances; the first comes one gap after Redis went away."""

    gap: float
    next: float
    until: float = math.inf

    def turn(self, now: float) -> float:
        """Take the turn and return 0, or return the seconds until it comes."""
        if now < self.next:
            return self.next - now
        self.next = now + self.gap
        return 0.0


@define(eq=False)
class Alone:
    """Even turns at a share of the rate while Redis is away.

    They are kept beside the common ones for a while once Redis is back: the other processes may not have noticed yet,
    and Redis does not know what was sent meanwhile.

    Args:
        share: Part of the rate.
    """

    share: float
    _pace: _Pace | None = None

    @property
    def counts(self) -> bool:
        """Whether turns are taken here now."""
        return self._pace is not None

    def gone(self, error: OSError, now: float, calls: int, per: float) -> float:
        """Note that Redis is away; take a turn and return 0, or return the seconds until it comes."""
        gap = per / (calls * self.share) if calls else 0.0
        if self._pace is None:
            _log.warning("the rate is not shared, this process keeps to %g of it: %s", self.share, error)
            self._pace = _Pace(gap, now + gap)
        self._pace.gap, self._pace.until = gap, math.inf
        return self._pace.turn(now)

    def back(self, now: float, after: float) -> None:
        """Note that Redis has answered; ``after`` so many seconds it alone decides again."""
        if self._pace is not None and self._pace.until == math.inf:
            self._pace.until = now + after
            _log.info("Redis is back: the rate is kept together with the other processes")

    def turn(self, now: float) -> float:
        """Take a turn and return 0, or return the seconds until it comes; 0 where Redis alone decides, or is away."""
        if self._pace is not None and self._pace.until <= now:
            self._pace = None
        return self._pace.turn(now) if self._pace is not None and self._pace.until < math.inf else 0.0
