"""What all programs do alike: the forms they send and the lines they write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

FORM = b"action=learners&options%5Bemail%5D=ann%40example.com"
AMOUNT = 100


def course_pages(courses: int, rows: int) -> Iterator[tuple[str, int]]:
    """Give each page of each course, and the empty one that tells the end: a page may be short for other reasons."""
    for course in range(courses):
        for page in range(1, rows // AMOUNT + 2):
            yield f"c{course}-{rows}", page


def listed_pages(lengths: list[int]) -> Iterator[tuple[str, int]]:
    """Give each page of courses with so many rows, as somebody could ask for them who knows how many there are."""
    for course, rows in enumerate(lengths):
        for page in range(1, -(-rows // AMOUNT) + 1):
            yield f"c{course}-{rows}", page


def round_trips(pages: int, look_ahead: int) -> int:
    """Return the fewest in which one listing comes: a page, 4 once it was full, then as many at once as are allowed."""
    trips, asked, window = 0, 0, 1
    while asked < pages:
        trips, asked, window = trips + 1, asked + window, min(look_ahead, 4 * window)
    return trips


def form_of_page(course: str, page: int) -> bytes:
    options = {"course_id": course, "page": page, "amount": AMOUNT}
    named = {f"options[{name}]": value for name, value in options.items()}
    return urlencode({"action": "learnersProgressByCourse", **named}).encode()


def export_lines(page: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for part in page for row in part["learners"])
