"""What ``aoclient export`` can be asked for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from attrs import frozen

from aoclient.action import Effect
from aoclient.actions import ACTIONS
from aoclient.cli import commands
from aoclient.cli.exits import UsageError
from aoclient.cli.shapes import Shape, options_of
from aoclient.export import (
    ActionJob,
    CertificatesJob,
    CourseProgressJob,
    CoursesJob,
    Job,
    LearnersJob,
    ProgressByCourseJob,
    QuizStatisticsJob,
    TeamsJob,
)


@frozen(kw_only=True)
class Asked:
    """What is said about the jobs on the command line.

    Attributes:
        names: Of the jobs.
        since: For ``learners``.
        not_started: For ``progress``.
        options: ``NAME=VALUE`` for the action that is named.
    """

    names: Sequence[str]
    since: date | None = None
    not_started: bool = False
    options: Sequence[str] = ()


_JOBS: Mapping[str, Callable[[Asked], Job]] = {
    "learners": lambda asked: LearnersJob(since=asked.since),
    "progress": lambda asked: ProgressByCourseJob(show_not_started_learners=asked.not_started or None),
    "course-progress": lambda _: CourseProgressJob(),
    "quiz-statistics": lambda _: QuizStatisticsJob(),
    "certificates": lambda _: CertificatesJob(),
    "teams": lambda _: TeamsJob(),
    "courses": lambda _: CoursesJob(),
}


def jobs_of(asked: Asked) -> list[Job]:
    """Return the jobs.

    Raises:
        UsageError: There is no such name, or what was said beside goes with none of them.
        InvalidOptionError: An option of the action is missing or cannot be used.
        ConfigurationError: The action does more than read.
    """
    names = list(dict.fromkeys(asked.names))
    actions = [name for name in names if name not in _JOBS]
    if not names:
        raise UsageError(f"name what to export: {', '.join(_JOBS)}, or an action that reads")
    if asked.since is not None and "learners" not in names:
        raise UsageError("--since goes with learners only: of all else the service does not tell what changed")
    if asked.not_started and "progress" not in names:
        raise UsageError("--not-started goes with progress only")
    if asked.options and len(actions) != 1:
        raise UsageError("--option goes with one action, and with one only")
    return [_JOBS[name](asked) if name in _JOBS else _action_job(name, asked.options) for name in names]


def _action_job(name: str, options: Sequence[str]) -> Job:
    cls = ACTIONS.get(name)
    if cls is None:
        reading = [each for each, action in ACTIONS.items() if action.spec.effect is Effect.READS]
        raise UsageError(f"there is no {name!r} to export: {', '.join(_JOBS)}, or {', '.join(reading)}")
    shapes = {each.name: each.shape for each in options_of(cls)}
    given: dict[str, Any] = {}
    for option in options:
        key, sign, text = option.partition("=")
        key = key.replace("-", "_")
        if not sign or key not in shapes:
            raise UsageError(f"--option: expected NAME=VALUE with one of {', '.join(shapes)}; got {option!r}")
        given[key] = _read(shapes[key], text, key)
    return ActionJob(commands.read(cls, given, ()))


def _read(shape: Shape, text: str, key: str) -> Any:
    if shape.kind in ("list", "map"):
        return [text]
    if shape.kind != "flag":
        return text
    if text not in _FLAGS:
        raise UsageError(f"--option {key}: expected yes or no, got {text!r}")
    return _FLAGS[text]


_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
