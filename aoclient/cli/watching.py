"""An export as it is watched: bars where stderr is a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aoclient.cli.counted import Counted
from aoclient.cli.text import shown
from aoclient.export import Committed, Event, FailedShard, Job, PageWritten, Planned, Waiting

EVERY = 10.0
"""Seconds between two lines."""

_PAGE = 100  # rows of a page, until one was longer
_BAR = 30
_HOUR, _MINUTE = 3600, 60


@define(eq=False)
class _Counts:
    """What is known of one job.

    Attributes:
        is_listing: Its number of calls shows only at the end.
        shards: All of them, None before they are listed.
        committed: Those in the output, of earlier runs too.
        calls: Known to be needed, for shards that were not committed before.
        pages: Answers and pages that were written.
        begun_done: Pages of shards that this run committed.
        ended: Shards that this run committed or gave up.
    """

    is_listing: bool
    shards: int | None = None
    committed: int = 0
    failed: int = 0
    calls: int = 0
    pages: int = 0
    rows: int = 0
    ended: int = 0
    pages_of: dict[str, int] = field(factory=dict[str, int])
    pages_of_ended: int = 0


@define(eq=False)
class Tally:
    """What the events of an export told so far.

    Attributes:
        jobs: Counts by name.
        began: When the export began, on the clock.
        held_until: When calls go on that wait for the rate limit, on the clock.
    """

    jobs: dict[str, _Counts]
    counted: Counted
    clock: Callable[[], float]
    began: float
    held_until: float = -math.inf
    learners: int | None = None
    page_size: int = _PAGE

    @classmethod
    def of(cls, jobs: Sequence[Job], counted: Counted, clock: Callable[[], float]) -> Tally:
        """Return an empty tally for jobs."""
        return cls({job.name: _Counts(job.is_listing) for job in jobs}, counted, clock, clock())

    def take(self, event: Event) -> None:
        """Take an event."""
        match event:
            case Planned():
                counts = self.jobs[event.job]
                counts.shards, counts.committed, counts.calls = event.shards, event.committed, event.calls
            case PageWritten():
                counts = self.jobs[event.job]
                counts.pages += 1
                counts.rows += event.rows
                counts.pages_of[event.key] = counts.pages_of.get(event.key, 0) + 1
                if counts.is_listing:
                    self.page_size = max(self.page_size, event.rows)
            case Committed():
                counts = self.jobs[event.record.job]
                counts.committed += 1
                counts.ended += 1
                counts.pages_of_ended += counts.pages_of.pop(event.record.key, 0)
                if event.record.job == "learners":
                    self.learners = event.record.rows
            case Waiting():
                self.held_until = self.clock() + event.seconds
            case FailedShard(key=""):
                self.jobs[event.job].shards = self.jobs[event.job].shards or 0
            case FailedShard():
                counts = self.jobs[event.job]
                counts.failed += 1
                counts.ended += 1
                counts.pages_of_ended += counts.pages_of.pop(event.key, 0)
            case _:
                pass

    # --- in numbers ---

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self.began

    @property
    def rows(self) -> int:
        """Rows that were written."""
        return sum(each.rows for each in self.jobs.values())

    def needed(self, counts: _Counts) -> float | None:
        """Return how many calls this run makes for a job in all, None while nobody can know."""
        if counts.shards is None:
            return None
        if not counts.is_listing:
            return max(counts.calls, counts.pages)
        if counts.ended:
            return max(counts.pages, counts.calls * counts.pages_of_ended / counts.ended)
        if self.learners is not None:
            return max(counts.pages, counts.calls * math.ceil(self.learners / self.page_size))
        return None if counts.calls else 0

    @property
    def left(self) -> float | None:
        """Seconds that are left at the pace so far, or at the limit before there is one; None while nobody knows."""
        needed = [self.needed(each) for each in self.jobs.values()]
        if None in needed:
            return None
        calls = sum(filter(None, needed)) - sum(each.pages for each in self.jobs.values())
        pace = self.counted.calls / self.seconds if self.seconds > 1 else self.limit
        return calls / pace if pace else None

    @property
    def limit(self) -> float | None:
        """Calls a second that are allowed, None where nothing says so."""
        rate = self.counted.rate
        return rate.calls / rate.per if rate else None

    # --- in words ---

    def words(self) -> str:
        """Return one line about all jobs."""
        seconds = max(self.seconds, 1e-9)
        known = [each for each in self.jobs.values() if each.shards is not None]
        done, all_of = sum(each.committed for each in known), sum(each.shards or 0 for each in known)
        failed = sum(each.failed for each in known)
        limit = f" of {self.limit:.4g} allowed" if self.limit is not None else ""
        left = self.left
        parts = [
            f"{done}/{all_of} shards",
            f"{failed} failed" if failed else "",
            f"{self.rows} rows, {self.rows / seconds:.0f} rows/s",
            f"{self.counted.calls} calls, {self.counted.calls / seconds:.3g}{limit} calls/s",
            "" if left is None or done == all_of else f"{duration(left)} left",
            self.waits(),
        ]
        return "; ".join(filter(None, parts))

    def waits(self) -> str:
        """Return how long no call goes because of the rate limit; an empty text while calls go."""
        seconds = self.held_until - self.clock()
        if seconds <= 0:
            return ""
        until = datetime.now() + timedelta(seconds=seconds)  # noqa: DTZ005  # the clock on the wall of the reader
        return f"waiting for the rate limit until {until:%H:%M:%S}, {duration(seconds)}"

    def table(self) -> Table:
        """Return a bar for each job."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column()
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for name, each in self.jobs.items():
            if each.shards is None:
                table.add_row(name, ProgressBar(total=None, width=_BAR, animation_time=self.seconds), "planning", "")
                continue
            table.add_row(
                name,
                ProgressBar(total=1.0, completed=self._done(each), width=_BAR),
                f"{each.committed}/{each.shards} shards",
                f"{each.rows} rows" if each.rows or not each.committed else "done before",
            )
        return table

    def _done(self, counts: _Counts) -> float:
        if counts.committed == counts.shards:
            return 1.0
        before = (counts.committed + counts.failed - counts.ended) / (counts.shards or 1)
        needed = self.needed(counts)
        now = counts.pages / needed if needed else counts.ended / (counts.shards or 1)
        return min(0.99, before + (1 - before) * now)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``45 s``, ``4 min 6 s``, ``2 h 5 min``."""
    whole = math.ceil(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


@asynccontextmanager
async def watched(jobs: Sequence[Job], counted: Counted, console: Console) -> AsyncGenerator[Callable[[Event], None]]:
    """Give what takes the events of an export, and show it on a console as long as this is entered."""
    tally = Tally.of(jobs, counted, asyncio.get_running_loop().time)

    def take(event: Event) -> None:
        tally.take(event)
        if isinstance(event, FailedShard):
            name = "/".join(filter(None, (event.job, event.key)))
            console.print(f"{shown(name)}: {shown(str(event.error))}", markup=False, highlight=False, soft_wrap=True)

    if console.is_terminal:
        with Live(
            get_renderable=lambda: Group(tally.table(), Text(tally.words())), console=console, refresh_per_second=8
        ):
            yield take
        return
    speaking = asyncio.create_task(_speak(tally, console))
    try:
        yield take
    finally:
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking
        _line(tally, console)


async def _speak(tally: Tally, console: Console) -> None:
    while True:
        await asyncio.sleep(EVERY)
        _line(tally, console)


def _line(tally: Tally, console: Console) -> None:
    console.print(tally.words(), markup=False, highlight=False, soft_wrap=True)
