"""What each action makes of a small answer, mostly the vendor's own sample."""

from __future__ import annotations

import inspect
import json
import logging

import attrs
import pytest

from aoclient import actions
from aoclient.actions import (
    Academy,
    Acknowledged,
    Certificate,
    Churn,
    CountryAmount,
    CountryLearners,
    Course,
    CourseCompletion,
    InviteState,
    Learner,
    LearnerLogIns,
    LoginLink,
    Named,
    PassiveLearner,
    Team,
)
from aoclient.errors import ResponseDecodeError, ResponseSchemaError
from aoclient.model import NO_EXTRA, wire_of
from tests.samples import ANN, ATOM, MOMENT, decode

MODELS = [
    each
    for name in actions.__all__
    if attrs.has(each := getattr(actions, name)) and any(field.default is NO_EXTRA for field in attrs.fields(each))
]

LEARNER = {
    "name": "John Smith",
    "email": ANN,
    "registered_at": ATOM,
    "score": 50,
    "lessons_opened": 20,
    "lessons_completed": 10,
    "courses_completed": 1,
    "spent_time_in_academy": 234562,
    "certificates_amount": 1,
    "company": None,
    "country": "United States",
    "country_iso_code": "US",
    "city": "Los Angeles",
    "os": "OS X",
    "device": "Macintosh",
    "browser": "Chrome",
    "last_login_at": ATOM,
}
JOHN = Learner(**LEARNER | {"registered_at": MOMENT, "last_login_at": MOMENT, "score": 50.0})

COURSE = {
    "id": "zyK0bxgWEY9E4XA6JedG",
    "slug": "incidunt-course",
    "name": "incidunt course",
    "description": "Description.",
    "img": "https://app.academyocean.com/img/upload_img.png",
    "course_open_url": "https://academy.academyocean.com/course/incidunt-course/open",
    "is_in_group": False,
    "is_scorm": False,
    "is_ribbon_enabled": True,
    "ribbon_text": "Ribbon text",
}
CERTIFICATE = {"issued_date": ATOM, "course_name": "My Course", "url_to_pdf": "u.pdf", "url_to_image": "u.jpg"}
ACADEMY = {
    "id": "a1",
    "name": "Academy",
    "slug": "academy",
    "is_cname_enabled": False,
    "cname_domain": None,
    "is_private": True,
    "is_published": True,
    "learners_amount": 5,
    "created_at": ATOM,
    "content_amount": 3,
    "access_request_amount": 0,
}
COMPLETION = {
    "date_of_passing": ATOM,
    "name": "John Smith",
    "score": 20,
    "courses_completed": 1,
    "spent_time_in_academy": 412321,
    "certificates_amount": 1,
    "company": "http://company.com",
}
CHURN = {
    "churn_date": ATOM,
    "email": ANN,
    "name": "John Smith",
    "spent_time_in_academy": 12312,
    "spent_time_in_content": 123,
    "registered_at": ATOM,
}


# --- the models --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_frozen_ends_with_extra_and_describes_each_field(model):
    fields = attrs.fields(model)
    text = inspect.getdoc(model) or ""
    required = {each.name: 1 for each in fields if each.default is attrs.NOTHING}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        model(**required).extra = {}
    assert fields[-1].name == "extra"
    assert all(each.kw_only for each in fields)
    assert [each.name for each in fields if not each.inherited and f"\n    {each.name}: " not in text] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_two_fields_of_a_model_stand_under_one_key(model):
    keys = [key for each in attrs.fields(model) for key in wire_of(each).names]
    assert len(keys) == len(set(keys))


def test_all_models_are_looked_at():
    assert len(MODELS) == 23


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "raw", "expected"),
    [
        (actions.Learners, [LEARNER], [JOHN]),
        (actions.LearnersWithScore, [LEARNER], [JOHN]),
        (actions.LearnersRegisteredAt, [LEARNER], [JOHN]),
        (actions.Courses, [COURSE], [Course(**COURSE)]),
        (actions.Certificates, [CERTIFICATE], [Certificate(**CERTIFICATE | {"issued_date": MOMENT})]),
        (actions.Academies, [ACADEMY], [Academy(**ACADEMY | {"created_at": MOMENT})]),
        (
            actions.LearnersCourseComplete,
            [COMPLETION],
            [CourseCompletion(**COMPLETION | {"date_of_passing": MOMENT, "score": 20.0})],
        ),
        (
            actions.LearnersChurnAtContent,
            [CHURN],
            [Churn(**CHURN | {"churn_date": MOMENT, "registered_at": MOMENT})],
        ),
        (
            actions.PassiveLearners,
            [{"registered_at": ATOM, "name": "John", "email": ANN, "company": None}],
            [PassiveLearner(registered_at=MOMENT, name="John", email=ANN)],
        ),
        (
            actions.LearnersRepeatedLogIns,
            [LEARNER | {"log_ins_amount": 4}],
            [LearnerLogIns(**attrs.asdict(JOHN) | {"log_ins_amount": 4, "extra": NO_EXTRA})],
        ),
        (
            actions.LearnersAmountFromCountries,
            [{"country_iso_code": "US", "country": "United States", "amount": 20}],
            [CountryAmount(country_iso_code="US", country="United States", amount=20)],
        ),
        (
            actions.LearnersFromCountry,
            {"country_iso_code": "US", "country": "United States", "amount": 20, "learners": [LEARNER]},
            CountryLearners(country_iso_code="US", country="United States", amount=20, learners=[JOHN]),
        ),
        (actions.InviteLearners, {"invited": 2}, actions.InvitedCount(invited=2)),
        (actions.DeleteLearners, {"deleted": 1}, actions.DeletedCount(deleted=1)),
        (actions.CreateLoginToken, {"link": "https://a/b"}, LoginLink(link="https://a/b")),
        (
            actions.CheckLearnerInvite,
            {
                "a": {"is_found": True, "is_used": True, "used_at": ATOM},
                "b": {"is_found": False, "is_used": None, "used_at": None},
                "c": [],
            },
            {
                "a": InviteState(is_found=True, is_used=True, used_at=MOMENT),
                "b": InviteState(is_found=False),
                "c": InviteState(),
            },
        ),
        (
            actions.GetLearnerVariable,
            {ANN: {"var_name_1": 1, "var_name_4": "abcd", "var_name_5": None}, "b": []},
            {ANN: {"var_name_1": 1, "var_name_4": "abcd", "var_name_5": None}, "b": {}},
        ),
        (actions.GetLearnerVariable, [], {}),
        (
            actions.GetTeams,
            [{"id": "t1", "name": "test 2", "courses": [{"id": 2, "name": "2"}]}, {"id": "t2", "name": "test 5"}],
            [Team(id="t1", name="test 2", courses=[Named(id=2, name="2")]), Team(id="t2", name="test 5")],
        ),
        (actions.GetTeams, [{"id": "t1", "Courses": []}], [Team(id="t1", courses=[])]),
        (actions.DeleteLearnerInvite, ["done"], Acknowledged(["done"])),
        (actions.AddLearnerQuizAttempts, True, Acknowledged(value=True)),
        (actions.SetLessonVariables, b"", Acknowledged(None)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_an_answer_becomes_models_and_nothing_is_left_over(cls, raw, expected):
    assert decode(cls, raw) == expected


@pytest.mark.parametrize(
    "cls",
    [
        actions.RevokeLearnersAccess,
        actions.ReturnLearnersAccess,
        actions.AddLearnersToTeams,
        actions.RemoveLearnersFromTeams,
        actions.SetLessonVariables,
        actions.AddLearnerQuizAttempts,
        actions.DeleteLearnerInvite,
    ],
)
def test_an_undescribed_answer_is_handed_over_untouched(cls):
    assert decode(cls, {"anything": [1, None]}) == Acknowledged({"anything": [1, None]})


# --- answers that say nothing, and secrets -----------------------------------------------------------------------


@pytest.mark.parametrize("cls", [actions.InviteLearners, actions.DeleteLearners, actions.CreateLoginToken])
def test_an_answer_without_its_only_value_is_refused_and_not_taken_for_zero(cls):
    with pytest.raises(ResponseSchemaError):
        decode(cls, {"message": "ok"})


def test_a_login_link_is_not_shown(caplog):
    caplog.set_level(logging.DEBUG)
    link = decode(actions.CreateLoginToken, {"link": "https://a/auth/token/canary", "url": "canary"})
    assert link.link == "https://a/auth/token/canary"
    assert link.extra == {"url": "canary"}
    assert "canary" not in f"{link!r} {link} {caplog.text}"


@pytest.mark.parametrize(
    "body", [b"https://a/auth/token/canary", b'["canary"]', json.dumps({"lnk": "canary"}).encode()]
)
def test_an_error_about_a_login_link_does_not_quote_it(body):
    with pytest.raises((ResponseSchemaError, ResponseDecodeError)) as caught:
        decode(actions.CreateLoginToken, body)
    assert "canary" not in f"{caught.value} {caught.value.excerpt} {vars(caught.value)}"
