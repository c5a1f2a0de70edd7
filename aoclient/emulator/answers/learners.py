"""Lists of learners: all, by score, registration, country, log-ins, and those who do nothing."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

from attrs import fields

from aoclient.actions.activity import LearnerLogIns, LearnersRepeatedLogIns, PassiveLearner, PassiveLearners
from aoclient.actions.countries import (
    CountryAmount,
    CountryLearners,
    LearnersAmountFromCountries,
    LearnersFromCountry,
)
from aoclient.actions.learners import (
    Learner,
    Learners,
    LearnersRegisteredAt,
    LearnersWithScore,
    Named,
    Operator,
)
from aoclient.emulator.answers.dispatch import Turn, answer
from aoclient.emulator.people import COUNTRIES, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aoclient.emulator.world import World

_DAY = 86_400


def moment(seconds: int) -> datetime:
    """Return unix seconds as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def minute(seconds: int) -> datetime:
    """Return unix seconds as a datetime in UTC, the seconds dropped as some answers do."""
    return moment(seconds - seconds % 60)


def named_academy(world: World) -> Named:
    """Return the academy by id and name."""
    return Named(id=world.academy_id, name="Academy")


def named_teams(world: World, learner: Person) -> list[Named]:
    """Return the teams of a learner by id and name."""
    teams = world.catalogue.teams
    return [Named(id=teams[number - 1].id, name=teams[number - 1].name) for number in learner.teams]


def score(world: World, learner: Person) -> int:
    """Return what a learner passed of all contents, in percent."""
    passed = sum(each.passed for each in world.standings(learner))
    return round(100 * passed / max(1, world.catalogue.total_contents))


def summary(world: World, number: int, *, with_academy: bool | None = None, with_teams: bool | None = None) -> Learner:
    """Return a learner and what they did."""
    learner = world.learner(number)
    standings = world.standings(learner)
    passed = sum(each.passed for each in standings)
    completed = sum(each.completed_at is not None for each in standings)
    iso, country, city = (None, None, None) if learner.country is None else COUNTRIES[learner.country]
    system, device, browser = learner.system
    return Learner(
        name=learner.name,
        email=learner.email,
        registered_at=moment(learner.registered_at),
        score=round(100 * passed / max(1, world.catalogue.total_contents)),
        lessons_opened=sum(len(each.steps) for each in standings),
        lessons_completed=passed,
        courses_completed=completed,
        spent_time_in_academy=sum(each.seconds for each in standings),
        certificates_amount=completed,
        company=learner.company,
        country=country,
        country_iso_code=iso,
        city=city,
        os=system,
        device=device,
        browser=browser,
        last_login_at=None if learner.last_login_at is None else moment(learner.last_login_at),
        academy=named_academy(world) if with_academy else None,
        teams=named_teams(world, learner) if with_teams else None,
    )


@answer.register(Learners)
def _learners(action: Learners, turn: Turn) -> list[Learner]:
    world = turn.world
    numbers: Iterable[int] = world.everyone
    if action.email is not None:
        found = world.find(action.email)
        numbers = [] if found is None else [found]
    if action.dates is not None:
        first, last = (_seconds(each) for each in action.dates)
        within = world.registered_between(first, last)
        numbers = within if action.email is None else set(numbers).intersection(within)
    return [
        summary(world, number, with_academy=action.with_academy, with_teams=action.with_teams) for number in numbers
    ]


_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {  # Any: numbers
    Operator.EQUAL: operator.eq,
    Operator.GREATER: operator.gt,
    Operator.LESS: operator.lt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.NOT_EQUAL: operator.ne,
}


@answer.register(LearnersWithScore)
def _learners_with_score(action: LearnersWithScore, turn: Turn) -> list[Learner]:
    compare = _COMPARE[Operator(action.operator or Operator.EQUAL)]
    world = turn.world
    found = (number for number in world.everyone if compare(score(world, world.learner(number)), action.score))
    return [summary(world, number) for number in found]


@answer.register(LearnersRegisteredAt)
def _learners_registered_at(action: LearnersRegisteredAt, turn: Turn) -> list[Learner]:
    first, last = (_seconds(each) for each in action.dates or (action.date, action.date))
    if action.date is not None and not isinstance(action.date, datetime):
        last = first + _DAY - 1
    intervals: Mapping[Operator, list[tuple[float, float]]] = {
        Operator.EQUAL: [(first, last)],
        Operator.GREATER: [(last + 1, _END)],
        Operator.LESS: [(0, first - 1)],
        Operator.GREATER_OR_EQUAL: [(first, _END)],
        Operator.LESS_OR_EQUAL: [(0, last)],
        Operator.NOT_EQUAL: [(0, first - 1), (last + 1, _END)],
    }
    wanted = intervals[Operator(action.operator or Operator.EQUAL)]
    return [summary(turn.world, number) for interval in wanted for number in turn.world.registered_between(*interval)]


_END = float("inf")


def _seconds(given: date | str | None) -> float:
    day = cast("date", given)  # an action holds dates once it is made
    if isinstance(day, datetime):
        return day.timestamp()
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


@answer.register(LearnersAmountFromCountries)
def _amounts(action: LearnersAmountFromCountries, turn: Turn) -> list[CountryAmount]:
    wanted = action.country_iso_code
    return [
        CountryAmount(country_iso_code=iso, country=_COUNTRY_NAMES[iso], amount=len(roster))
        for iso, roster in turn.world.countries.items()
        if len(roster) and (wanted is None or iso == wanted.upper())
    ]


@answer.register(LearnersFromCountry)
def _from_country(action: LearnersFromCountry, turn: Turn) -> CountryLearners:
    iso = action.country_iso_code.upper()
    roster = turn.world.countries.get(iso)
    numbers = [] if roster is None else list(roster)
    return CountryLearners(
        country_iso_code=iso,
        country=_COUNTRY_NAMES.get(iso),
        amount=len(numbers),
        learners=[summary(turn.world, number) for number in numbers],
    )


_COUNTRY_NAMES = {iso: name for iso, name, _ in COUNTRIES}


@answer.register(LearnersRepeatedLogIns)
def _repeated(_: LearnersRepeatedLogIns, turn: Turn) -> list[LearnerLogIns]:
    return [_with_log_ins(turn.world, number) for number in turn.world.repeated]


def _with_log_ins(world: World, number: int) -> LearnerLogIns:
    learner = summary(world, number)
    values = {each.name: getattr(learner, each.name) for each in fields(Learner)}
    return LearnerLogIns(**values, log_ins_amount=world.learner(number).log_ins)


@answer.register(PassiveLearners)
def _passive(_: PassiveLearners, turn: Turn) -> list[PassiveLearner]:
    return [
        PassiveLearner(
            email=learner.email,
            name=learner.name,
            registered_at=moment(learner.registered_at),
            company=learner.company,
        )
        for learner in map(turn.world.learner, turn.world.passive)
    ]
