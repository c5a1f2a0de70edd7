"""Webhooks as bytes and values: `verify` the signature of a body, then `parse` it. Nothing here listens."""

from aoclient.webhooks.event import EVENTS, Event, UnknownEvent
from aoclient.webhooks.events import (
    AcademyLearnerSignUp,
    CourseFinished,
    CourseGroupFinished,
    CourseGroupStarted,
    CourseStarted,
    LearnerCourseAvailable,
    LearnerCourseCertificateIssued,
    LearnerEndQuizAttempts,
    LessonFinished,
    LessonStarted,
    QuizFinished,
    QuizStarted,
    TeamNewLearners,
)
from aoclient.webhooks.models import Certificate, Course, CourseGroup, Learner, Lesson, Named, Quiz
from aoclient.webhooks.payload import dumps, parse
from aoclient.webhooks.signature import Encoding, sign, verify

__all__ = [
    "EVENTS",
    "AcademyLearnerSignUp",
    "Certificate",
    "Course",
    "CourseFinished",
    "CourseGroup",
    "CourseGroupFinished",
    "CourseGroupStarted",
    "CourseStarted",
    "Encoding",
    "Event",
    "Learner",
    "LearnerCourseAvailable",
    "LearnerCourseCertificateIssued",
    "LearnerEndQuizAttempts",
    "Lesson",
    "LessonFinished",
    "LessonStarted",
    "Named",
    "Quiz",
    "QuizFinished",
    "QuizStarted",
    "TeamNewLearners",
    "UnknownEvent",
    "dumps",
    "parse",
    "sign",
    "verify",
]
