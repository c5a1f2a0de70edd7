"""What PHP, Laravel and the academy make of a request body before an action is read from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from aoclient import forms

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY = 8 * 1024 * 1024
"""PHP's ``post_max_size``; Laravel answers 413 to what is larger."""


def read(body: bytes, content_type: str, max_pairs: int | None) -> dict[str, Any]:  # Any: a form tree
    """Return the input of a request: texts trimmed, blank ones gone, a form cut after ``max_pairs``.

    A body labelled as JSON is read as JSON and is not cut; one that is neither form nor JSON holds nothing.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if "/json" in kind or "+json" in kind:
        try:
            value: object = json.loads(body)
        except ValueError:
            value = None
        tree = _as_texts(value)
    elif kind == "application/x-www-form-urlencoded":
        tree = forms.decode(body, max_pairs=max_pairs)
    else:
        tree = None
    return cast("dict[str, Any]", _trimmed(cast("object", tree))) if isinstance(tree, dict) else {}


_NOT_READ_BESIDE: Mapping[object, tuple[str, set[str]]] = {
    "learnersRegisteredAt": ("dates", {"date", "operator"}),
    "learnersProgressByCourse": ("course_id", {"course_slug"}),
}


def without_unread(form: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: a form tree
    """Return a form without the options that do not count beside another one.

    The page says that ``date`` is ignored beside ``dates``, and calls both the id and the slug of a course required.
    The classes of the actions take only one of each, since somebody who gives both may mean either.
    """
    counts, unread = _NOT_READ_BESIDE.get(form.get("action"), ("", set[str]()))
    options: object = form.get("options")
    if not isinstance(options, dict) or counts not in options:
        return form
    given = cast("dict[str, object]", options)
    return {**form, "options": {name: value for name, value in given.items() if name not in unread}}


def _trimmed(value: object) -> object:
    """Trim texts as ``TrimStrings`` does; None is what ``ConvertEmptyStringsToNull`` makes of blank ones."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        items = {key: _trimmed(item) for key, item in cast("dict[str, object]", value).items()}
        return {key: item for key, item in items.items() if item is not None}
    if isinstance(value, list):
        return [item for item in map(_trimmed, cast("list[object]", value)) if item is not None]
    return value


def _as_texts(value: object) -> object:
    """Return JSON as the texts a form would hold."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return {key: _as_texts(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_texts(item) for item in cast("list[object]", value)]
    return value
