"""An action of the vendor as a value: declared once, and everything else derives from the declaration.

A class per action: an ``attrs.frozen`` class whose fields are the vendor's options and whose `Spec` says the name, the
effect of a repeat, and how it may be split. The method of the session, the emulator's dispatch, the command line, the
tables in the docs and the tests all read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args, get_origin, overload

from attrs import field, fields, frozen

from aoclient.errors import InvalidOptionError
from aoclient.forms import FormValue
from aoclient.later import Later

if TYPE_CHECKING:
    from aoclient import options
else:  # needed by the first action that is made
    options = Later("aoclient.options", globals())

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Effect(Enum):
    """What a repeat of an action does; the retry rule rests on it."""

    READS = "reads"
    """Safe to repeat."""

    SETS = "sets"
    """Repeating ends in the same state."""

    ADDS = "adds"
    """Repeating adds, mails or destroys again: never repeated once it may have been executed."""


@frozen(kw_only=True)
class Spec:
    """What an action is, apart from its options and its answer.

    Attributes:
        name: The vendor's name, ``learnersWithScore``.
        effect: What a repeat does, as long as none of the options in ``adds_with`` is set.
        heading: Heading of the vendor's page where it differs from the name.
        adds_with: Options that send mail, invite or delete when set, so that the action then is `Effect.ADDS`.
        split: List or map options that may be cut over several requests, their answers merged.
        rows: Key of the answer under which the rows of a paged action stand.
        look_with: Vendor's name of the action that shows whether this one was executed.
        confidential: The answer holds a secret, so no error and no log quotes it.
        deletes_people: Learners are deleted whenever a call is `Effect.ADDS`, so a person at a terminal is asked first.
        is_lasting: The answer changes rarely, so a session that was told to may keep it a while.
    """

    name: str
    effect: Effect
    heading: str = ""
    adds_with: Sequence[str] = ()
    split: Sequence[str] = ()
    rows: str = ""
    look_with: str = ""
    confidential: bool = False
    deletes_people: bool = False
    is_lasting: bool = False


def _check_extra(instance: Action[Any]) -> None:  # Any: whatever it answers
    for name in instance.extra:
        if name != "extra" and name in {each.name for each in fields(type(instance))}:
            reason = "is an option of its own; do not give it in extra"
            raise InvalidOptionError(reason, path=f"options[{name}]")


def _copy_extra(extra: Mapping[str, FormValue] | None) -> Mapping[str, FormValue]:
    return dict(extra) if extra else {}


@frozen(kw_only=True)
class Action(Generic[T_co]):
    """One call of one action, with its options checked; ``T_co`` is what it answers.

    Args:
        extra: Options the vendor did not document, sent as they are.

    Raises:
        InvalidOptionError: An option has the wrong type or value; the message has its path. Nothing was sent.
    """

    spec: ClassVar[Spec]
    answer_type: ClassVar[Any]  # Any: T_co as a runtime type, a class or a generic alias; of a paged action the row

    extra: Mapping[str, FormValue] = field(default=None, converter=_copy_extra)

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        if "spec" in cls.__dict__:
            _register(cls)

    def __attrs_post_init__(self) -> None:
        try:
            if self.extra:
                _check_extra(self)
            options.normalize(self, "options")
            self.check()
        except InvalidOptionError as error:
            error.action = self.spec.name
            raise

    def check(self) -> None:
        """Refuse options that do not go together; the type of each one is checked already."""

    @property
    def effect(self) -> Effect:
        """What a repeat of this very call does."""
        spec = self.spec
        if spec.adds_with and any(getattr(self, name) not in (None, False) for name in spec.adds_with):
            return Effect.ADDS
        return spec.effect

    def refuse(self, option: str, reason: str) -> InvalidOptionError:
        """Return the error for an option, for `check` to raise."""
        return InvalidOptionError(reason, path=f"options[{option}]")


@frozen
class Page(Sequence[R_co]):
    """The rows of one page, in the vendor's order.

    Attributes:
        rows: The rows, at most ``amount`` of them.
        number: Number of the page, from 1.
    """

    rows: Sequence[R_co]
    number: int

    @overload
    def __getitem__(self, index: int) -> R_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R_co]: ...
    def __getitem__(self, index: int | slice) -> R_co | Sequence[R_co]:
        return self.rows[index]

    def __iter__(self) -> Iterator[R_co]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@frozen(kw_only=True)
class Paged(Action[Page[R_co]], Generic[R_co]):
    """An action that answers one page of rows.

    Args:
        page: Number of the page, from 1; the first when left out.
        amount: Rows on a page, at least 1; the server's own number when left out.
    """

    page: int | None = None
    amount: int | None = None

    def check(self) -> None:
        """Refuse page numbers and amounts below 1."""
        for name in ("page", "amount"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise self.refuse(name, f"expected a whole number from 1, got {value}")


ACTIONS: dict[str, type[Action[Any]]] = {}  # Any: each action has an answer type of its own
"""Every declared action by the vendor's name, in the order of declaration."""


def _register(cls: type[Action[Any]]) -> None:
    bases: tuple[Any, ...] = getattr(cls, "__orig_bases__", ())
    (cls.answer_type,) = (get_args(base)[0] for base in bases if get_origin(base) in (Action, Paged))
    ACTIONS[cls.spec.name] = cls
