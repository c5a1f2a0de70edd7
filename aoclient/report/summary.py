"""From rows to the few numbers the page shows. Memory grows with the learners, not with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from aoclient.report.cells import Cells, Numbered
from aoclient.report.people import NEVER, UNKNOWN, People
from aoclient.report.reading import Row, day_of, progress_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Summary: TypeAlias = dict[str, Any]  # Any: what JSON has
"""What the page is made of, as JSON has it."""

Source: TypeAlias = Callable[[str], Iterable[Row]]
"""Gives the rows of a job by its name, from the first one each time; none where the export does not have it."""

JOBS = ("courses", "learners", "progress_by_course", "course_progress", "quiz_statistics", "certificates")
"""Names of the jobs the report reads; it shows what there is."""

SPENT = (0, 5, 15, 30, 60, 120, 240, 480)
"""Where each class of time spent begins, in minutes."""

UNSEEN = (0, 8, 31, 91, 181, 366)
"""Where each class of days since somebody was seen begins; behind them are those who never were."""

EVERY_COURSE = -1
"""In the place of a course: the whole academy. Quizzes whose course is not known stand there too."""


def summarize(source: Source, *, until: date, is_anonymous: bool = False) -> Summary:
    """Count what an export holds.

    Args:
        source: Gives the rows of each job of `JOBS`.
        until: Day of the export; what is dated later is taken for a mistake.
        is_anonymous: Leave out the names and addresses of learners.

    Returns:
        Plain values: names of courses and teams, and sums for each course and combination of teams.
    """
    summing = _Summing(until, People(is_anonymous=is_anonymous))
    summing.name_courses(source("courses"))
    summing.add_learners(source("learners"))
    summing.place_quizzes(source("course_progress"))
    if not summing.people.has_teams:
        for row in _progress(source):
            summing.people.meet(row)
    summing.add_progress(_progress(source))
    summing.add_quizzes(source("quiz_statistics"))
    summing.add_certificates(source("certificates"))
    return summing.summary()


def _progress(source: Source) -> Iterator[Row]:
    empty = True
    for row in source("progress_by_course"):
        empty = False
        yield row
    if empty:
        yield from progress_of(iter(source("course_progress")))


@define
class _Summing:
    until: date
    people: People
    courses: Numbered = field(factory=Numbered)
    planned: dict[int, int] = field(factory=dict[int, int])  # seconds a course is to take
    questions: Numbered = field(factory=Numbered)
    quizzes: dict[str, int] = field(factory=dict[str, int])  # number of the course by id of the quiz
    newest: int = 0  # ordinal of the day of the newest sign-in
    progress: Cells = field(factory=Cells)
    weeks: Cells = field(factory=Cells)
    spent: Cells = field(factory=Cells)
    seen: Cells = field(factory=Cells)
    scores: Cells = field(factory=Cells)
    answers: Cells = field(factory=Cells)
    months: Cells = field(factory=Cells)
    by_name: dict[str, int] = field(factory=dict[str, int])

    def name_courses(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row["id"]:
                self._course(row["id"], row.get("name"))

    def _course(self, key: object, name: object = None) -> int:
        number = self.courses.number(str(key), None if name is None else str(name))
        self.by_name.setdefault(self.courses.names[number], number)
        return number

    def place_quizzes(self, rows: Iterable[Row]) -> None:
        """Learn which course each quiz is of; where the courses are known, until each was seen once."""
        waiting = set(range(len(self.courses.names)))
        is_known = bool(waiting)
        for row in rows:
            number = self._course(row["course_id"], row.get("course_name"))
            for content in row.get("content_progress") or ():
                if content.get("type") == "quiz":
                    self.quizzes[str(content.get("id"))] = number
            waiting.discard(number)
            if is_known and not waiting:
                return

    def add_learners(self, rows: Iterable[Row]) -> None:
        self.people.read(rows)
        last = self.until.toordinal()
        self.newest = max((day for _, day in self.people.everybody() if day <= last), default=NEVER)
        for team_set, day in self.people.everybody():
            self.seen.add((EVERY_COURSE, team_set, self._unseen(day)), 1)

    def _unseen(self, day: int) -> int:
        """Return the number of the class of `UNSEEN` a day last seen is in, one more for never."""
        return len(UNSEEN) if day == NEVER else max(1, sum(self.newest - day >= days for days in UNSEEN)) - 1

    def _day(self, value: object) -> date | None:
        """Return a day that may be."""
        day = day_of(value)
        return None if day is None or day > self.until else day

    def add_progress(self, rows: Iterable[Row]) -> None:
        for row in rows:
            course = self._course(row["course_id"], row.get("course_name"))
            person = self.people.number(row)
            key = (course, self.people.team_set(person))
            passed, total = int(row.get("passed_amount") or 0), int(row.get("total_amount") or 0)
            done = row.get("completed_at") is not None
            half = done or passed * 2 >= total > 0
            begun = half or row.get("started_at") is not None
            spent = seconds_of(row.get("view_time"))
            self.progress.add(key, 1, begun, half, done, spent if begun else 0)
            self.planned[course] = max(self.planned.get(course, 0), seconds_of(row.get("duration")))
            if not begun:
                continue
            self.spent.add((*key, sum(spent >= 60 * minutes for minutes in SPENT) - 1), 1)
            for value, amounts in ((row.get("started_at"), (1, 0)), (row.get("completed_at"), (0, 1))):
                day = self._day(value)
                if day is not None:
                    self.weeks.add((*key, (day.toordinal() - 1) // 7), *amounts)  # day 1 was a Monday
            if not done and self.people.seen(person) != UNKNOWN:
                self.seen.add((*key, self._unseen(self.people.seen(person))), 1)
            if person in self.people.listed:
                percent = 100 if done else round(100 * passed / total) if total else 0
                self.people.listed[person].courses.append((course, percent, spent, int(done)))

    def add_quizzes(self, rows: Iterable[Row]) -> None:
        for row in rows:
            quiz = str(row["quiz_id"])
            key = (self.quizzes.get(quiz, EVERY_COURSE), self.people.team_set(self.people.number(row)))
            percent = row.get("pass_percent")
            if percent is not None:
                passed = row.get("is_passed") is True
                self.scores.add((*key, min(9, max(0, int(percent // 10)))), passed, not passed)
            for question in row.get("questions") or ():
                if question.get("is_passed") is not None:
                    name = (
                        f"{row.get('name') or 'Quiz'} · {question.get('name') or question.get('number') or 'Question'}"
                    )
                    number = self.questions.number(f"{quiz} {question.get('id')}", name)
                    self.answers.add((*key, number), 1, question["is_passed"] is True)

    def add_certificates(self, rows: Iterable[Row]) -> None:
        for row in rows:
            day = self._day(row.get("issued_date"))
            if day is not None:
                course = self.by_name.get(str(row.get("course_name")), EVERY_COURSE)
                team_set = self.people.team_set(self.people.number(row))
                self.months.add((course, team_set, day.year * 12 + day.month - 1), 1)

    def summary(self) -> Summary:
        return {
            "newest": _iso(self.newest),
            "learners": len(self.people),
            "isAnonymous": self.people.is_anonymous,
            "courses": self.courses.names,
            "planned": [self.planned.get(number, 0) for number in range(len(self.courses.names))],
            "teams": self.people.teams.teams.names,
            "sets": self.people.teams.sets,
            "progress": self.progress.rows(),
            "weeks": self.weeks.rows(),
            "spent": self.spent.rows(),
            "spentFrom": SPENT,
            "seen": self.seen.rows(),
            "unseenFrom": UNSEEN,
            "scores": self.scores.rows(),
            "questions": self.questions.names,
            "answers": self.answers.rows(),
            "certificates": self.months.rows(),
            "people": [
                # A database holds shards in the order in which they were committed.
                [
                    each.name,
                    each.email,
                    self.people.team_set(number),
                    _iso(self.people.seen(number)),
                    sorted(each.courses),
                ]
                for number, each in self.people.listed.items()
            ],
        }


def _iso(day: int) -> str | None:
    """Return a day as ISO text, an empty one for `NEVER`, None for `UNKNOWN`."""
    return None if day == UNKNOWN else date.fromordinal(day).isoformat() if day else ""
