"""What a session can be told, and what must not be shown."""

from __future__ import annotations

import copy
import math
import pickle
import traceback
from datetime import timedelta

import pytest

from aoclient.errors import ConfigurationError
from aoclient.secret import Secret
from aoclient.settings import Rate, RetryPolicy, Timeouts


@pytest.mark.parametrize(
    ("text", "rate"),
    [("60/60", Rate(60)), ("60", Rate(60, per=60.0)), ("5/0.5", Rate(5, per=0.5)), ("100/3600", Rate(100, 3600.0))],
)
def test_a_rate_is_written_calls_per_seconds(text: str, rate: Rate):
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text", ["", "/", "a/60", "60/a", "0/60", "60/0", "60/-1", "60/nan", "60/inf", "1.5/60", "6/6/6"]
)
def test_what_is_no_rate_is_refused_with_the_way_to_write_it(text: str):
    with pytest.raises(ConfigurationError, match="as in 60/60; got"):
        Rate.parse(text)


def test_lengths_are_seconds_or_timedeltas():
    assert Rate(60, per=timedelta(minutes=1)) == Rate(60)
    assert Timeouts(total=timedelta(minutes=2)) == Timeouts(total=120)
    assert RetryPolicy(wait=timedelta(milliseconds=500), wait_at_most=20) == RetryPolicy()
    assert Timeouts(total=math.inf).total == math.inf
    assert RetryPolicy(wait=0, wait_at_most=0.0, retry_after_at_most=math.inf).wait == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rate(0), r"Rate\(calls=...\) must be a whole number from 1, got 0"),
        (lambda: Rate(1.5), r"Rate\(calls=...\) must be a whole number from 1, got 1.5"),
        (lambda: Rate(True), r"Rate\(calls=...\) must be a whole number from 1, got True"),
        (lambda: Rate(60, per=math.inf), r"Rate\(per=...\) must be a number that ends, got inf"),
        (lambda: Rate(60, per=-1), r"Rate\(per=...\) must be a number above 0, got -1"),
        (lambda: Timeouts(connect=0), r"Timeouts\(connect=...\) must be a number above 0, got 0"),
        (lambda: Timeouts(read=math.nan), r"Timeouts\(read=...\) must be a number above 0, got nan"),
        (lambda: Timeouts(total=None), r"Timeouts\(total=...\) must be a number above 0, got None"),
        (lambda: Timeouts(total="5"), r"Timeouts\(total=...\) must be a number above 0, got '5'"),
        (lambda: Timeouts(total=True), r"Timeouts\(total=...\) must be a number above 0, got True"),
        (lambda: Timeouts(total=timedelta(0)), r"Timeouts\(total=...\) must be a number above 0, got 0.0"),
        (lambda: RetryPolicy(attempts=0), r"RetryPolicy\(attempts=...\) must be a whole number from 1, got 0"),
        (lambda: RetryPolicy(wait=-0.1), r"RetryPolicy\(wait=...\) must be a number from 0, got -0.1"),
        (lambda: RetryPolicy(wait=False), r"RetryPolicy\(wait=...\) must be a number from 0, got False"),
        (
            lambda: RetryPolicy(wait_at_most=math.nan),
            r"RetryPolicy\(wait_at_most=...\) must be a number from 0, got nan",
        ),
        (lambda: RetryPolicy(retry_after_at_most="x"), r"must be a number from 0, got 'x'"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(make, message: str):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_settings_are_values():
    assert hash(Rate(60)) == hash(Rate(60))
    assert pickle.loads(pickle.dumps(RetryPolicy(attempts=2))) == RetryPolicy(attempts=2)
    with pytest.raises(AttributeError):
        Timeouts().total = 5  # type: ignore[misc]


CANARY = "canary-7f3a"


def test_a_secret_shows_nowhere():
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>20}",
        f"{secret}",
        repr({"a": [secret]}),
        str(dir(secret)),
    ]
    assert not any(CANARY in text for text in shown)
    assert repr(secret) == "Secret(...)"


def test_a_secret_does_not_show_in_a_traceback_with_locals():
    def fail(secret: Secret) -> None:
        raise RuntimeError(secret)

    with pytest.raises(RuntimeError) as caught:
        fail(Secret(CANARY))
    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    text = "".join(line for line in lines if "CANARY = " not in line)
    assert CANARY not in text
    assert "Secret(...)" in text


def test_a_secret_is_not_pickled():
    for leave in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="not pickled"):
            leave(Secret(CANARY))


def test_secrets_are_compared_by_their_text():
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(Secret(CANARY)) == Secret(CANARY)
    assert hash(Secret(CANARY)) == hash(Secret(CANARY))
    assert Secret(CANARY) != Secret("x")
    assert Secret(CANARY) != CANARY
    assert Secret(CANARY)
    assert not Secret("")
