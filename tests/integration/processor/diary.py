"""A course with a diary of what its students do, for tests of risk."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.world import World, event, parsed, record

SETTINGS = Settings("arn:secret")
BEGINS = date(2026, 9, 1)
STUDENTS = ("ada", "bob", "cleo", "dan", "eve", "fay")
DUE = {"A1": "2026-09-10T12:00:00Z", "A2": "2026-09-20T12:00:00Z", "A3": "2026-09-30T12:00:00Z"}
TITLES = {"A1": "Essay", "A2": "Quiz", "A3": "Report"}


async def add_work(world: World, work: str, due: str | None, *, counts: bool = True) -> None:
    await world.owner.execute(
        "INSERT INTO assessment VALUES ('math', $1, $2, $3, 20, $4)",
        work,
        TITLES.get(work, ""),
        due and datetime.fromisoformat(due),
        counts,
    )


async def enrol(world: World, student: str, begins: date = BEGINS, ends: date | None = None) -> None:
    await world.owner.execute(
        "INSERT INTO enrolment VALUES ('math', $1, 'student', $2, $3)"
        " ON CONFLICT (course, person, role) DO UPDATE SET (begins, ends) = (excluded.begins, excluded.ends)",
        student,
        begins,
        ends,
    )


class Diary:
    """Collects what happens in a course, and delivers it in one batch before the course is evaluated."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0
        self.waiting: list[KinesisRecord] = []

    def note(self, student: str, at: str, kind: str = "grade", **members: Any) -> None:
        self.number += 1
        score = members.pop("score", None)
        metadata = {"course": "math", **members}
        data = event(
            self.number, student_id=student, event_type=kind, timestamp=at, score=score, metadata=metadata
        )
        self.waiting.append(record(self.number, data))

    def handed_in(self, work: str, students: Iterable[str], at: str = "2026-09-09T10:00:00Z") -> None:
        """Note everybody's work with a score; students later in the list score better."""
        for number, student in enumerate(students):
            self.note(student, at, assessment=work, score=10 + number)

    async def refresh(self, at: str) -> dict[str, Any]:
        if self.waiting:
            await self.world.deliver(self.waiting)
            self.waiting = []
        wanted = parsed({"command": "refresh", "at": at})
        answer = msgspec.to_builtins(await wanted.run(Session(self.world.owner), SETTINGS))
        return {name: answer[name] for name in ("courses", "written", "changes")}

    async def risk(self, student: str) -> dict[str, Any]:
        [row] = await self.world.owner.fetch("SELECT * FROM risk WHERE student = $1", student)
        return dict(row) | {"reasons": json.loads(row["reasons"])}

    async def score(self, student: str) -> float:
        return float((await self.risk(student))["score"])

    async def changes(self, student: str) -> list[tuple[str, str]]:
        rows = await self.world.owner.fetch(
            "SELECT from_level, level FROM risk_change WHERE student = $1 ORDER BY id", student
        )
        return [tuple(row) for row in rows]
