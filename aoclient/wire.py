"""The wire as values: what a request and a response are, and how actions and answers become them. No I/O.

Both sides are here, so that what a client sends is what a server reads: `encode` and `decode` for the client, `read`
and `answer` for the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import GenericAlias, MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from attrs import define, field

from aoclient import forms, phpjson
from aoclient.action import Action, Effect, Page, Paged
from aoclient.errors import AoError, InvalidOptionError, ResponseSchemaError
from aoclient.later import Later
from aoclient.settings import Timeouts

if TYPE_CHECKING:
    from aoclient import convert, jsontext, model, options, quirks, refusals, structs
    from aoclient.forms import FormValue
    from aoclient.model import JsonValue
else:  # what only a call needs: a tenth of the time a session takes to start
    convert = Later("aoclient.convert", globals())
    jsontext = Later("aoclient.jsontext", globals())
    model = Later("aoclient.model", globals())
    options = Later("aoclient.options", globals())
    quirks = Later("aoclient.quirks", globals())
    refusals = Later("aoclient.refusals", globals())
    structs = Later("aoclient.structs", globals())

T = TypeVar("T")

API_PATH = "/api/v1/"
"""The slash at the end stays: stock Apache rules redirect one spelling to the other, and a redirected POST is lost."""

TOKEN_PATH = "/oauth/token"  # noqa: S105  # a path


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@define(eq=False)
class Response:
    """What came back.

    Attributes:
        status: HTTP status.
        headers: Found by their names in lower case; listed they may have the server's spelling.
        body: Inflated, as bytes.
        value: What `Request.read` made of it, once the retrying sender accepted it.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    value: Any = field(default=None, repr=False)  # Any: what the action answers


@define(eq=False)
class Progress:
    """Where one call stands, for the error that has to say it.

    Attributes:
        phase: ``limiter``, ``token``, ``connect``, ``answer`` or ``backoff``.
        attempts: Requests that were let through to the network.
        last_error: Class of the error the last attempt ended with; empty while none has.
    """

    phase: str = "limiter"
    attempts: int = 0
    last_error: str = ""


@define(eq=False)
class Request:
    """One POST to be sent. It is not changed once it is made.

    Each call makes two. That it is not frozen saves 1 us, and 0.4 us that this module fills it by position.

    Attributes:
        name: Vendor's name of the action, for errors and logs.
        effect: What a repeat does.
        body: The form.
        path: Below the base URL.
        headers: Beside those every request has.
        read: Turns the response into the answer, or raises the `AoError` it stands for.
        timeouts: Of this call.
        priority: A lower number goes first where calls queue.
        progress: Of this call, shared by its attempts.
    """

    name: str
    effect: Effect
    body: bytes = field(repr=False)
    read: Callable[[Response], object] = field(repr=False)
    path: str = API_PATH
    headers: Mapping[str, str] = field(default=NO_HEADERS, repr=False)
    timeouts: Timeouts = field(default=Timeouts())
    priority: int = 0
    progress: Progress = field(factory=Progress)

    def with_header(self, name: str, value: str) -> Request:
        """Return the same request, its progress included, with one header more."""
        headers = {**self.headers, name: value} if self.headers else {name: value}  # mostly there are none
        return Request(
            self.name,
            self.effect,
            self.body,
            self.read,
            self.path,
            headers,
            self.timeouts,
            self.priority,
            self.progress,
        )


class Sender(Protocol):
    """The one verb of everything between a session and the server."""

    async def send(self, request: Request) -> Response:
        """Send the request and return the response, whatever its status.

        Raises:
            AoError: There is no response.
        """
        ...


# --- the client's side -------------------------------------------------------------------------------------------


def encode(
    action: Action[Any],  # Any: actions of all answers
    *,
    headers: Mapping[str, str] = NO_HEADERS,
    timeouts: Timeouts = Timeouts(),  # noqa: B008  # frozen
    priority: int = 0,
) -> Request:
    """Return the request of an action; the others are fields of `Request`.

    Raises:
        InvalidOptionError: A value cannot be written as a form.
    """
    spec = action.spec
    try:
        form = "&".join(options.pairs(action, [f"action={spec.name}"]))  # as of its `tree`
    except InvalidOptionError as error:
        error.action = spec.name
        raise
    body, read_answer = form.encode("ascii"), partial(_READERS[type(action)], action)
    return Request(spec.name, action.effect, body, read_answer, API_PATH, headers, timeouts, priority)


def encode_plain(
    name: str,
    given: Mapping[str, FormValue] | None,
    effect: Effect,
    **settings: Any,  # Any: fields of Request
) -> Request:
    """Return the request of an action that is not declared; its answer is the parsed JSON, None for an empty body.

    Raises:
        InvalidOptionError: A value cannot be written as a form.
    """
    try:
        form = forms.encode({"action": name, "options": given})
    except InvalidOptionError as error:
        error.action = name
        raise
    return Request(name=name, effect=effect, body=form.encode("ascii"), read=partial(_parse, name), **settings)


def _parse(name: str, response: Response) -> JsonValue:
    return refusals.parse(response.status, response.headers, response.body, name=name, may_be_empty=True)


def tree(action: Action[Any]) -> dict[str, Any]:  # Any: a form tree of whatever the action holds
    """Return the form tree of an action: its name and its options."""
    return {"action": action.spec.name, "options": {**options.write(action), **action.extra}}


def decode(action: Action[T], response: Response) -> T:
    """Return the answer of an action.

    Raises:
        AoError: The response is a refusal, is no JSON, or is JSON of another shape.
    """
    answer: T = _READERS[type(action)](action, response)
    return answer


_Reader: TypeAlias = Callable[[Any, Response], Any]  # Any: an action and its answer


class _Readers(dict[type[Action[Any]], _Reader]):  # Any: whatever they answer, here and below
    """What reads the answers of a class of actions, found out when the first one is sent."""

    def __missing__(self, cls: type[Action[Any]]) -> _Reader:
        reader = self[cls] = _reader_of(cls)
        return reader


_READERS = _Readers()


def _reader_of(cls: type[Action[Any]]) -> _Reader:
    spec, is_paged = cls.spec, issubclass(cls, Paged)
    into: Any = GenericAlias(list, (cls.answer_type,)) if is_paged else cls.answer_type  # Any: as `answer_type`
    may_be_empty, structure = into is model.Acknowledged, convert.reader(into)
    quick_reader = cache(partial(structs.reader, into, rows=spec.rows if is_paged else ""))

    def read(action: Any, response: Response) -> Any:  # Any: see _Reader
        status, headers, body = response.status, response.headers, response.body
        found = None
        if jsontext.speed() is not None and status < refusals.FIRST_REDIRECT and (quick := quick_reader()) is not None:
            found = quick(body)
        if found is None:
            value = refusals.parse(
                status, headers, body, name=spec.name, confidential=spec.confidential, may_be_empty=may_be_empty
            )
            try:
                found = structure(_rows(value, spec.rows) if is_paged else value, into)
            except convert.Mismatch as mismatch:
                raise ResponseSchemaError(
                    f"expected {mismatch.expected}" if spec.confidential else str(mismatch),
                    action=spec.name,
                    status=status,
                    content_type=headers.get("content-type", ""),
                    excerpt="" if spec.confidential else refusals.excerpt_of(body),
                ) from None
        return Page(found, 1 if action.page is None else action.page) if is_paged else found

    return _without_frames(read) if spec.confidential else read


def _without_frames(read: _Reader) -> _Reader:
    """Leave out of errors the frames that hold a body: some reports show the variables of frames."""

    def read_quietly(action: Any, response: Response) -> Any:  # Any: see _Reader
        try:
            return read(action, response)
        except AoError as error:
            error.__traceback__ = error.__context__ = None
            raise

    return read_quietly


def _rows(value: JsonValue, key: str) -> list[object]:
    """Return the rows of a page: it comes as ``[{"learners": [..]}]``, as ``{"learners": [..]}``, or as several."""
    wrappers = [value] if isinstance(value, dict) and key in value else quirks.listed(value)
    parts: list[list[object]] = []
    for wrapper in wrappers:
        found = cast("Any", wrapper)
        if not isinstance(found, dict) or key not in found:
            raise convert.Mismatch(f"a map with the key {key!r}", wrapper)
        parts.append(quirks.listed(cast("dict[str, object]", found)[key]))
    return parts[0] if len(parts) == 1 else [row for rows in parts for row in rows]


# --- the server's side -------------------------------------------------------------------------------------------


def read(body: bytes | str, *, max_pairs: int | None = None) -> Action[Any]:  # Any: whatever action it is
    """Return the action a form holds; options nobody declared stand in its ``extra``.

    Args:
        body: The form.
        max_pairs: Cut the form after so many pairs, as PHP's ``max_input_vars`` does. None cuts nothing.

    Raises:
        InvalidOptionError: There is no such action, or an option cannot be read.
    """
    return parse_tree(forms.decode(body, max_pairs=max_pairs))


def parse_tree(form: Mapping[str, Any]) -> Action[Any]:  # Any: see read
    """Return the action a decoded form holds; see `read`."""
    from aoclient.actions import ACTIONS  # noqa: PLC0415  # only a server reads forms

    name = form.get("action")
    cls = ACTIONS.get(name.strip()) if isinstance(name, str) else None  # Laravel trims: "getTeams " works
    if cls is None:
        raise InvalidOptionError(f"there is no action {name!r}", path="action")
    try:
        given = _options_of(form)
        arguments = options.read(cls, given, "options")
        extra = {key: value for key, value in given.items() if key not in arguments}
        return options.construct(cls, {**arguments, "extra": extra}, "options")
    except InvalidOptionError as error:
        error.action = cls.spec.name
        raise


def _options_of(form: Mapping[str, Any]) -> dict[str, Any]:  # Any: see read
    given: object = form.get("options") or []  # an empty text is null to Laravel
    if isinstance(given, str):
        raise InvalidOptionError("expected options by name, got a text", path="options")
    return quirks.mapped(given)  # options[0]=.. makes a list of them


def answer(action: Action[T], value: T) -> bytes:
    """Return the body a server sends for an answer, as PHP writes JSON."""
    if isinstance(action, Paged):
        page = cast("Page[object]", value)
        return phpjson.dumps([{action.spec.rows: convert.unstructure(page.rows)}]).encode("ascii")
    return phpjson.dumps(convert.unstructure(value)).encode("ascii")
