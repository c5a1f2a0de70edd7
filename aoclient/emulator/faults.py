"""The fault plan: what goes wrong on purpose, and when. Data, written by hand or read from a text, and seeded.

A rule is written ``kind@when;option``. ``503@every=20`` answers each 20th call with 503,
``429@share=0.05;retry_after=2`` one in twenty at random, ``drop-after@action=addLearnerQuizAttempts;times=1`` executes
one call and cuts the connection. Rules are joined by a comma; the first one that fires wins.
"""

from __future__ import annotations

import random
from enum import Enum
from typing import TYPE_CHECKING, Final

from attrs import define, field, fields, frozen

from aoclient.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Stage(Enum):
    """Where a fault strikes, and so whether the action was executed."""

    ACCEPT = "accept"
    """As the connection is made; nothing is read. In process each request is a connection."""

    INSTEAD = "instead"
    """In place of the action, which is not executed."""

    AFTER = "after"
    """After the action was executed, on its answer."""


KINDS: Mapping[str, Stage] = {
    # connections
    "refuse": Stage.ACCEPT,
    "close-before-read": Stage.INSTEAD,
    "drop-after": Stage.AFTER,
    "half-body": Stage.AFTER,
    "stall": Stage.AFTER,
    "drip": Stage.AFTER,
    # refusals and failures by status
    "401": Stage.INSTEAD,
    "expired-token": Stage.INSTEAD,
    "revoked-token": Stage.INSTEAD,
    "429": Stage.INSTEAD,
    "500": Stage.INSTEAD,
    "502": Stage.INSTEAD,
    "503": Stage.INSTEAD,
    "504": Stage.INSTEAD,
    "500-after": Stage.AFTER,
    "302": Stage.INSTEAD,
    "301": Stage.INSTEAD,
    "307": Stage.INSTEAD,
    "308": Stage.INSTEAD,
    # status 200, and yet no answer
    "html-200": Stage.INSTEAD,
    "error-200": Stage.INSTEAD,
    "empty-200": Stage.AFTER,
    "204": Stage.AFTER,
    "gzip-bomb": Stage.AFTER,
    "truncated": Stage.AFTER,
    "broken": Stage.AFTER,
    "charset": Stage.AFTER,
    # an answer all the same, oddly dressed
    "warning": Stage.AFTER,
    "bom": Stage.AFTER,
    "content-type": Stage.AFTER,
}
"""Every kind and where it strikes."""

TOKEN: Final = "token"  # noqa: S105  # a word of the plan
"""``action=token`` aims at requests for a token; ``action=any`` at these and at all actions."""


@frozen(kw_only=True)
class Fault:
    """One rule: a kind, and when it strikes. With no ``when`` it strikes each call.

    Args:
        kind: One of `KINDS`.
        action: Only calls of this action, by the vendor's name; ``token`` for requests for a token, ``any`` for both.
            Left out it is every call of an action, but no request for a token.
        every: The n-th of these calls, the 2n-th, and so on.
        share: One call in ``1 / share`` at random, from 0 to 1.
        at: Only the n-th of these calls, from 1.
        after: Not before so many of these calls.
        times: At most so often.
        retry_after: Seconds in ``Retry-After``, for 429 and the 5xx.
        date: The same as an HTTP date so many seconds ahead.
        body: ``json``, ``html``, ``text`` or ``empty``, for 429 and the 5xx.
        to: Where a redirect points: an absolute URL. Left out, a 302 points to ``/login``, all others to another host.
        seconds: How long ``stall`` and ``drip`` take.
        size: MiB a ``gzip-bomb`` inflates to.

    Raises:
        ConfigurationError: A value is not one of these; the message has it.
    """

    kind: str
    action: str = ""
    every: int | None = None
    share: float | None = None
    at: int | None = None
    after: int = 0
    times: int | None = None
    retry_after: int | None = None
    date: int | None = None
    body: str = "json"
    to: str = ""
    seconds: float = 3600.0
    size: int = 128

    def __attrs_post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(f"there is no fault {self.kind!r}; expected one of {', '.join(KINDS)}")
        if self.share is not None and not 0 <= self.share <= 1:
            raise ConfigurationError(f"{self.kind}: share must be from 0 to 1, got {self.share!r}")
        for name in ("every", "at", "times", "size"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigurationError(f"{self.kind}: {name} must be a whole number from 1, got {number!r}")
        for name in ("after", "retry_after", "date", "seconds"):
            number = getattr(self, name)
            if number is not None and not number >= 0:
                raise ConfigurationError(f"{self.kind}: {name} must not be below 0, got {number!r}")
        if self.body not in _BODIES:
            raise ConfigurationError(f"{self.kind}: body must be one of {', '.join(_BODIES)}, got {self.body!r}")
        if self.kind == "refuse" and self.action not in ("", "any"):
            raise ConfigurationError("refuse: there is no action yet when a connection is made; leave action out")

    @property
    def stage(self) -> Stage:
        """Where it strikes."""
        return KINDS[self.kind]

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read one rule, ``429@share=0.05;retry_after=2``.

        Raises:
            ConfigurationError: It is none; the message says what was expected.
        """
        kind, at, rest = text.strip().partition("@")
        values: dict[str, int | float | str] = {}
        for part in rest.split(";") if at else ():
            name, equals, value = part.strip().partition("=")
            if not equals or name not in _READERS:
                raise ConfigurationError(
                    f"fault {text!r}: expected name=value with one of {', '.join(_READERS)}, got {part!r}"
                )
            try:
                values[name] = _READERS[name](value)
            except ValueError:
                raise ConfigurationError(f"fault {text!r}: {name} must be a number, got {value!r}") from None
        return cls(kind=kind, **values)  # type: ignore[arg-type]  # each was read by the type of its field

    def __str__(self) -> str:
        given = [
            f"{each.name}={getattr(self, each.name)}"
            for each in fields(Fault)
            if each.name != "kind" and getattr(self, each.name) != each.default
        ]
        return f"{self.kind}@{';'.join(given)}" if given else self.kind


_BODIES = ("json", "html", "text", "empty")
_READERS: Mapping[str, type[int | float | str]] = {
    "action": str,
    "every": int,
    "share": float,
    "at": int,
    "after": int,
    "times": int,
    "retry_after": int,
    "date": int,
    "body": str,
    "to": str,
    "seconds": float,
    "size": int,
}


def _rules(rules: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(rules)


@frozen
class Faults:
    """All rules of an emulator and the seed of those that strike at random.

    Args:
        rules: The first one that fires wins.
        seed: The same seed and the same calls in the same order meet the same faults.
    """

    rules: tuple[Fault, ...] = field(default=(), converter=_rules)
    seed: int = 0

    @classmethod
    def parse(cls, text: str, *, seed: int = 0) -> Faults:
        """Read rules joined by commas, ``503@every=20,429@share=0.05;retry_after=2``.

        Raises:
            ConfigurationError: A rule cannot be read.
        """
        return cls((Fault.parse(each) for each in text.split(",") if each.strip()), seed)

    def __str__(self) -> str:
        return ",".join(map(str, self.rules))


@define(eq=False)
class _Count:
    rule: Fault
    rng: random.Random
    seen: int = 0
    fired: int = 0

    def fires(self) -> bool:
        rule = self.rule
        self.seen += 1
        seen = self.seen - rule.after
        hit = (
            seen >= 1
            and (rule.at is None or seen == rule.at)
            and (rule.every is None or seen % rule.every == 0)
            and (rule.share is None or self.rng.random() < rule.share)
            and (rule.times is None or self.fired < rule.times)
        )
        self.fired += hit
        return hit


class Plan:
    """A fault plan at work: it counts the calls each rule has seen."""

    def __init__(self, faults: Faults) -> None:
        self._counts = [
            _Count(rule, random.Random(f"{faults.seed}/{index}"))  # noqa: S311  # reproducible on purpose
            for index, rule in enumerate(faults.rules)
        ]

    def on_accept(self) -> Fault | None:
        """Return the fault that meets a new connection, or None."""
        return self._first(count for count in self._counts if count.rule.stage is Stage.ACCEPT)

    def on_request(self, action: str) -> Fault | None:
        """Return the fault that meets a request, or None.

        Args:
            action: Vendor's name, or ``token`` for a request for a token.
        """
        aimed = (action, "any") if action == TOKEN else (action, "any", "")
        return self._first(
            count for count in self._counts if count.rule.stage is not Stage.ACCEPT and count.rule.action in aimed
        )

    @staticmethod
    def _first(counts: Iterable[_Count]) -> Fault | None:
        return next((count.rule for count in counts if count.fires()), None)
