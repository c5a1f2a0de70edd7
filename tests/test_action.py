"""An action as a value: its effect, its extra options, its pages; and the parts of a model."""

from __future__ import annotations

import copy
import pickle
from typing import ClassVar

import pytest
from attrs import evolve, fields, frozen

from aoclient import actions
from aoclient.action import ACTIONS, Action, Effect, Page, Spec
from aoclient.errors import InvalidOptionError
from aoclient.model import NO_EXTRA, Acknowledged, Clock, Wire, wire_of


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch):
    before = dict(ACTIONS)
    yield
    ACTIONS.clear()
    ACTIONS.update(before)


@pytest.mark.usefixtures("_registry")
def test_a_declared_action_is_registered_with_its_answer_type():
    @frozen(kw_only=True)
    class Ping(Action[Acknowledged]):
        """Say hello."""

        spec: ClassVar = Spec(name="ping", effect=Effect.SETS, adds_with=("mail", "loud"))

        mail: bool | str | None = None
        loud: bool | None = None

    assert ACTIONS["ping"] is Ping
    assert Ping.answer_type is Acknowledged
    assert Ping().effect is Effect.SETS
    assert Ping(mail=False).effect is Effect.SETS
    assert Ping(mail=True).effect is Effect.ADDS
    assert Ping(mail="True").effect is Effect.ADDS
    assert Ping(mail=False, loud=True).effect is Effect.ADDS


def test_a_declared_option_is_not_taken_from_extra():
    with pytest.raises(InvalidOptionError, match=r"learners: options\[email\]: is an option of its own"):
        actions.Learners(extra={"email": "a@x.co"})


def test_extra_is_a_copy():
    given = {"x": 1}
    action = actions.Learners(extra=given)
    given["x"] = 2
    assert action.extra == {"x": 1}
    assert actions.Learners(extra=None).extra == {}  # type: ignore[arg-type]


def test_an_error_names_its_action_and_its_path():
    for make in (lambda: actions.Learners(email=5), lambda: actions.Learners(dates=["2022-01-02", "2022-01-01"])):
        with pytest.raises(InvalidOptionError) as caught:
            make()
        assert caught.value.action == "learners"
        assert caught.value.path.startswith("options[")


@pytest.mark.parametrize("name", ["page", "amount"])
def test_pages_are_numbered_from_one(name: str):
    with pytest.raises(InvalidOptionError, match=rf"options\[{name}\]: expected a whole number from 1, got 0"):
        actions.LearnersProgressByCourse(course_id="c", **{name: 0})
    assert getattr(actions.LearnersProgressByCourse(course_id="c", **{name: 1}), name) == 1


def test_a_page_is_a_sequence_of_its_rows():
    page = Page(["a", "b", "c"], 2)
    assert (len(page), page[0], page[-1], page[1:], list(page), "b" in page) == (
        3,
        "a",
        "c",
        ["b", "c"],
        ["a", "b", "c"],
        True,
    )
    assert page.number == 2


def test_actions_are_values():
    action = actions.Learners(email="a@x.co", extra={"x": [1]})
    assert pickle.loads(pickle.dumps(action)) == action == evolve(action)
    assert action != actions.Learners(email="b@x.co")
    with pytest.raises(AttributeError):
        action.email = "b"  # type: ignore[misc]


def test_no_extra_is_one_empty_mapping():
    assert dict(NO_EXTRA) == {}
    assert len(NO_EXTRA) == 0
    assert list(NO_EXTRA) == []
    assert repr(NO_EXTRA) == "{}"
    assert pickle.loads(pickle.dumps(NO_EXTRA)) is NO_EXTRA is copy.deepcopy(NO_EXTRA)
    assert hash(actions.Named(id="a")) == hash(actions.Named(id="a"))
    with pytest.raises(KeyError):
        NO_EXTRA["x"]


def test_a_field_stands_under_its_own_name_unless_it_says_otherwise():
    learner, progress = fields(actions.Learner), fields(actions.LearnerProgress)
    assert wire_of(learner.email) == Wire(("email",))
    assert wire_of(learner.teams) == Wire(("teams",), only_when_set=True)
    assert wire_of(progress.started_at) == Wire(("startDate", "startTime"), clock=Clock.BARE)
    assert wire_of(progress.view_time) == Wire(("viewTime",))
