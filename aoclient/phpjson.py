"""JSON text as PHP's ``json_encode`` writes it: what the vendor sends, and what it signs."""

from __future__ import annotations

import json
from typing import cast


def dumps(value: object) -> str:
    r"""Write JSON with ``\/`` for a slash, ``\uXXXX`` for what is not ASCII, and ``[]`` for an empty map.

    Raises:
        ValueError: NaN or an infinity, which PHP refuses too.
    """
    return json.dumps(_as_php(value), separators=(",", ":"), allow_nan=False).replace("/", "\\/")


def _as_php(value: object) -> object:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        if list(entries) == [str(index) for index in range(len(entries))]:
            return [_as_php(each) for each in entries.values()]  # an empty map, or keys 0,1,2..: PHP sees a list
        return {key: _as_php(each) for key, each in entries.items()}
    if isinstance(value, list | tuple):
        return [_as_php(each) for each in cast("list[object]", value)]
    if isinstance(value, float) and value.is_integer() and abs(value) < _FIRST_WITH_EXPONENT:
        return int(value)
    return value


_FIRST_WITH_EXPONENT = 1e17  # PHP writes 17 digits, then 1.0e+17
