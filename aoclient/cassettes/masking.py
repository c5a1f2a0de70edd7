"""Masks an exchange: secrets go, people, names and texts become pseudonyms, and the shape of everything stays.

The same text has the same pseudonym all over one cassette, so that what belongs together still does. Pseudonyms are
keyed hashes; the key is random, is never written, and goes with the object, so nobody can try addresses against them.
"""

from __future__ import annotations

import re
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, cast

from aoclient import forms, jsontext
from aoclient.action import ACTIONS
from aoclient.cassettes import vocabulary
from aoclient.cassettes.vocabulary import NUMBER, TIME, VALUES, WORDS, data_levels, known_keys, plain_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aoclient.model import JsonValue
    from aoclient.wire import Request

MASKED = "masked"
"""Stands in place of a secret."""

_SECRET = re.compile(
    r"token(?!_type)|secret|password|passwd|signature|authorization|api_?key|client_id|cookie", re.IGNORECASE
)
_MESSAGE = frozenset(("error", "errors", "message", "messages", "hint", "error_description", "exception"))
_EMAIL = re.compile(r"""[^\s@<>"'(),;:\[\]\\]+@[^\s@<>"'(),;:\[\]\\]+""")
_URL = re.compile(r"(?:[a-z][a-z+.-]*:)?//[^\s<>\"']+|www\.[^\s<>\"']+", re.IGNORECASE)
_TOKEN = re.compile(rf"{_URL.pattern}|{_EMAIL.pattern}|[\w-]+(?:'\w+)*", re.IGNORECASE)
_FIELD = re.compile(r"[a-z_][A-Za-z_]*\d{0,2}", re.ASCII)
_ID_KEY = re.compile(r"(?:^|_)ids?$|Ids?$")
_ID = re.compile(r"[A-Za-z0-9_-]{6,}")
_LONG_ID = 16  # characters; a word of a language has fewer
_LONG_NUMBER = 3  # digits; where no number is declared, a longer one may be of a phone or of an employee
_LONG_INDEX = 7  # digits of an id or of a place in a list
_LONG_BOUND = 5  # digits of a number in a message
_LONGEST_TEXT = 2000  # characters of a body that is no JSON


class Masking:
    """The pseudonyms of one cassette.

    Args:
        rows: Most entries of each list and each map of an answer that are kept; None keeps all.
        key: For tests; random when left out.
    """

    def __init__(self, *, rows: int | None = None, key: bytes | None = None) -> None:
        self._rows = rows
        self._key = secrets.token_bytes(32) if key is None else key

    def form(self, request: Request) -> dict[str, JsonValue]:
        """Return the form of a request as a tree. The name of the action and of its options are not masked."""
        tree = forms.decode(request.body)
        masked = {
            self._field(key): self._option(key, value)
            for key, value in tree.items()
            if key not in ("action", "options")
        }
        if "action" in tree:
            name: object = tree["action"]
            masked["action"] = name if isinstance(name, str) and _is_field(name) else self._value(name, "", 0)
        given: object = tree.get("options")
        if isinstance(given, dict):
            masked["options"] = {
                self._field(key): self._option(key, value) for key, value in cast("dict[str, object]", given).items()
            }
        elif given is not None:
            masked["options"] = self._value(given, "", 0)
        return masked

    def _option(self, key: str, value: object) -> JsonValue:
        # What stands deeper in an option is a nested input, whose keys are declared, or a map by address.
        return self._value(value, key, forms.MAX_DEPTH)

    def answer(self, name: str, body: bytes) -> JsonValue:
        """Return the JSON of a body, masked.

        Args:
            name: Vendor's name of the action.
            body: As it came, inflated.

        Raises:
            ValueError: It is no JSON.
        """
        value = jsontext.loads(body)
        fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        refuses = bool(_MESSAGE & fields.keys())  # what the server says instead is no map by address
        return self._value(value, "", 0 if refuses else data_levels(name), rows=self._rows)

    def text(self, body: bytes) -> str:
        """Return the beginning of a body that is no JSON, with the words every such page has."""
        return self._words(body[: 4 * _LONGEST_TEXT].decode("utf-8", "replace")[:_LONGEST_TEXT])

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that say how the server works."""
        lower = ((name.lower(), value) for name, value in headers.items())
        kept = {name: value for name, value in lower if name in vocabulary.HEADERS}
        if "location" in headers:
            end = "/login" if headers["location"].rstrip("/").endswith("/login") else ""
            kept["location"] = self.pseudonym(headers["location"]) + end
        return kept

    def pseudonym(self, text: str) -> str:
        """Return what stands in place of a text; what kind of text it was can be seen."""
        if _URL.match(text):
            return f"https://masked.invalid/{self._hash(text)}"
        if _EMAIL.fullmatch(text.strip()):
            return f"person-{self._hash(text.strip().casefold())}@example.invalid"
        if _ID.fullmatch(text) and (len(text) >= _LONG_ID or any(each.isdigit() for each in text)):
            return self._alike(text)
        return f"masked-{self._hash(text)}"

    # --- inside ---

    def _value(self, value: object, key: str, levels: int, *, said: bool = False, rows: int | None = None) -> JsonValue:
        """Return JSON masked.

        Args:
            value: The JSON.
            key: It stands under.
            levels: Levels of maps below it whose keys are data.
            said: It is a message of the server.
            rows: See the class.
        """
        if value and _SECRET.search(key) and not isinstance(value, dict | list | bool):
            return MASKED
        if isinstance(value, list):
            entries = cast("list[object]", value)[:rows]
            return [self._value(each, key, levels, said=said, rows=rows) for each in entries]
        if isinstance(value, dict):
            pairs = list(cast("dict[str, object]", value).items())[: rows if levels else None]
            return {
                self._data_key(inner) if levels else self._field(inner): self._value(
                    each,
                    inner if not levels or isinstance(each, dict | list) else "",
                    max(0, levels - 1),
                    said=said or (not levels and inner in _MESSAGE),
                    rows=rows,
                )
                for inner, each in pairs
            }
        if isinstance(value, str):
            return self._words(value) if said else self._leaf(value, key)
        if isinstance(value, int | float) and not isinstance(value, bool) and "e" not in (digits := repr(value)):
            return value if _says_nothing(digits, key) else type(value)(self._alike(digits))
        return cast("JsonValue", value)

    def _leaf(self, text: str, key: str) -> str:
        if not text.strip() or text.strip().casefold() in VALUES:
            return text
        if NUMBER.fullmatch(text):
            return text if _says_nothing(text, key) else self._alike(text)
        if TIME.fullmatch(text):
            return text if key in plain_keys() else self._alike(text)
        return self.pseudonym(text)

    def _field(self, key: str) -> str:
        return key if _is_field(key) else self.pseudonym(key)

    def _data_key(self, key: str) -> str:
        return key if key in known_keys() or _is_index(key) else self._leaf(key, "")

    def _words(self, text: str) -> str:
        return _TOKEN.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        is_known = word.casefold() in WORDS or word in known_keys() or word in ACTIONS or not word.strip("_-")
        return word if is_known or (word.isdigit() and len(word) < _LONG_BOUND) else self.pseudonym(word)

    def _hash(self, text: str, size: int = 5) -> str:
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=size).hexdigest()

    def _alike(self, text: str) -> str:
        """Return a text with other digits and letters in the places of digits and letters."""
        stream = blake2b(text.encode(), key=self._key, digest_size=64).digest()
        return "".join(_other(each, stream[at % 64]) for at, each in enumerate(text))


def _other(character: str, draw: int) -> str:
    if character.isdigit():
        return str(1 + draw % 9)  # no zero: the number stays as long
    if character.isalpha():
        return chr((ord("A") if character.isupper() else ord("a")) + draw % 26)
    return character


def _is_field(key: str) -> bool:
    """Tell whether a key is the name of a field, ``learners.0.email`` of a validation included."""
    if key in known_keys() or _FIELD.fullmatch(key) or _is_index(key):
        return True
    first, *others = key.split(".")
    return first in known_keys() and all(_FIELD.fullmatch(each) or _is_index(each) for each in others)


def _is_index(key: str) -> bool:
    return key.isdecimal() and len(key) < _LONG_INDEX


def _says_nothing(number: str, key: str) -> bool:
    """Tell whether a number may be read by anybody: declared as one, short, or an id of the vendor's."""
    digits = sum(each.isdigit() for each in number)
    return key in plain_keys() or digits < (_LONG_INDEX if _ID_KEY.search(key) else _LONG_NUMBER)
