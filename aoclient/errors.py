"""One tree of errors. Whatever goes wrong, ``except AoError`` catches it.

Each class says what is known about the action on the server (`Outcome`); the retry rule reads that and nothing else.
Messages hold what the server said and what the caller can do, never a token, a secret or a header.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Outcome(Enum):
    """What an error tells about the action it belongs to."""

    NOT_EXECUTED = "not executed"
    """The server did not run it; repeating is safe for every effect."""

    REFUSED = "refused"
    """The server, or this library before sending, said no; repeating brings the same answer."""

    UNKNOWN = "unknown"
    """It may or may not have been run; repeating is safe only for what can be repeated."""


def escaped(text: str) -> str:
    """Return a text with its control characters escaped, so that it forges no line of a log."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class AoError(Exception):
    """Root of all errors of this library.

    Attributes:
        message: What happened, one line.
        action: Vendor's name of the action (``learners``), or None where no action is concerned.
        attempts: Requests sent for this call, 0 when nothing left this process.
        parts: For a call split over several requests: what was done and what was not. None for all others.
    """

    outcome: Outcome = Outcome.REFUSED

    def __init__(self, message: str, *, action: str | None = None, attempts: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.attempts = attempts
        self.parts: Parts | None = None

    def __str__(self) -> str:
        text = f"{self.action}: {self.message}" if self.action else self.message
        notes = self._notes()
        if self.attempts > 1:
            notes = [*notes, f"{self.attempts} attempts"]
        if self.parts is not None:
            notes = [*notes, str(self.parts)]
        return f"{text} ({', '.join(notes)})" if notes else text

    def _notes(self) -> Sequence[str]:
        return ()

    def __reduce__(self) -> tuple[object, ...]:
        # The default calls cls(*args), which loses every keyword-only attribute.
        return _rebuild, (type(self), self.args, self.__dict__, self._own_cause())

    def __copy__(self) -> AoError:
        # Where tblib is imported, as Dask does, `copy` would take along the frames of whoever raised this, secrets too.
        return _rebuild(type(self), self.args, self.__dict__, self._own_cause())

    def _own_cause(self) -> AoError | None:
        return self.__cause__ if isinstance(self.__cause__, AoError) else None  # others may not be picklable


def _rebuild(cls: type[AoError], args: tuple[object, ...], state: dict[str, object], cause: AoError | None) -> AoError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    if cause is not None:
        error.__cause__ = cause
    return error


class Parts:
    """How far a call came that was split over several requests.

    Attributes:
        done: (action, answer) of each part that was answered.
        failed: The actions that were sent and not answered well; the error that carries this tells of the first.
        unsent: The actions that were never sent.
    """

    def __init__(
        self, done: Sequence[tuple[object, object]], failed: Sequence[object], unsent: Sequence[object]
    ) -> None:
        self.done = tuple(done)
        self.failed = tuple(failed)
        self.unsent = tuple(unsent)

    def __str__(self) -> str:
        return f"parts: {len(self.done)} done, {len(self.failed)} failed, {len(self.unsent)} not sent"


# --- before anything is sent -------------------------------------------------------------------------------------


class InvalidOptionError(AoError, ValueError):
    """A value cannot be sent; nothing was.

    Attributes:
        path: Where the value stands, as PHP would write it: ``options[records][ann@example.com][0]``.
    """

    def __init__(self, message: str, *, path: str = "", action: str | None = None) -> None:
        super().__init__(f"{escaped(path)}: {message}" if path else message, action=action)
        self.path = path


class ConfigurationError(AoError, ValueError):
    """The session cannot be built from what was given; the message names the setting."""


class MissingExtraError(AoError, ImportError):
    """An optional part needs a package that is not installed; the message has the command that installs it."""


class ClientClosedError(AoError, RuntimeError):
    """The session was closed, or never entered."""

    outcome = Outcome.NOT_EXECUTED


class WrongEventLoopError(AoError, RuntimeError):
    """The session belongs to another event loop; the message names both."""

    outcome = Outcome.NOT_EXECUTED


# --- on the way --------------------------------------------------------------------------------------------------


class TransportError(AoError):
    """The request did not get a whole answer."""

    outcome = Outcome.UNKNOWN


class ConnectError(TransportError, ConnectionError):
    """No connection: refused, unreachable, name not found, TLS not accepted. Nothing was sent."""

    outcome = Outcome.NOT_EXECUTED


class ReadError(TransportError, ConnectionError):
    """The connection broke after the request may have been sent."""


class DeadlineError(TransportError, TimeoutError):
    """Time ran out.

    Attributes:
        phase: Where it ran out: ``limiter``, ``token``, ``connect``, ``answer`` or ``backoff``.
    """

    def __init__(self, message: str, *, phase: str, action: str | None = None, attempts: int = 0) -> None:
        super().__init__(message, action=action, attempts=attempts)
        self.phase = phase
        if phase != "answer":
            self.outcome = Outcome.NOT_EXECUTED


class OutcomeUnknownError(TransportError):
    """An action that must not be repeated was sent and got no clear answer: it may or may not have been executed.

    The cause (``__cause__``) tells what came instead. The message says which action shows the present state.
    """


# --- an answer that cannot be read -------------------------------------------------------------------------------


class ResponseError(AoError):
    """An answer came that is not what the action answers.

    Attributes:
        status: HTTP status.
        content_type: As the server said, or an empty text.
        excerpt: The first 200 characters of the body; empty where the body may hold a secret.
    """

    outcome = Outcome.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        action: str | None = None,
        attempts: int = 0,
        status: int = 0,
        content_type: str = "",
        excerpt: str = "",
    ) -> None:
        super().__init__(message, action=action, attempts=attempts)
        self.status = status
        self.content_type = content_type
        self.excerpt = excerpt

    def _notes(self) -> Sequence[str]:
        return [f"status {self.status}"] if self.status else ()


class ResponseDecodeError(ResponseError):
    """The body is not JSON: a login page, a cut text, a PHP warning, a wrong charset."""


class ResponseSchemaError(ResponseError):
    """The body is JSON of another shape than the action answers; the message names the place."""


class ResponseTooLargeError(ResponseError):
    """The body is larger, inflated, than the limit allows; it was not read to its end."""


class UnexpectedRedirectError(ResponseError):
    """The server answered with a redirect, which is never followed.

    The action was not executed, as far as a redirect can tell; an action that must not be repeated is not.
    """


class PagingError(ResponseError):
    """The server does not page: it sent the same page again for another page number."""

    outcome = Outcome.REFUSED


# --- webhooks ----------------------------------------------------------------------------------------------------


class WebhookError(AoError, ValueError):
    """The body of a webhook holds no event, or an event cannot be written as one. It quotes nothing of the body."""


# --- exports -----------------------------------------------------------------------------------------------------


class ExportError(AoError):
    """An export is not whole, or could not begin; what was committed is kept.

    Attributes:
        missing: Why, by the key of each shard that is missing; by the name of a job that could not be planned.
    """

    def __init__(
        self,
        message: str,
        *,
        action: str | None = None,
        attempts: int = 0,
        missing: Mapping[str, AoError] | None = None,
    ) -> None:
        super().__init__(message, action=action, attempts=attempts)
        self.missing = dict(missing or {})

    def _notes(self) -> Sequence[str]:
        shown = [f"{key}: {error}" for key, error in list(self.missing.items())[:_SHOWN_AT_MOST]]
        more = len(self.missing) - len(shown)
        return [*shown, f"and {more} more"] if more else shown


_SHOWN_AT_MOST = 5


# --- the server says no ------------------------------------------------------------------------------------------


class ApiError(AoError):
    """The server refused the action with a reason of its own. It can do so with any status, 200 included.

    Attributes:
        status: HTTP status.
        errors: Messages by option name, where the server sent such a map (422).
        retry_after: Seconds the server asked to wait, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        action: str | None = None,
        attempts: int = 0,
        status: int = 200,
        errors: Mapping[str, Sequence[str]] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, action=action, attempts=attempts)
        self.status = status
        self.errors = dict(errors or {})
        self.retry_after = retry_after

    def _notes(self) -> Sequence[str]:
        return [f"status {self.status}"] if self.status != _OK else ()


_OK = 200


class AuthenticationError(ApiError):
    """The client id, the secret or the token was refused (401)."""


class PermissionDeniedError(ApiError):
    """The account may not do this (403)."""


class NotFoundError(ApiError):
    """There is no such thing (404)."""


class ValidationError(ApiError):
    """The server refused the options (422); ``errors`` tells which."""


class PayloadTooLargeError(ApiError):
    """The form is larger than the server takes (413)."""


class RateLimitError(ApiError):
    """Too many calls (429); ``retry_after`` tells how long to wait."""

    outcome = Outcome.NOT_EXECUTED


class ServerError(ApiError):
    """The server failed (5xx)."""

    outcome = Outcome.UNKNOWN


class UnavailableError(ServerError):
    """The server is down for maintenance (503 in the application's own words): nothing was executed."""

    outcome = Outcome.NOT_EXECUTED


STATUS_ERRORS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: PayloadTooLargeError,
    422: ValidationError,
    429: RateLimitError,
    503: UnavailableError,
}


def for_status(status: int) -> type[ApiError]:
    """Return the class for an HTTP status: the exact one, else `ServerError` for any 5xx, else `ApiError`."""
    if status in STATUS_ERRORS:
        return STATUS_ERRORS[status]
    return ServerError if status >= _FIRST_SERVER_ERROR else ApiError


_FIRST_SERVER_ERROR: int = 500
