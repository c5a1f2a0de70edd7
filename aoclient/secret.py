"""A text that must not be shown."""

from __future__ import annotations

from typing import Final, final


@final
class Secret:
    """Hold a text that shows as ``Secret(...)`` wherever it is printed, logged, pickled or compared by eye.

    Only `reveal` gives it out, so a search for that word finds every place where it leaves.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret) -> None:
        self._text: Final[str] = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is not pickled; give the other process its own, by environment or file")
