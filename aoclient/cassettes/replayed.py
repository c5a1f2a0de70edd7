"""A sender that answers from a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from aoclient import errors, forms
from aoclient.cassettes.lines import Exchange, read
from aoclient.errors import AoError, DeadlineError, Outcome
from aoclient.wire import TOKEN_PATH, Response

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from aoclient.model import JsonValue
    from aoclient.wire import Request

_TOKEN = b'{"token_type":"Bearer","expires_in":86400,"access_token":"masked"}'


class NotRecordedError(AoError):
    """The cassette has no answer to this request; nothing was sent."""

    outcome = Outcome.REFUSED


class Replayed:
    """Answer requests as a `Recording` saw them answered: in its order, and the last answer to a form for ever.

    The people in a cassette are pseudonyms, so code that takes its addresses and ids from answers meets what it met
    when it was recorded. Code with addresses of its own needs ``match="action"``, which looks at the action alone.
    What was recorded without a token, above the session, gets one here.

    Args:
        path: The file.
        match: ``form`` for an answer to the very form, ``action`` for the next answer of the action.

    Raises:
        ConfigurationError: The file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], *, match: Literal["form", "action"] = "form") -> None:
        self._match = match
        self._answers: dict[str, list[Exchange]] = {}
        for each in read(path):
            self._answers.setdefault(self._key(each.name, each.path, each.form), []).append(each)

    async def send(self, request: Request) -> Response:
        """Return the recorded answer.

        Raises:
            NotRecordedError: There is none.
            AoError: There was this error when it was recorded.
        """
        key = self._key(request.name, request.path, forms.decode(request.body))
        answers = self._answers.get(key)
        if not answers:
            if request.path == TOKEN_PATH:
                return Response(200, {"content-type": "application/json"}, _TOKEN)
            raise NotRecordedError(self._what_there_is(request.name), action=request.name)
        exchange = answers.pop(0) if len(answers) > 1 else answers[0]
        request.progress.phase = "answer"
        if exchange.response is None:
            raise _error(exchange)
        response = exchange.response
        return Response(response.status, response.headers, response.body)  # a sender above writes into it

    def _key(self, name: str, path: str, form: Mapping[str, JsonValue]) -> str:
        if path == TOKEN_PATH:
            return path
        return name if self._match == "action" else f"{path} {json.dumps(form, sort_keys=True)}"

    def _what_there_is(self, name: str) -> str:
        forms_of = [each[0].form for each in self._answers.values() if each[0].name == name]
        if not forms_of:
            return "the cassette has no call of this action"
        options = "; ".join(json.dumps(form.get("options", {})) for form in forms_of[:3])
        return f"the cassette has this action with other options only: {options}"


def _error(exchange: Exchange) -> AoError:
    cls = getattr(errors, exchange.error, None)
    words = "as it was recorded"
    if cls is DeadlineError:
        return DeadlineError(words, phase="answer", action=exchange.name)
    if isinstance(cls, type) and issubclass(cls, errors.TransportError):
        return cls(words, action=exchange.name)
    return AoError(f"{words}: {exchange.error}", action=exchange.name)
