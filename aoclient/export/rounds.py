"""A new round over an export: which shards are asked for again, for whom, and what of the earlier rows stays.

The list of learners is the only answer that tells of changes without a call for each of them. It has no word about
courses, and no listing of a course has a count, a date or a tag. So ``changed`` saves calls about learners, and courses
are always listed again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from aoclient.export import bylearner
from aoclient.export.bylearner import Known, PerLearner, key_of
from aoclient.export.records import Shard, ShardRecord, Stays, form_of

if TYPE_CHECKING:
    from aoclient.export.jobs import Job
    from aoclient.export.records import Header, Refresh
    from aoclient.session import Session


@frozen
class Earlier:
    """A shard of the round before.

    Attributes:
        shard: As it was planned.
        record: What is committed of it, in that round or before.
    """

    shard: Shard
    record: ShardRecord | None

    @property
    def is_whole(self) -> bool:
        """Whether its rows are those of its plan."""
        return self.shard.is_whole(self.record)

    @property
    def values(self) -> set[str]:
        """Values of the scope it may have rows of."""
        return {*self.shard.marks, *(() if self.is_whole else self.shard.dropped)}


@frozen
class Round:
    """A round in the making.

    Attributes:
        number: From 2.
        changed_only: Ask only for learners whose marks changed.
        upsert: Earlier rows whose key does not come again stay.
        earlier: The shards of the round before, by key.
    """

    number: int
    changed_only: bool
    upsert: bool
    earlier: Mapping[str, Earlier]

    async def shards(self, job: Job, ao: Session) -> list[Shard]:
        """Return the shards of a job, in the order of their numbers; those it had before keep theirs.

        Raises:
            AoError: They could not be found out.
        """
        planned = self._of_learners(job, ao) if isinstance(job, PerLearner) else self._of_parts(job, ao)
        shards = {shard.key: shard async for shard in planned}
        if self.upsert:
            kept = [self._left_alone(each) for each in self.earlier.values() if each.record is not None]
            shards = {shard.key: shard for shard in kept} | shards
        return sorted(shards.values(), key=lambda shard: shard.number)

    def gone(self, shards: Collection[Shard]) -> Iterator[Shard]:
        """Give the shards of the round before that are not among these."""
        keys = {shard.key for shard in shards}
        yield from (each.shard for key, each in self.earlier.items() if key not in keys)

    def _left_alone(self, earlier: Earlier) -> Shard:
        shard = earlier.shard
        marks = shard.marks if earlier.is_whole else dict.fromkeys(sorted(earlier.values), "")
        return Shard(shard.job, shard.number, shard.key, (), marks, Stays.UNTIL_KEY, (), self.number)

    @property
    def _first_new(self) -> int:
        return 1 + max((each.shard.number for each in self.earlier.values()), default=0)

    # --- jobs whose shards are asked for as a whole ---

    async def _of_parts(self, job: Job, ao: Session) -> AsyncIterator[Shard]:
        new = self._first_new
        async for part in job.shards(ao):
            earlier = self.earlier.get(part.key)
            number = new if earlier is None else earlier.shard.number
            new += earlier is None
            query = tuple(map(form_of, part.actions))
            yield self._asked(job, number, part.key, query, part.marks, earlier)

    def _asked(  # noqa: PLR0917  # what a shard is made of
        self,
        job: Job,
        number: int,
        key: str,
        query: tuple[str, ...],
        marks: Mapping[str, str],
        earlier: Earlier | None,
    ) -> Shard:
        """Return a shard that is asked for as a whole."""
        values: set[str] = set() if earlier is None else earlier.values
        if self.upsert and earlier is not None and earlier.record is not None:
            marks = dict.fromkeys(sorted(values), "") | dict(marks)  # who is gone has rows still
            return Shard(job.name, number, key, query, marks, Stays.UNTIL_KEY, (), self.number)
        dropped = tuple(sorted({*values, *marks}))
        return Shard(job.name, number, key, query, marks, Stays.NOTHING, dropped, self.number)

    # --- jobs that ask for learners: who is in a shard stays in it, who is new comes to the last one ---

    async def _of_learners(self, job: PerLearner, ao: Session) -> AsyncIterator[Shard]:
        place = {email: each for each in self.earlier.values() for email in each.shard.marks}
        groups: dict[str, dict[str, Known]] = {}
        newcomers: dict[str, Known] = {}
        async for known in job.known(ao):
            earlier = place.get(known.email)
            group = newcomers if earlier is None else groups.setdefault(earlier.shard.key, {})
            group[known.email] = known
        new = self._first_new
        last = max(groups, key=lambda key: self.earlier[key].shard.number, default=None)
        coming = list(newcomers.values())
        if last is not None:
            room = max(0, bylearner.LEARNERS_PER_SHARD - len(groups[last]))
            groups[last] |= {each.email: each for each in coming[:room]}
            coming = coming[room:]
        for key, group in groups.items():
            yield self._of_group(job, self.earlier[key], group)
        for at in range(0, len(coming), bylearner.LEARNERS_PER_SHARD):
            some = coming[at : at + bylearner.LEARNERS_PER_SHARD]
            query = tuple(map(form_of, job.calls(some)))
            yield self._asked(job, new, key_of(new), query, {each.email: each.mark for each in some}, None)
            new += 1

    def _of_group(self, job: PerLearner, earlier: Earlier, group: Mapping[str, Known]) -> Shard:
        marks = {each.email: each.mark for each in group.values()}
        before = earlier.shard
        asked = [each for each in group.values() if not self._is_unchanged(each, earlier)]
        query = tuple(map(form_of, job.calls(asked))) if asked else ()
        if self.upsert or len(asked) == len(group):
            return self._asked(job, before.number, before.key, query, marks, earlier)
        gone = earlier.values - marks.keys()
        dropped = tuple(sorted({*gone, *(each.email for each in asked)}))
        return Shard(job.name, before.number, before.key, query, marks, Stays.OTHERS, dropped, self.number)

    def _is_unchanged(self, known: Known, earlier: Earlier) -> bool:
        is_told = self.changed_only and earlier.is_whole and bool(known.mark)
        return is_told and earlier.shard.marks.get(known.email) == known.mark


def round_of(
    header: Header, shards: Iterable[Shard], records: Mapping[str, ShardRecord], refresh: Refresh, *, upsert: bool
) -> Round:
    """Return the round that comes after what a ledger has of a job."""
    earlier = {shard.key: Earlier(shard, records.get(shard.key)) for shard in shards}
    return Round(header.round + 1, refresh == "changed", upsert, earlier)
