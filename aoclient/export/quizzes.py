"""The quizzes of an academy, for which the vendor has no list: they are found through the progress of learners."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoclient.model import Id
    from aoclient.session import Session


async def all_quizzes(ao: Session) -> list[Id]:
    """Return the ids of the quizzes in all courses that somebody started.

    The progress of one learner tells the quizzes of every course it names, so that few calls are needed: one for the
    courses, and two for each course that no earlier answer told about.

    Raises:
        AoError: They cannot be had.
    """
    quizzes: dict[str, Id] = {}
    told: set[str] = set()
    for course in await ao.courses():
        if str(course.id) in told or not str(course.id).strip():  # an answer may hold one without an id
            continue
        started = await ao.learners_progress_by_course(course_id=course.id, page=1, amount=1)
        for email in (learner.email for learner in started if learner.email):
            for progress in await ao.course_progress(email=email):
                told.add(str(progress.course_id))
                found = [each.id for each in progress.content_progress if each.type == "quiz" and each.id != ""]
                quizzes |= {str(each): each for each in found}
    return list(quizzes.values())
