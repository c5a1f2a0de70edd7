"""All learners in windows of registration dates, halved until each answer is small enough."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aoclient.actions import Learner, Learners, LearnersRegisteredAt
from aoclient.errors import AoError, DeadlineError, ResponseTooLargeError, ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aoclient.action import Action
    from aoclient.session import Session

_SECOND = timedelta(seconds=1)
_YEARS = [2016, *range(2018, 2031)]  # the service is from 2016; the windows at both ends are wide, so nobody is lost
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


def everybody_since(moment: date) -> LearnersRegisteredAt:
    """Return the window from a moment on."""
    return LearnersRegisteredAt(dates=(moment, _LAST))


def windows_of(action: Action[Any], error: AoError) -> Sequence[LearnersRegisteredAt]:  # Any: whatever it answers
    """Return windows that hold together what an action does that failed because its answer was too big.

    Of ``learners`` it is windows over all time, of a window its two halves; of two seconds, and of a comparison with
    one date, none. A server that has not enough memory or time for everybody at once fails in its own way, so windows
    are tried once then too; halves are for answers that are too big for certain, else a server that is down would be
    asked ever more.
    """
    if not isinstance(action, LearnersRegisteredAt):
        starts = [_FIRST, *(datetime(year, 1, 1, tzinfo=UTC) for year in _YEARS)]
        ends = [*(start - _SECOND for start in starts[1:]), _LAST]
        windows = [LearnersRegisteredAt(dates=window) for window in zip(starts, ends, strict=True)]
        return windows if isinstance(error, ResponseTooLargeError | DeadlineError | ServerError) else ()
    if action.dates is None or not isinstance(error, ResponseTooLargeError):
        return ()
    first, last = (_moment(each) for each in action.dates)
    middle = first + timedelta(seconds=(last - first) // _SECOND // 2)
    if middle + _SECOND >= last:  # a window needs two moments
        return ()
    # Both ends of a window belong to it, and the vendor's times are whole seconds.
    return [LearnersRegisteredAt(dates=(first, middle)), LearnersRegisteredAt(dates=(middle + _SECOND, last))]


def _moment(value: date | str) -> datetime:
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date)  # noqa: S101  # an action holds dates once it is made
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


async def all_learners(ao: Session) -> AsyncIterator[list[Learner]]:
    """Give all learners, in one list or in one for each window.

    Raises:
        AoError: They cannot be had.
    """
    todo: list[Action[list[Learner]]] = [Learners()]
    while todo:
        action = todo.pop()
        try:
            learners = await ao.send(action)
        except AoError as error:
            smaller = windows_of(action, error)
            if not smaller:
                raise
            todo += reversed(smaller)
        else:
            yield learners
