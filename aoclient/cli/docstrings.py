"""What the docstring of an action says, as help: its first line, the rest, and a text for each option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from attrs import frozen


@frozen
class Description:
    """The parts of a docstring, as plain text.

    Attributes:
        summary: The first sentence.
        text: What stands between it and the sections.
        options: A text for each option of the section ``Args``.
        answer: The section ``Answer``.
    """

    summary: str
    text: str
    options: Mapping[str, str]
    answer: str

    @property
    def help(self) -> str:
        """All of it but the options, the summary first."""
        answer = f"Answer: {self.answer}" if self.answer else ""
        return "\n\n".join(each for each in (self.summary, self.text, answer) if each)


def describe(cls: type[object]) -> Description:
    """Read the docstring of an action or of a nested input."""
    sections = {"": [""]}
    paragraphs = sections[""]
    for line in (inspect.getdoc(cls) or "").splitlines():
        if found := _SECTION.fullmatch(line):
            paragraphs = sections.setdefault(found[1], [""])
        elif not line.strip():
            paragraphs.append("")
        elif entry := _ENTRY.fullmatch(line):
            paragraphs.append(f"{entry[1]}: {entry[2]}")
        else:
            paragraphs[-1] = f"{paragraphs[-1]} {line.strip()}".strip()
    summary, *text = sections[""]
    return Description(
        summary=_plain(summary),
        text=_plain("\n\n".join(each for each in text if each)),
        options={
            name: _plain(words)
            for name, _, words in (each.partition(": ") for each in sections.get("Args", []))
            if name
        },
        answer=_plain(" ".join(sections.get("Answer", []))),
    )


_SECTION = re.compile(r"(Args|Answer|Raises|Doc|Attributes):.*")
_ENTRY = re.compile(r" {4}(\w+): (.*)")


def _plain(text: str) -> str:
    return re.sub(r"`+([^`]+)`+", r"\1", text).strip()
