"""What a session can be told, as plain values: how fast, how long, how often again."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from aoclient.errors import ConfigurationError


def _seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _refused(instance: object, attribute: object, expected: str, value: object) -> ConfigurationError:
    name = getattr(attribute, "name", attribute)
    return ConfigurationError(f"{type(instance).__name__}({name}=...) must be {expected}, got {value!r}")


# Any in the validators: mypy takes the type of a field from them.


def _positive(instance: object, attribute: object, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:  # NaN is not above 0 either
        raise _refused(instance, attribute, "a number above 0", value)


def _not_negative(instance: object, attribute: object, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise _refused(instance, attribute, "a number from 0", value)


def _positive_and_finite(instance: object, attribute: object, value: Any) -> None:
    _positive(instance, attribute, value)
    if value == math.inf:
        raise _refused(instance, attribute, "a number that ends", value)


def _whole(instance: object, attribute: object, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _refused(instance, attribute, "a whole number from 1", value)


@frozen
class Rate:
    """At most ``calls`` requests in any window of ``per`` seconds, as the server counts them.

    Args:
        calls: Requests, at least 1.
        per: Length of the window: seconds, or a `timedelta`.
    """

    calls: int = field(validator=_whole)
    per: float = field(default=60.0, converter=_seconds, validator=_positive_and_finite)

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``60/60`` as 60 requests in 60 seconds; ``60`` alone is 60 in 60 seconds.

        Raises:
            ConfigurationError: The text is neither.
        """
        calls, _, per = text.partition("/")
        try:
            return cls(int(calls), per=float(per) if per else 60.0)
        except ValueError:
            raise ConfigurationError(f"a rate is written calls/seconds, as in 60/60; got {text!r}") from None


@frozen(kw_only=True)
class Timeouts:
    """How long to wait, in seconds. The clock of an attempt starts once it may be sent, never while it queues.

    Args:
        connect: For a connection, name look-up and TLS included.
        read: For the head of the answer, and then for each further piece of it.
        total: For the whole call: queueing, all attempts and the waits between them.
    """

    connect: float = field(default=10.0, converter=_seconds, validator=_positive)
    read: float = field(default=60.0, converter=_seconds, validator=_positive)
    total: float = field(default=120.0, converter=_seconds, validator=_positive)


@frozen(kw_only=True)
class RetryPolicy:
    """How often and how fast to try again, where the effect of the action allows it.

    Args:
        attempts: Requests in all for one call; 1 never repeats.
        wait: Upper bound of the first wait in seconds. Each further one doubles; the real wait is drawn from 0 to it.
        wait_at_most: Upper bound of any such wait in seconds.
        retry_after_at_most: Longest ``Retry-After`` in seconds that is waited for; a longer one is raised.
    """

    attempts: int = field(default=4, validator=_whole)
    wait: float = field(default=0.5, converter=_seconds, validator=_not_negative)
    wait_at_most: float = field(default=20.0, converter=_seconds, validator=_not_negative)
    retry_after_at_most: float = field(default=120.0, converter=_seconds, validator=_not_negative)
