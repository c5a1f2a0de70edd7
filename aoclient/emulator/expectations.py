"""Which calls a test expects, in which order, and what it is told when others come."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs
from attrs import define, field

from aoclient import forms, wire
from aoclient.action import Action
from aoclient.errors import ConfigurationError
from aoclient.options import kind_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from aoclient.emulator.application import Application


class Call:
    """Calls of an action with these options, whatever its others are.

    Args:
        action: Class of the action.
        times: How many there are; None is any number, none included.
        options: Options of the action, as it takes them; None is one that is not sent.

    Raises:
        ConfigurationError: The action has no such option, or ``times`` is below 1.
        InvalidOptionError: An option has the wrong type or value.
    """

    def __init__(
        self,
        action: type[Action[Any]],  # Any: whatever it answers, here and below
        /,
        *,
        times: int | None = 1,
        **options: object,
    ) -> None:
        kinds = {
            each.name: kind_of(each.type) for each in attrs.fields(attrs.resolve_types(action)) if each.name != "extra"
        }
        for name in options:
            if name not in kinds:
                raise ConfigurationError(f"{action.__name__} has no option {name!r}, only {', '.join(kinds)}")
        if times is not None and times < 1:
            raise ConfigurationError(f"Call(times=...) must be at least 1 or None, got {times!r}")
        self.action = action
        self.times = times
        self.options = {
            name: None if value is None else kinds[name].check(value, f"options[{name}]")
            for name, value in options.items()
        }
        self._kinds = kinds

    def __repr__(self) -> str:
        return _words(self.action.spec.name, self.options)

    def fits(self, action: Action[Any]) -> bool:
        """Tell whether an action is such a call."""
        return isinstance(action, self.action) and all(
            self._sent(name, getattr(action, name)) == self._sent(name, value) for name, value in self.options.items()
        )

    def _sent(self, name: str, value: object) -> str:
        # As it stands in a form, where 1 and True and "1" are one text.
        return "" if value is None else forms.encode({name: cast("forms.FormValue", self._kinds[name].write(value))})


class _Exactly(Call):
    """One call of an action with these options and no others."""

    def __init__(self, action: Action[Any]) -> None:
        super().__init__(type(action))
        self._given = action

    def __repr__(self) -> str:
        return _of(self._given)

    def fits(self, action: Action[Any]) -> bool:
        """Tell whether an action is this call."""
        return wire.encode(action).body == wire.encode(self._given).body


Expected: TypeAlias = Call | Action[Any] | type[Action[Any]]


@define(eq=False)
class _Line:
    """A call that is expected and how often it came."""

    call: Call
    came: int = 0

    @property
    def is_full(self) -> bool:
        return self.call.times is not None and self.came >= self.call.times

    @property
    def is_satisfied(self) -> bool:
        return self.call.times is None or self.came == self.call.times

    def __str__(self) -> str:
        often = "any number" if self.call.times is None else str(self.call.times)
        return f"{self.call!r}: expected {often}, came {self.came}"


@define(eq=False)
class Expectations:
    """The calls of one block.

    Attributes:
        lines: What is expected.
        in_order: Whether it comes in that order.
        others: Whether calls pass that nobody expects.
        came: Every call in the order they came, in words, and whether it was expected.
    """

    lines: list[_Line]
    in_order: bool
    others: bool
    came: list[tuple[str, bool]] = field(factory=list[tuple[str, bool]])
    _lost: list[Action[Any]] = field(factory=list[Action[Any]], init=False)
    _at: int = field(default=0, init=False)

    def admit(self, action: Action[Any], *, is_lost: bool) -> bool:
        """Tell whether a call is expected, and count it.

        Args:
            action: The call.
            is_lost: A fault spoils its answer, so that it may come again.
        """
        if action in self._lost:
            self._lost.remove(action)
        elif not self._count(action):
            self.came.append((_of(action), self.others))
            return self.others
        else:
            self.came.append((_of(action), True))
        if is_lost:
            self._lost.append(action)
        return True

    def note(self, name: str) -> None:
        """Note a call of an action that is not modelled, which nobody can expect."""
        self.came.append((_words(name, {}), self.others))

    def _count(self, action: Action[Any]) -> bool:
        for index, line in enumerate(self.lines[self._at :] if self.in_order else self.lines, start=self._at):
            if not line.is_full and line.call.fits(action):
                line.came += 1
                self._at = index if self.in_order else 0
                return True
            if self.in_order and not line.is_satisfied:
                return False
        return False

    @property
    def is_met(self) -> bool:
        """Whether all that was expected came, and nothing else."""
        return all(line.is_satisfied for line in self.lines) and all(is_expected for _, is_expected in self.came)

    def __str__(self) -> str:
        return "\n".join(
            [
                "the academy was not called as expected",
                f"expected{', in this order' if self.in_order else ', in any order'}:",
                *(f"  {'  ' if line.is_satisfied else '! '}{line}" for line in self.lines),
                *([] if self.lines else ["    nothing"]),
                "came:",
                *(f"  {'  ' if is_expected else '! '}{words}" for words, is_expected in self.came),
                *([] if self.came else ["    nothing"]),
            ]
        )


@contextmanager
def expecting(
    application: Application, calls: Iterable[Expected], *, in_order: bool, others: bool
) -> Generator[Expectations]:
    """See `Emulator.expecting`."""
    if application.expectations is not None:
        raise ConfigurationError("one block of expectations stands in another")
    expectations = Expectations([_Line(_as_call(each)) for each in calls], in_order, others)
    application.expectations = expectations
    try:
        yield expectations
    except Exception as error:
        if not all(is_expected for _, is_expected in expectations.came):
            raise AssertionError(str(expectations)) from error  # a call that was refused may be what caused it
        raise
    finally:
        application.expectations = None
    if not expectations.is_met:
        raise AssertionError(str(expectations))


def _as_call(expected: Expected) -> Call:
    if isinstance(expected, Call):
        return expected
    if isinstance(expected, Action):
        return _Exactly(expected)
    return Call(expected)


def _of(action: Action[Any]) -> str:
    given = {each.name: getattr(action, each.name) for each in attrs.fields(type(action))}
    return _words(action.spec.name, {name: value for name, value in given.items() if value is not None and value != {}})


def _words(name: str, options: Mapping[str, object]) -> str:
    return f"{name}({', '.join(f'{option}={value!r}' for option, value in options.items())})"
