"""Two courses of two teachers. Everything that is about the second course alone holds the word ``zqx``."""

import json
from typing import Any

SECRET = "zqx"
COMMON = "both-student"
FIRST, SECOND = "ALG-1", "ZQX-2"
FIRST_STUDENT, SECOND_STUDENT = "alg-student", "zqx-student"

ROSTER: dict[str, list[dict[str, Any]]] = {
    "courses": [
        {"id": FIRST, "title": "Algebra", "time_zone": "Europe/Berlin"},
        {"id": SECOND, "title": "Zqx theory", "time_zone": "UTC"},
    ],
    "assessments": [
        {"course": FIRST, "id": "A1", "title": "Essay", "due_at": "2026-11-10T12:00:00Z"},
        {"course": SECOND, "id": "ZQX1", "title": "Zqx report", "due_at": "2026-11-10T12:00:00Z"},
    ],
    "enrolments": [
        {"course": FIRST, "person": FIRST_STUDENT, "role": "student"},
        {"course": FIRST, "person": COMMON, "role": "student"},
        {"course": FIRST, "person": "turing", "role": "teacher"},
        {"course": SECOND, "person": SECOND_STUDENT, "role": "student"},
        {"course": SECOND, "person": COMMON, "role": "student"},
        {"course": SECOND, "person": "noether", "role": "teacher"},
    ],
    "people": [
        {"id": SECOND_STUDENT, "display_name": "Zqx Zebra"},
        {"id": COMMON, "display_name": "Cleo Common"},
    ],
}

EVENTS: list[dict[str, Any]] = [
    {
        "student_id": student,
        "event_type": "submission",
        "score": 40,
        "timestamp": "2026-11-09T10:00:00Z",
        "metadata": {"course": course, "assessment": work},
    }
    for course, work, students in (
        (FIRST, "A1", (FIRST_STUDENT, COMMON)),
        (SECOND, "ZQX1", (SECOND_STUDENT, COMMON)),
    )
    for student in students
]


def _reason(sentence: str) -> str:
    return json.dumps([{"rule": "missing", "adds": 2, "numbers": {}, "sentence": sentence}])


RISKS = [
    (FIRST, FIRST_STUDENT, _reason("Both essays are missing")),
    (FIRST, COMMON, _reason("Half is missing")),
    (SECOND, SECOND_STUDENT, _reason("All zqx is missing")),
    (SECOND, COMMON, _reason("The zqx report is missing")),
]
