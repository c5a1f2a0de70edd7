"""The token route and the check of tokens, as Laravel Passport on the League server does both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.emulator.ids import Ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aoclient.model import JsonValue

_GRANT = "client_credentials"


class Tokens:
    """The tokens that were given out. A new one leaves the older ones valid.

    Args:
        client_id: The one client there is.
        client_secret: Its secret.
        life: Seconds a token is valid.
        seed: Of the academy.
        clock: Returns unix seconds.
    """

    def __init__(
        self, *, client_id: str, client_secret: str, life: float, seed: int, clock: Callable[[], float]
    ) -> None:
        self.life = life
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._ids = Ids(seed, "token")
        self._issued = 0
        self._expiries: dict[str, float] = {}

    def issue(self, form: Mapping[str, object]) -> tuple[int, JsonValue]:
        """Return the status and the body that answer a request for a token."""
        if form.get("grant_type") != _GRANT:
            return 400, _refusal(
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
                "Check that all required parameters have been provided",
            )
        if not form.get("client_id"):
            return 400, _refusal(
                "invalid_request",
                "The request is missing a required parameter, includes an invalid parameter value, includes a"
                " parameter more than once, or is otherwise malformed.",
                "Check the `client_id` parameter",
            )
        if (form["client_id"], form.get("client_secret")) != (self._client_id, self._client_secret):
            return 401, INVALID_CLIENT
        if form.get("scope"):
            scope = str(form["scope"]).split()[0]
            return 400, _refusal(
                "invalid_scope", "The requested scope is invalid, unknown, or malformed", f"Check the `{scope}` scope"
            )
        self._issued += 1
        token = f"{_HEADER}.{self._ids.of(2 * self._issued)}.{self._ids.of(2 * self._issued + 1)}"
        self._expiries[token] = self._clock() + self.life
        return 200, {"token_type": "Bearer", "expires_in": int(self.life), "access_token": token}

    def admits(self, authorization: str) -> bool:
        """Tell whether an ``Authorization`` header holds a valid token; the prefix is optional, its case is not."""
        return self._expiries.get(_token(authorization), 0.0) > self._clock()

    def revoke(self, authorization: str) -> None:
        """Revoke the token of an ``Authorization`` header."""
        self._expiries.pop(_token(authorization), None)

    def expire(self, authorization: str | None = None) -> None:
        """Let the token of an ``Authorization`` header expire, or all tokens."""
        for token in list(self._expiries) if authorization is None else [_token(authorization)]:
            self._expiries[token] = self._clock()


def _token(authorization: str) -> str:
    return authorization.removeprefix("Bearer ").strip()


def _refusal(code: str, text: str, hint: str) -> JsonValue:
    return {"error": code, "error_description": text, "hint": hint, "message": text}


INVALID_CLIENT: JsonValue = {
    "error": "invalid_client",
    "error_description": "Client authentication failed",
    "message": "Client authentication failed",
}

_HEADER = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"  # {"typ":"JWT","alg":"RS256"}, as real tokens begin
