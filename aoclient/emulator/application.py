"""One request after the other, as a Laravel server works on them: faults, throttle, token, action, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen

from aoclient import wire
from aoclient.action import ACTIONS
from aoclient.emulator import damage, intake
from aoclient.emulator.answers import Turn, answer
from aoclient.emulator.damage import Delivery, Outgoing, html_response, json_response
from aoclient.emulator.faults import TOKEN, Fault, Faults, Plan, Stage
from aoclient.emulator.quirks import PHP_WARNING, Quirks
from aoclient.emulator.records import Refusal
from aoclient.emulator.throttle import Throttle, Verdict
from aoclient.errors import InvalidOptionError
from aoclient.wire import API_PATH, TOKEN_PATH, Response

if TYPE_CHECKING:
    from aoclient.emulator.expectations import Expectations
    from aoclient.emulator.journal import Journal, Received
    from aoclient.emulator.oauth import Tokens
    from aoclient.emulator.world import World
    from aoclient.model import JsonValue

LINK_PATH = "/auth/token/"
"""Where login links lead."""


@frozen(kw_only=True, eq=False)
class Incoming:
    """A request as it comes in.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        headers: By lower-case name.
        body: As it is.
        client: Whom the throttle counts it for.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    client: str = "local"


class Application:
    """The server behind the wire, with no I/O of its own.

    Attributes:
        quirks: Odd habits; may be changed at any time.
        expectations: What a test lets in at the moment, or None.
    """

    def __init__(
        self,
        *,
        world: World,
        tokens: Tokens,
        journal: Journal,
        quirks: Quirks,
        throttle: Throttle | None,
        token_throttle: Throttle | None,
        faults: Faults,
        clock: Callable[[], float],
        max_pairs: int | None,
        base_url: str,
    ) -> None:
        self.quirks = quirks
        self.expectations: Expectations | None = None
        self._world = world
        self.base_url = base_url
        self._tokens = tokens
        self._journal = journal
        self._throttle = throttle
        self._token_throttle = token_throttle
        self._clock = clock
        self._max_pairs = max_pairs
        self.faults = faults

    @property
    def base_url(self) -> str:
        """Where its links point, with no slash at the end."""
        return self._world.base_url

    @base_url.setter
    def base_url(self, base_url: str) -> None:
        self._world.base_url = base_url

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose; setting it counts from the start."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._plan = Plan(faults)

    def refuses_connection(self) -> bool:
        """Tell whether the fault plan closes the connection that is being made; the journal then has it."""
        fault = self._plan.on_accept()
        if fault is None:
            return False
        self._journal.receive(self._clock(), "", "").fault = str(fault)
        return True

    def handle(self, incoming: Incoming) -> Outgoing:
        """Work on one request and return what becomes of its answer."""
        entry = self._journal.receive(self._clock(), incoming.method, incoming.path)
        is_token_route = incoming.path == TOKEN_PATH
        form: dict[str, Any] = {}
        if _takes_forms(incoming.path):
            form = intake.read(incoming.body, incoming.headers.get("content-type", ""), self._max_pairs)
            entry.action = TOKEN if is_token_route else str(form.get("action", ""))
            fault = self._plan.on_request(entry.action)
        else:
            fault = None
        outgoing = self._with_fault(incoming, entry, form, fault)
        if outgoing.delivery is not Delivery.NOTHING and outgoing.delivery is not Delivery.STALL:
            entry.status = outgoing.response.status
        return outgoing

    def _with_fault(self, incoming: Incoming, entry: Received, form: dict[str, Any], fault: Fault | None) -> Outgoing:
        if fault is None:
            return Outgoing(self._route(incoming, entry, form))
        entry.fault = str(fault)
        if fault.kind in ("expired-token", "revoked-token"):
            spoil = self._tokens.expire if fault.kind == "expired-token" else self._tokens.revoke
            spoil(incoming.headers.get("authorization", ""))
            return Outgoing(self._route(incoming, entry, form))
        if fault.stage is Stage.INSTEAD:
            return damage.instead(
                fault, now=self._clock(), base_url=self.base_url, is_token_route=entry.action == TOKEN
            )
        return damage.after(fault, self._route(incoming, entry, form))

    def _route(self, incoming: Incoming, entry: Received, form: dict[str, Any]) -> Response:
        path = incoming.path
        wants_json = _wants_json(incoming.headers.get("accept", ""))
        if path.startswith(LINK_PATH):
            return self.open_link(path.removeprefix(LINK_PATH))
        if path == "/login":
            return damage.login_page()
        if not _takes_forms(path):
            return _plain(HTTPStatus.NOT_FOUND, "", wants_json=wants_json)
        if incoming.method != "POST":
            text = f"The {incoming.method} method is not supported for this route. Supported methods: POST."
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, text, {"allow": "POST"}, wants_json=wants_json)
        if len(incoming.body) > intake.MAX_BODY:
            return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "", wants_json=wants_json)
        return self._throttled(incoming, entry, form, wants_json=wants_json)

    def _throttled(self, incoming: Incoming, entry: Received, form: dict[str, Any], *, wants_json: bool) -> Response:
        is_token_route = incoming.path == TOKEN_PATH
        throttle = self._token_throttle if is_token_route else self._throttle
        verdict = Verdict(passes=True, headers={}) if throttle is None else throttle.hit(incoming.client)
        if not verdict.passes:
            status = HTTPStatus.TOO_MANY_REQUESTS
            return _plain(status, "Too Many Attempts.", verdict.headers, wants_json=wants_json)
        if is_token_route:
            code, body = self._tokens.issue(form)
            response = json_response(code, body, {"cache-control": "no-store", "pragma": "no-cache"})
        elif self._tokens.admits(incoming.headers.get("authorization", "")):
            response = self._act(entry, form)
        elif wants_json:
            response = json_response(HTTPStatus.UNAUTHORIZED, {"message": "Unauthenticated."})
        else:
            response = html_response(HTTPStatus.FOUND, {"location": f"{self.base_url}/login"})
        if verdict.headers:
            response.headers = {**response.headers, **verdict.headers}
        return response

    def _act(self, entry: Received, form: dict[str, Any]) -> Response:
        if entry.action not in ACTIONS:
            if self.expectations is not None:
                self.expectations.note(entry.action)
            return self._refuse("Action not found" if entry.action else "Action is required")
        try:
            action = wire.parse_tree(intake.without_unread(form))
        except InvalidOptionError as error:
            return _invalid(error)
        if self.expectations is not None and not self.expectations.admit(action, is_lost=bool(entry.fault)):
            refused: JsonValue = {"error": {"message": f"{entry.action} was not expected here"}}
            return json_response(HTTPStatus.BAD_REQUEST, refused)
        turn = Turn(self._world, self.quirks, self.base_url)
        try:
            value = answer(action, turn)
        except Refusal as refusal:
            return self._refuse(str(refusal))
        self._journal.apply(self._clock(), action, turn.effect, entry)
        body = wire.answer(action, value)
        if self.quirks.reshapes:
            body = self.quirks.apply(action.spec.name, body)
        if self.quirks.php_warning:
            body = PHP_WARNING + body
        return Response(HTTPStatus.OK, {"content-type": damage.JSON}, body)

    def _refuse(self, message: str) -> Response:
        return json_response(self.quirks.error_status, {"error": {"message": message}})

    def open_link(self, token: str) -> Response:
        """Answer somebody who opens a login link."""
        try:
            link = self._world.entrance.open_link(token)
        except Refusal as refusal:
            return html_response(HTTPStatus.GONE, title=str(refusal))
        if link is None:
            return html_response(HTTPStatus.NOT_FOUND)
        return html_response(HTTPStatus.FOUND, {"location": f"{self.base_url}{link.target}"})


def _takes_forms(path: str) -> bool:
    # Laravel routes with and without the slash at the end.
    return path == TOKEN_PATH or path.rstrip("/") == API_PATH.rstrip("/")


def _wants_json(accept: str) -> bool:
    """Tell whether the first media type is JSON: Laravel looks no further."""
    first = accept.partition(",")[0].partition(";")[0]
    return "/json" in first or "+json" in first


def _plain(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None, *, wants_json: bool) -> Response:
    return json_response(status, {"message": message}, headers) if wants_json else html_response(status, headers)


def _invalid(error: InvalidOptionError) -> Response:
    option = error.path.replace("][", ".").replace("[", ".").removesuffix("]")
    errors: JsonValue = {option: [error.message]}
    return json_response(HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "The given data was invalid.", "errors": errors})
