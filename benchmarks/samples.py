"""Prepared answers as bytes, as PHP writes them: no spaces, slashes escaped."""

from __future__ import annotations

import json

NAMES = ["Ann", "Jos\u00e9", "Mia", "Noor", "Olga", "Paul", "Rita", "Sven", "Tom", "Uma"]


def php(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def progress_row(number: int, later: int = 0) -> dict[str, object]:
    """Return a row of the progress by course, as it is so many lessons later."""
    first, last = NAMES[number % 10], f"Example{number // 10 % 97}"
    seconds = number * 7919 % 86400
    return {
        "email": f"learner{number:07d}@example.com",
        "full_name": f"{first} {last}",
        "first_name": first,
        "last_name": last,
        "startDate": f"{number % 12 + 1:02d}/{number % 28 + 1:02d}/2022",
        "startTime": f"{number % 12 + 1}:{number % 60:02d} AM",
        "completionDate": f"{number % 12 + 1:02d}/{number % 27 + 2:02d}/2022" if number % 3 else None,
        "completionTime": f"{number % 11 + 1}:{number % 59:02d} PM" if number % 3 else None,
        "status": "Completed" if number % 3 else "In progress",
        "duration": f"{number % 5 + 1:02d}:30:00",
        "viewTime": f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        "totalAmount": 20,
        "passedAmount": str((number + later) % 21),
        "courseScore": number % 101,
        "teams": ["No Team"] if number % 4 else ["Sales", "Support"],
    }


def learner(number: int) -> dict[str, object]:
    """Return a learner."""
    day = f"{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    return {
        "email": f"learner{number:07d}@example.com",
        "name": f"{NAMES[number % 10]} Example{number // 10 % 97}",
        "registered_at": f"2017-{day}T{number % 24:02d}:26:{number % 60:02d}+00:00",
        "score": number % 101,
        "lessons_opened": number % 50,
        "lessons_completed": number % 40,
        "courses_completed": number % 7,
        "spent_time_in_academy": number * 37,
        "certificates_amount": number % 3,
        "company": "https://example.com",
        "country": "Ukraine",
        "country_iso_code": "UA",
        "city": "Kiev",
        "os": "OS X",
        "device": "Macintosh",
        "browser": "Chrome",
        "last_login_at": f"2021-{day}T08:{number % 60:02d}:23+00:00",
    }


def question(number: int) -> dict[str, object]:
    """Return a question of a quiz statistic."""
    return {
        "id": f"q{number:06d}",
        "name": f"Which of these is number {number}?",
        "number": number % 20 + 1,
        "type": "checkbox",
        "isHasImage": False,
        "imageUrl": "",
        "is_passed": number % 3 > 0,
        "isExpired": False,
        "checkerComment": None,
        "time_spent": f"00:{number % 4:02d}:{number * 7 % 60:02d}",
        "answers": {
            "selected": [{"answer": f"Answer {number}", "is_right": True, "isHasImage": False, "imageUrl": ""}],
            "missed": [{"answer": "Another", "is_right": True, "isHasImage": False, "imageUrl": ""}] * (number % 2),
        },
    }


def quiz(number: int) -> dict[str, object]:
    """Return how one learner did in one quiz, with ten questions."""
    return {
        "name": f"Quiz {number}",
        "score": number % 11,
        "passing_score": 7,
        "is_passed": number % 11 >= 7,
        "spent_time": f"00:{number % 60:02d}:35",
        "spent_time_seconds": number % 60 * 60 + 35,
        "pass_date": f"{number % 12 + 1:02d}/{number % 28 + 1:02d}/2022",
        "pass_time": f"{number % 12 + 1:02d}:{number % 60:02d} AM",
        "is_timer_on": False,
        "is_expired": False,
        "is_manual_approve_on": False,
        "globalComment": None,
        "pass_percent": number % 101,
        "questions": [question(10 * number + each) for each in range(10)],
    }


def progress_page(start: int = 0, rows: int = 100) -> bytes:
    return php([{"learners": [progress_row(start + each) for each in range(rows)]}])


def learners_page(start: int = 0, rows: int = 100) -> bytes:
    return php([learner(start + each) for each in range(rows)])


def quiz_statistic(start: int = 0, learners: int = 10) -> bytes:
    """Return the statistic of one quiz of so many learners: ten times as many questions."""
    return php({f"learner{start + each:07d}@example.com": {"quiz1": quiz(start + each)} for each in range(learners)})
