"""A school of two courses with some events, and how tests ask about it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from processor.commands import registry
from processor.commands.as_of import AsOf
from processor.storage.session import Session
from tests.integration.processor.asking import SETTINGS
from tests.integration.processor.rosters import apply
from tests.integration.processor.world import World, record

AT = "2026-11-22T13:00:00Z"

MATHS = {
    "id": "MATH",
    "title": "Algebra",
    "time_zone": "Europe/Berlin",
    "begins": "2026-09-01",
    "ends": "2026-12-18",
}
HISTORY = {"id": "HIST", "title": "History", "time_zone": "UTC"}
ROSTER: dict[str, list[dict[str, Any]]] = {
    "courses": [MATHS, HISTORY],
    "assessments": [
        {"course": "MATH", "id": "A1", "title": "Essay", "due_at": "2026-11-10T12:00:00Z", "max_score": 20},
        {"course": "MATH", "id": "A2", "title": "", "due_at": "2026-11-20T12:00:00Z"},
        {"course": "MATH", "id": "EX", "title": "Exam", "due_at": "2026-11-01T12:00:00Z", "counts": False},
    ],
    "enrolments": [
        *({"course": "MATH", "person": name, "role": "student"} for name in ("ada", "bob", "cy")),
        {"course": "MATH", "person": "gone", "role": "student", "ends": "2026-11-01"},
        {"course": "MATH", "person": "turing", "role": "teacher"},
        {"course": "HIST", "person": "ada", "role": "student"},
        {"course": "HIST", "person": "clio", "role": "teacher"},
    ],
    "people": [{"id": "ada", "display_name": "Ada Lovelace"}],
}
EVENTS: list[dict[str, Any]] = [
    {"student_id": "ada", "event_type": "submission", "score": 15, "timestamp": "2026-11-09T10:00:00Z",
     "metadata": {"course": "MATH", "assessment": "A1"}},
    {"student_id": "ada", "event_type": "submission", "score": 18, "timestamp": "2026-11-12T10:00:00Z",
     "metadata": {"course": "MATH", "assessment": "A1"}},
    {"student_id": "bob", "event_type": "submission", "score": 5, "timestamp": "2026-11-11T10:00:00Z",
     "metadata": {"course": "MATH", "assessment": "A1"}},
    {"student_id": "gone", "event_type": "submission", "score": 1, "timestamp": "2026-11-08T10:00:00Z",
     "metadata": {"course": "MATH", "assessment": "A1"}},
    {"student_id": "ada", "event_type": "attendance", "timestamp": "2026-11-20T19:30:00Z",
     "metadata": {"course": "MATH", "status": "present"}},
    {"student_id": "cy", "event_type": "attendance", "timestamp": "2026-11-20T19:30:00Z",
     "metadata": {"course": "MATH", "status": "absent"}},
    {"student_id": "ada", "event_type": "quiz", "score": 7, "timestamp": "2026-11-21T10:00:00Z",
     "metadata": {"course": "MATH", "assessment": "pop", "max_score": 10}},
    {"student_id": "eve", "event_type": "login", "timestamp": "2026-11-21T10:00:00Z",
     "metadata": {"course": "CLUB"}},
]  # fmt: skip


async def ask(session: Session, command: str, **parameters: Any) -> dict[str, Any]:
    at = {"at": AT} if issubclass(registry.KINDS[command], AsOf) else {}
    event = json.loads(json.dumps({"command": command, **at, **parameters}))
    parsed = registry.parse(event, "reports")
    return dict(json.loads(msgspec.json.encode(await parsed.run(session, SETTINGS))))


async def session_of(world: World) -> Session:
    """Return the session of a database that holds the roster and the events."""
    session = Session(world.owner)
    await apply(session, ROSTER)
    await world.deliver([record(n, json.dumps(event).encode()) for n, event in enumerate(EVENTS)])
    await world.pipeline.upkeep.compact(world.owner)
    await world.owner.execute(
        "INSERT INTO risk VALUES ('MATH', 'cy', 2.75, 'high', $1, $2, $2),"
        " ('MATH', 'ada', 0.1, 'none', '[]', $2, $2)",
        json.dumps(
            [{"rule": "missing", "adds": 2, "numbers": {}, "sentence": "Both pieces of work are missing"}]
        ),
        datetime(2026, 11, 22, 3, tzinfo=UTC),
    )
    return session
