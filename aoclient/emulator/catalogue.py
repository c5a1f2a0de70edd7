"""What the academy teaches: courses with their lessons and quizzes, and the teams. Small, made at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from aoclient.emulator.ids import Ids
from aoclient.emulator.roster import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

IDLE_PLACES = (0, 1)
"""Places of a block whose learners start no course, so that every academy has passive learners."""

MOST_CONTENTS = 12
"""Lessons and quizzes of a course at most."""

_TOPICS = (
    "Onboarding",
    "Product tour",
    "Data protection",
    "First aid",
    "Customer care",
    "Negotiation",
    "Time management",
    "Fire safety",
    "Sales basics",
    "Writing well",
    "Leading people",
    "Spreadsheets",
)
_TEAMS = ("Sales", "Support", "Engineering", "Marketing", "Finance", "Operations", "Legal", "People")


@frozen(kw_only=True)
class ContentEntry:
    """A lesson or a quiz.

    Attributes:
        id: Opaque id.
        slug: Last part of its address.
        name: As people see it.
        points: Questions of a quiz, one point each; 0 for a lesson.
        passing_score: Points that pass the quiz.
        timer_minutes: Minutes given for a quiz; None where its time is not limited.
        is_manual: Whether somebody checks the answers by hand.
    """

    id: str
    slug: str
    name: str
    points: int = 0
    passing_score: int = 0
    timer_minutes: int | None = None
    is_manual: bool = False

    @property
    def is_quiz(self) -> bool:
        """Whether it is a quiz."""
        return self.points > 0

    @property
    def told_minutes(self) -> int:
        """Minutes that answers and events tell of a quiz; the vendor's samples do so for one without a timer too."""
        return 5 if self.timer_minutes is None else self.timer_minutes


@frozen(kw_only=True)
class CourseEntry:
    """A course or a group of courses.

    Attributes:
        number: From 1; ``getTeams`` shows it as the id.
        id: Opaque id, as all other actions show it.
        slug: Last part of its address.
        name: As people see it.
        description: Text.
        is_group: Whether it is a group, whose progress has dates without a time.
        is_published: Whether learners see it.
        ribbon: Text on the ribbon, or None.
        minutes: Estimated time it needs.
        contents: Lessons and quizzes in their order.
        started: Places of a block whose learners started it.
        completed: Those of them whose learners completed it.
    """

    number: int
    id: str
    slug: str
    name: str
    description: str
    is_group: bool
    is_published: bool
    ribbon: str | None
    minutes: int
    contents: tuple[ContentEntry, ...]
    started: frozenset[int]
    completed: frozenset[int]


@frozen(kw_only=True)
class TeamEntry:
    """A team.

    Attributes:
        number: From 1.
        id: Opaque id.
        name: As people see it.
        courses: Numbers of the courses it can take.
    """

    number: int
    id: str
    name: str
    courses: tuple[int, ...]


class Catalogue:
    """All courses and teams of an academy.

    Args:
        courses: How many courses.
        teams: How many teams.
        seed: Of the academy.
    """

    def __init__(self, *, courses: int, teams: int, seed: int) -> None:
        self.courses: Sequence[CourseEntry] = tuple(_course(number, seed) for number in range(1, courses + 1))
        self._teams = [_team(number, courses, seed) for number in range(1, teams + 1)]
        self._courses = {key: each for each in self.courses for key in (each.id, each.slug)}
        self._team_numbers = {each.id: each.number for each in self._teams}
        self._contents = {
            content.id: (course, index) for course in self.courses for index, content in enumerate(course.contents)
        }
        self.total_contents = sum(len(each.contents) for each in self.courses)

    def course(self, id_or_slug: str) -> CourseEntry | None:
        """Return a course by its id or slug."""
        return self._courses.get(id_or_slug)

    @property
    def teams(self) -> Sequence[TeamEntry]:
        """The teams, by their numbers."""
        return self._teams

    def team(self, team_id: str) -> TeamEntry | None:
        """Return a team by its id."""
        number = self._team_numbers.get(team_id)
        return None if number is None else self._teams[number - 1]

    def content(self, content_id: str) -> tuple[CourseEntry, int] | None:
        """Return the course of a lesson or quiz and its place in it."""
        return self._contents.get(content_id)

    def quiz(self, quiz_id: str) -> tuple[CourseEntry, int] | None:
        """Return the course of a quiz and the place of the quiz in it."""
        found = self._contents.get(quiz_id)
        return found if found and found[0].contents[found[1]].is_quiz else None

    def give(self, team: TeamEntry, course: CourseEntry) -> None:
        """Let a team take one more course."""
        courses = tuple(sorted((*team.courses, course.number)))
        self._teams[team.number - 1] = evolve(team, courses=courses)


def _course(number: int, seed: int) -> CourseEntry:
    rng = random.Random(f"{seed}/course/{number}")  # noqa: S311  # reproducible on purpose
    name = _numbered(_TOPICS, number)
    is_group = number % 5 == 4  # noqa: PLR2004  # a group now and then
    active = [place for place in range(BLOCK) if place not in IDLE_PLACES]
    started = rng.sample(active, rng.randint(BLOCK // 3, len(active)))
    return CourseEntry(
        number=number,
        id=Ids(seed, "course").of(number),
        slug=_slug(name),
        name=name,
        description=f"All about {name.lower()}.",
        is_group=is_group,
        is_published=number % 7 != 6,  # noqa: PLR2004  # a draft now and then
        ribbon="New" if rng.random() < 1 / 3 else None,
        minutes=rng.randint(2, 24) * 5,
        contents=_contents(number, seed, rng),
        started=frozenset(started),
        completed=frozenset(started[: len(started) // 2]),
    )


def _contents(course: int, seed: int, rng: random.Random) -> tuple[ContentEntry, ...]:
    lesson_ids, quiz_ids = Ids(seed, "lesson"), Ids(seed, "quiz")
    contents: list[ContentEntry] = []
    lessons = quizzes = 0
    for index in range(rng.randint(4, MOST_CONTENTS)):
        number = course * MOST_CONTENTS + index
        if index % 4 == 3 or (index == 1 and rng.random() < 1 / 2):  # noqa: PLR2004  # so that each course has a quiz
            quizzes += 1
            points = rng.randint(3, 8)
            contents.append(
                ContentEntry(
                    id=quiz_ids.of(number),
                    slug=f"quiz-{quizzes}",
                    name=f"Quiz {quizzes}",
                    points=points,
                    passing_score=(points + 1) // 2,
                    timer_minutes=rng.choice((None, 5, 10)),
                    is_manual=rng.random() < 1 / 6,
                )
            )
        else:
            lessons += 1
            contents.append(ContentEntry(id=lesson_ids.of(number), slug=f"lesson-{lessons}", name=f"Lesson {lessons}"))
    return tuple(contents)


def _team(number: int, courses: int, seed: int) -> TeamEntry:
    rng = random.Random(f"{seed}/team/{number}")  # noqa: S311  # reproducible on purpose
    taught = tuple(sorted(rng.sample(range(1, courses + 1), (courses + 1) // 2)))
    return TeamEntry(number=number, id=Ids(seed, "team").of(number), name=_numbered(_TEAMS, number), courses=taught)


def _numbered(names: Sequence[str], number: int) -> str:
    lap, index = divmod(number - 1, len(names))
    return f"{names[index]} {lap + 1}" if lap else names[index]


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
