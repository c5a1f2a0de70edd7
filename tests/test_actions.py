from __future__ import annotations

import inspect
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import unquote_plus

import attrs
import pytest

from aoclient import actions, forms, wire
from aoclient.actions import ACTIONS, Effect, Invitee, LessonVariable, Operator, TeamRemoval, VariableType
from aoclient.errors import InvalidOptionError
from tests.samples import SAMPLES, name_of

ANN = "ann@example.com"
LINK = {"academy_id": "a1", "email": ANN}
INVITEE = {"email": ANN, "name": "Ann", "type": "learner"}


def form(action):
    """Return the form of an action as people read it."""
    return unquote_plus(wire.encode(action).body.decode())


# --- the registry ------------------------------------------------------------------------------------------------


def test_all_28_actions_of_the_page_are_declared():
    assert len(ACTIONS) == 28


@pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
def test_a_class_has_the_vendors_name_in_pascal_case(cls):
    assert cls.__name__ == cls.spec.name[0].upper() + cls.spec.name[1:]
    assert getattr(actions, cls.__name__) is cls
    assert ACTIONS[cls.spec.name] is cls


@pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
def test_every_option_is_set_in_a_sample(cls):
    samples = [sample for sample in SAMPLES if type(sample) is cls]
    unset = [
        each.name
        for each in attrs.fields(cls)
        if each.name != "extra" and all(getattr(sample, each.name) is None for sample in samples)
    ]
    assert samples
    assert unset == []


@pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
def test_what_a_spec_names_exists(cls):
    options = {each.name for each in attrs.fields(cls)} - {"extra"}
    assert set(cls.spec.split) <= options
    assert set(cls.spec.adds_with) <= options
    assert cls.spec.look_with == "" or ACTIONS[cls.spec.look_with].spec.effect is Effect.READS


@pytest.mark.parametrize("cls", ACTIONS.values(), ids=ACTIONS)
def test_a_docstring_tells_every_option_and_the_heading_of_the_page(cls):
    text = inspect.getdoc(cls) or ""
    told = text.partition("Args:")[2].partition("Answer:")[0]
    missing = [each.name for each in attrs.fields(cls) if each.name != "extra" and f"\n    {each.name}: " not in told]
    assert missing == []
    assert "\nAnswer:\n" in text
    assert "ApiError: " in text
    assert text.endswith(f"\nDoc: {cls.spec.heading or cls.spec.name}")


def test_all_is_sorted_and_all_of_it_exists():
    assert actions.__all__ == sorted(actions.__all__)
    assert [name for name in actions.__all__ if not hasattr(actions, name)] == []


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_a_server_reads_the_very_action_that_was_sent(sample):
    assert wire.read(wire.encode(sample).body) == sample


# --- effects -----------------------------------------------------------------------------------------------------


def test_there_are_18_reads_6_sets_and_4_adds():
    assert Counter(cls.spec.effect for cls in ACTIONS.values()) == {Effect.READS: 18, Effect.SETS: 6, Effect.ADDS: 4}


@pytest.mark.parametrize("name", ["addLearnerQuizAttempts", "inviteLearners", "createLoginToken", "deleteLearners"])
def test_what_adds_mails_or_destroys_again_always_adds(name):
    assert {sample.effect for sample in SAMPLES if sample.spec.name == name} == {Effect.ADDS}


@pytest.mark.parametrize(
    ("cls", "options", "flag"),
    [
        (actions.AddLearnersToTeams, {"teams": ["t1"], "learners": [ANN]}, "send_invites"),
        (actions.DeleteLearnerInvite, {"emails": [ANN]}, "is_delete_users"),
        (
            actions.SetLessonVariables,
            {"academy_id": "a1", "records": {ANN: [LessonVariable(key="k", value="v")]}},
            "is_invite_learner_if_not_found",
        ),
    ],
)
def test_a_flag_that_invites_or_deletes_makes_a_setting_action_add(cls, options, flag):
    assert cls(**options).effect is Effect.SETS
    assert cls(**options, **{flag: False}).effect is Effect.SETS
    assert cls(**options, **{flag: True}).effect is Effect.ADDS


@pytest.mark.parametrize(
    ("text", "effect"), [("True", Effect.ADDS), ("False", Effect.ADDS), ("1", Effect.ADDS), ("0", Effect.SETS)]
)
def test_a_text_to_delete_users_counts_as_deleting_unless_it_is_zero(text, effect):
    # Under a cast in PHP the word "False" is true.
    assert actions.DeleteLearnerInvite(emails=[ANN], is_delete_users=text).effect is effect


def test_only_the_login_link_is_confidential():
    assert [name for name, cls in ACTIONS.items() if cls.spec.confidential] == ["createLoginToken"]


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "options", "path"),
    [
        # nothing is turned into another type
        (actions.Learners, {"email": 5}, "options[email]"),
        (actions.Learners, {"email": " "}, "options[email]"),
        (actions.Learners, {"with_teams": 1}, "options[with_teams]"),
        (actions.Learners, {"with_academy": "true"}, "options[with_academy]"),
        (actions.LearnersWithScore, {"score": "40"}, "options[score]"),
        (actions.LearnersWithScore, {"score": True}, "options[score]"),
        (actions.LearnersWithScore, {"score": 40.0}, "options[score]"),
        (actions.LearnersWithScore, {"score": 40, "operator": "=>"}, "options[operator]"),
        (actions.LearnersWithScore, {"score": 40, "operator": ["="]}, "options[operator]"),
        (actions.LearnersFromCountry, {"country_iso_code": ["US"]}, "options[country_iso_code]"),
        (actions.LearnersAmountFromCountries, {"country_iso_code": ""}, "options[country_iso_code]"),
        (actions.LearnersCourseComplete, {"course_id": True}, "options[course_id]"),
        (actions.LearnersChurnAtContent, {"course_id": "c1", "content_id": 1.5}, "options[content_id]"),
        (actions.GetTeams, {"records": "courses"}, "options[records]"),
        (actions.GetTeams, {"records": True}, "options[records]"),
        # required, and given as None: it would silently not be sent
        (actions.Certificates, {"email": None}, "options[email]"),
        (actions.AddLearnersToTeams, {"teams": None, "learners": [ANN]}, "options[teams]"),
        (actions.AddLearnerQuizAttempts, {"quiz_id": "q1", "email": None}, "options[email]"),
        # dates
        (actions.Learners, {"dates": ["2017-07-25"]}, "options[dates]"),
        (actions.Learners, {"dates": ["2017-07-26", "2017-07-25"]}, "options[dates]"),
        (actions.Learners, {"dates": ["2017-07-25", "25.07.2017"]}, "options[dates][1]"),
        (actions.Learners, {"dates": "2017-07-25"}, "options[dates]"),
        (actions.LearnersRegisteredAt, {}, "options[date]"),
        (actions.LearnersRegisteredAt, {"operator": "="}, "options[date]"),
        (actions.LearnersRegisteredAt, {"date": 20170924}, "options[date]"),
        (
            actions.LearnersRegisteredAt,
            {"date": "2017-09-24", "dates": ["2017-09-24", "2017-09-25"]},
            "options[dates]",
        ),
        (
            actions.LearnersRegisteredAt,
            {"operator": "=", "dates": ["2017-09-24", "2017-09-25"]},
            "options[operator]",
        ),
        (actions.LearnersRegisteredAt, {"dates": ["2017-09-24", "2017-09-24"]}, "options[dates]"),
        # progress
        (actions.CourseProgress, {"email": ANN, "course_type": "publised"}, "options[course_type]"),
        (actions.CourseProgress, {"email": ANN, "course_type": 1}, "options[course_type]"),
        (actions.LearnersProgressByCourse, {}, "options[course_id]"),
        (actions.LearnersProgressByCourse, {"course_id": "c1", "course_slug": "s"}, "options[course_slug]"),
        (actions.LearnersProgressByCourse, {"course_id": "c1", "page": 0}, "options[page]"),
        (actions.LearnersProgressByCourse, {"course_id": "c1", "amount": -1}, "options[amount]"),
        (actions.LearnersProgressByCourse, {"course_id": "c1", "page": "1"}, "options[page]"),
        # lists and maps
        (actions.CheckLearnerInvite, {"emails": []}, "options[emails]"),
        (actions.CheckLearnerInvite, {"emails": ANN}, "options[emails]"),
        (actions.CheckLearnerInvite, {"emails": [ANN, 5]}, "options[emails][1]"),
        (actions.DeleteLearnerInvite, {"emails": [ANN], "is_delete_users": 1}, "options[is_delete_users]"),
        (actions.RevokeLearnersAccess, {"learners": []}, "options[learners]"),
        (actions.ReturnLearnersAccess, {"learners": [""]}, "options[learners][0]"),
        (actions.AddLearnersToTeams, {"teams": [], "learners": [ANN]}, "options[teams]"),
        (actions.DeleteLearners, {}, "options[emails]"),
        (actions.DeleteLearners, {"is_permanently_delete": True}, "options[emails]"),
        (actions.DeleteLearners, {"emails": []}, "options[emails]"),
        (actions.DeleteLearners, {"emails": [ANN], "ids": []}, "options[ids]"),
        (actions.GetLearnerVariable, {"records": {}}, "options[records]"),
        (actions.GetLearnerVariable, {"records": {ANN: []}}, f"options[records][{ANN}]"),
        (actions.GetLearnerVariable, {"records": {ANN: "var"}}, f"options[records][{ANN}]"),
        (actions.GetLearnersQuizStatistic, {"records": {ANN: ["q1", None]}}, f"options[records][{ANN}][1]"),
        (actions.GetLearnersQuizStatistic, {"records": [ANN]}, "options[records]"),
        # nested inputs
        (actions.InviteLearners, {"learners": [INVITEE]}, "options[learners][0]"),
        (actions.InviteLearners, {"learners": [Invitee(**INVITEE)], "is_send_email": 1}, "options[is_send_email]"),
        (actions.RemoveLearnersFromTeams, {"learners": [Invitee(**INVITEE)]}, "options[learners][0]"),
        (actions.SetLessonVariables, {"academy_id": "a1", "records": {ANN: ["k"]}}, f"options[records][{ANN}][0]"),
        # login links
        (actions.CreateLoginToken, {**LINK, "lesson": "l"}, "options[lesson]"),
        (actions.CreateLoginToken, {**LINK, "quiz": "q"}, "options[quiz]"),
        (actions.CreateLoginToken, {**LINK, "lesson": "l", "quiz": "q"}, "options[lesson]"),
        (actions.CreateLoginToken, {**LINK, "course": "c", "lesson": "l", "quiz": "q"}, "options[quiz]"),
        (actions.CreateLoginToken, {**LINK, "content_id": "l1"}, "options[content_id]"),
        (actions.CreateLoginToken, {**LINK, "course": "c", "course_id": "c1"}, "options[course_id]"),
        (actions.CreateLoginToken, {**LINK, "course": "c", "content_id": "l1"}, "options[content_id]"),
        (actions.CreateLoginToken, {**LINK, "course_id": "c1", "quiz": "q"}, "options[course_id]"),
        (actions.CreateLoginToken, {**LINK, "ignore_academy_privacy_mode": 0}, "options[ignore_academy_privacy_mode]"),
        # a documented option is not given in extra
        (actions.Certificates, {"email": ANN, "extra": {"email": ANN}}, "options[email]"),
    ],
)
def test_a_wrong_option_is_refused_with_its_path(cls, options, path):
    with pytest.raises(InvalidOptionError) as caught:
        cls(**options)
    assert caught.value.path == path
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "options", "path"),
    [
        (Invitee, INVITEE | {"email": ""}, "options[learners][][email]"),
        (Invitee, INVITEE | {"name": None}, "options[learners][][name]"),
        (Invitee, INVITEE | {"type": "owner"}, "options[learners][][type]"),
        (Invitee, INVITEE | {"teams": "t1"}, "options[learners][][teams]"),
        (Invitee, INVITEE | {"teams": 0}, "options[learners][][teams]"),
        (TeamRemoval, {"email": ANN, "teams": []}, "options[learners][][teams]"),
        (TeamRemoval, {"email": 5, "teams": ["t1"]}, "options[learners][][email]"),
        (LessonVariable, {"key": "two words", "value": "v"}, "options[records][][][key]"),
        (LessonVariable, {"key": "kebab-case", "value": "v"}, "options[records][][][key]"),
        (LessonVariable, {"key": "k", "value": " "}, "options[records][][][value]"),
        (LessonVariable, {"key": "k", "value": 1.5}, "options[records][][][value]"),
        (LessonVariable, {"key": "k", "value": True}, "options[records][][][value]"),
        (LessonVariable, {"key": "k", "value": "v", "type": 5}, "options[records][][][type]"),
        (LessonVariable, {"key": "k", "value": "v", "type": True}, "options[records][][][type]"),
        (LessonVariable, {"key": "k", "value": "v", "type": 1.0}, "options[records][][][type]"),
    ],
)
def test_a_wrong_value_of_a_nested_input_is_refused_with_its_path(cls, options, path):
    with pytest.raises(InvalidOptionError) as caught:
        cls(**options)
    assert caught.value.path == path


def test_a_refusal_names_the_action():
    with pytest.raises(InvalidOptionError, match=r"^learnersRegisteredAt: options\[date\]: is required, or dates$"):
        actions.LearnersRegisteredAt()


def test_an_address_that_php_would_cut_is_refused_when_it_is_written():
    action = actions.GetLearnerVariable(records={"x]y@example.com": ["k"]})
    with pytest.raises(InvalidOptionError, match="where PHP ends the key"):
        wire.encode(action)


# --- what is kept and sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (date(2017, 9, 24), "2017-09-24"),
        (datetime(2017, 9, 24, 10, 30), "2017-09-24 10:30:00"),  # noqa: DTZ001  # without a zone it is UTC
        (datetime(2017, 9, 24, 10, 30, tzinfo=timezone(timedelta(hours=3))), "2017-09-24 07:30:00"),
        (datetime(2017, 9, 24, 10, 30, 5, 999, tzinfo=UTC), "2017-09-24 10:30:05"),
        ("2017-09-24", "2017-09-24"),
        ("2017-09-24 10:30:00", "2017-09-24 10:30:00"),
        ("2017-09-24T10:30:00+03:00", "2017-09-24 07:30:00"),
    ],
)
def test_a_date_goes_out_in_the_vendors_spelling_and_in_utc(given, sent):
    assert form(actions.LearnersRegisteredAt(date=given)) == f"action=learnersRegisteredAt&options[date]={sent}"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (actions.Courses(), "action=courses"),
        (
            actions.LearnersWithScore(score=0, operator=">="),
            "action=learnersWithScore&options[score]=0&options[operator]=>=",
        ),
        (
            actions.LearnersProgressByCourse(course_slug="s", show_not_started_learners=False, page=1, amount=10),
            (
                "action=learnersProgressByCourse&options[course_slug]=s&options[show_not_started_learners]=0"
                "&options[page]=1&options[amount]=10"
            ),
        ),
        (
            actions.CourseProgress(email=ANN, course_type=True, extra={"only_displayed_courses": True}),
            f"action=courseProgress&options[email]={ANN}&options[course_type]=1&options[only_displayed_courses]=1",
        ),
        (
            actions.InviteLearners(
                learners=[
                    Invitee(email=ANN, name="Ann", type="learner", teams=["t1", 2]),
                    Invitee(email=ANN, name="Ann", type="manager", teams=[]),
                ],
                is_send_email="True",
            ),
            (
                f"action=inviteLearners&options[learners][0][email]={ANN}&options[learners][0][name]=Ann"
                "&options[learners][0][type]=learner&options[learners][0][teams][0]=t1&options[learners][0][teams][1]=2"
                f"&options[learners][1][email]={ANN}&options[learners][1][name]=Ann&options[learners][1][type]=manager"
                "&options[is_send_email]=True"
            ),
        ),
        (
            actions.SetLessonVariables(
                academy_id="a1",
                records={ANN: [LessonVariable(key="k", value=1, type=VariableType.STRING, default_value=0)]},
            ),
            (
                f"action=setLessonVariables&options[academy_id]=a1&options[records][{ANN}][0][key]=k"
                f"&options[records][{ANN}][0][value]=1&options[records][{ANN}][0][type]=0"
                f"&options[records][{ANN}][0][default_value]=0"
            ),
        ),
        (
            actions.CreateLoginToken(
                academy_id="a1", email=ANN, course_id=7, ignore_academy_privacy_mode=False, teams=()
            ),
            (
                f"action=createLoginToken&options[academy_id]=a1&options[email]={ANN}"
                "&options[ignore_academy_privacy_mode]=0&options[course_id]=7"
            ),
        ),
        (
            actions.DeleteLearnerInvite(emails=[ANN], is_delete_users=False),
            f"action=deleteLearnerInvite&options[emails][0]={ANN}&options[is_delete_users]=0",
        ),
        (
            actions.RemoveLearnersFromTeams(learners=[TeamRemoval(email=ANN, teams=["t1"])]),
            f"action=removeLearnersFromTeams&options[learners][0][email]={ANN}&options[learners][0][teams][0]=t1",
        ),
        (actions.GetTeams(records="course"), "action=getTeams&options[records]=course"),
    ],
    ids=lambda value: value.spec.name if isinstance(value, actions.Action) else "",
)
def test_the_form_is_the_vendors(action, expected):
    assert form(action) == expected


def test_the_sample_of_the_page_goes_out_byte_for_byte():
    action = actions.Learners(dates=["2017-07-25 00:00:00", "2017-07-25 23:59:59"])
    assert wire.encode(action).body == (
        b"action=learners&options%5Bdates%5D%5B0%5D=2017-07-25+00%3A00%3A00"
        b"&options%5Bdates%5D%5B1%5D=2017-07-25+23%3A59%3A59"
    )


def test_given_values_are_kept_in_one_form():
    assert actions.LearnersWithScore(score=1, operator="<").operator is Operator.LESS
    assert LessonVariable(key="k", value=5, type=2).type is VariableType.NUMBER
    assert LessonVariable(key="k", value=5).value == "5"
    assert actions.CheckLearnerInvite(emails=(each for each in [ANN])).emails == (ANN,)
    assert Invitee(**INVITEE, teams=[]).teams is None


def test_a_list_given_by_the_caller_can_change_without_changing_the_action():
    emails = [ANN]
    action = actions.CheckLearnerInvite(emails=emails)
    emails.clear()
    assert forms.decode(wire.encode(action).body)["options"] == {"emails": [ANN]}
