"""Numbers that look random and are not: one hash, and hash ids that can be turned back into their numbers."""

from __future__ import annotations

import string

_MASK = (1 << 64) - 1


def mix(*parts: int) -> int:
    """Return 64 bits that depend on all parts; the same ones for the same parts, on every machine."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        # splitmix64, https://prng.di.unimi.it/splitmix64.c
        state = (state + part * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {letter: value for value, letter in enumerate(_LETTERS)}
_LENGTH = 20
_SPACE = 62**_LENGTH
_FACTOR = 0x16F23EBDE5C0994164D8399F767C45  # odd and no multiple of 31, so it has an inverse modulo 62**20
_INVERSE = pow(_FACTOR, -1, _SPACE)


class Ids:
    """Ids of one kind of thing: 20 letters and digits for each number from 1."""

    def __init__(self, seed: int, kind: str) -> None:
        salt = int.from_bytes(kind.encode(), "big")
        self._offset = mix(seed, salt) << 64 | mix(seed, salt, 1)

    def of(self, number: int) -> str:
        """Return the id of a number."""
        rest = (self._offset + number * _FACTOR) % _SPACE
        letters: list[str] = []
        for _ in range(_LENGTH):
            rest, value = divmod(rest, 62)
            letters.append(_LETTERS[value])
        return "".join(letters)

    def number(self, text: str, count: int) -> int | None:
        """Return the number an id stands for, or None unless it is one from 1 to ``count``."""
        if len(text) != _LENGTH or not all(letter in _VALUES for letter in text):
            return None
        value = 0
        for letter in reversed(text):
            value = value * 62 + _VALUES[letter]
        number = (value - self._offset) * _INVERSE % _SPACE
        return number if 1 <= number <= count else None
