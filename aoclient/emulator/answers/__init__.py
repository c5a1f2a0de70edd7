"""What the academy answers to each action: one handler for each class, found by the class."""

from __future__ import annotations

from aoclient.emulator.answers import (
    academies,
    access,
    courses,
    invites,
    learners,
    progress,
    quizzes,
    teams,
    variables,
)
from aoclient.emulator.answers.dispatch import Turn, answer

__all__ = ["CHAPTERS", "Turn", "answer"]

CHAPTERS = (academies, access, courses, invites, learners, progress, quizzes, teams, variables)
"""Each registers its handlers as it is imported."""
