"""What a fan-out does next: actions of a lazy source, pages of listings, parts of split actions. State only, no I/O.

Work is handed out so that all workers are busy to the end and memory stays flat: what was begun goes on first (the next
page of a listing that has none on its way, a part, a repeat), then a new action is begun, and pages ahead of the
present one are asked for only when there is nothing else to do. Of the listings that could have a page ahead the one
with most pages so far has it: it is likely the longest, and nothing is over before that one is.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Generic, TypeAlias, TypeVar, cast

from attrs import define, field, frozen

from aoclient.action import Action, Effect, Page, Paged
from aoclient.errors import AoError, ConfigurationError, Outcome
from aoclient.paging import Listing, PageSizes
from aoclient.splitting import split

T = TypeVar("T")


@frozen(slots=False)  # with slots it takes twice as long to make, and there is one for each item
class Done(Generic[T]):
    """An action and its answer.

    Attributes:
        action: The action, the page of it or the part of it that was asked for.
        answer: What it answered.
        source: The action of ``todo`` it belongs to: the listing of a page, the whole of a part, else the action.
    """

    action: Action[T]
    answer: T
    source: Action[T] | None = field(default=None, eq=False, repr=False)


@frozen
class Failed(Generic[T]):
    """An action and why it has no answer.

    Attributes:
        action: The action, the page of it or the part of it that was asked for.
        error: What came instead.
        source: The action of ``todo`` it belongs to: the listing of a page, the whole of a part, else the action.
    """

    action: Action[T]
    error: AoError
    source: Action[T] | None = field(default=None, eq=False, repr=False)


@frozen
class Over(Generic[T]):
    """Nothing more comes of an action of ``todo``: all its pages or parts were given.

    Attributes:
        source: The action.
    """

    source: Action[T]


Result: TypeAlias = Done[T] | Failed[T]


@define(eq=False)
class Entry(Generic[T]):
    """One action of the source: what is left to ask of it, and results that wait for earlier ones.

    Attributes:
        source: The action.
        number: How many were begun before it.
        listing: Set where the action is walked page by page; ``todo`` then holds repeats only.
        todo: Jobs that may be sent at any time.
        in_flight: Number of jobs on their way.
        place: Place of the next result to be given out.
        held: Results that came before those in front of them, by place; None is a page outside of the listing.
        is_cut: A page failed, so nothing behind it is given out: its rows would stand behind a hole.
        is_finished: It was seen to be over.
    """

    source: Action[T]
    number: int = 0
    listing: Listing[Any] | None = None  # Any: rows are only counted
    todo: deque[Job[T]] | None = None  # most need none, and it takes longer to make than all the rest
    in_flight: int = 0
    place: int = 0
    held: dict[int, Result[T] | None] | None = None
    is_cut: bool = False
    is_finished: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to ask and nothing is waited for."""
        if self.listing is not None and self.listing.is_over:
            return True  # pages behind its end may be on their way
        return not self.todo and not self.in_flight and (self.listing is None or self.is_cut)

    @property
    def has_repeat(self) -> bool:
        """Whether its next job was done before and failed."""
        return self.todo is not None and len(self.todo) > 0 and self.todo[0].repeats > 0

    def put_back(self, job: Job[T]) -> None:
        """Have a job done again."""
        if self.todo is None:
            self.todo = deque()
        self.todo.append(job)


@define(eq=False)
class Job(Generic[T]):
    """One request to be made.

    Attributes:
        action: What to send.
        entry: The action of the source it belongs to.
        place: Among the pages or parts of its entry.
        repeats: How often it was put back after a failure.
    """

    action: Action[T]
    entry: Entry[T]
    place: int = 0
    repeats: int = 0


class Agenda(Generic[T]):
    """Hands out jobs and takes their results.

    Attributes:
        ready: Results to be given out, in order.
        tells_ends: Whether an `Over` follows the last result of each action; set before the first action is begun.
        in_flight: Number of jobs on their way.
    """

    def __init__(
        self, *, concurrency: int, max_pairs: int, sizes: PageSizes, ordered: bool, look_ahead: int, retry_failed: int
    ) -> None:
        self.ready: deque[Result[T] | Over[T]] = deque()
        self.tells_ends = False
        self._max_pairs = max_pairs
        self._sizes = sizes
        self._ordered = ordered
        self._look_ahead = look_ahead
        self._retry_failed = retry_failed
        self._most = concurrency * (4 if ordered else 2)
        self._due: dict[int, Entry[T]] = {}  # by number: those with a part, a repeat or a page that waits for a worker
        self._ahead: dict[int, Entry[T]] = {}  # by number: listings with a page on its way that may ask for another
        self._queue: deque[Entry[T]] = deque()  # all that are not given out to their end; only with ordered
        self._begun = 0
        self._unfinished = 0
        self.in_flight = 0
        self._held = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of what was begun, apart from what is `ready`."""
        return not self._unfinished

    @property
    def has_room(self) -> bool:
        """Whether the results in hand and on their way allow one more; a slow reader makes them wait."""
        return self.in_flight + self._held + len(self.ready) < self._most

    def begin(self, action: Action[T]) -> Job[T] | None:
        """Begin an action of the source and return its first job; None where it cannot be sent and has failed.

        Raises:
            ConfigurationError: It is no action.
        """
        try:
            is_split = action.spec.split
        except AttributeError:  # of a call, as `asyncio.gather` takes them
            raise ConfigurationError(f"todo holds actions, like actions.Courses(), got {action!r}") from None
        entry = Entry(action, self._begun)
        self._begun += 1
        self._unfinished += 1
        if self._ordered:
            self._queue.append(entry)
        asked: Any = action  # isinstance does not tell the rows, and would hide the rest of its type
        is_listing = isinstance(asked, Paged) and asked.page is None
        if not is_listing and not is_split:
            return self._send(Job(action, entry))
        if is_listing:
            entry.listing = Listing(cast("Any", asked), self._sizes, look_ahead=self._look_ahead)
        else:
            try:
                parts = split(action, self._max_pairs)
            except AoError as error:
                self._hold(entry, 0, Failed(action, error, action))
                return None
            entry.todo = deque(Job(part, entry, place) for place, part in enumerate(parts))
            self._due[entry.number] = entry
        return self._next_job(entry)

    def take(self, *, ahead: bool = False) -> Job[T] | None:
        """Return a further job of what was begun, or None; ``ahead`` asks for pages before they are due."""
        entry = self._first(self._due) if self._due else None
        if entry is None and ahead and self._ahead:
            entry = self._first(self._ahead)
        return None if entry is None else self._next_job(entry)

    def _first(self, waiting: dict[int, Entry[T]]) -> Entry[T] | None:
        """Return who goes first."""
        if not self.has_room:  # only what others wait for: repeats, and the first entry with `ordered`
            first = self._queue[0] if self._queue else None
            return next((each for each in waiting.values() if each is first or each.has_repeat), None)
        if waiting is self._due:
            return next(iter(waiting.values()))
        return min(waiting.values(), key=_in_order if self._ordered else _deepest)

    def _next_job(self, entry: Entry[T]) -> Job[T]:
        """Return the next job of an entry that has one."""
        if entry.todo:
            job = entry.todo.popleft()
            if not entry.todo:
                del self._due[entry.number]
            return self._send(job)
        listing = cast("Listing[Any]", entry.listing)
        page = cast("Paged[Any]", listing.take())
        self._due.pop(entry.number, None)
        self._sort_in(entry, listing)
        return self._send(Job(cast("Action[T]", page), entry, listing.place_of(page)))

    def _sort_in(self, entry: Entry[T], listing: Listing[Any]) -> None:
        """Note whether the next page of a listing is due, may be asked for ahead, or neither."""
        if not listing.has_next:
            self._ahead.pop(entry.number, None)
        else:
            (self._due if listing.is_idle else self._ahead)[entry.number] = entry

    def _send(self, job: Job[T]) -> Job[T]:
        job.entry.in_flight += 1
        self.in_flight += 1
        return job

    def give(self, job: Job[T], result: Result[T]) -> None:
        """Take the result of a job."""
        entry = job.entry
        entry.in_flight -= 1
        self.in_flight -= 1
        if entry.is_finished:
            return  # a page behind the end
        if isinstance(result, Failed) and not entry.is_cut and self._may_repeat(job, result.error):
            job.repeats += 1
            entry.put_back(job)
            self._due[entry.number] = entry
        elif entry.listing is None:
            self._hold(entry, job.place, result)
        else:
            page = _of_listing(entry.listing, job, result)
            self._sort_in(entry, entry.listing)
            self._hold(entry, job.place, page)

    def _may_repeat(self, job: Job[T], error: AoError) -> bool:
        is_safe = error.outcome is Outcome.NOT_EXECUTED or job.action.effect is not Effect.ADDS
        return is_safe and error.outcome is not Outcome.REFUSED and job.repeats < self._retry_failed

    def _hold(self, entry: Entry[T], place: int, result: Result[T] | None) -> None:
        if result is not None and entry.listing is None and not self._ordered:
            self.ready.append(result)  # parts need no order where the actions have none
            if not entry.in_flight and not entry.todo:
                self._finish(entry)
                self._tell_end(entry)
            return
        if not entry.is_cut:
            if entry.held is None:
                entry.held = {}
            entry.held[place] = result
            self._held += 1
        if self._ordered:
            self._finish(entry)
            while self._queue:
                self._give_out(self._queue[0])
                if not self._queue[0].is_over:
                    break
                self._tell_end(self._queue.popleft())
        else:
            self._give_out(entry)
            if entry.is_finished:
                self._tell_end(entry)

    def _tell_end(self, entry: Entry[T]) -> None:
        if self.tells_ends:
            self.ready.append(Over(entry.source))

    def _give_out(self, entry: Entry[T]) -> None:
        """Make `ready` what stands next in its entry."""
        while entry.held and entry.place in entry.held:
            place = entry.place
            result = entry.held.pop(place)
            entry.place = place + 1
            self._held -= 1
            if result is not None and not (entry.listing is not None and entry.listing.is_beyond(place)):
                self.ready.append(result)
                if entry.listing is not None and isinstance(result, Failed):
                    entry.is_cut = True
                    self._held -= len(entry.held)
                    entry.held = entry.todo = None
                    self._due.pop(entry.number, None)
        self._finish(entry)

    def _finish(self, entry: Entry[T]) -> None:
        if entry.is_finished or not entry.is_over:
            return
        entry.is_finished = True
        self._unfinished -= 1
        if entry.listing is not None:
            self._drop_behind_end(entry, entry.listing)

    def _drop_behind_end(self, entry: Entry[T], listing: Listing[Any]) -> None:
        """Forget what came of pages behind the end, and repeats of those that failed."""
        for place in [each for each in entry.held or () if listing.is_beyond(each)]:
            del cast("dict[int, Any]", entry.held)[place]
            self._held -= 1
        entry.todo = None
        self._due.pop(entry.number, None)


def _of_listing(listing: Listing[Any], job: Job[T], result: Result[T]) -> Result[T] | None:
    page = cast("Paged[Any]", job.action)
    if isinstance(result, Failed):
        listing.stop(page)
        return result
    try:
        return result if listing.give(cast("Page[Any]", result.answer)) else None
    except AoError as error:
        listing.stop(page)
        return Failed(job.action, error, job.entry.source)


def _in_order(entry: Entry[Any]) -> int:  # Any: answers are not looked at
    return entry.number


def _deepest(entry: Entry[Any]) -> tuple[int, int]:  # Any: answers are not looked at
    return -cast("Listing[Any]", entry.listing).full_pages, entry.number
