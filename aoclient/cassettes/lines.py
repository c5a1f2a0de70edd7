"""The file: a line of JSON for each exchange, after one that says what the file is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from aoclient import __version__
from aoclient.errors import ConfigurationError
from aoclient.model import JsonValue
from aoclient.wire import Response

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from aoclient.cassettes.masking import Masking
    from aoclient.wire import Request

FORMAT = 1


@frozen(kw_only=True)
class Exchange:
    """A request and what became of it, masked.

    Attributes:
        name: Vendor's name of the action, or ``token``.
        path: Below the base URL.
        form: The form as a tree.
        response: The answer; None where there was none.
        error: Class of the error there was instead, or an empty text.
    """

    name: str
    path: str
    form: Mapping[str, JsonValue]
    response: Response | None
    error: str = ""


def first_line() -> str:
    """Return the line a cassette begins with."""
    return json.dumps({"cassette": FORMAT, "aoclient": __version__})


def line(request: Request, response: Response | str, took: float, masking: Masking) -> str:
    """Return the line of an exchange; ``response`` is the class of the error where there is no answer.

    Args:
        request: As it was sent.
        response: As it came.
        took: Seconds between the two.
        masking: Of this cassette.
    """
    entry: dict[str, Any] = {"name": request.name, "path": request.path, "form": masking.form(request)}
    entry["took"] = round(took, 3)
    if isinstance(response, str):
        entry["error"] = response
        return json.dumps(entry)
    entry |= {
        "status": response.status,
        "headers": masking.headers(response.headers),
        "bytes": len(response.body),
    }
    try:
        entry["json"] = masking.answer(request.name, response.body)
    except (ValueError, RecursionError):
        entry["text"] = masking.text(response.body)
    return json.dumps(entry)


def read(path: str | os.PathLike[str]) -> list[Exchange]:
    """Return what is in a cassette. A last line that was cut off by a kill is left out.

    Raises:
        ConfigurationError: It cannot be read, or is no cassette; the message names the line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"the cassette {str(path)!r} cannot be read: {reason}") from None
    lines = text.split("\n")[:-1]
    if not lines or _fields(lines[0]).get("cassette") != FORMAT:
        raise ConfigurationError(f"{str(path)!r} is no cassette of format {FORMAT}")
    return list(_exchanges(lines[1:], path))


def _exchanges(lines: list[str], path: str | os.PathLike[str]) -> Iterator[Exchange]:
    for number, each in enumerate(lines, start=2):
        entry = _fields(each)
        try:
            yield Exchange(
                name=entry["name"],
                path=entry["path"],
                form=dict(entry["form"]),
                response=None if "error" in entry else _response(entry),
                error=str(entry.get("error", "")),
            )
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(f"line {number} of the cassette {str(path)!r} is no exchange") from None


def _response(entry: Mapping[str, Any]) -> Response:  # Any: parsed JSON, here and below
    body = json.dumps(entry["json"]) if "json" in entry else str(entry["text"])
    return Response(int(entry["status"]), dict(entry["headers"]), body.encode())


def _fields(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
