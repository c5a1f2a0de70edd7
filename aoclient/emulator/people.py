"""Who the learners are and how far each one is: pure functions of the seed and the learner's number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import frozen

from aoclient.emulator.catalogue import Catalogue, ContentEntry, CourseEntry
from aoclient.emulator.ids import mix
from aoclient.emulator.roster import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# Salts keep what depends on one thing apart from what depends on another.
KEEN, COUNTRY, LOG_INS = 1, 2, 3
_PERSON, _WALK, _PACE, _SCORE = 4, 5, 6, 7

FIRST_DAY = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp())
SPAN = 3 * 365 * 86_400
"""Learners register evenly over three years from `FIRST_DAY`, in the order of their numbers."""

COUNTRIES = (
    ("US", "United States", "Los Angeles"),
    ("US", "United States", "New York"),
    ("US", "United States", "Chicago"),
    ("US", "United States", "Austin"),
    ("US", "United States", "Boston"),
    ("GB", "United Kingdom", "London"),
    ("GB", "United Kingdom", "Leeds"),
    ("GB", "United Kingdom", "Bristol"),
    ("DE", "Germany", "Berlin"),
    ("DE", "Germany", "Köln"),
    ("DE", "Germany", "Hamburg"),
    ("UA", "Ukraine", "Kyiv"),
    ("UA", "Ukraine", "Lviv"),
    ("FR", "France", "Paris"),
    ("FR", "France", "Nîmes"),
    ("PL", "Poland", "Łódź"),
    ("ES", "Spain", "Madrid"),
    ("CA", "Canada", "Québec"),
    ("JP", "Japan", "東京"),
    ("BR", "Brazil", "São Paulo"),
)
"""Country and city of each place of a block."""

ONCE_PLACES = range(8)
"""Places of a block whose learners logged in once; all others did so more often."""

_FIRST = ("Ann", "Ben", "Chloé", "Dmytro", "Eva", "Felix", "Grace", "Hiro", "Inès", "Jürgen", "Kateryna", "Luis")
_LAST = ("Smith", "O'Neil", "Müller", "Shevchenko", "Dubois", "Nowak", "García", "Tanaka", "Silva", "Brown", "Lee")
_SYSTEMS = (
    ("OS X", "Macintosh", "Safari"),
    ("Windows", "PC", "Chrome"),
    ("Windows", "PC", "Edge"),
    ("Linux", "PC", "Firefox"),
    ("iOS", "iPhone", "Safari"),
    ("Android", "Phone", "Chrome"),
)
_DEPARTMENTS = ("Sales", "Support", "Engineering", "Marketing")


@frozen(kw_only=True)
class Person:
    """A learner, apart from what they learned. Times are unix seconds.

    Attributes:
        number: From 1; those above the population joined later.
        email: Identifies the learner.
        first_name: First name.
        last_name: Last name, empty where there is none.
        registered_at: When they registered.
        last_login_at: When they logged in last, before this academy was opened; None where they never did.
        log_ins: How often they had done so.
        company: Link, or None.
        country: Place in `COUNTRIES`, or None.
        system: Operating system, device and browser.
        teams: Numbers of the teams.
        department: Value of the variable ``department``.
    """

    number: int
    email: str
    first_name: str
    last_name: str
    registered_at: int
    last_login_at: int | None = None
    log_ins: int = 0
    company: str | None = None
    country: int | None = None
    system: tuple[str | None, str | None, str | None] = (None, None, None)
    teams: tuple[int, ...] = ()
    department: str | None = None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


def registered_at(number: int, population: int, seed: int) -> int:
    """Return when a learner of the population registered; grows with the number."""
    start = FIRST_DAY + (number - 1) * SPAN // population
    step = FIRST_DAY + number * SPAN // population - start
    return start + mix(seed, _PERSON, number, 1) % max(1, step)


def person(number: int, population: int, teams: int, seed: int) -> Person:
    """Return a learner of the population."""
    bits = mix(seed, _PERSON, number)
    registered = registered_at(number, population, seed)
    log_ins = 1 if place_of(number, seed, LOG_INS) in ONCE_PLACES else 2 + (bits >> 8) % 30
    joined = {1 + (bits >> shift) % teams for shift in (16, 24)[: (bits >> 4) % 3]} if teams else set[int]()
    return Person(
        number=number,
        email=f"learner{number}@example.com",
        first_name=_FIRST[bits % len(_FIRST)],
        last_name=_LAST[(bits >> 32) % len(_LAST)],
        registered_at=registered,
        last_login_at=registered + (log_ins - 1) * 86_400,
        log_ins=log_ins,
        company=f"https://company{(bits >> 40) % 50}.example.com" if bits >> 63 else None,
        country=place_of(number, seed, COUNTRY),
        system=_SYSTEMS[(bits >> 48) % len(_SYSTEMS)],
        teams=tuple(sorted(joined)),
        department=_DEPARTMENTS[(bits >> 56) % len(_DEPARTMENTS)],
    )


@frozen(kw_only=True)
class Step:
    """A lesson or quiz a learner opened. Times are unix seconds.

    Attributes:
        content: The lesson or quiz.
        opened_at: When it was opened first.
        seconds: How long it took, or was open.
        is_passed: Whether it was passed, after so many seconds.
        score: Points got in a quiz.
    """

    content: ContentEntry
    opened_at: int
    seconds: int
    is_passed: bool
    score: int

    @property
    def passed_at(self) -> int | None:
        """When it was passed, or None."""
        return self.opened_at + self.seconds if self.is_passed else None


@frozen(kw_only=True)
class Standing:
    """How far one learner is in one course they started.

    Attributes:
        course: The course.
        steps: What they opened, in order: all of it passed, but perhaps the last.
        passed: How much of it they passed.
    """

    course: CourseEntry
    steps: tuple[Step, ...]
    passed: int

    @property
    def started_at(self) -> int:
        """Unix seconds."""
        return self.steps[0].opened_at

    @property
    def completed_at(self) -> int | None:
        """Unix seconds, or None."""
        return self.steps[-1].passed_at if self.passed == len(self.course.contents) else None

    @property
    def seconds(self) -> int:
        """Time spent in the course."""
        return sum(step.seconds for step in self.steps)

    @property
    def percent(self) -> float:
        """Passed of all contents."""
        return round(100 * self.passed / len(self.course.contents), 2)


def standing(learner: Person, course: CourseEntry, seed: int) -> Standing | None:
    """Return how far a learner of the population is in a course, or None when they did not start it."""
    place = place_of(learner.number, seed, KEEN)
    if place not in course.started:
        return None
    bits = mix(seed, _WALK, learner.number, course.number)
    total = len(course.contents)
    passed = total if place in course.completed else (bits >> 16) % total
    opened = min(total, passed + 1 if passed == 0 or bits >> 63 else passed)
    pace = mix(bits, _PACE)
    moment = learner.registered_at + (bits & 0x7FFF) * 60
    steps: list[Step] = []
    for index in range(opened):
        content = course.contents[index]
        seconds = 30 + (pace >> 5 * index & 31) * 20
        is_passed = index < passed
        steps.append(
            Step(
                content=content,
                opened_at=moment,
                seconds=seconds,
                is_passed=is_passed,
                score=_score(content, is_passed, mix(bits, _SCORE, index)) if content.points else 0,
            )
        )
        moment += seconds + (pace >> 3 * index & 7) * 600
    return Standing(course=course, steps=tuple(steps), passed=passed)


def _score(quiz: ContentEntry, is_passed: bool, bits: int) -> int:
    if is_passed:
        return quiz.passing_score + bits % (quiz.points - quiz.passing_score + 1)
    return bits % quiz.passing_score


def standings(learner: Person, catalogue: Catalogue, seed: int) -> Iterator[Standing]:
    """Return how far a learner of the population is in each course they started."""
    for course in catalogue.courses:
        found = standing(learner, course, seed)
        if found is not None:
            yield found
