"""Pages and rows of paged actions: which page to ask for next, and when a listing is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from attrs import evolve, fields

from aoclient.action import Page, Paged
from aoclient.errors import InvalidOptionError, PagingError

if TYPE_CHECKING:
    from aoclient.session import Session

R = TypeVar("R")

_set = object.__setattr__  # actions are frozen

ROWS_PER_PAGE = 100
"""What a listing asks for where the caller gives no ``amount``; the server's own number may be small."""

_GROWTH = 4  # 2 takes a round trip more for 4 or 5 pages, 8 asks two-page listings for 7 pages too many


class PageSizes:
    """The longest page of each action seen so far.

    The vendor does not say how many rows a page may have at most. A page shorter than ``amount`` is the last one only
    if the server is known to send longer ones; else it may have been cut, and the next page has to be looked at.
    """

    def __init__(self) -> None:
        self._longest: dict[str, int] = {}

    def learn(self, action: Paged[Any], rows: int) -> int:  # Any: rows are only counted
        """Remember the length of a page; return that of the longest one before it, 0 without any."""
        longest = self._longest.get(action.spec.name, 0)
        if rows > longest:
            self._longest[action.spec.name] = rows
        return longest


class Listing(Generic[R]):
    """One paged action walked page by page, up to ``look_ahead`` pages at once. It does no I/O.

    The window starts at one page and is four times as wide once so many came full, so that a listing of one page costs
    none too many, and a long one goes at its full speed after two round trips. The walk ends with an empty, a short or
    a repeated page.

    Attributes:
        full_pages: How many came that were as long as asked for, or, behind the first, as the longest one seen.
    """

    def __init__(self, action: Paged[R], sizes: PageSizes, *, look_ahead: int = 1) -> None:
        self._action = action
        self._names = [each.name for each in fields(type(action))]
        self._amount = ROWS_PER_PAGE if action.amount is None else action.amount
        self._first = self._next = 1 if action.page is None else action.page
        self._end: int | None = None  # number of the last page, as far as the pages tell
        self._cut: int | None = None  # number of the last page before one that could not be had
        self._sizes = sizes
        self.full_pages = 0
        self._window = 1
        self._look_ahead = look_ahead
        self._in_flight: set[int] = set()  # numbers of pages
        self._edges: dict[int, tuple[int, R, R]] = {}
        self._newest = 0  # highest number of a page that had rows

    @property
    def _is_walked(self) -> bool:
        return (self._end is not None and self._next > self._end) or (self._cut is not None and self._next > self._cut)

    @property
    def is_over(self) -> bool:
        """Whether no page is left to ask for, and none is waited for.

        Of the pages behind a short one only the next is waited for: rows on it prove that the short one was not the
        last.
        """
        if not self._is_walked or not self._in_flight:
            return self._is_walked
        has_end = self._end is not None and (self._cut is None or self._cut >= self._end)
        return has_end and min(self._in_flight) > cast("int", self._end) + 1

    @property
    def is_idle(self) -> bool:
        """Whether none of its pages is on its way."""
        return not self._in_flight

    @property
    def has_next(self) -> bool:
        """Whether a page may be asked for now."""
        return len(self._in_flight) < self._window and not self._is_walked

    def take(self) -> Paged[R] | None:
        """Return the next page to ask for, or None while there is none."""
        if not self.has_next:
            return None
        number = self._next
        self._next += 1
        self._in_flight.add(number)
        return self._asked(number)

    def _asked(self, number: int) -> Paged[R]:
        # What `evolve` does, in a third of the time: it would check the options once more, which are checked.
        asked = object.__new__(type(self._action))
        for name in self._names:
            _set(asked, name, getattr(self._action, name))
        _set(asked, "page", number)
        _set(asked, "amount", self._amount)
        return asked

    def place_of(self, action: Paged[R]) -> int:
        """Return how many pages stand before one that was taken."""
        return cast("int", action.page) - self._first

    def is_beyond(self, place: int) -> bool:
        """Tell whether a page with so many before it stands behind the last one."""
        return self._end is not None and self._first + place > self._end

    def give(self, page: Page[R]) -> bool:
        """Take the answer for a page that was asked for; tell whether its rows belong to the listing.

        Raises:
            PagingError: The server sent the first page again for another number: it does not page. The page counts as
                one that was not given yet, so `stop` is still to be called.
        """
        number, items = page.number, page.rows  # a page's own methods are calls
        is_new = items and not self._repeats(number, items)
        self._in_flight.discard(number)
        if not is_new:
            self._end = number - 1 if self._end is None else min(self._end, number - 1)
            return False
        rows = len(items)
        longest = self._sizes.learn(self._action, rows)
        if rows < min(longest, self._amount) and self._newest == number:
            self._end = number if self._end is None else min(self._end, number)
        elif self._end is not None and number > self._end:
            self._end = None  # the short page in front of this one was not the last one after all
        if rows >= self._amount or (rows == longest and number > self._first):  # first ones may be equal by chance
            self.full_pages += 1
            if self.full_pages >= self._window:
                self._window = min(self._look_ahead, _GROWTH * self._window)
        return True

    def stop(self, action: Paged[R]) -> None:
        """End the listing before a page that could not be had."""
        number = cast("int", action.page)
        self._in_flight.discard(number)
        self._cut = number - 1 if self._cut is None else min(self._cut, number - 1)

    def _repeats(self, number: int, rows: Sequence[R]) -> bool:
        # A length and two rows are kept of each page near the end of the walk, not the page.
        edge = (len(rows), rows[0], rows[-1])
        twin = None
        for other, its in self._edges.items():
            if its == edge and (twin is None or other < twin):
                twin = other
        if twin == self._first:
            raise PagingError(
                f"page {number} has the rows of page {twin}: the server ignores `page`", action=self._action.spec.name
            )
        self._edges[number] = edge
        self._newest = max(self._newest, number)
        if len(self._edges) > self._look_ahead + 2:
            near = self._newest - self._look_ahead
            for earlier in [each for each in self._edges if self._first < each < near]:
                del self._edges[earlier]
        if twin is None or twin < number:
            return twin is not None
        # The repeat came first: it stands behind the end, not this page.
        self._end = twin - 1 if self._end is None else min(self._end, twin - 1)
        return False


class PagedCall(Coroutine[Any, Any, Page[R]]):
    """A paged action about to be sent: awaited it is one page, iterated it is every row of every page."""

    def __init__(self, session: Session, action: Paged[R]) -> None:
        self._session = session
        self.action = action
        self._sending: Coroutine[Any, Any, Page[R]] | None = None

    def __await__(self) -> Generator[Any, Any, Page[R]]:
        return self._session.send(self.action).__await__()

    def __aiter__(self) -> AsyncIterator[R]:
        return self._rows()

    async def pages(self, *, after: int | None = None) -> AsyncIterator[Page[R]]:
        """Ask for one page after the other, from ``page`` on; at most the page in hand is in memory.

        Args:
            after: Where an earlier walk stood: the ``number`` of the last page it dealt with, 0 for none. It goes
                before ``page``. The ``amount`` has to be the same.

        Raises:
            InvalidOptionError: ``after`` is no whole number from 0. Nothing was sent.
            PagingError: The server ignores the number of the page.
            AoError: A page could not be had; those before it were given.
        """
        action = self.action if after is None else evolve(self.action, page=_behind(self.action, after))
        listing = Listing(action, self._session.page_sizes)
        while (asked := listing.take()) is not None:
            page = await self._session.send(asked)
            if listing.give(page):
                yield page

    async def _rows(self) -> AsyncIterator[R]:
        async for page in self.pages():
            for row in page:
                yield row

    # A coroutine, so that asyncio.create_task and the like take it; nothing is made before the first step.

    def send(self, value: Any) -> Any:  # Any: the protocol of coroutines
        """Run to the next suspension."""
        if self._sending is None:
            self._sending = self._session.send(self.action)
        return self._sending.send(value)

    def throw(self, error: Any, *_: Any) -> Any:  # Any: the protocol of coroutines, its older form included
        """Raise inside the call."""
        if self._sending is None:
            raise error
        return self._sending.throw(error)

    def close(self) -> None:
        """End the call without an answer."""
        if self._sending is not None:
            self._sending.close()


def _behind(action: Paged[Any], after: object) -> int:  # Any: whatever its rows are
    if isinstance(after, bool) or not isinstance(after, int) or after < 0:
        raise InvalidOptionError(
            f"expected a whole number from 0, got {after!r}", path="after", action=action.spec.name
        )
    return after + 1
