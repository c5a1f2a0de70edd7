"""How far a learner is in a course: made from the seed at first, changed step by step from then on."""

from __future__ import annotations

import math

from attrs import evolve, frozen

from aoclient.emulator.catalogue import ContentEntry, CourseEntry
from aoclient.emulator.ids import mix
from aoclient.emulator.people import KEEN, Person
from aoclient.emulator.records import Refusal
from aoclient.emulator.roster import place_of

_WALK, _PACE, _SCORE = 5, 6, 7


@frozen(kw_only=True)
class Step:
    """A lesson or quiz a learner opened. Times are unix seconds.

    Attributes:
        content: The lesson or quiz.
        opened_at: When it was opened first.
        begun_at: When it was opened last; for a quiz this begins an attempt.
        ended_at: When it was closed; None as long as the learner is in it.
        seconds: How long it was open in all.
        attempts: Attempts at a quiz that ended.
        is_passed: Whether it was passed.
        score: Points got in a quiz, at the last attempt.
        is_expired: Whether the timer of the quiz ended the last attempt.
    """

    content: ContentEntry
    opened_at: int
    begun_at: int
    ended_at: int | None = None
    seconds: int = 0
    attempts: int = 0
    is_passed: bool = False
    score: int = 0
    is_expired: bool = False

    @property
    def passed_at(self) -> int | None:
        """When it was passed, or None."""
        return self.ended_at if self.is_passed else None

    @property
    def left_at(self) -> int:
        """When the learner was seen in it last."""
        return self.begun_at if self.ended_at is None else self.ended_at

    @property
    def last_seconds(self) -> int:
        """How long it was open the last time."""
        return self.left_at - self.begun_at


@frozen(kw_only=True)
class Standing:
    """How far one learner is in one course they started.

    Attributes:
        course: The course.
        steps: What they opened, in order: all of it passed, but perhaps the last.
    """

    course: CourseEntry
    steps: tuple[Step, ...]

    @property
    def passed(self) -> int:
        """How much of it they passed."""
        return len(self.steps) - (not self.steps[-1].is_passed)

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
    """Return how far a learner of the population is in a course at first, or None when they did not start it."""
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
                begun_at=moment,
                ended_at=moment + seconds,
                seconds=seconds,
                attempts=1,
                is_passed=is_passed,
                score=_score(content, is_passed, mix(bits, _SCORE, index)) if content.is_quiz else 0,
            )
        )
        moment += seconds + (pace >> 3 * index & 7) * 600
    return Standing(course=course, steps=tuple(steps))


def _score(quiz: ContentEntry, is_passed: bool, bits: int) -> int:
    if is_passed:
        return quiz.passing_score + bits % (quiz.points - quiz.passing_score + 1)
    return bits % quiz.passing_score


def begin(before: Standing | None, course: CourseEntry, index: int, *, at: int, attempts: int) -> Standing:
    """Return the standing after a learner opened a lesson or began an attempt at a quiz.

    Args:
        before: The standing until now, or None.
        course: The course.
        index: Place of the content in the course.
        at: Unix seconds; not before the learner was seen in the course last.
        attempts: How many attempts at a quiz are allowed.

    Raises:
        Refusal: What comes before it is not passed, it is open or passed already, or no attempt is left.
    """
    steps = () if before is None else before.steps
    content = course.contents[index]
    if index > len(steps) or (index == len(steps) and steps and not steps[-1].is_passed):
        raise Refusal("Content is locked")
    if index == len(steps):
        step = Step(content=content, opened_at=at, begun_at=at)
    else:
        step = steps[index]
        if step.is_passed:
            raise Refusal("Content is passed already")
        if step.ended_at is None:
            raise Refusal("Content is open already")
        if content.is_quiz and step.attempts >= attempts:
            raise Refusal("No attempts left")
        step = evolve(step, begun_at=at, ended_at=None)
    return Standing(course=course, steps=(*steps[:index], step))


def end(before: Standing, *, at: int, score: int) -> Standing:
    """Return the standing after a learner ended what is open: a lesson is passed then, a quiz if the score passes it.

    Args:
        before: The standing until now; its last step is open.
        at: Unix seconds, not before it was opened; a timer may have ended it earlier.
        score: Points got in a quiz; no matter for a lesson.
    """
    step = before.steps[-1]
    content = step.content
    expires_at = math.inf if content.timer_minutes is None else step.begun_at + 60 * content.timer_minutes
    ended_at = int(min(at, expires_at))
    ended = evolve(
        step,
        ended_at=ended_at,
        seconds=step.seconds + ended_at - step.begun_at,
        attempts=step.attempts + 1,
        is_passed=not content.is_quiz or score >= content.passing_score,
        score=score if content.is_quiz else 0,
        is_expired=ended_at == expires_at,
    )
    return evolve(before, steps=(*before.steps[:-1], ended))
