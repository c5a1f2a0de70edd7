"""How the server says no, in all its shapes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import errors, refusals
from aoclient.errors import AoError, ApiError, Outcome
from aoclient.refusals import excerpt_of, message_of, parse, retry_after

HTML = b"<!DOCTYPE html><html><head><title>Login</title></head></html>"


def refused(
    status: int, body: object, headers: Mapping[str, str] | None = None, *, confidential: bool = False
) -> AoError:
    """Return the error a response stands for."""
    raw = body if isinstance(body, bytes) else json.dumps(body, indent=4).encode()
    with pytest.raises(AoError) as caught:
        parse(status, headers or {}, raw, name="learners", confidential=confidential)
    assert caught.value.action == "learners"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # a JSONDecodeError would hold the whole body
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "cls", "message"),
    [
        # the application's own, with any status
        (200, {"error": {"message": "No such course"}}, ApiError, "No such course"),
        (200, {"error": {"message": ""}}, ApiError, "the server reports an error and does not say which"),
        (200, {"error": {"code": 5}}, ApiError, "the server reports an error and does not say which"),
        (200, {"error": {"error": "inner"}}, ApiError, "inner"),
        (200, {"error": "plain"}, ApiError, "plain"),
        (200, {"error": True, "message": "beside"}, ApiError, "beside"),
        (200, {"error": ["a"]}, ApiError, "the server reports an error and does not say which"),
        (400, {"error": {"message": "No such course"}}, ApiError, "No such course"),
        (500, {"error": {"message": "No such course"}}, errors.ServerError, "No such course"),
        # 401
        (401, {"message": "Unauthenticated."}, errors.AuthenticationError, "Unauthenticated."),
        (401, {"error": "Unauthenticated."}, errors.AuthenticationError, "Unauthenticated."),
        (
            401,
            {"error": "access_denied", "message": "The resource owner denied", "hint": "Token has expired"},
            errors.AuthenticationError,
            "The resource owner denied (Token has expired)",
        ),
        (401, b"", errors.AuthenticationError, "Unauthorized"),
        # the token route
        (
            401,
            {"error": "invalid_client", "error_description": "Client authentication failed", "message": "other"},
            errors.AuthenticationError,
            "Client authentication failed",
        ),
        (
            400,
            {"error": "invalid_request", "hint": "Check the `client_id`"},
            ApiError,
            "invalid_request (Check the `client_id`)",
        ),
        (400, {"hint": "Check it"}, ApiError, "Check it"),
        # Laravel
        (403, {"message": ""}, errors.PermissionDeniedError, "Forbidden"),
        (404, {"message": ""}, errors.NotFoundError, "Not Found"),
        (404, HTML, errors.NotFoundError, "Not Found"),
        (405, {"message": "The GET method is not supported"}, ApiError, "The GET method is not supported"),
        (413, {"message": ""}, errors.PayloadTooLargeError, None),
        (419, {"message": "CSRF token mismatch."}, ApiError, "CSRF token mismatch."),
        (419, HTML, ApiError, "status 419"),
        (429, {"message": "Too Many Attempts."}, errors.RateLimitError, "Too Many Attempts."),
        (429, b"Too Many Attempts.", errors.RateLimitError, "Too Many Requests"),
        (500, {"message": "Server Error"}, errors.ServerError, "Server Error"),
        (500, {"message": "x", "exception": "E", "file": "/f", "line": 1, "trace": [{}]}, errors.ServerError, "x"),
        (500, b"Old Passport said this", errors.ServerError, "Internal Server Error"),
        (502, HTML, errors.ServerError, "Bad Gateway"),
        (504, b"", errors.ServerError, "Gateway Timeout"),
        (599, [], errors.ServerError, "status 599"),
        # strange shapes
        (400, [1, 2], ApiError, "Bad Request"),
        (400, None, ApiError, "Bad Request"),
        (400, {"message": {"a": 1}, "error": 5}, ApiError, "Bad Request"),
    ],
)
def test_a_refusal_is_read_in_every_shape(status: int, body: object, cls: type[ApiError], message: str | None):
    error = refused(status, body)
    assert type(error) is cls
    assert isinstance(error, ApiError)
    assert error.status == status
    assert error.message == message or (message is None and error.message)
    assert error.errors == {}


@pytest.mark.parametrize(
    ("body", "headers", "cls"),
    [
        ({"message": "Service Unavailable"}, {}, errors.UnavailableError),
        ({"message": ""}, {}, errors.UnavailableError),
        (HTML, {"retry-after": "60"}, errors.UnavailableError),
        (HTML, {}, errors.ServerError),
        (b"", {}, errors.ServerError),
        ([], {}, errors.ServerError),
        (HTML, {"retry-after": "soon"}, errors.ServerError),
        ({"error": {"message": "half done"}}, {}, errors.ServerError),
    ],
)
def test_only_a_503_in_laravels_words_or_with_a_time_means_not_executed(
    body: object, headers: Mapping[str, str], cls: type[ApiError]
):
    error = refused(503, body, headers)
    assert type(error) is cls
    assert (error.outcome is Outcome.NOT_EXECUTED) == (cls is errors.UnavailableError)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"message": "The given data was invalid.", "errors": {"options.email": ["a", 5, "b"], "x": "c", "y": {}}},
            {"options.email": ["a", "b"], "x": ["c"], "y": []},
        ),
        ({"options.email": ["is required"]}, {"options.email": ["is required"]}),  # Laravel 5.4
        ({"message": "no"}, {}),
        ({"message": "no", "errors": []}, {}),
        ({}, {}),
    ],
)
def test_a_422_tells_which_options(body: object, expected: Mapping[str, list[str]]):
    error = refused(422, body)
    assert isinstance(error, errors.ValidationError)
    assert error.errors == expected


@pytest.mark.parametrize(
    "location", ["/login", "/login/", "https://a.example/login", "https://a.example/en/login?next=x", "/login#top"]
)
def test_a_redirect_to_the_login_page_means_not_authenticated(location: str):
    for status in (301, 302, 303, 307):
        error = refused(status, HTML, {"location": location})
        assert type(error) is errors.AuthenticationError
        assert error.status == status


@pytest.mark.parametrize("location", ["https://b.example/api/v1?token=hidden-7f3a", "/logins#hidden-7f3a", "", "\r\nx"])
def test_any_other_redirect_is_reported_without_its_query(location: str):
    error = refused(302, {"error": {"message": "x"}}, {"location": location} if location else {})
    assert type(error) is errors.UnexpectedRedirectError
    assert "hidden-7f3a" not in str(error)
    assert "\n" not in str(error)
    assert "check the base URL" in str(error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty, expected JSON"),
        (b"\xef\xbb\xbf \n", "the body is empty, expected JSON"),
        (HTML, "the body is an HTML page, expected JSON (a login page or a proxy's)"),
        (b"  <HTML>", "the body is an HTML page, expected JSON (a login page or a proxy's)"),
        (b"<br />\n<b>Warning</b>: x{}", "the body is no JSON"),
        (b'{"a": [1, 2', "the body is no JSON"),
        (b'{"score": 1e999}', "the body is no JSON"),
        (b"[NaN]", "the body is no JSON"),
    ],
)
def test_a_body_that_is_no_json_is_never_data(body: bytes, message: str):
    error = refused(200, body, {"content-type": "text/html"})
    assert isinstance(error, errors.ResponseDecodeError)
    assert (error.message, error.status, error.content_type) == (message, 200, "text/html")
    assert error.excerpt == excerpt_of(body)


def test_the_label_of_a_body_is_not_asked():
    assert parse(200, {"content-type": "text/html"}, b'\xef\xbb\xbf{"a": 1}', name="x") == {"a": 1}


@pytest.mark.parametrize(
    "body", [{"error": None}, {"error": False}, {"error": ""}, {"error": []}, [{"error": "x"}], "x", None]
)
def test_an_answer_without_an_error_is_an_answer(body: object):
    assert parse(200, {}, json.dumps(body).encode(), name="x") == body


def test_an_empty_body_is_an_answer_where_one_may_be_empty():
    assert parse(200, {}, b" \n", name="x", may_be_empty=True) is None
    assert parse(204, {}, b"", name="x", may_be_empty=True) is None
    with pytest.raises(errors.ResponseDecodeError):
        parse(200, {}, b"done", name="x", may_be_empty=True)


def test_nothing_of_a_confidential_body_or_redirect_is_quoted():
    for status, body, headers in (
        (200, b'{"link": "https://a.example/canary-7f3a', {}),
        (302, b"canary-7f3a", {"location": "https://a.example/in/canary-7f3a"}),
        (500, b"canary-7f3a", {}),
        (401, b"canary-7f3a", {}),
    ):
        error = refused(status, body, headers, confidential=True)
        assert "canary-7f3a" not in f"{error} {error.args} {vars(error)}"


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "60"}, 60.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT", "date": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 -0000", "date": "garbage"}, 60.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:00 GMT"}, 0.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "\u0665"}, None),
        ({"retry-after": "Tue, 14 Nov 99999 22:14:20 GMT"}, None),
        ({"retry-after": "Tue, 99 Nov 2023 22:14:20 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(
    headers: Mapping[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert retry_after(headers) == seconds
    error = refused(429, {"message": "slow"}, headers)
    assert isinstance(error, errors.RateLimitError)
    assert (error.retry_after, error.message) == (seconds, "slow")


def test_the_servers_words_are_one_line_of_bounded_length():
    assert message_of({"error": {"message": " a\nb\x1b[31m\u202e "}}) == "a\\nb\\x1b[31m\\u202e"
    assert len(message_of({"message": "x" * 10_000})) == 1000
    assert message_of({"message": "Привіт, світ"}) == "Привіт, світ"


def test_an_excerpt_is_short_and_printable():
    assert excerpt_of(b"a\x00b\r\n\xff" + "é".encode()) == "a\\x00b\\r\\n\ufffdé"
    assert len(excerpt_of(b"x" * 10_000)) == 200


HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "location", "content-type"]),
    st.text(max_size=30)
    | st.sampled_from(["1e9", "Tue, 14 Nov 0 0:0:0 GMT", "0 0 0 0 0 0", "Mon, 1 Jan 1 00:00:00 +9999"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "errors", "hint", "error_description", "x"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, database=None)
@given(st.integers(100, 999), HEADERS, JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20))
def test_no_strange_shape_makes_it_fail(status: int, headers: Mapping[str, str], body: bytes):
    error = None
    try:
        parse(status, headers, body, name="learners")
    except AoError as caught:
        error = caught
    if error is None:
        assert status < 300
    else:
        assert str(error).isprintable()


def test_refusal_is_open_to_other_readers_of_responses():
    error = refusals.refusal(429, {"retry-after": "3"}, None, is_json=False, name="learners")
    assert isinstance(error, errors.RateLimitError)
    assert error.retry_after == 3
    assert refusals.refusal(200, {}, [], is_json=True, name="learners") is None
