"""Traces and metrics of calls through the OpenTelemetry API, extra ``otel``.

They hold names of actions, numbers and classes of errors, and nothing of what is sent or answered: no address, no
message of the server, no token.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast

from attrs import define, evolve, field

from aoclient.action import Page
from aoclient.errors import AoError, MissingExtraError
from aoclient.wire import Progress, Request, Response, Sender

try:
    from opentelemetry import metrics, trace
except ImportError:  # pragma: no cover  # tested in a process of its own
    raise MissingExtraError("opentelemetry-api is not installed: pip install 'aoclient[otel]'") from None

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from aoclient.session import Session

__all__ = ["instrument"]

_NAME = "aoclient"
_ACTION, _EFFECT, _OUTCOME = "aoclient.action", "aoclient.effect", "aoclient.outcome"
_STATUS, _ERROR = "http.response.status_code", "error.type"  # as the semantic conventions call them
_WAITS = ("limiter", "token", "backoff")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


def instrument(
    ao: Session,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> Session:
    """Return a view of the session whose calls are traced and counted; it is closed with the session.

    A call is one span of kind client named after the action, with an event ``attempt`` for each request that was sent.
    A page of a listing and a part of a call that is split are calls of their own. Nothing is added to the requests.

    Args:
        ao: Any session or view. The views made of what is returned are traced too.
        tracer_provider: Of the spans; the global one when None.
        meter_provider: Of the metrics; the global one when None.
    """
    tracer = trace.get_tracer(_NAME, tracer_provider=tracer_provider)
    return ao.with_sender(partial(_Traced, tracer=tracer, meters=_meters(meter_provider)))


class _Meters:
    """The instruments, made once for each provider."""

    def __init__(self, provider: metrics.MeterProvider | None) -> None:
        meter = metrics.get_meter(_NAME, meter_provider=provider)
        self.calls = meter.create_counter("aoclient.calls", "{call}", "Calls that ended")
        self.attempts = meter.create_counter("aoclient.attempts", "{attempt}", "Requests that were sent")
        self.rows = meter.create_counter("aoclient.rows", "{row}", "Rows that were answered")
        self.duration = meter.create_histogram(
            "aoclient.duration",
            "s",
            "Time of a call with its waits and repeats",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.wait = meter.create_histogram(
            "aoclient.wait", "s", "Time a call waited, by what for", explicit_bucket_boundaries_advisory=_SECONDS
        )


_meters = lru_cache(maxsize=8)(_Meters)


@define(eq=False)
class _Traced:
    """Has each call in a span, and counts it."""

    inner: Sender
    tracer: trace.Tracer = field(kw_only=True)
    meters: _Meters = field(kw_only=True)

    async def send(self, request: Request) -> Response:
        """Send the request; the response and the errors are the inner sender's."""
        with self.tracer.start_as_current_span(
            request.name,
            kind=trace.SpanKind.CLIENT,
            attributes={_ACTION: request.name, _EFFECT: request.effect.value},
            record_exception=False,  # its message may quote the server, and that a learner
            set_status_on_exception=False,
        ) as span:
            call = _Call(request.name, span, self.meters, asyncio.get_running_loop())
            watched = evolve(request, progress=_Watched(call), read=partial(call.read, request.read))
            try:
                response = await self.inner.send(watched)
            except asyncio.CancelledError:
                call.end("cancelled", "")
                raise
            except AoError as error:
                call.end(error.outcome.value, type(error).__name__, error.__cause__)
                raise
            except BaseException as error:
                call.end("failed", type(error).__name__)
                raise
            call.end("done", "", rows=_rows(response.value))
            return response


class _Watched(Progress):
    """Tells a call what its senders note down."""

    _call: _Call | None = None

    def __init__(self, call: _Call) -> None:
        super().__init__()
        self._call = call

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if self._call is not None:
            self._call.note(name, value)


@define(eq=False)
class _Call:
    """What is known of a call while it runs."""

    name: str
    span: trace.Span
    meters: _Meters
    loop: asyncio.AbstractEventLoop
    began: float = field(init=False)
    phase: str = field(default="", init=False)  # one that is answered from a cache has none
    phase_began: float = field(default=0.0, init=False)
    waits: dict[str, float] = field(factory=dict[str, float], init=False)
    attempts: int = field(default=0, init=False)
    attempt_began: float | None = field(default=None, init=False)
    status: int | None = field(default=None, init=False)
    is_over: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.began = self.loop.time()

    def read(self, inner: Callable[[Response], object], response: Response) -> object:
        """Read a response, with its status noted."""
        self.status = response.status
        value = inner(response)
        self._end_attempt("")
        return value

    def note(self, name: str, value: object) -> None:
        """Learn what a sender noted down. A request that is joined may go on when this call has left."""
        if self.is_over:
            return
        if name == "phase":
            self._enter(str(value))
        elif name == "attempts":
            self.attempts += 1
            self.attempt_began = self.loop.time()
            self.status = None
        elif name == "last_error":
            self._end_attempt(str(value))

    def end(self, outcome: str, error: str, cause: BaseException | None = None, *, rows: int | None = None) -> None:
        """Write down how the call ended."""
        # Of an outcome that is unknown, the cause is how the last attempt ended; so is what ended the call without one.
        self._end_attempt(type(cause).__name__ if isinstance(cause, AoError) else error or outcome)
        self._enter("")
        self.is_over = True
        labels: dict[str, str] = {_ACTION: self.name, _OUTCOME: outcome}
        if error:
            labels[_ERROR] = error
            self.span.set_status(trace.StatusCode.ERROR, error)
        self.span.set_attributes({**labels, "aoclient.attempts": self.attempts})
        self.meters.calls.add(1, labels)
        self.meters.duration.record(self.loop.time() - self.began, labels)
        if self.status is not None:
            self.span.set_attribute(_STATUS, self.status)
        if rows is not None:
            self.span.set_attribute("aoclient.rows", rows)
            self.meters.rows.add(rows, {_ACTION: self.name})
        for phase in _WAITS:
            if phase in self.waits:
                self.span.set_attribute(f"aoclient.wait.{phase}", self.waits[phase])
                self.meters.wait.record(self.waits[phase], {_ACTION: self.name, "aoclient.wait.for": phase})

    def _enter(self, phase: str) -> None:
        now = self.loop.time()
        if self.phase:
            self.waits[self.phase] = self.waits.get(self.phase, 0.0) + now - self.phase_began
        self.phase, self.phase_began = phase, now

    def _end_attempt(self, error: str) -> None:
        if self.attempt_began is None:
            return  # it ended already, or none was sent
        known: dict[str, str | int] = {}
        if self.status is not None:
            known[_STATUS] = self.status
        if error:
            known[_ERROR] = error
        seconds = self.loop.time() - self.attempt_began
        self.attempt_began = None
        self.span.add_event("attempt", {"aoclient.attempt": self.attempts, "aoclient.seconds": seconds, **known})
        self.meters.attempts.add(1, {_ACTION: self.name, **known})


def _rows(value: object) -> int | None:
    return len(cast("Sized", value)) if isinstance(value, list | dict | Page) else None
