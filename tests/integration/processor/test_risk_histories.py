"""Compares risk of generated histories with plain Python that reads the event log and the roster.

Work comes late, is regraded, delivered twice and out of order; students enrol late, leave and move; work
is added after the fact, due dates move, teachers excuse and extend. After each refresh every row of ``risk``
must be what the tables of that moment give, and every level what the scores so far give.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulation.postgres import PostgresServer
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor import risk_oracle as oracle
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import World, event, parsed, record

FIRST_DAY = date(2026, 9, 1)
DAYS = 60
COURSES = ("math", "art")
STUDENTS = tuple(f"s{number}" for number in range(7))
WORKS = ("A1", "A2", "A3", "A4")
UNKNOWN = "A9"  # never in the roster

_days = st.integers(0, DAYS)
_course, _student, _work = st.sampled_from(COURSES), st.sampled_from(STUDENTS), st.sampled_from(WORKS)


class Happening(NamedTuple):
    student: str
    course: str
    kind: Literal["grade", "submission", "attendance", "login"]
    hour: int
    work: str | None
    score: float | None
    max_score: float | None
    status: str | None


class WorkEdit(NamedTuple):
    course: str
    work: str
    due: int | None
    max_score: float | None
    counts: bool


class Enrol(NamedTuple):
    course: str
    student: str
    begins: int | None
    ends: int | None


class Except(NamedTuple):
    course: str
    work: str
    student: str
    due: int | None  # None means excused


class Step(NamedTuple):
    """What is delivered and edited, and how many days pass until the next refresh."""

    events: list[Happening]
    again: bool
    edits: list[WorkEdit | Enrol | Except]
    days: int


_scores = st.sampled_from((None, -3.0, 0.0, 4.5, 5.0, 5.0, 10.0, 18.0, 30.0))
_events = st.builds(
    Happening,
    student=_student,
    course=_course,
    kind=st.sampled_from(("grade", "submission", "attendance", "login")),
    hour=st.integers(-24, DAYS * 24),
    work=_work | st.sampled_from((None, UNKNOWN)),
    score=_scores,
    max_score=st.sampled_from((None, 10.0, 20.0)),
    status=st.sampled_from(("present", "absent", "late", "excused")),
)
_maybe_day = st.none() | _days
_works = st.builds(
    WorkEdit, _course, _work, _maybe_day, st.sampled_from((None, 20.0)), st.sampled_from((True, True, False))
)
_enrols = st.builds(Enrol, _course, _student, _maybe_day, st.none() | _days)
_exceptions = st.builds(Except, _course, _work, _student, _maybe_day)
_steps = st.builds(
    Step,
    st.lists(_events, max_size=25),
    st.booleans(),
    st.lists(_works | _enrols | _exceptions, max_size=5),
    st.integers(0, 15),
)
# The history begins with everybody's work, so that there is something to rank and to miss.
_beginning = st.lists(_scores, min_size=len(STUDENTS), max_size=len(STUDENTS))

CLEAR = """
    TRUNCATE student_performance, event_identity, event_source, chunk, student_assessment, student_course,
        course_day, course_hour, risk, alert, risk_change, risk_evaluation, assessment_exception, assessment,
        enrolment;
    DELETE FROM risk_rule WHERE course IS NOT NULL;
    DELETE FROM course;
"""
ADD_COURSE = "INSERT INTO course VALUES ($1, $1, 'Europe/Berlin', '2026-08-01', '2026-12-01')"
ADD_WORK = """
    INSERT INTO assessment VALUES ($1, $2, 'Work ' || $2, $3, $4, $5)
    ON CONFLICT (course, id) DO UPDATE
        SET (due_at, max_score, counts) = (excluded.due_at, excluded.max_score, excluded.counts)
"""
ADD_ENROLMENT = """
    INSERT INTO enrolment VALUES ($1, $2, 'student', $3, $4)
    ON CONFLICT (course, person, role) DO UPDATE SET (begins, ends) = (excluded.begins, excluded.ends)
"""
ADD_EXCEPTION = """
    INSERT INTO assessment_exception SELECT course, id, $3, $4, $4::timestamptz IS NULL
    FROM assessment WHERE (course, id) = ($1, $2)
    ON CONFLICT (course, assessment, person) DO UPDATE
        SET (due_at, excused) = (excluded.due_at, excluded.excused)
"""


@pytest.mark.long
def test_every_row_is_what_log_and_roster_give_and_every_level_what_the_scores_give(
    server: PostgresServer,
) -> None:
    with asyncio.Runner() as loop:
        world = loop.run(make_world(server))
        try:

            @settings(max_examples=40, deadline=None)
            @given(beginning=_beginning, steps=st.lists(_steps, min_size=1, max_size=4))
            def lives(beginning: list[float | None], steps: list[Step]) -> None:
                loop.run(History(world).live(beginning, steps))

            lives()
        finally:
            loop.run(drop_world(server, world))


@dataclass
class History:
    """One history in a world, and the levels that its scores have led to so far."""

    world: World
    delivered: list[KinesisRecord] = field(default_factory=list)
    number: int = 0
    levels: dict[tuple[str, str], str] = field(default_factory=dict)
    changes: list[tuple[str, str, str, str]] = field(default_factory=list)
    first_changes: dict[str, datetime] = field(default_factory=dict)  # by course

    async def live(self, beginning: Sequence[float | None], steps: Sequence[Step]) -> None:
        await self.begin(beginning)
        as_of = moment(8, 0)
        await self.refresh(as_of)
        for step in steps:
            for edit in step.edits:
                await self.edit(edit)
            fresh = [self.recorded(one) for one in step.events]
            if batch := fresh[::-1] + (self.delivered if step.again else []):
                await self.world.deliver(batch)
            self.delivered += fresh
            as_of += timedelta(days=step.days)
            await self.refresh(as_of)

    async def begin(self, scores: Sequence[float | None]) -> None:
        await self.world.owner.execute(CLEAR)
        for course in COURSES:
            await self.world.owner.execute(ADD_COURSE, course)
            for number, work in enumerate(WORKS[:2]):
                await self.edit(WorkEdit(course, work, 5 + 10 * number, 20.0, counts=True))
        for student, score in zip(STUDENTS, scores, strict=True):
            await self.edit(Enrol("math", student, None, None))
            if score is not None:
                done = Happening(student, "math", "grade", 24, "A1", score, None, None)
                self.delivered.append(self.recorded(done))
        if self.delivered:
            await self.world.deliver(self.delivered)

    def recorded(self, one: Happening) -> KinesisRecord:
        self.number += 1
        metadata = {"course": one.course, "assessment": one.work, "max_score": one.max_score}
        if one.kind == "attendance":
            metadata["status"] = one.status
        data = event(
            self.number,
            student_id=one.student,
            event_type=one.kind,
            timestamp=moment(0, one.hour).isoformat(),
            score=one.score if one.kind in {"grade", "submission"} else None,
            metadata={name: value for name, value in metadata.items() if value is not None},
        )
        return record(self.number, data)

    async def edit(self, edit: WorkEdit | Enrol | Except) -> None:
        execute = self.world.owner.execute
        if isinstance(edit, WorkEdit):
            due = None if edit.due is None else moment(edit.due, 22)
            await execute(ADD_WORK, edit.course, edit.work, due, edit.max_score, edit.counts)
        elif isinstance(edit, Except):
            due = None if edit.due is None else moment(edit.due, 9)
            await execute(ADD_EXCEPTION, edit.course, edit.work, edit.student, due)
        else:
            begins, ends = day(edit.begins), day(edit.ends)
            if begins and ends:
                ends = max(begins, ends)
            await execute(ADD_ENROLMENT, edit.course, edit.student, begins, ends)

    async def refresh(self, as_of: datetime) -> None:
        command = parsed({"command": "refresh", "at": as_of.isoformat()})
        await command.run(Session(self.world.owner), Settings("arn:secret"))
        found = {
            (row["course"], row["student"]): row for row in await self.world.owner.fetch("SELECT * FROM risk")
        }
        expected = oracle.expected(await tables(self.world), as_of)
        assert set(found) == set(expected)
        for key in sorted({*found, *self.levels}):
            before = self.levels.pop(key, "none")
            if key not in found:
                now = "none"
            else:
                row = found[key]
                expected[key].compare(float(row["score"]), json.loads(row["reasons"]))
                is_settled = self.first_changes.get(key[0], as_of) <= as_of - timedelta(days=1)
                now = oracle.level(before if is_settled else "none", float(row["score"]))
                assert row["level"] == now
                self.levels[key] = now
            if now != before:
                self.changes.append((*key, before, now))
                self.first_changes.setdefault(key[0], as_of)
        written = await self.world.owner.fetch(
            "SELECT course, student, from_level, level FROM risk_change ORDER BY id"
        )
        assert sorted(map(tuple, written)) == sorted(self.changes)


async def tables(world: World) -> oracle.Tables:
    async def fetch(sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await world.owner.fetch(sql)]

    return oracle.Tables(
        log=await fetch(
            "SELECT * FROM student_performance ORDER BY occurred_at, source_id, sequence_number, sub_sequence"
        ),
        courses=await fetch("SELECT * FROM course"),
        assessments=await fetch("SELECT * FROM assessment"),
        enrolments=await fetch("SELECT * FROM enrolment"),
        exceptions=await fetch("SELECT * FROM assessment_exception"),
    )


def moment(days: int, hours: int) -> datetime:
    return datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=days, hours=hours)


def day(number: int | None) -> date | None:
    return None if number is None else FIRST_DAY + timedelta(days=number)
