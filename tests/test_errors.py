"""One tree of errors: what each class says, and that nothing gets lost between processes."""

from __future__ import annotations

import copy
import copyreg
import inspect
import pickle

import pytest

from aoclient import errors
from aoclient.errors import AoError, ApiError, Outcome, Parts, ResponseError

CLASSES = [
    each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, AoError) and each is not AoError
]

NOT_EXECUTED = {"ClientClosedError", "WrongEventLoopError", "ConnectError", "RateLimitError", "UnavailableError"}
UNKNOWN = {
    "TransportError",
    "ReadError",
    "DeadlineError",
    "OutcomeUnknownError",
    "ResponseError",
    "ResponseDecodeError",
    "ResponseSchemaError",
    "ResponseTooLargeError",
    "UnexpectedRedirectError",
    "ServerError",
}


@pytest.fixture(autouse=True)
def plain_pickling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what tblib, which Dask brings, taught pickle in this process: causes and frames go along there."""
    for cls in [AoError, *CLASSES]:
        monkeypatch.delitem(copyreg.dispatch_table, cls, raising=False)


def make(cls: type[AoError]) -> AoError:
    """Return an error with every attribute set."""
    given = {
        "attempts": 3,
        "phase": "answer",
        "path": "options[email]",
        "status": 418,
        "content_type": "text/html",
        "excerpt": "<html>",
        "errors": {"options.email": ["bad"]},
        "retry_after": 1.5,
    }
    known = inspect.signature(cls).parameters
    return cls("it broke", action="learners", **{name: value for name, value in given.items() if name in known})


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_class_says_what_is_known_about_the_action(cls: type[AoError]):
    expected = Outcome.REFUSED
    if cls.__name__ in NOT_EXECUTED:
        expected = Outcome.NOT_EXECUTED
    if cls.__name__ in UNKNOWN:
        expected = Outcome.UNKNOWN
    assert make(cls).outcome is expected


@pytest.mark.parametrize("cls", [AoError, *CLASSES], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    "through", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"]
)
def test_pickling_and_copying_keep_every_attribute(cls: type[AoError], through):
    error = make(cls)
    error.parts = Parts(done=[("a", 1)], failed=["b"], unsent=["c", "d"])
    error.add_note("seen by the export")
    again = through(error)
    assert type(again) is cls
    assert {**vars(again), "parts": None} == {**vars(error), "parts": None}
    assert vars(again.parts) == vars(error.parts) == {"done": (("a", 1),), "failed": ("b",), "unsent": ("c", "d")}
    assert (str(again), again.args, again.outcome) == (str(error), error.args, error.outcome)
    assert again.__cause__ is None


def test_pickling_keeps_a_cause_of_ours_and_drops_others():
    error = errors.OutcomeUnknownError("sent, no answer")
    error.__cause__ = errors.DeadlineError("too late", phase="answer", attempts=1)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again.__cause__, errors.DeadlineError)
    assert vars(again.__cause__) == vars(error.__cause__)
    error.__cause__ = OSError("holds a socket")
    assert pickle.loads(pickle.dumps(error)).__cause__ is None


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.InvalidOptionError, ValueError),
        (errors.ConfigurationError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.ClientClosedError, RuntimeError),
        (errors.WrongEventLoopError, RuntimeError),
        (errors.ConnectError, ConnectionError),
        (errors.ReadError, ConnectionError),
        (errors.DeadlineError, TimeoutError),
    ],
)
def test_errors_are_also_what_the_language_calls_them(cls: type[AoError], builtin: type[Exception]):
    with pytest.raises(builtin, match="it broke"):
        raise make(cls)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (AoError("it broke"), "it broke"),
        (AoError("it broke", action="learners", attempts=1), "learners: it broke"),
        (AoError("it broke", attempts=4), "it broke (4 attempts)"),
        (ApiError("no", action="learners"), "learners: no"),
        (ApiError("no", status=422, attempts=2), "no (status 422, 2 attempts)"),
        (ResponseError("no JSON", status=200), "no JSON (status 200)"),
        (ResponseError("no JSON"), "no JSON"),
        (errors.InvalidOptionError("is blank", path="options[email]"), "options[email]: is blank"),
        (errors.InvalidOptionError("is blank"), "is blank"),
    ],
)
def test_the_text_has_the_action_the_status_and_the_attempts(error: AoError, text: str):
    assert str(error) == text


def test_the_text_of_a_split_call_tells_how_far_it_came():
    error = AoError("it broke")
    error.parts = Parts(done=[("a", 1)], failed=["b"], unsent=["c", "d"])
    assert str(error) == "it broke (parts: 1 done, 1 failed, 2 not sent)"


@pytest.mark.parametrize("phase", ["limiter", "token", "connect", "backoff"])
def test_a_deadline_before_sending_means_not_executed(phase: str):
    error = errors.DeadlineError("too late", phase=phase)
    assert error.outcome is Outcome.NOT_EXECUTED
    assert pickle.loads(pickle.dumps(error)).outcome is Outcome.NOT_EXECUTED


def test_every_status_has_a_class():
    for status in range(200, 600):
        cls = errors.for_status(status)
        assert cls is errors.STATUS_ERRORS.get(status, errors.ServerError if status >= 500 else ApiError)
        assert issubclass(cls, errors.ServerError) == (status >= 500)


def test_a_copy_has_no_frames_whatever_other_packages_taught_copyreg(monkeypatch):
    """`tblib.pickling_support.install`, which Dask calls, has copies keep them, and a report with locals shows them."""
    monkeypatch.setitem(copyreg.dispatch_table, ApiError, lambda error: (lambda: error, ()))
    with pytest.raises(ApiError) as caught:
        raise ApiError("no")
    assert caught.value.__traceback__ is not None
    assert copy.copy(caught.value).__traceback__ is None
