"""Who the learners are: pure functions of the seed and the learner's number."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from aoclient.emulator.ids import mix
from aoclient.emulator.roster import place_of

# Salts keep what depends on one thing apart from what depends on another; `standing` has 5 to 7.
KEEN, COUNTRY, LOG_INS = 1, 2, 3
_PERSON = 4

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

FIRST_NAMES = ("Ann", "Ben", "Chloé", "Dmytro", "Eva", "Felix", "Grace", "Hiro", "Inès", "Jürgen", "Kateryna", "Luis")
LAST_NAMES = ("Smith", "O'Neil", "Müller", "Shevchenko", "Dubois", "Nowak", "García", "Tanaka", "Silva", "Brown", "Lee")
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
        first_name=FIRST_NAMES[bits % len(FIRST_NAMES)],
        last_name=LAST_NAMES[(bits >> 32) % len(LAST_NAMES)],
        registered_at=registered,
        last_login_at=registered + (log_ins - 1) * 86_400,
        log_ins=log_ins,
        company=f"https://company{(bits >> 40) % 50}.example.com" if bits >> 63 else None,
        country=place_of(number, seed, COUNTRY),
        system=_SYSTEMS[(bits >> 48) % len(_SYSTEMS)],
        teams=tuple(sorted(joined)),
        department=_DEPARTMENTS[(bits >> 56) % len(_DEPARTMENTS)],
    )
