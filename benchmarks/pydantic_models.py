"""The same answers as pydantic models, written the way a user would who has their page of the vendor beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, computed_field


def hms(text: Any) -> Any:
    if isinstance(text, str):
        hours, minutes, seconds = map(int, text.split(":"))
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return text


Length = Annotated[timedelta, BeforeValidator(hms)]


def joined(day: str | None, clock: str | None) -> datetime | None:
    if day is None or clock is None:
        return None
    return datetime.strptime(f"{day} {clock}", "%m/%d/%Y %I:%M %p").replace(tzinfo=UTC)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Learner(Model):
    email: str
    name: str | None = None
    registered_at: datetime | None = None
    score: float | None = None
    lessons_opened: int | None = None
    lessons_completed: int | None = None
    courses_completed: int | None = None
    spent_time_in_academy: int | None = None
    certificates_amount: int | None = None
    company: str | None = None
    country: str | None = None
    country_iso_code: str | None = None
    city: str | None = None
    os: str | None = None
    device: str | None = None
    browser: str | None = None
    last_login_at: datetime | None = None


class Row(Model):
    email: str
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    start_date: str | None = Field(None, alias="startDate")
    start_time: str | None = Field(None, alias="startTime")
    completion_date: str | None = Field(None, alias="completionDate")
    completion_time: str | None = Field(None, alias="completionTime")
    status: str | None = None
    duration: Length | None = None
    view_time: Length | None = Field(None, alias="viewTime")
    total_amount: int | None = Field(None, alias="totalAmount")
    passed_amount: int | None = Field(None, alias="passedAmount")
    course_score: float | None = Field(None, alias="courseScore")
    teams: list[str] = []

    @computed_field
    @property
    def started_at(self) -> datetime | None:
        return joined(self.start_date, self.start_time)

    @computed_field
    @property
    def completed_at(self) -> datetime | None:
        return joined(self.completion_date, self.completion_time)


class Rows(Model):
    learners: list[Row]


class Answer(Model):
    answer: str | None = None
    is_right: bool | None = None
    is_has_image: bool | None = Field(None, alias="isHasImage")
    image_url: str | None = Field(None, alias="imageUrl")


class Answers(Model):
    selected: list[Answer] = []
    missed: list[Answer] = []


class Question(Model):
    id: str | int
    name: str | None = None
    number: int | None = None
    type: str | None = None
    is_has_image: bool | None = Field(None, alias="isHasImage")
    image_url: str | None = Field(None, alias="imageUrl")
    is_passed: bool | None = None
    is_expired: bool | None = Field(None, alias="isExpired")
    checker_comment: str | None = Field(None, alias="checkerComment")
    time_spent: Length | None = None
    answers: Answers = Answers()


class Quiz(Model):
    name: str | None = None
    score: float | None = None
    passing_score: float | None = None
    is_passed: bool | None = None
    spent_time: Length | None = None
    spent_time_seconds: int | None = None
    pass_date: str | None = None
    pass_time: str | None = None
    is_timer_on: bool | None = None
    is_expired: bool | None = None
    is_manual_approve_on: bool | None = None
    global_comment: str | None = Field(None, alias="globalComment")
    pass_percent: float | None = None
    questions: list[Question] = []


ROWS = TypeAdapter(list[Rows])
READERS: dict[str, Callable[[bytes], object]] = {
    "learners": TypeAdapter(list[Learner]).validate_json,
    "progress rows": ROWS.validate_json,
    "quiz statistics": TypeAdapter(dict[str, dict[str, Quiz]]).validate_json,
}
