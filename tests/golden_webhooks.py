"""The payloads of tests/golden/webhooks as values, retyped by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import evolve

from aoclient import webhooks
from aoclient.webhooks import Certificate, Course, CourseGroup, Event, Learner, Lesson, Named, Quiz


def at(minute: int, second: int) -> datetime:
    return datetime(2021, 12, 10, 14, minute, second, tzinfo=UTC)


def named(id: str, name: str = "Academy") -> Named:  # noqa: A002  # the vendor's word
    return Named(id=id, name=name)


JOHN = Learner(email="ann@example.com", full_name="John Smith", first_name="John", last_name="Smith")
OUTSIDE = {"is_in_folder": False, "folder_name": "", "folder_id": "", "folder_category": ""}
INSIDE = {
    "is_in_folder": True,
    "folder_name": "Folder",
    "folder_id": "j4zx6GrZk4Avy2wR18JD",
    "folder_category": "Category (recommended)",
}

COURSE_FINISHED = webhooks.CourseFinished(
    id="ba3d236-dab8-458a-8fe8-bf942bb0fe94",
    academy=named("j1Q5GN35RYmk9gmMqp7"),
    course=Course(id="dPoNKgv7Jo0kayxqL0O", name="Course", **OUTSIDE),
    lesson=Lesson(id="apeRywEMgWd6k0lPQ1g", name="Lesson", start_date=at(3, 4), finish_date=at(12, 0)),
    learner=Learner(email="ann@example.com", full_name="John", first_name="Smith", last_name="Smith"),
)

TEAM_NEW_LEARNERS = webhooks.TeamNewLearners(
    id="788ff1fb-dc1d-4bd0-8f47-08df9a5f525c",
    academy=named("VXWP82xvd0lQvmMdOan5"),
    team=[named("pKboQM5EAkmLM22vJWnLYq", "Team")],
    learners=[JOHN],
    courses=[Course(id="Vpz0PmrkjdKPEOQW9d1K", name="Course")],
    course_groups=[],
)

VALUES: Mapping[str, Event] = {
    "course.started": webhooks.CourseStarted(
        id="EVENT_ID",
        academy=named("ACADEMY_ID", "ACADEMY_NAME"),
        course=Course(id="COURSE_ID", name="COURSE_NAME", **INSIDE),
        learner=Learner(
            email="LEARNER_EMAIL",
            full_name="LEARNER_FULL_NAME",
            first_name="LEARNER_FIRST_NAME",
            last_name="LEARNER_LAST_NAME",
        ),
    ),
    "course.finished": COURSE_FINISHED,
    "course.finished.as_printed": webhooks.LessonFinished(
        id=COURSE_FINISHED.id,
        academy=COURSE_FINISHED.academy,
        course=COURSE_FINISHED.course,
        lesson=COURSE_FINISHED.lesson or Lesson(),
        learner=COURSE_FINISHED.learner,
    ),
    "course_group.started": webhooks.CourseGroupStarted(
        id="4a33202-2281-4793-9e34-454969897a8d",
        academy=named("j1Q5GN35RYmk9gmMqp7"),
        group=CourseGroup(id="PAg7azkDr1KE4eYyqw2", name="Group", **INSIDE),
        learner=JOHN,
    ),
    "course_group.finished": webhooks.CourseGroupFinished(
        id="769fde4-59b6-44ee-9241-ccfe81a02867",
        academy=named("j1Q5Gb35RYmk9gmMqp7"),
        group=CourseGroup(id="PAg6azkDr1KE4eYyqw2", name="Group", **INSIDE),
        learner=JOHN,
    ),
    "learner.course_certificate.issued": webhooks.LearnerCourseCertificateIssued(
        id="2cba9c09-be-4623-9e7b-d56fe982169f",
        academy=named("j1Q5GbNRYmgmMqp7"),
        course=Course(id="dPboNKgvJo0kayxqL0O", name="Course", **OUTSIDE),
        certificate=Certificate(
            link_to_pdf="https://app.academyocean.com/public/certificates/kTxmlf1lGhSLb0.pdf",
            link_to_img="https://app.academyocean.com/public/certificates/kTxm0SLb0.png",
            verify_link="https://app.academyocean.com/verify/kTxmlf0SLb0",
            issue_date=at(12, 58),
        ),
        learner=JOHN,
    ),
    "lesson.started": webhooks.LessonStarted(
        id="bf85e9a0-0-4363-abd8-a4fa9f6201bc",
        academy=named("j1Q5GbNYmk9gmMqp7"),
        course=Course(id="dPboNKgo0kayxqL0O", name="Course"),
        lesson=Lesson(id="NnO5GBYnBo3baMJo6", name="Test", start_date=at(12, 1)),
        learner=JOHN,
    ),
    "lesson.finished": webhooks.LessonFinished(
        id="7babd-077b-4eef-bbc4-861f0b91eaba",
        academy=named("j1Q5G35RYmk9gmMqp7"),
        course=Course(id="dPbov7Jo0kayxqL0O", name="Course"),
        lesson=Lesson(id="NnO5GNXnBo3baMJo6", name="Test", start_date=at(12, 1), finish_date=at(12, 43)),
        learner=JOHN,
    ),
    "quiz.started": webhooks.QuizStarted(
        id="2adde-568d-45a1-ba8d-62d94b1f414e",
        academy=named("j1bN35RYmk9gmMqp7"),
        course=Course(id="dPbv7Jo0kayxqL0O", name="Course"),
        quiz=Quiz(id="Lw1rP0WB5vW2VzqB", name="Test", start_date=at(12, 52)),
        learner=JOHN,
    ),
    "quiz.finished": webhooks.QuizFinished(
        id="66ede-ba03-4d95-b144-061dd53b4b56",
        academy=named("j1QbN35RYmk9gmMqp7"),
        course=Course(id="dPbov7Jo0kayxqL0O", name="Course"),
        quiz=Quiz(
            id="Lw1vP0WB5vW2VzqB",
            name="Test",
            start_date=at(12, 52),
            finish_date=at(12, 58),
            spent_time_sec=46,
            score=1.0,
            passing_score=0.0,
            is_need_manual_approve=False,
            is_timer_on=False,
            timer_minutes=5,
            is_timer_expired=False,
            is_passed=True,
        ),
        learner=JOHN,
    ),
    "academy.learner.sign_up": webhooks.AcademyLearnerSignUp(
        id="9e3de92f-5603-42ef-8948-c67b5544f7a2",
        academy=named("az5Mnwegw1P3qN1qYwefk7wBjkl9rm"),
        learner=JOHN,
    ),
    "learner.course.available": webhooks.LearnerCourseAvailable(
        id="7924a8ac-48c2-4580-b829-7e179440a921",
        academy=named("VXWP82xvd0lQvmMdOan5"),
        teams=[named("yK0bxgWEY9xOljE4XA6Jed", "Team")],
        learners=[JOHN],
        courses=[Course(id="Vpz0PmrkjdKPEOQW9d1K", name="Course", **OUTSIDE)],
        course_groups=[],
    ),
    "learner.end_quiz_attempts": webhooks.LearnerEndQuizAttempts(
        id="e63e4a55-2654-47edef-ba89-af33a0b709b3",
        academy=named("x5KbL1AEBOQa3zMkm9gYde"),
        quiz=Quiz(id="qenV4RffG3woNsef43zPK8mZO", name="Quiz"),
        learner=JOHN,
    ),
    "team.new_learners": TEAM_NEW_LEARNERS,
    "team.new_learners.heading": evolve(TEAM_NEW_LEARNERS, event="team.new.learners"),
}
"""By file, in the order of the vendor's page."""
