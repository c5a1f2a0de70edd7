"""Lists, maps and nested inputs as they are written on the command line.

A list: repeat the option, or part the entries by commas. A map: ``KEY=ENTRY,ENTRY``, repeated for each key. Everywhere
JSON may stand instead, and nested inputs are JSON only: ``{"email": ..}``. ``@FILE`` reads a file and ``-`` reads
stdin: one JSON document, or lines that each hold what could stand on the command line.

What comes out is a form tree of texts, as a server gets it, so `aoclient.options.read` checks it by the declared type.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from aoclient.cli.shapes import Shape
from aoclient.errors import InvalidOptionError

Tree = str | list["Tree"] | dict[str, "Tree"]


def read_list(texts: Sequence[str], item: Shape, path: str) -> list[Tree]:
    """Return the entries of a list option.

    Raises:
        InvalidOptionError: They are written otherwise.
    """
    entries: list[Tree] = []
    for found in _documents(texts, path):
        if not isinstance(found, str):
            entries += [found] if isinstance(found, dict) else cast("list[Tree]", found)
        elif item.kind == "nested":
            raise _expected_nested(item, path)
        else:
            entries += _parted(found)
    return [_fit(entry, item, f"{path}[{index}]") for index, entry in enumerate(entries)]


def read_map(texts: Sequence[str], item: Shape, path: str) -> dict[str, Tree]:
    """Return the entries of a map option; those of a key that is given twice are joined.

    Raises:
        InvalidOptionError: They are written otherwise.
    """
    inner = cast("Shape", item.item)  # all maps of the vendor hold lists
    entries: dict[str, list[object]] = {}
    for found in _documents(texts, path):
        for key, value in _entries(found, inner, path):
            if not isinstance(value, list):
                raise InvalidOptionError("expected a list", path=f"{path}[{key}]")
            entries.setdefault(key, []).extend(cast("list[object]", value))
    return {key: _fit(value, item, f"{path}[{key}]") for key, value in entries.items()}


def _entries(found: object, inner: Shape, path: str) -> Iterable[tuple[str, object]]:
    if isinstance(found, dict):
        return cast("dict[str, object]", found).items()
    if isinstance(found, str):
        if as_json := _KEY_AND_JSON.fullmatch(found):
            value = _json(as_json[2], path)
            return [(as_json[1], _as_list(value) if inner.kind == "nested" else value)]
        if inner.kind == "nested":
            raise _expected_nested(inner, path, before="KEY=")
        if short := _KEY_AND_ITEMS.fullmatch(found):
            return [(short[1], _parted(short[2]))]
    raise InvalidOptionError('expected KEY=ENTRY,ENTRY or JSON, {"KEY": ["ENTRY"]}', path=path)


def _as_list(value: object) -> object:
    return [cast("object", value)] if isinstance(value, dict) else value


_KEY_AND_JSON = re.compile(r"(.+?)=([\[{].*)", re.DOTALL)
_KEY_AND_ITEMS = re.compile(r"(.+)=([^=]*)", re.DOTALL)  # the last "=" parts them: an address may hold one


def read_value(text: str, path: str) -> object:
    """Return the value of an option nobody declared: JSON where it begins like a list or a map, else the text.

    Raises:
        InvalidOptionError: The JSON cannot be read.
    """
    return _json(text, path) if text.startswith(("[", "{")) else text


def _documents(texts: Sequence[str], path: str) -> Iterator[object]:
    for text in texts:
        if text.startswith("-") and text != "-":
            raise InvalidOptionError(
                f"expected an entry, got {text!r}; one that begins with - is written as JSON", path=path
            )
        if text != "-" and not text.startswith("@"):
            yield read_value(text, path)
            continue
        content = _content(text, path)
        if content.startswith(("[", "{")):
            try:
                yield _loads(content)
                continue
            except (ValueError, RecursionError):
                pass  # lines of JSON then; if they are none either, the first one is refused
        yield from (read_value(line.strip(), path) for line in content.splitlines() if line.strip())


def _content(text: str, path: str) -> str:
    try:
        content = sys.stdin.read() if text == "-" else Path(text[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidOptionError(f"{text[1:]!r} cannot be read: {error.strerror}", path=path) from None
    except UnicodeDecodeError:
        raise InvalidOptionError(f"{text!r} is no UTF-8 text", path=path) from None
    return content.strip()


def _json(text: str, path: str) -> object:
    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise InvalidOptionError(f"this is no JSON: {reason}", path=path) from None


def _loads(text: str) -> object:
    return json.loads(text, parse_int=str, parse_float=str)  # a form holds texts, and a number as it was written


def _parted(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _fit(value: object, shape: Shape, path: str) -> Tree:
    """Return a value as the texts, lists and maps a form holds.

    `aoclient.options.read` leaves keys it does not know alone, as a server does; here one is a mistake.
    """
    match shape.kind:
        case "list":
            if not isinstance(value, list):
                raise InvalidOptionError("expected a list", path=path)
            item = cast("Shape", shape.item)
            return [_fit(each, item, f"{path}[{place}]") for place, each in enumerate(cast("list[object]", value))]
        case "nested":
            if not isinstance(value, dict):
                raise _expected_nested(shape, path)
            given = cast("dict[str, object]", value)
            return _fit_fields(given, shape, path)
        case _:
            if isinstance(value, bool):
                return "1" if value else "0"
            if not isinstance(value, str):
                raise InvalidOptionError("expected a text or a number", path=path)
            return value


def _fit_fields(given: Mapping[str, object], shape: Shape, path: str) -> dict[str, Tree]:
    unknown = [name for name in given if name not in shape.fields]
    if unknown:
        raise InvalidOptionError(f"there is no {unknown[0]!r}, only {', '.join(shape.fields)}", path=path)
    return {name: _fit(each, shape.fields[name], f"{path}[{name}]") for name, each in given.items() if each is not None}


def _expected_nested(shape: Shape, path: str, before: str = "") -> InvalidOptionError:
    return InvalidOptionError(f"expected JSON, {before}{example(shape)}", path=path)


def example(shape: Shape) -> str:
    """Return the JSON of a nested input with the fields that must be given."""
    return "{" + ", ".join(f'"{name}": ..' for name in shape.required) + "}"
