"""A source for dlt, extra ``dlt``: an academy as tables of a warehouse.

from aoclient.contrib.dlt import academyocean

dlt.pipeline("academy", destination="duckdb", dataset_name="lms").run(academyocean())
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from anyio.from_thread import start_blocking_portal
from attrs import evolve

from aoclient.agenda import Failed
from aoclient.errors import ConfigurationError, MissingExtraError
from aoclient.export import (
    CertificatesJob,
    CoursesJob,
    Job,
    Kind,
    LearnersJob,
    ProgressByCourseJob,
    QuizStatisticsJob,
    TeamsJob,
)
from aoclient.session import Session

try:
    import dlt
except ImportError:  # pragma: no cover  # tested in a process of its own
    raise MissingExtraError("dlt is not installed: pip install 'aoclient[dlt]'") from None

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Generator,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from anyio.from_thread import BlockingPortal
    from dlt.extract import DltResource, DltSource

    from aoclient.action import Action
    from aoclient.fanout import Outcomes

    _Rows: TypeAlias = list[dict[str, Any]]  # Any: values by the types of the columns

__all__ = ["JOBS", "academyocean"]

JOBS: Sequence[Job] = (
    LearnersJob(),
    CoursesJob(),
    TeamsJob(),
    CertificatesJob(),
    ProgressByCourseJob(),
    QuizStatisticsJob(),
)
"""What is loaded when nothing else is asked for."""

_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: "text",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double",
    Kind.FLAG: "bool",
    Kind.TIMESTAMP: "timestamp",
    Kind.DURATION: "bigint",
    Kind.JSON: "json",
}


def academyocean(
    jobs: Iterable[Job] = JOBS,
    *,
    open_session: Callable[[], Session] = Session.from_env,
    new_learners_only: bool = False,
    concurrency: int | None = None,
) -> DltSource:
    """Return a source with one resource for each job, named after it.

    Rows are merged: a row that is loaded again replaces itself. A row that the academy no longer has stays. The
    columns are those of an `export`, with durations in seconds; lists and maps are columns of type json.

    Resources that are extracted together share one session, so one token and one rate. Each sends its calls in
    parallel. Certificates and quiz statistics take a call or more for each learner: choose with
    ``source.with_resources("learners", "courses")`` where that is too much.

    Args:
        jobs: What to load, as for an `export`; an `ActionJob` has no key, so its table is replaced.
        open_session: Makes the session, which is closed at the end of the extraction.
        new_learners_only: Load only learners who registered since the last run. What changes later in those that are
            loaded, their score for example, is then not seen.
        concurrency: Calls of one resource on their way at once; ``max_concurrency`` of the session by default.

    Raises:
        ConfigurationError: Two jobs have the same name; or ``new_learners_only`` goes with a `LearnersJob` that adds
            academies or teams.
    """
    chosen = list(jobs)
    if len({job.name for job in chosen}) < len(chosen):
        raise ConfigurationError(f"each job needs a name of its own, got {', '.join(job.name for job in chosen)}")
    shared = _Shared(open_session, concurrency)
    readers: list[tuple[Job, Callable[..., Iterator[_Rows]]]] = []
    for job in chosen:
        if new_learners_only and isinstance(job, LearnersJob):
            evolve(job, since=date.min)  # it refuses what goes with no moment now, and not in the second run
            readers.append((job, _what_is_new(shared, job)))
        else:
            readers.append((job, _everything(shared, job)))

    def resources() -> list[DltResource]:
        return [_resource(job, read) for job, read in readers]

    return dlt.source(resources, name="academyocean", max_table_nesting=0)()


def _everything(shared: _Shared, job: Job) -> Callable[[], Iterator[_Rows]]:
    def rows() -> Iterator[_Rows]:
        yield from shared.rows(job)

    return rows


def _what_is_new(shared: _Shared, job: LearnersJob) -> Callable[..., Iterator[_Rows]]:
    def rows(
        registered: dlt.sources.incremental[datetime] = dlt.sources.incremental(  # noqa: B008  # how dlt wants it
            "registered_at", on_cursor_value_missing="include"
        ),
    ) -> Iterator[_Rows]:
        yield from shared.rows(job if registered.last_value is None else evolve(job, since=registered.last_value))

    return rows


def _resource(job: Job, read: Callable[..., Iterator[_Rows]]) -> DltResource:
    columns = {column.name: {"data_type": _TYPES[column.kind]} for column in job.table.columns}
    hints = {"primary_key" if job.is_row_per_key else "merge_key": job.key} if job.key else {}
    disposition = "merge" if hints else "replace"
    made: Any = dlt.resource(read, name=job.name, write_disposition=disposition, columns=columns, **hints)  # type: ignore[call-overload]  # hints by name
    return cast("DltResource", made)


class _Shared:
    """A session on an event loop in a thread, open as long as a resource reads.

    dlt steps through its resources from threads of its own, and through an async one with a new task each time, which
    no task group survives. So the calls run here, and dlt gets plain generators.
    """

    def __init__(self, open_session: Callable[[], Session], concurrency: int | None) -> None:
        self._open_session = open_session
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self._readers = 0
        self._stack = ExitStack()
        self._opened: tuple[BlockingPortal, Session] | None = None

    def rows(self, job: Job) -> Iterator[_Rows]:
        """Give the rows of a job, in a list for each answer that has any.

        Raises:
            AoError: An answer cannot be had.
        """
        names = job.table.names
        with self._open() as (portal, ao):
            todo: AsyncIterator[Action[Any]] | list[Action[Any]] | None = _actions_of(job, ao)
            while todo:
                smaller: list[Action[Any]] = []
                with portal.wrap_async_context_manager(self._reading(ao, todo)) as outcomes:
                    while (page := portal.call(_next, outcomes, job, smaller)) is not None:
                        if page:
                            yield [dict(zip(names, row, strict=True)) for row in page]
                todo = smaller

    @asynccontextmanager
    async def _reading(
        self, ao: Session, todo: Iterable[Action[Any]] | AsyncIterator[Action[Any]]
    ) -> AsyncGenerator[Outcomes[Any], None]:
        async with ao.fan_out(todo, concurrency=self._concurrency, retry_failed=1) as outcomes:
            yield outcomes

    @contextmanager
    def _open(self) -> Generator[tuple[BlockingPortal, Session], None, None]:
        with self._lock:
            if self._opened is None:
                with ExitStack() as stack:
                    portal = stack.enter_context(start_blocking_portal())
                    ao = stack.enter_context(portal.wrap_async_context_manager(portal.call(self._open_session)))
                    self._stack = stack.pop_all()
                self._opened = portal, ao
            opened = self._opened
            self._readers += 1
        try:
            yield opened
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    self._opened = None
                    self._stack.close()


async def _actions_of(job: Job, ao: Session) -> AsyncIterator[Action[Any]]:
    async for part in job.shards(ao):
        for action in part.actions:
            yield action


async def _next(outcomes: Outcomes[Any], job: Job, smaller: list[Action[Any]]) -> list[tuple[Any, ...]] | None:
    """Return the rows of the next answer; None when there is no other."""
    async for outcome in outcomes:
        if not isinstance(outcome, Failed):
            return job.table.rows(outcome.action, outcome.answer)
        instead = job.smaller(outcome.action, outcome.error)
        if not instead:
            raise outcome.error
        smaller += instead
    return None
