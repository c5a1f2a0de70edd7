"""A learner one can act as: what people do in the academy, and no program can do through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.emulator.records import Refusal

if TYPE_CHECKING:
    from aoclient.emulator.catalogue import CourseEntry
    from aoclient.emulator.people import Person
    from aoclient.emulator.standing import Standing
    from aoclient.emulator.world import World


class Pupil:
    """A learner who acts; each thing they do shows in the answers of the API and goes out as webhooks.

    Lessons and quizzes are named by their ids, courses by id or slug, teams by id. What comes first in a course has to
    be passed first. Each method raises `Refusal` when the academy says no.

    Args:
        world: The academy.
        email: Of the learner.
    """

    def __init__(self, world: World, email: str) -> None:
        self.email = email
        self._world = world

    def __repr__(self) -> str:
        return f"Pupil({self.email!r})"

    @property
    def person(self) -> Person:
        """The learner as they are now.

        Raises:
            Refusal: There is none with this address, or none any more.
        """
        number = self._world.find(self.email)
        if number is None:
            raise Refusal("Learner not found")
        return self._world.learner(number)

    def standing(self, course: str) -> Standing | None:
        """Return how far they are in a course, or None when they did not start it."""
        return self._world.standing(self.person, self._course(course))

    # --- learning ---

    def start(self, content: str) -> None:
        """Open a lesson, or begin an attempt at a quiz; the first one of a course starts the course.

        Webhooks: ``lesson.started`` or ``quiz.started``, and before it ``course.started`` or ``course_group.started``.
        """
        course, index = self._content(content)
        self._start(self._who_may_enter(), course, index)

    def finish(self, content: str, *, score: int | None = None) -> None:
        """Finish a lesson or an attempt at a quiz that was started; the last one of a course finishes the course.

        Webhooks: ``lesson.finished`` or ``quiz.finished``; ``learner.end_quiz_attempts`` when the quiz was failed and
        no attempt is left; ``course.finished`` or ``course_group.finished`` and
        ``learner.course_certificate.issued`` when all of the course is passed.

        Args:
            content: Id of the lesson or quiz.
            score: Points got in a quiz, all when left out; the quiz is passed from its passing score on.
        """
        course, index = self._content(content)
        self._finish(self._who_may_enter(), course, index, score)

    def start_course(self, course: str) -> None:
        """Start a course or group by opening the first of it."""
        entry = self._course(course)
        learner = self._who_may_enter()
        if self._world.standing(learner, entry) is not None:
            raise Refusal("Course is started already")
        self._start(learner, entry, 0)

    def finish_course(self, course: str) -> None:
        """Start and finish all that is not passed yet of a course or group."""
        entry = self._course(course)
        learner = self._who_may_enter()
        for index in range(len(entry.contents)):
            before = self._world.standing(learner, entry)
            step = before.steps[index] if before is not None and index < len(before.steps) else None
            if step is not None and step.is_passed:
                continue
            if step is None or step.ended_at is not None:
                self._start(learner, entry, index)
            self._finish(learner, entry, index, None)

    # --- the rest ---

    def log_in(self) -> None:
        """Log in."""
        self._world.log_in(self._who_may_enter().number)

    def join(self, *teams: str) -> None:
        """Come into teams.

        Webhooks: ``team.new_learners`` for each team; ``learner.course.available`` for published courses they bring.
        """
        numbers = [self._world.team(each).number for each in teams]
        self._world.memberships.join([self.person.number], numbers)

    def leave(self, *teams: str) -> None:
        """Go out of teams.

        Webhooks: ``team.new_learners`` of the ``No Team`` when no other team is left.
        """
        numbers = [self._world.team(each).number for each in teams]
        self._world.memberships.leave(self.person.number, numbers)

    # --- inside ---

    def _start(self, learner: Person, course: CourseEntry, index: int) -> None:
        standing = self._world.progress.begin(learner, course, index, self._world.now)
        self._world.announcer.begun(learner, standing)

    def _finish(self, learner: Person, course: CourseEntry, index: int, score: int | None) -> None:
        content = course.contents[index]
        points = content.points if score is None else score
        if not 0 <= points <= content.points:
            raise Refusal(f"A score is from 0 to {content.points}")
        progress = self._world.progress
        standing = progress.end(learner, course, index, self._world.now, points)
        left = progress.allowed(learner.number, content) - standing.steps[-1].attempts
        self._world.announcer.ended(learner, standing, attempts_left=left)

    def _who_may_enter(self) -> Person:
        learner = self.person
        if learner.number in self._world.blocked:
            raise Refusal("Access is revoked")
        return learner

    def _course(self, id_or_slug: str) -> CourseEntry:
        found = self._world.catalogue.course(id_or_slug)
        if found is None:
            raise Refusal("Course not found")
        return found

    def _content(self, content_id: str) -> tuple[CourseEntry, int]:
        found = self._world.catalogue.content(content_id)
        if found is None:
            raise Refusal("Content not found")
        return found
