"""What time it is in the academy: by the clock, but days that were played have passed as well."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Calendar:
    """The time of what happens in the academy.

    Args:
        clock: Returns unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = 0
        self._moment: int | None = None

    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(self._clock()) + self._ahead if self._moment is None else self._moment

    @property
    def is_played(self) -> bool:
        """Whether `played` is under way."""
        return self._moment is not None

    @contextmanager
    def played(self) -> Generator[Callable[[int], None], None, None]:
        """Stop the clock and give a function that sets the time forward; then go on from there."""
        self._moment = self.now
        try:
            yield self._set
        finally:
            self._ahead = self._moment - int(self._clock())
            self._moment = None

    def _set(self, moment: int) -> None:
        self._moment = moment
