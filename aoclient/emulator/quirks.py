"""Odd habits of the real server as switches. Each one is documented, seen in a published client, or common in PHP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from attrs import frozen

from aoclient import phpjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aoclient.model import JsonValue


@frozen(kw_only=True)
class Quirks:
    """How far the answers are from the vendor's page; with all defaults they are as it has them.

    Args:
        error_status: HTTP status of ``{"error": {"message": ..}}``. A published client looks for it after status 200.
        wrapped_in_object: learnersProgressByCourse answers ``{"learners": [..]}``, not a list of one such map.
        filtered_lists: A list of maps arrives with gaps in its keys, ``{"0": .., "2": ..}``, as PHP leaves them.
        numbers_as_text: Whole numbers arrive as texts.
        flags_as_numbers: true and false arrive as 1 and 0.
        time_on: courseProgress spells ``is_timer_on`` as ``is_time_on``, as its sample does.
        capital_courses: getTeams spells ``courses`` as ``Courses``, as its table does.
        ignores_page: Every page is the first one.
        php_warning: A PHP warning stands before every JSON body.
        default_amount: Rows of a page where the request has no ``amount``.
        max_amount: Most rows of a page; a larger ``amount`` is cut to it.
    """

    error_status: int = 200
    wrapped_in_object: bool = False
    filtered_lists: bool = False
    numbers_as_text: bool = False
    flags_as_numbers: bool = False
    time_on: bool = False
    capital_courses: bool = False
    ignores_page: bool = False
    php_warning: bool = False
    default_amount: int = 10
    max_amount: int = 1000

    def amount(self, asked: int | None) -> int:
        """Return the rows of a page for the amount that was asked for."""
        return min(self.default_amount if asked is None else asked, self.max_amount)

    @property
    def reshapes(self) -> bool:
        """Whether `apply` changes anything."""
        return any(
            (
                self.wrapped_in_object,
                self.filtered_lists,
                self.numbers_as_text,
                self.flags_as_numbers,
                self.time_on,
                self.capital_courses,
            )
        )

    def apply(self, action: str, body: bytes) -> bytes:
        """Return the body of an answer as these habits shape it."""
        return phpjson.dumps(self._shaped(action, json.loads(body))).encode("ascii")

    def _shaped(self, action: str, value: JsonValue) -> JsonValue:
        names = {"is_timer_on": "is_time_on"} if self.time_on and action == "courseProgress" else {}
        if self.capital_courses and action == "getTeams":
            names["courses"] = "Courses"
        value = self._values(value, names)
        if action == "learnersProgressByCourse":
            (wrapper,) = cast("list[dict[str, JsonValue]]", value)
            shaped = {key: self._gaps(rows) for key, rows in wrapper.items()}
            return cast("JsonValue", shaped if self.wrapped_in_object else [shaped])
        return self._gaps(value)

    def _gaps(self, value: JsonValue) -> JsonValue:
        if not self.filtered_lists or not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            return value
        return {str(index + bool(index) if len(value) > 1 else 1): each for index, each in enumerate(value)}

    def _values(self, value: JsonValue, names: Mapping[str, str], key: str = "") -> JsonValue:
        if isinstance(value, dict):
            return {names.get(each, each): self._values(item, names, each) for each, item in value.items()}
        if isinstance(value, list):
            return [self._values(item, names, key) for item in value]
        if isinstance(value, bool):
            return int(value) if self.flags_as_numbers else value
        if isinstance(value, int) and self.numbers_as_text and key != "id":
            return str(value)
        return value


PHP_WARNING = b"<br />\n<b>Warning</b>:  Undefined array key 0 in <b>/var/www/app/Api.php</b> on line <b>42</b><br />\n"
