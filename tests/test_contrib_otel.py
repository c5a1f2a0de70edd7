"""Traces and metrics: one span for each call, each attempt an event, and nothing of what was said."""

import asyncio
import json
import subprocess
import sys

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the in-memory exporter is in opentelemetry-sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import aoclient
from aoclient import actions
from aoclient.contrib import otel
from aoclient.emulator import Emulator
from aoclient.errors import (
    ConnectError,
    DeadlineError,
    OutcomeUnknownError,
    ReadError,
    ServerError,
    ValidationError,
)
from aoclient.wire import TOKEN_PATH
from tests.kit.clock import run
from tests.kit.scripted import Scripted, response

SECRET, TOKEN, EMAIL = "c4nary-secret", "c4nary-token", "c4nary@example.com"
LEARNER = [{"email": EMAIL, "name": "C4nary"}]


class Telescope:
    """Sees the spans and the metrics of what it watches."""

    def __init__(self):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def watch(self, ao):
        return otel.instrument(ao, tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    @property
    def metrics(self):
        """Points by the name of their metric: attributes and a number, of a histogram count and sum."""
        data = self.reader.get_metrics_data()
        found = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.data.data_points:
                value = (point.count, point.sum) if hasattr(point, "bucket_counts") else point.value
                found.setdefault(metric.name, []).append((dict(point.attributes), value))
        return found

    def text(self):
        """All that would leave the process."""
        return "".join(span.to_json() for span in self.spans) + self.reader.get_metrics_data().to_json()


class Server:
    """Gives tokens, and answers all else with the steps of a script; each answer takes a second."""

    def __init__(self, *steps):
        self.scripted, self.tokens = Scripted(steps, takes=1.0), Scripted(response(token()))

    async def send(self, request):
        return await (self.tokens if request.path == TOKEN_PATH else self.scripted).send(request)


def token():
    return {"token_type": "Bearer", "expires_in": 604800, "access_token": TOKEN}


def session(server, **settings):
    settings.setdefault("retries", aoclient.RetryPolicy(attempts=4, wait=0.0))
    return aoclient.Session("id", SECRET, sender=server, **settings)


def told(span):
    return {name.removeprefix("aoclient."): value for name, value in span.attributes.items()}


def attempts(span):
    """Return the status and the error of each attempt."""
    assert {event.name for event in span.events} <= {"attempt"}
    return [(e.attributes.get("http.response.status_code"), e.attributes.get("error.type", "")) for e in span.events]


def seen(main, *steps, **settings):
    """Run a coroutine function over an instrumented session on virtual time, and return the telescope."""
    telescope = Telescope()

    async def whole():
        async with telescope.watch(session(Server(*steps), **settings)) as ao:
            await main(ao)

    run(whole())
    return telescope


def test_a_call_is_one_span_named_after_its_action():
    async def main(ao):
        assert (await ao.learners(email=EMAIL))[0].email == EMAIL

    telescope = seen(main, response(LEARNER))
    (span,) = telescope.spans
    assert (span.name, span.kind, span.status.status_code) == ("learners", SpanKind.CLIENT, StatusCode.UNSET)
    assert told(span) == {
        "action": "learners",
        "effect": "reads",
        "outcome": "done",
        "attempts": 1,
        "rows": 1,
        "wait.limiter": 0.0,
        "wait.token": 0.0,
        "http.response.status_code": 200,
    }
    assert attempts(span) == [(200, "")]
    assert span.events[0].attributes["aoclient.seconds"] == pytest.approx(1.0)
    assert span.events[0].attributes["aoclient.attempt"] == 1


def test_each_attempt_is_an_event_that_tells_how_it_ended():
    steps = [
        ConnectError(f"no route for {TOKEN}"),
        response({"message": f"{EMAIL} is too fast"}, status=429, headers={"retry-after": "7"}),
        response({"message": "Server Error"}, status=500),
        response(LEARNER),
    ]

    async def main(ao):
        await ao.learners()

    telescope = seen(main, *steps)
    (span,) = telescope.spans
    assert attempts(span) == [(None, "ConnectError"), (429, "RateLimitError"), (500, "ServerError"), (200, "")]
    assert [event.attributes["aoclient.attempt"] for event in span.events] == [1, 2, 3, 4]
    facts = told(span)
    assert (facts["outcome"], facts["attempts"], facts["http.response.status_code"]) == ("done", 4, 200)
    assert facts["wait.backoff"] + facts["wait.limiter"] >= 7.0
    assert "error.type" not in facts


def test_waiting_for_the_limiter_is_told():
    async def main(ao):
        await asyncio.gather(ao.courses(), ao.courses(), ao.courses())

    telescope = seen(main, response([]), rate=aoclient.Rate(1, per=10.0))
    waits = sorted(told(span)["wait.limiter"] for span in telescope.spans)
    assert waits == pytest.approx([0.0, 11.0, 22.0], abs=0.1)  # a slot is free one period after its answer
    waited = [value for attributes, value in telescope.metrics["aoclient.wait"] if "limiter" in attributes.values()]
    assert waited == [(3, pytest.approx(33.0, abs=0.2))]


@pytest.mark.parametrize(
    ("steps", "error", "outcome", "ends"),
    [
        ([response({"message": f"no {EMAIL}"}, status=422)], ValidationError, "refused", [(422, "ValidationError")]),
        ([ReadError("cut")], ReadError, "unknown", [(None, "ReadError")] * 4),
        ([response({"error": {"message": "x"}}, status=500)], ServerError, "unknown", [(500, "ServerError")] * 4),
    ],
    ids=["refused", "cut", "failing"],
)
def test_a_call_that_fails_has_the_class_of_its_error_and_not_its_message(steps, error, outcome, ends):
    async def main(ao):
        with pytest.raises(error):
            await ao.learners(email=EMAIL)

    telescope = seen(main, *steps)
    (span,) = telescope.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, error.__name__)
    assert (told(span)["outcome"], told(span)["error.type"]) == (outcome, error.__name__)
    assert attempts(span) == ends
    assert "rows" not in told(span)


def test_an_action_that_is_not_repeated_tells_both_errors():
    async def main(ao):
        with pytest.raises(OutcomeUnknownError):
            await ao.add_learner_quiz_attempts(quiz_id="q1", email=EMAIL)

    (span,) = seen(main, ReadError("cut")).spans
    assert (told(span)["error.type"], told(span)["effect"]) == ("OutcomeUnknownError", "adds")
    assert attempts(span) == [(None, "ReadError")]


@pytest.mark.parametrize(("effect", "error"), [("reads", DeadlineError), ("adds", OutcomeUnknownError)])
def test_an_attempt_that_time_runs_out_on_says_so(effect, error):
    async def main(ao):
        with pytest.raises(error):
            await ao.with_options(timeouts=aoclient.Timeouts(total=0.5)).call("learners", effect=effect)

    (span,) = seen(main, response([])).spans
    assert (told(span)["error.type"], attempts(span)) == (error.__name__, [(None, "DeadlineError")])


def test_a_cancelled_call_ends_its_span():
    async def main(ao):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await ao.learners()

    telescope = seen(main, response([]))
    (span,) = telescope.spans
    assert (told(span)["outcome"], attempts(span)) == ("cancelled", [(None, "cancelled")])
    assert span.status.status_code is StatusCode.UNSET
    assert telescope.metrics["aoclient.calls"] == [
        ({"aoclient.action": "learners", "aoclient.outcome": "cancelled"}, 1)
    ]


def test_an_error_of_somebody_else_ends_the_span_too():
    async def main(ao):
        with pytest.raises(ZeroDivisionError):
            await ao.learners()

    (span,) = seen(main, ZeroDivisionError(EMAIL)).spans
    assert (told(span)["outcome"], told(span)["error.type"]) == ("failed", "ZeroDivisionError")


def test_a_call_without_a_token_has_no_status():
    class NoTokens(Server):
        async def send(self, request):
            return response({"error": "invalid_client"}, status=401)

    telescope = Telescope()

    async def main():
        async with telescope.watch(session(NoTokens())) as ao:
            with pytest.raises(aoclient.AuthenticationError):
                await ao.learners()

    run(main())
    (span,) = telescope.spans
    assert "http.response.status_code" not in span.attributes
    assert told(span)["error.type"] == "AuthenticationError"


def test_what_is_answered_from_another_call_has_no_attempt():
    async def main(ao):
        first = asyncio.create_task(ao.courses())
        second = asyncio.create_task(ao.courses())
        await asyncio.sleep(0.5)
        first.cancel()  # the request goes on for the second
        assert len(await second) == 1
        await ao.courses()

    failing = response({"message": "Server Error"}, status=500)
    telescope = seen(main, failing, response([{"name": "One"}]), join_reads=True, cache_for=60.0)
    assert [(told(s)["outcome"], told(s)["attempts"]) for s in telescope.spans] == [
        ("cancelled", 1),
        ("done", 0),
        ("done", 0),
    ]
    assert all("wait.limiter" not in told(span) for span in telescope.spans[1:])


def test_each_page_and_each_part_is_a_call_of_its_own():
    telescope = Telescope()

    async def main():
        emulator = Emulator(learners=25)
        ao = aoclient.Session(emulator.client_id, emulator.client_secret, sender=emulator)
        async with telescope.watch(ao) as ao:
            course = (await ao.courses())[0].id
            rows = [row async for row in ao.learners_progress_by_course(course_id=course, amount=10)]
            todo = [actions.CourseProgress(email=f"learner{number}@example.com") for number in range(1, 5)]
            async with ao.fan_out(todo) as outcomes:
                assert len([outcome async for outcome in outcomes]) == 4
        return rows

    rows = asyncio.run(main())
    names = [span.name for span in telescope.spans]
    pages = [told(span)["rows"] for span in telescope.spans if span.name == "learnersProgressByCourse"]
    assert (names.count("courses"), names.count("courseProgress")) == (1, 4)
    assert (sum(pages), max(pages)) == (len(rows), 10)


def test_views_of_what_is_instrumented_are_too_and_the_session_below_is_not():
    async def main():
        telescope = Telescope()
        async with session(Server(response(LEARNER))) as ao:
            view = telescope.watch(ao)
            await view.with_options(retries=aoclient.RetryPolicy(attempts=1), priority=3).learners()
            assert len(telescope.spans) == 1
            await ao.learners()
            assert len(telescope.spans) == 1

    run(main())


def test_senders_are_put_around_each_other():
    order = []

    class Named:
        def __init__(self, name, inner):
            self.name, self.inner = name, inner

        async def send(self, request):
            order.append(self.name)
            return await self.inner.send(request)

    async def main():
        async with session(Server(response([]))) as ao:
            view = ao.with_sender(lambda inner: Named("a", inner)).with_sender(lambda inner: Named("b", inner))
            await view.courses()
            await view.with_options(retries=aoclient.RetryPolicy(attempts=2)).courses()

    run(main())
    assert order == ["b", "a", "b", "a"]


def test_spans_are_children_of_the_callers_span():
    async def main():
        telescope = Telescope()
        async with telescope.watch(session(Server(response([])))) as ao:
            with telescope.tracers.get_tracer("mine").start_as_current_span("night") as night:
                await ao.courses()
        call, _ = telescope.spans
        assert call.parent.span_id == night.get_span_context().span_id

    run(main())


def test_metrics_count_calls_attempts_and_rows():
    async def main(ao):
        for _ in range(2):
            await ao.learners()
        with pytest.raises(ValidationError):
            await ao.courses()

    telescope = seen(
        main, response(LEARNER * 3), ReadError("cut"), response(LEARNER), response({"message": "no"}, status=422)
    )
    metrics = telescope.metrics
    learners, courses = {"aoclient.action": "learners"}, {"aoclient.action": "courses"}
    failed = {**courses, "aoclient.outcome": "refused", "error.type": "ValidationError"}
    assert metrics["aoclient.calls"] == [({**learners, "aoclient.outcome": "done"}, 2), (failed, 1)]
    assert metrics["aoclient.rows"] == [(learners, 4)]
    assert sum(number for _, number in metrics["aoclient.attempts"]) == 4
    assert ({**learners, "error.type": "ReadError"}, 1) in metrics["aoclient.attempts"]
    assert metrics["aoclient.duration"][0] == ({**learners, "aoclient.outcome": "done"}, (2, pytest.approx(3.0)))


def test_instruments_are_made_once(caplog):
    telescope = Telescope()
    server = Server(response([]))

    async def main():
        for _ in range(3):
            async with telescope.watch(session(server)) as ao:
                await ao.courses()

    run(main())
    assert caplog.records == []  # the SDK warns of an instrument that is made again
    assert telescope.metrics["aoclient.calls"][0][1] == 3


@pytest.mark.shows_secrets("", "the server of the test says the secret; spans are looked at")
def test_no_secret_no_address_and_no_message_leaves():
    answers = [
        response(LEARNER),
        response({"message": f"{EMAIL} may not, {TOKEN}"}, status=422),
        response({"error": {"message": f"{EMAIL} is unknown"}}),
        response(f"<html>{EMAIL}".encode()),
        ReadError(f"cut {EMAIL}"),
        response({"message": EMAIL}, status=429),
        response({"message": EMAIL}, status=503),
    ]

    async def main(ao):
        for _ in answers:
            for call in (ao.learners(email=EMAIL), ao.add_learner_quiz_attempts(quiz_id="q1", email=EMAIL)):
                with pytest.raises((aoclient.AoError, AssertionError)):
                    await call
                    raise AssertionError

    telescope = seen(main, *answers, retries=aoclient.RetryPolicy(attempts=2, wait=0.0))
    text = telescope.text()
    assert json.dumps("learners") in text
    assert len(telescope.spans) == 14
    assert [word for word in ("c4nary", "C4nary", SECRET, TOKEN) if word in text] == []


def test_without_the_api_the_error_says_what_to_install():
    code = "import sys; sys.modules['opentelemetry'] = None; from aoclient.contrib import otel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: opentelemetry-api is not installed: pip install 'aoclient[otel]'" in done.stderr
