"""What can be exported: jobs as values. Each lists its shards, and has the table its answers become."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import asdict, field, frozen

from aoclient import actions, forms, wire
from aoclient.action import Action, Effect, Paged
from aoclient.errors import AoError, ConfigurationError
from aoclient.export.columns import Table, table_of
from aoclient.export.records import form_of
from aoclient.export.windows import everybody_since, windows_of
from aoclient.forms import MAX_PAIRS
from aoclient.model import Id
from aoclient.splitting import split

if TYPE_CHECKING:
    from aoclient.session import Session


@frozen
class Part:
    """A shard to be.

    Attributes:
        key: What it holds, unique in the job.
        actions: What is sent for it.
        marks: The values its rows have in the column ``scope`` of the job, each with its mark: a text that changes
            when rows of that value may have.
    """

    key: str
    actions: Sequence[Action[Any]]  # Any: whatever they answer
    marks: Mapping[str, str] = field(factory=dict[str, str])


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def texts_of(given: Iterable[Id] | None) -> tuple[str, ...] | None:
    """Return a list as texts; None stays None.

    Raises:
        ConfigurationError: It is a text itself.
    """
    if isinstance(given, str):
        raise ConfigurationError(f"expected a list of texts, got the text {given!r}")
    return None if given is None else tuple(map(str, given))


@frozen(kw_only=True)
class Job(ABC):
    """Something to be exported; the subclasses say what.

    Attributes:
        sends: The action that is sent, or one with the same answer.
        added: Options of the action that become columns in front.
        key: Columns that tell what a row is about, in whatever export; empty where none do.
        is_row_per_key: Whether there is one row of each key; else all rows of a key belong together.
        scope: The column by which rows belong to a shard; None where all are in one.
    """

    sends: ClassVar[type[Action[Any]]]  # Any: whatever it answers
    added: ClassVar[tuple[str, ...]] = ()
    key: ClassVar[tuple[str, ...]] = ()
    is_row_per_key: ClassVar[bool] = True
    scope: ClassVar[str | None] = None

    @property
    def name(self) -> str:
        """Name of the job: its folder, or its table in a database."""
        return _snake(type(self).__name__.removesuffix("Job"))

    @property
    def table(self) -> Table:
        """The columns, and how answers become rows."""
        return table_of(self.sends, self.added, key=self.key, scope=self.scope)

    @property
    def is_listing(self) -> bool:
        """Whether its shards are listings, whose number of calls shows only when they come to their end."""
        return issubclass(self.sends, Paged)

    @property
    def given(self) -> str:
        """What the job was made with, as a hash: an export goes on only where it is the same."""
        return hashlib.sha256(repr(sorted(asdict(self, recurse=False).items())).encode()).hexdigest()

    @abstractmethod
    def shards(self, ao: Session) -> AsyncIterator[Part]:
        """List the shards; may send actions to find out.

        Raises:
            AoError: They could not be found out.
        """

    def smaller(self, action: Action[Any], error: AoError) -> Sequence[Action[Any]]:  # Any: whatever it answers
        """Return actions that bring together what one does whose answer was too big; none where there are none."""
        del action, error
        return ()


# --- lists of the academy ----------------------------------------------------------------------------------------


@frozen(kw_only=True)
class CoursesJob(Job):
    """All courses and groups: one call."""

    sends = actions.Courses
    key = ("id",)

    async def shards(self, ao: Session) -> AsyncIterator[Part]:  # noqa: ARG002  # nothing is to be found out
        """List the one shard."""
        yield Part("all", [actions.Courses()])


@frozen(kw_only=True)
class TeamsJob(Job):
    """All teams with the courses each can take: one call."""

    sends = actions.GetTeams
    key = ("id",)

    async def shards(self, ao: Session) -> AsyncIterator[Part]:  # noqa: ARG002  # nothing is to be found out
        """List the one shard."""
        yield Part("all", [actions.GetTeams(records=actions.TeamRecords.COURSE)])


@frozen(kw_only=True)
class LearnersJob(Job):
    """All learners: one call, and where its answer is too big one for each window of registration dates.

    Args:
        since: Only who registered at this moment or later; nobody's later changes are seen by it.
        with_academy: Add the academy of each learner; the answer then cannot be cut into windows.
        with_teams: Add the teams of each learner; the answer then cannot be cut into windows.

    Raises:
        ConfigurationError: ``since`` goes with neither of the others: the vendor adds nothing to such a list.
    """

    sends = actions.Learners
    key = ("email",)

    since: date | None = None
    with_academy: bool | None = None
    with_teams: bool | None = None

    def __attrs_post_init__(self) -> None:
        if self.since is not None and (self.with_academy or self.with_teams):
            raise ConfigurationError("LearnersJob(since=...) goes with neither with_academy nor with_teams")

    async def shards(self, ao: Session) -> AsyncIterator[Part]:  # noqa: ARG002  # nothing is to be found out
        """List the one shard."""
        if self.since is not None:
            yield Part("all", [everybody_since(self.since)])
        else:
            yield Part("all", [actions.Learners(with_academy=self.with_academy, with_teams=self.with_teams)])

    def smaller(self, action: Action[Any], error: AoError) -> Sequence[Action[Any]]:  # Any: whatever it answers
        """Return windows of registration dates, or the halves of one."""
        return () if self.with_academy or self.with_teams else windows_of(action, error)


# --- one call or listing for each course -------------------------------------------------------------------------


@frozen(kw_only=True)
class ProgressByCourseJob(Job):
    """The progress of all learners in each course, page by page: a shard for each course.

    Args:
        courses: Ids of courses; all courses of the academy when None.
        show_not_started_learners: Also list learners who did not start.
    """

    sends = actions.LearnersProgressByCourse
    added = ("course_id",)
    key = ("course_id", "email")
    scope = "course_id"

    courses: Sequence[Id] | None = field(default=None, converter=texts_of)
    show_not_started_learners: bool | None = None

    async def shards(self, ao: Session) -> AsyncIterator[Part]:
        """List a shard for each course."""
        courses = [course.id for course in await ao.courses()] if self.courses is None else self.courses
        for course in dict.fromkeys(map(str, courses)):
            if self.courses is None and not course.strip():
                continue  # an answer may hold one without an id
            progress = actions.LearnersProgressByCourse(
                course_id=course, show_not_started_learners=self.show_not_started_learners
            )
            yield Part(f"course/{course}", [progress], {course: ""})


# --- anything else that reads ------------------------------------------------------------------------------------


@frozen
class ActionJob(Job):
    """The answer of one action that reads, whichever it is.

    Args:
        action: The action; one whose page is left out is walked to its end.
        name: Name of the job; the vendor's name in snake_case when None.

    Raises:
        ConfigurationError: The action does more than read, or the name is no name.
    """

    action: Action[Any]  # Any: whatever it answers
    called: str | None = field(default=None, alias="name", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.action.effect is not Effect.READS:
            raise ConfigurationError(f"{self.action.spec.name} does more than read; it cannot be exported")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ConfigurationError(f"a job is named with a-z, 0-9 and _, got {self.name!r}")

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.called or _snake(self.action.spec.name)

    @property
    def table(self) -> Table:
        """The columns, and how answers become rows."""
        return table_of(type(self.action))

    @property
    def is_listing(self) -> bool:
        """Whether the action lists pages, and none was named."""
        return issubclass(type(self.action), Paged) and getattr(self.action, "page", None) is None

    @property
    def given(self) -> str:
        """The form of the action."""
        return form_of(self.action)

    async def shards(self, ao: Session) -> AsyncIterator[Part]:  # noqa: ARG002  # nothing is to be found out
        """List the one shard."""
        fits = forms.count(wire.tree(self.action)) <= MAX_PAIRS or not self.action.spec.split
        yield Part("all", [self.action] if fits else split(self.action, MAX_PAIRS))

    def smaller(self, action: Action[Any], error: AoError) -> Sequence[Action[Any]]:  # Any: whatever it answers
        """Return the halves of a window of registration dates."""
        return windows_of(action, error) if isinstance(action, actions.LearnersRegisteredAt) else ()
