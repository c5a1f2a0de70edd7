"""What a Laravel server does around the actions: routes, tokens, bodies, throttle."""

import json

import pytest

from aoclient import Rate, forms
from aoclient.emulator import Emulator, Quirks
from aoclient.emulator.application import Incoming

FORM = "application/x-www-form-urlencoded"
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "client-id", "client_secret": "client-secret"}
EMAIL = "learner7@example.com"


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


def post(emulator, tree, path="/api/v1/", *, method="POST", client="local", **headers):
    body = tree if isinstance(tree, bytes) else forms.encode(tree).encode()
    given = {"accept": "application/json", "content-type": FORM} | {k.replace("_", "-"): v for k, v in headers.items()}
    return emulator.application.handle(
        Incoming(method=method, path=path, headers=given, body=body, client=client)
    ).response


def sign_in(emulator):
    answer = json.loads(post(emulator, CREDENTIALS, "/oauth/token").body)
    return f"{answer['token_type']} {answer['access_token']}"


def call(emulator, action, options=None, *, body=None, **headers):
    tree = {"action": action, "options": options} if body is None else body
    return post(emulator, tree, authorization=sign_in(emulator), **headers)


# --- tokens ---


def test_a_token_is_given_out_as_passport_does():
    emulator = Emulator(token_life=1000)
    response = post(emulator, CREDENTIALS | {"scope": ""}, "/oauth/token")
    answer = json.loads(response.body)
    assert (response.status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 1000)
    assert answer["access_token"].count(".") == 2


@pytest.mark.parametrize(
    ("changes", "status", "error", "hint"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", None),
        ({"client_id": "wrong"}, 401, "invalid_client", None),
        ({"client_secret": None}, 401, "invalid_client", None),
        ({"client_id": None}, 400, "invalid_request", "Check the `client_id` parameter"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "Check that all required parameters"),
        ({"scope": "admin other"}, 400, "invalid_scope", "Check the `admin` scope"),
    ],
)
def test_a_request_for_a_token_is_refused_as_the_league_server_does(changes, status, error, hint):
    response = post(Emulator(), CREDENTIALS | changes, "/oauth/token")
    answer = json.loads(response.body)
    assert (response.status, answer["error"]) == (status, error)
    assert answer["message"] == answer["error_description"]
    assert answer.get("hint", "").startswith(hint or "")


def test_a_token_ends_when_its_life_is_over_and_a_new_one_leaves_it_valid():
    clock = Clock()
    emulator = Emulator(clock=clock, token_life=100)
    first = sign_in(emulator)
    clock.now += 60
    second = sign_in(emulator)
    assert [post(emulator, {"action": "courses"}, authorization=each).status for each in (first, second)] == [200, 200]
    clock.now += 40
    assert [post(emulator, {"action": "courses"}, authorization=each).status for each in (first, second)] == [401, 200]
    emulator.tokens.expire()
    assert post(emulator, {"action": "courses"}, authorization=second).status == 401


def test_the_word_bearer_is_optional_and_its_case_is_not():
    emulator = Emulator()
    token = sign_in(emulator).removeprefix("Bearer ")
    statuses = [
        post(emulator, {"action": "courses"}, authorization=each).status
        for each in (token, f"Bearer {token}", f"bearer {token}", "", "Bearer x")
    ]
    assert statuses == [200, 200, 401, 401, 401]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 401),
        ("application/vnd.api+json; q=1, text/html", 401),
        ("text/html, application/json", 302),
        ("*/*", 302),
        ("", 302),
    ],
)
def test_who_has_no_token_is_told_so_in_json_only_when_json_stands_first(accept, status):
    response = post(Emulator(), {"action": "courses"}, accept=accept)
    assert response.status == status
    assert response.headers.get("location", "").endswith("/login") == (status == 302)


# --- routes ---


def test_routes_and_methods():
    emulator = Emulator()
    assert post(emulator, {}, "/api/v2/").status == 404
    assert post(emulator, {}, "/api/v2/").body == b'{"message":""}'
    assert post(emulator, {}, "/api/v2/", accept="*/*").body.startswith(b"<!DOCTYPE html>")
    wrong = post(emulator, {}, method="GET")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert b"The GET method is not supported" in wrong.body
    assert post(emulator, {"action": "courses"}, "/api/v1", authorization=sign_in(emulator)).status == 200
    assert post(emulator, b"x" * (8 * 2**20 + 1)).status == 413
    assert post(emulator, {}, "/auth/token/none", method="GET").status == 404


# --- bodies ---


def error_of(response):
    return json.loads(response.body)["error"]["message"]


def test_an_action_there_is_not_is_an_error_with_status_200():
    response = call(Emulator(), "nothing")
    assert (response.status, error_of(response)) == (200, "Action not found")
    assert error_of(call(Emulator(), None)) == "Action is required"
    assert error_of(call(Emulator(), "courses", content_type="text/plain")) == "Action is required"
    assert call(Emulator(quirks=Quirks(error_status=422)), "nothing").status == 422


def test_options_that_cannot_be_read_are_refused_as_laravel_does():
    response = call(Emulator(), "learnersProgressByCourse", {"course_id": "c", "page": "one"})
    answer = json.loads(response.body)
    assert (response.status, answer["message"]) == (422, "The given data was invalid.")
    assert list(answer["errors"]) == ["options.page"]
    assert call(Emulator(), "certificates").status == 422


def test_an_option_that_does_not_count_beside_another_one_is_not_read():
    emulator = Emulator(learners=60, courses=2)
    course, other = emulator.world.catalogue.courses
    rows = call(emulator, "learnersProgressByCourse", {"course_id": course.id, "course_slug": other.slug})
    assert rows.body == call(emulator, "learnersProgressByCourse", {"course_id": course.id}).body
    assert rows.body != call(emulator, "learnersProgressByCourse", {"course_slug": other.slug}).body
    dates = ["2022-01-01 00:00:00", "2022-12-31 23:59:59"]
    found = call(emulator, "learnersRegisteredAt", {"date": "2017-09-24", "operator": "=", "dates": dates})
    assert found.body == call(emulator, "learnersRegisteredAt", {"dates": dates}).body
    assert len(json.loads(found.body)) > 1
    alone = call(emulator, "learnersRegisteredAt", {"date": "2017-09-24", "operator": ">"})
    assert len(json.loads(alone.body)) == 60


def test_texts_are_trimmed_and_blank_ones_are_gone():
    emulator = Emulator()
    assert json.loads(call(emulator, " courses ").body)
    found = json.loads(call(emulator, "checkLearnerInvite", {"emails": [f"  {EMAIL}\n", "   "]}).body)
    assert list(found) == [EMAIL]
    assert call(emulator, "certificates", {"email": "   "}).status == 422


def test_a_form_is_cut_after_a_thousand_pairs_without_a_word():
    emails = [f"a{number}@example.com" for number in range(1500)]
    assert len(json.loads(call(Emulator(), "checkLearnerInvite", {"emails": emails}).body)) == 999
    assert len(json.loads(call(Emulator(max_pairs=None), "checkLearnerInvite", {"emails": emails}).body)) == 1500


def test_a_json_body_is_read_too_and_not_cut():
    emails = [f"a{number}@example.com" for number in range(1500)]
    body = json.dumps({"action": "checkLearnerInvite", "options": {"emails": emails}}).encode()
    assert len(json.loads(call(Emulator(), "", body=body, content_type="application/json").body)) == 1500
    body = json.dumps({"action": "learners", "options": {"email": EMAIL, "with_teams": True, "with_academy": False}})
    (learner,) = json.loads(call(Emulator(), "", body=body.encode(), content_type="application/json").body)
    assert ("teams" in learner, "academy" in learner) == (True, False)
    body = b'{"action": "learnersWithScore", "options": {"score": 1, "operator": ">", "x": null}}'
    assert call(Emulator(), "", body=body, content_type="application/json").status == 200
    assert error_of(call(Emulator(), "", body=b"{", content_type="application/json")) == "Action is required"


def test_a_php_warning_may_stand_before_every_answer():
    body = call(Emulator(quirks=Quirks(php_warning=True)), "courses").body
    assert body.startswith(b"<br />\n<b>Warning</b>")


def test_quirks_shape_what_goes_out_and_may_be_changed_at_any_time():
    emulator = Emulator(quirks=Quirks(flags_as_numbers=True))
    assert b'"is_private":1' in call(emulator, "academies").body
    emulator.application.quirks = Quirks(numbers_as_text=True)
    assert b'"learners_amount":"100"' in call(emulator, "academies").body


# --- throttle ---


def test_a_window_is_fixed_and_opens_with_its_first_request():
    clock = Clock()
    emulator = Emulator(rate=Rate(3, per=60), clock=clock)
    token = sign_in(emulator)

    def courses(client="local"):
        return post(emulator, {"action": "courses"}, authorization=token, client=client)

    left = []
    for _ in range(3):
        response = courses()
        assert (response.status, response.headers["x-ratelimit-limit"]) == (200, "3")
        left.append(response.headers["x-ratelimit-remaining"])
        clock.now += 10
    assert left == ["2", "1", "0"]

    refused = courses()
    assert (refused.status, refused.body) == (429, b'{"message":"Too Many Attempts."}')
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("30", "0")
    assert refused.headers["x-ratelimit-reset"] == "1000060"
    assert courses("elsewhere").status == 200

    clock.now += 29.5
    assert courses().headers["retry-after"] == "1"
    clock.now += 0.5
    assert [courses().status for _ in range(4)] == [200, 200, 200, 429]
    assert emulator.journal.count("courses") == 7


def test_a_refused_token_counts_for_the_throttle_too():
    emulator = Emulator(rate=Rate(1))
    response = post(emulator, {"action": "courses"}, authorization="Bearer x")
    assert (response.status, response.headers["x-ratelimit-remaining"]) == (401, "0")
    assert post(emulator, {"action": "courses"}, authorization="Bearer x").status == 429


def test_the_token_route_has_a_throttle_of_its_own():
    emulator = Emulator(token_rate=Rate(2))
    statuses = [post(emulator, CREDENTIALS, "/oauth/token").status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert "x-ratelimit-limit" not in post(Emulator(), CREDENTIALS, "/oauth/token").headers
