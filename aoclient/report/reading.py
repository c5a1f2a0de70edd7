"""What the report takes from a row: days, seconds, teams. Rows are maps, of whatever format they were read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row: TypeAlias = Mapping[str, Any]  # Any: the values of an export, by the types of its columns
"""A row of an export: value by name of the column."""

NO_TEAM = "No Team"
"""What the vendor sends where a learner has no team."""


def day_of(value: object) -> date | None:
    """Return the day of a time, given as ISO text or as a value; None where it is neither."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def seconds_of(value: object) -> int:
    """Return whole seconds of a duration, 0 where it has none."""
    if isinstance(value, timedelta):
        return max(0, int(value.total_seconds()))
    return max(0, int(value)) if isinstance(value, int | float) else 0


def teams_of(value: object) -> list[str]:
    """Return the names of teams, given as names or as maps with a ``name``."""
    if not isinstance(value, list | tuple):
        return []
    texts: list[str] = []
    for each in cast("Sequence[object]", value):
        name = cast("Row", each).get("name") if isinstance(each, Mapping) else each
        if name and name != NO_TEAM:
            texts.append(str(name))
    return texts


def progress_of(rows: Iterator[Row]) -> Iterator[Row]:
    """Give rows of ``course_progress`` as ``progress_by_course`` has them."""
    for row in rows:
        contents = cast("Sequence[Row]", row.get("content_progress") or ())
        yield {
            "course_id": row["course_id"],
            "course_name": row.get("course_name"),
            "email": row.get("email"),
            "started_at": row.get("start_date"),
            "completed_at": row.get("finish_date"),
            "view_time": sum(seconds_of(each.get("pass_time_sec")) for each in contents),
            "total_amount": row.get("lessons_amount"),
            "passed_amount": row.get("progress_amount"),
            "teams": row.get("teams"),
        }
