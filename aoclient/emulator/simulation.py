"""Days of learning: who comes, what they take, and how they do in it."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import Counter
from typing import TYPE_CHECKING

from aoclient.emulator.people import FIRST_NAMES, LAST_NAMES
from aoclient.emulator.records import Refusal
from aoclient.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aoclient.emulator.academy import Emulator
    from aoclient.emulator.catalogue import CourseEntry
    from aoclient.emulator.people import Person
    from aoclient.emulator.pupil import Pupil
    from aoclient.emulator.standing import Step
    from aoclient.webhooks import Event

DAY = 86_400
_HOUR = 3_600

# People come between 7 and 17 o'clock, do a few things and come back at most once, so that nothing is cut by midnight.
_OPENS, _CLOSES = 7 * _HOUR, 17 * _HOUR
_MOST_IN_A_VISIT = 6

_NEW = 0.1
_NEW_WITH_TEAM = 0.5
_NEW_GETS_TEAM = 0.6
_GOES_ON = 0.7  # with a course that was started before, where there is one
_PASSES = 0.7
_COMES_BACK = 0.3


async def play(emulator: Emulator, *, learners: int, days: int, seed: int, takes: float) -> dict[str, int]:
    """Play days of learning; see `Emulator.simulate`."""
    world = emulator.world
    if world.calendar.is_played:
        raise ConfigurationError("days are being played already")
    happened: Counter[str] = Counter()

    def count(event: Event) -> None:
        happened[event.event] += 1

    rng = random.Random(f"{seed}/days")  # noqa: S311  # reproducible on purpose
    world.announcer.listeners.append(count)
    try:
        with world.calendar.played() as set_to:
            first = (world.now // DAY + 1) * DAY
            pace = takes / max(1, days * DAY)
            for begins in range(first, first + days * DAY, DAY):
                visits = _Visits(emulator, rng).of_a_day(learners)
                await _play_day(visits, begins, pace, set_to)
    finally:
        world.announcer.listeners.remove(count)
    return dict(happened)


async def _play_day(
    visits: list[tuple[int, Iterator[int]]], begins: int, pace: float, set_to: Callable[[int], None]
) -> None:
    """Let all visits of a day happen, the earliest next thing first."""
    coming = [(begins + after, order, visit) for order, (after, visit) in enumerate(visits)]
    heapq.heapify(coming)
    now = begins
    while coming:
        moment, order, visit = heapq.heappop(coming)
        await asyncio.sleep((moment - now) * pace)  # 0 too: deliveries and calls get their turn
        now = moment
        set_to(now)
        try:
            pause = next(visit, None)
        except Refusal:  # somebody deleted or blocked the learner meanwhile
            continue
        if pause is not None:
            heapq.heappush(coming, (now + pause, order, visit))
    await asyncio.sleep((begins + DAY - now) * pace)
    set_to(begins + DAY)


class _Visits:
    """What people do in the academy on one day. A visit is an iterator: it acts, then gives the seconds to wait."""

    def __init__(self, emulator: Emulator, rng: random.Random) -> None:
        self._emulator = emulator
        self._world = emulator.world
        self._rng = rng

    def of_a_day(self, learners: int) -> list[tuple[int, Iterator[int]]]:
        """Return the visits of a day, each with the seconds after midnight it begins."""
        rng = self._rng
        new = sum(rng.random() < _NEW for _ in range(learners))
        visits = [self._known(pupil) for pupil in self._some(learners - new)]
        visits += [self._new() for _ in range(new)]
        return [(rng.randrange(_OPENS, _CLOSES), visit) for visit in visits]

    def _some(self, amount: int) -> list[Pupil]:
        """Return learners drawn at random; fewer where there are not as many."""
        world = self._world
        numbers = self._rng.sample(range(1, world.last_number + 1), min(world.last_number, 3 * amount))
        found: list[Pupil] = []
        for number in numbers:
            if len(found) == amount:
                break
            if world.has(number) and number not in world.blocked:
                person = world.learner(number)
                if person.registered_at <= world.now:
                    found.append(self._emulator.learner(person.email))
        return found

    def _new(self) -> Iterator[int]:
        rng, teams = self._rng, self._world.catalogue.teams
        team = rng.choice(teams).id if teams else None
        has_team = team is not None and rng.random() < _NEW_WITH_TEAM
        pupil = self._emulator.sign_up(
            f"newcomer{self._world.last_number + 1}@example.com",
            first_name=rng.choice(FIRST_NAMES),
            last_name=rng.choice(LAST_NAMES),
            teams=[team] if has_team and team is not None else [],
        )
        yield rng.randint(10, 120)
        if team is not None and not has_team and rng.random() < _NEW_GETS_TEAM:
            pupil.join(team)
            yield rng.randint(10, 600)
        yield from self._known(pupil)

    def _known(self, pupil: Pupil) -> Iterator[int]:
        yield from self._visit(pupil)
        if self._rng.random() < _COMES_BACK:
            yield self._rng.randint(_HOUR, 4 * _HOUR)
            yield from self._visit(pupil)

    def _visit(self, pupil: Pupil) -> Iterator[int]:
        pupil.log_in()
        yield self._rng.randint(5, 60)
        for _ in range(self._rng.randint(1, _MOST_IN_A_VISIT)):
            course = self._choose(pupil)
            if course is None:
                return
            yield from self._take_next(pupil, course)

    def _choose(self, pupil: Pupil) -> CourseEntry | None:
        """Return a course to go on with or to begin, or None when nothing is left."""
        learner = pupil.person
        standings = {each.course.number: each for each in self._world.standings(learner)}
        begun = [
            each.course
            for each in standings.values()
            if each.completed_at is None and not self._is_stuck(learner, each.steps[-1])
        ]
        new = [each for each in self._world.catalogue.courses if each.is_published and each.number not in standings]
        if begun and (not new or self._rng.random() < _GOES_ON):
            return begun[0]
        return self._rng.choice(new) if new else None

    def _is_stuck(self, learner: Person, last: Step) -> bool:
        if not last.content.is_quiz or last.is_passed or last.ended_at is None:
            return False
        return last.attempts >= self._world.progress.allowed(learner.number, last.content)

    def _take_next(self, pupil: Pupil, course: CourseEntry) -> Iterator[int]:
        rng = self._rng
        standing = pupil.standing(course.id)
        content = course.contents[0 if standing is None else standing.passed]
        if standing is None or standing.steps[-1].ended_at is not None:
            pupil.start(content.id)
        takes = rng.randint(30, 600)
        yield takes if content.timer_minutes is None else min(takes, 60 * content.timer_minutes)
        if not content.is_quiz:
            pupil.finish(content.id)
        elif rng.random() < _PASSES:
            pupil.finish(content.id, score=rng.randint(content.passing_score, content.points))
        else:
            pupil.finish(content.id, score=rng.randrange(content.passing_score))
        yield rng.randint(5, 120)
