"""One action cut into several, and their answers merged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoclient import forms, wire
from aoclient.actions import (
    AddLearnersToTeams,
    CheckLearnerInvite,
    Courses,
    DeletedCount,
    DeleteLearners,
    GetLearnersQuizStatistic,
    Invitee,
    InviteLearners,
    RemoveLearnersFromTeams,
    SetLessonVariables,
)
from aoclient.actions import LessonVariable as Variable
from aoclient.actions import TeamRemoval as Removal
from aoclient.errors import InvalidOptionError
from aoclient.model import Acknowledged
from aoclient.splitting import merge, split


def pairs(action):
    return forms.count(wire.tree(action))


def test_what_fits_is_not_cut():
    action = CheckLearnerInvite(emails=["a@example.com"])
    assert split(action, 2) == [action]


def test_lists_are_cut_between_their_entries():
    parts = split(CheckLearnerInvite(emails=[f"{n}@example.com" for n in range(5)]), 3)
    assert [part.emails for part in parts] == [
        ("0@example.com", "1@example.com"),
        ("2@example.com", "3@example.com"),
        ("4@example.com",),
    ]


def test_maps_are_cut_between_the_entries_of_their_lists():
    action = GetLearnersQuizStatistic(records={"a@example.com": ["q1", "q2", "q3"], "b@example.com": ["q1"]})
    assert [part.records for part in split(action, 3)] == [
        {"a@example.com": ("q1", "q2")},
        {"a@example.com": ("q3",), "b@example.com": ("q1",)},
    ]


def test_records_of_several_pairs_stay_whole():
    invitees = [Invitee(email=f"{n}@example.com", name="A", type="learner", teams=["t"] * n) for n in (1, 3, 0, 2)]
    parts = split(InviteLearners(learners=invitees), 8)
    assert [len(part.learners) for part in parts] == [1, 1, 1, 1]
    assert [part.learners for part in split(InviteLearners(learners=invitees), 12)] == [
        tuple(invitees[:2]),
        tuple(invitees[2:]),
    ]


def test_what_is_not_cut_is_repeated_in_every_part():
    action = AddLearnersToTeams(teams=["t1", "t2"], learners=["a@example.com", "b@example.com"], send_invites=True)
    for part in split(action, 5):
        assert (part.teams, part.send_invites, len(part.learners)) == (("t1", "t2"), True, 1)


def test_two_lists_are_cut_one_after_the_other():
    parts = split(DeleteLearners(emails=["a@example.com"], ids=["1", "2"]), 3)
    assert [(part.emails, part.ids) for part in parts] == [(("a@example.com",), ("1",)), (None, ("2",))]


def test_a_list_that_was_not_given_stays_so():
    parts = split(DeleteLearners(ids=["1", "2"]), 2)
    assert [(part.emails, part.ids) for part in parts] == [(None, ("1",)), (None, ("2",))]


@pytest.mark.parametrize(
    ("action", "needs"),
    [
        (RemoveLearnersFromTeams(learners=[Removal(email="a@example.com", teams=["t"] * 9)]), 11),
        (AddLearnersToTeams(teams=["t"] * 9, learners=["a@example.com", "b@example.com"]), 11),
    ],
)
def test_what_cannot_be_cut_small_enough_is_refused(action, needs):
    with pytest.raises(InvalidOptionError, match=f"needs {needs} form pairs in one request, and the server keeps 10"):
        split(action, 10)


def test_an_action_without_anything_to_cut_is_refused():
    with pytest.raises(InvalidOptionError, match="needs 3 form pairs"):
        split(Courses(extra={"a": [1, 2]}), 2)


@given(
    records=st.dictionaries(
        st.integers(0, 50).map("{}@example.com".format),
        st.lists(
            st.builds(Variable, key=st.just("k"), value=st.just("v"), type=st.sampled_from([None, 1])), min_size=1
        ),
        min_size=1,
    ),
    most=st.integers(5, 40),
)
def test_parts_fit_and_hold_together_what_the_whole_held(records, most):
    action = SetLessonVariables(academy_id="a1", records=records)
    parts = split(action, most)
    assert all(pairs(part) <= most for part in parts)
    together = {}
    for part in parts:
        for email, variables in part.records.items():
            together.setdefault(email, []).extend(variables)
    assert together == {email: list(variables) for email, variables in records.items()}
    assert list(together) == list(records)


def test_maps_are_united_to_the_second_level():
    assert merge([{"a": {"q1": 1}, "b": {"q1": 2}}, {"a": {"q2": 3}, "c": {}}]) == {
        "a": {"q1": 1, "q2": 3},
        "b": {"q1": 2},
        "c": {},
    }


def test_maps_of_values_are_united():
    assert merge([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}


def test_counts_are_summed():
    assert merge([DeletedCount(deleted=2), DeletedCount(deleted=0), DeletedCount(deleted=3)]) == DeletedCount(deleted=5)


def test_what_is_not_described_is_listed():
    assert merge([Acknowledged(["done"]), Acknowledged(None)]) == Acknowledged([["done"], None])
