"""What a user's test says of the academy: the state it begins with, and the calls it expects."""

import asyncio
from datetime import date

import pytest

from aoclient import ApiError, ConfigurationError, InvalidOptionError, RetryPolicy, Session, actions
from aoclient.actions import AddLearnersToTeams, Courses, GetTeams, Learners, LearnersRegisteredAt
from aoclient.emulator import Call, Emulator, Invited, Refusal, Registered


def send(emulator, *todo, **settings):
    async def main():
        async with Session("client-id", "client-secret", sender=emulator, **settings) as ao:
            for each in todo:
                await ao.send(each)

    asyncio.run(main())


def said(caught):
    return str(caught.value).splitlines()


def test_calls_in_their_order_meet_what_is_expected():
    emulator = Emulator(learners=3)
    team = emulator.world.catalogue.teams[0].id
    with emulator.expecting(GetTeams, AddLearnersToTeams(teams=[team], learners=["learner1@example.com"])) as expected:
        send(emulator, GetTeams(), AddLearnersToTeams(teams=[team], learners=("learner1@example.com",)))
    assert expected.is_met
    send(emulator, Courses())  # nothing is expected any more


def test_a_call_nobody_expects_is_refused_and_told():
    emulator = Emulator(learners=3)
    team = emulator.world.catalogue.teams[0].id
    with pytest.raises(AssertionError) as caught, emulator.expecting(GetTeams):
        send(emulator, GetTeams(), AddLearnersToTeams(teams=[team], learners=["learner1@example.com"]))
    assert isinstance(caught.value.__cause__, ApiError)
    assert said(caught) == [
        "the academy was not called as expected",
        "expected, in this order:",
        "    getTeams(): expected 1, came 1",
        "came:",
        "    getTeams()",
        f"  ! addLearnersToTeams(teams=('{team}',), learners=('learner1@example.com',))",
    ]
    assert emulator.journal.count("addLearnersToTeams") == 0


def test_a_refusal_that_is_caught_is_told_at_the_end():
    emulator = Emulator(learners=3)
    with pytest.raises(AssertionError, match=r"! courses\(\)"), emulator.expecting(), pytest.raises(ApiError):
        send(emulator, Courses())


def test_a_call_that_is_missing_is_told():
    emulator = Emulator(learners=3)
    with pytest.raises(AssertionError) as caught, emulator.expecting(Learners, Courses, in_order=False):
        send(emulator, Courses())
    assert said(caught)[1:3] == ["expected, in any order:", "  ! learners(): expected 1, came 0"]
    with pytest.raises(AssertionError, match=r"came:\n    nothing"), emulator.expecting(Learners):
        pass


def test_order_matters_only_where_it_is_asked_for():
    emulator = Emulator(learners=3)
    with emulator.expecting(Learners, Courses, in_order=False):
        send(emulator, Courses(), Learners())
    with pytest.raises(AssertionError), emulator.expecting(Learners, Courses):
        send(emulator, Courses(), Learners())
    with pytest.raises(AssertionError), emulator.expecting(Call(Learners, times=None), Courses):
        send(emulator, Courses(), Learners())


def test_some_options_may_be_named_and_the_number_of_calls():
    emulator = Emulator(learners=3)
    day = date(2024, 1, 2)
    with emulator.expecting(
        Call(Learners, email="learner1@example.com", times=2),
        Call(Courses, times=None),
        Call(LearnersRegisteredAt, date=day, operator=None),
        others=True,
    ):
        send(
            emulator,
            *[Learners(email="learner1@example.com", with_teams=each) for each in (True, None)],
            GetTeams(),
            LearnersRegisteredAt(date=day),
        )
    with (
        pytest.raises(AssertionError, match=r"! learners\(email='learner2@example.com'\)"),
        emulator.expecting(Call(Learners, email="learner1@example.com", times=None)),
    ):
        send(emulator, Learners(email="learner2@example.com"))


def test_a_repeat_of_a_call_whose_answer_was_lost_is_no_call_of_its_own():
    emulator = Emulator(learners=3, faults="drop-after@at=1")
    with emulator.expecting(Courses):
        send(emulator, Courses(), retries=RetryPolicy(wait=0.0))
    assert emulator.journal.count("courses") == 2


def test_an_error_of_the_test_itself_is_not_hidden():
    with pytest.raises(ZeroDivisionError), Emulator(learners=0).expecting(Courses):
        raise ZeroDivisionError


def test_an_action_that_is_not_modelled_is_unexpected():
    emulator = Emulator(learners=0)

    async def main():
        async with Session("client-id", "client-secret", sender=emulator) as ao:
            await ao.call("newAction", effect="reads")

    with pytest.raises(AssertionError, match=r"! newAction\(\)"), emulator.expecting():
        asyncio.run(main())


def test_what_cannot_be_expected_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="Learners has no option 'mail', only email"):
        Call(Learners, mail="a@example.com")
    with pytest.raises(ConfigurationError, match="at least 1 or None, got 0"):
        Call(Learners, times=0)
    with pytest.raises(InvalidOptionError, match="email"):
        Call(Learners, email=5)
    emulator = Emulator(learners=0)
    with emulator.expecting(), pytest.raises(ConfigurationError, match="stands in another"), emulator.expecting():
        pass


# --- state -------------------------------------------------------------------------------------------------------


@pytest.mark.academyocean(learners=0)
def test_the_state_of_the_academy_is_said_in_one_place(academyocean, ao):
    team, course = academyocean.world.catalogue.teams[0], academyocean.world.catalogue.courses[0]
    other = academyocean.world.catalogue.courses[1]
    academyocean.given(
        Registered("ann@example.org", name="Ann Smith", teams=[team.name], finished=[course.name]),
        Registered("ben@example.org", started=[other.slug], variables={"department": "Sales"}, is_revoked=True),
        Invited("cleo@example.org", name="Cleo", teams=[team.id]),
    )

    async def look():
        learners = {each.email: each for each in await ao.learners(with_teams=True)}
        progress = {
            email: {each.course_id: each.progress for each in await ao.course_progress(email=email)}
            for email in learners
        }
        invites = await ao.check_learner_invite(emails=["cleo@example.org"])
        variables = await ao.get_learner_variable(records={"ben@example.org": ["department"]})
        return learners, progress, invites["cleo@example.org"], variables["ben@example.org"]

    learners, progress, invite, variables = asyncio.run(look())
    assert [(each.name, [team.name for team in each.teams or ()]) for each in learners.values()] == [
        ("Ann Smith", [team.name]),
        ("", []),
    ]
    assert progress["ann@example.org"][course.id] == 100
    assert progress["ben@example.org"][other.id] == 0
    assert (invite.is_found, invite.is_used) == (True, False)
    assert variables == {"department": "Sales"}
    with pytest.raises(Refusal, match="revoked"):
        academyocean.learner("ben@example.org").log_in()


@pytest.mark.parametrize(
    ("person", "words"),
    [
        (Registered("learner1@example.com"), "registered already"),
        (Registered("a@example.org", teams=["Nowhere"]), "there is no team 'Nowhere', only "),
        (Registered("a@example.org", finished=["Nothing"]), "there is no course 'Nothing', only "),
        (Invited("learner1@example.com"), "learner1@example.com is invited or registered already"),
    ],
    ids=["twice", "team", "course", "invited"],
)
def test_a_state_that_cannot_be_is_refused(person, words):
    emulator = Emulator(learners=1)
    with pytest.raises(Refusal, match=words):
        emulator.given(person)
    assert emulator.world.last_number == 1


def test_expectations_hold_over_a_socket_too():
    emulator = Emulator(learners=2)

    async def main():
        async with emulator.serve() as url, Session("client-id", "client-secret", base_url=url) as ao:
            await ao.send(actions.Academies())
            await ao.send(Courses())

    with pytest.raises(AssertionError, match=r"! courses\(\)") as caught, emulator.expecting(actions.Academies):
        asyncio.run(main())
    assert caught.value.__cause__.status == 400
