"""Risk: what one student's history leads to, when courses are evaluated, and what is written."""

import asyncio
import json
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest

from processor.commands.refresh import RefreshAnswer
from processor.commands.risk_list import RiskList
from processor.insight.measures import Rules
from processor.insight.risk import evaluate_due
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.world import World, connect, event, parsed, record

SETTINGS = Settings("arn:secret")
BEGINS = date(2026, 9, 1)
STUDENTS = ("ada", "bob", "cleo", "dan", "eve", "fay")
DUE = {"A1": "2026-09-10T12:00:00Z", "A2": "2026-09-20T12:00:00Z", "A3": "2026-09-30T12:00:00Z"}
TITLES = {"A1": "Essay", "A2": "Quiz", "A3": "Report"}


@pytest.fixture(name="school")
async def _school(world: World) -> World:
    """One course of six students with three pieces of work, and an exam that is never due."""
    await world.owner.execute(
        "INSERT INTO course VALUES ('math', 'Maths', 'Europe/Berlin', '2026-09-01', '2026-12-01')"
    )
    for work, due in DUE.items():
        await add_work(world, work, due)
    await add_work(world, "EX", DUE["A1"], counts=False)
    for student in STUDENTS:
        await enrol(world, student)
    return world


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


@pytest.fixture(name="diary")
def _diary(school: World) -> Diary:
    return Diary(school)


def told(found: dict[str, Any]) -> dict[str, str]:
    return {reason["rule"]: reason["sentence"] for reason in found["reasons"]}


async def test_each_reason_says_what_how_much_compared_with_what_and_since_when(diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS[1:])
    for lesson in range(10):
        for student in STUDENTS:
            status = "absent" if student == "bob" and lesson in {3, 7} else "present"
            if student != "ada":
                diary.note(student, f"2026-09-{lesson + 14}T08:00:00Z", "attendance", status=status)
    await diary.refresh("2026-09-24T00:00:00Z")
    ada, bob, fay = [await diary.risk(student) for student in ("ada", "bob", "fay")]
    assert told(ada) == {
        "missing": "2 of 2 pieces of work due so far are missing: Essay and Quiz, due on 10 September and "
        "later. On average, 58 % of the work due in this course is missing.",
        "never": "Nothing has been handed in so far; the first work was due on 10 September. "
        "5 of 6 students in this course have handed in something.",
        "rank": "No score can be compared with others' yet, which counts as the middle of the course.",
        "silent": "Nothing has been heard in this course so far, while 5 of 6 students were active "
        "in the last 7 days.",
    }
    assert told(bob) == {
        "missing": "1 of 2 pieces of work due so far is missing: Quiz, due on 20 September. "
        "On average, 58 % of the work due in this course is missing.",
        "rank": "In 1 piece of work scored since 9 September, about 80 % of the scores in this course are "
        "better.",
        "absent": "Absent from 2 of 10 lessons (20 %) since 17 September. "
        "On average, students in this course miss 4 %.",
    }
    assert (float(ada["score"]), float(bob["score"]), float(fay["score"])) == (3.5, 2.3, 1.0)
    assert [reason["adds"] for reason in bob["reasons"]] == [1.0, 0.8, 0.5]
    assert bob["reasons"][2]["numbers"] == {
        "absent": 2,
        "lessons": 10,
        "since": "2026-09-17",
        "share_of_course": 0.04,
    }
    assert [row["level"] for row in (ada, bob, fay)] == ["high", "high", "elevated"]
    assert bob["since"] == datetime(2026, 9, 24, tzinfo=UTC)


async def test_work_is_missing_only_after_a_day_of_grace_and_a_course_is_evaluated_again_just_then(
    diary: Diary,
) -> None:
    assert await diary.refresh("2026-09-10T11:59:59Z") == {"courses": 1, "written": 6, "changes": 0}
    assert (await diary.refresh("2026-09-10T11:59:59Z"))["courses"] == 0
    assert (await diary.refresh("2026-09-10T12:00:00Z")) == {"courses": 1, "written": 0, "changes": 0}
    assert (await diary.refresh("2026-09-11T11:59:59Z"))["courses"] == 1  # a new day
    assert await diary.score("ada") == 0.5
    assert (await diary.refresh("2026-09-11T12:00:00Z")) == {"courses": 1, "written": 6, "changes": 6}
    assert await diary.score("ada") == 3.5


async def test_a_student_who_is_excused_or_has_more_time_misses_nothing(school: World, diary: Diary) -> None:
    later = datetime(2026, 9, 12, 8, tzinfo=UTC)
    await school.owner.execute("INSERT INTO assessment_exception VALUES ('math', 'A1', 'ada', NULL, true)")
    await school.owner.execute(
        "INSERT INTO assessment_exception VALUES ('math', 'A1', 'bob', $1, false)", later
    )
    await diary.refresh("2026-09-13T07:59:59Z")
    assert [await diary.score(student) for student in ("ada", "bob", "cleo")] == [0.5, 0.5, 3.5]
    assert (await diary.refresh("2026-09-13T08:00:00Z"))["courses"] == 1
    assert [await diary.score(student) for student in ("ada", "bob", "cleo")] == [0.5, 3.5, 3.5]


async def test_what_was_due_before_the_enrolment_began_is_not_due(school: World, diary: Diary) -> None:
    await enrol(school, "ada", begins=date(2026, 9, 15))
    await diary.refresh("2026-09-14T00:00:00Z")
    assert not await school.owner.fetch("SELECT FROM risk WHERE student = 'ada'")
    await diary.refresh("2026-09-16T00:00:00Z")
    assert await diary.score("ada") == 0.5


async def test_a_level_is_left_a_little_below_where_it_was_entered(school: World, diary: Diary) -> None:
    for at, value, expected in (
        ("2026-09-11T12:00:00Z", 3.5, "high"),
        ("2026-09-12T12:00:00Z", 3.6, "high"),
        ("2026-09-12T12:00:00Z", 3.75, "elevated"),
        ("2026-09-12T12:00:00Z", 3.6, "elevated"),
        ("2026-09-12T12:00:00Z", 3.5, "high"),
    ):
        await enter_high_at(school, value)
        assert (await diary.refresh(at))["courses"] == 1
        assert (await diary.risk("ada"))["level"] == expected
    assert await diary.changes("ada") == [("none", "high"), ("high", "elevated"), ("elevated", "high")]


async def test_on_a_courses_first_day_a_level_is_left_where_it_is_entered(
    school: World, diary: Diary
) -> None:
    """While the first data come in, everybody seems to miss everything, so that day's levels do not last."""
    for at, value, expected in (
        ("2026-09-12T12:00:00Z", 3.5, "high"),
        ("2026-09-12T13:00:00Z", 3.6, "elevated"),
        ("2026-09-12T14:00:00Z", 3.5, "high"),
        ("2026-09-13T12:00:00Z", 3.6, "high"),
    ):
        await enter_high_at(school, value)
        await diary.refresh(at)
        assert (await diary.risk("ada"))["level"] == expected


async def enter_high_at(school: World, value: float) -> None:
    await school.owner.execute(
        "INSERT INTO risk_rule VALUES ('math', 'high_at', $1)"
        " ON CONFLICT (course, name) DO UPDATE SET value = excluded.value",
        Decimal(str(value)),
    )


async def test_only_what_changed_is_written(school: World, diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert await diary.refresh("2026-09-13T12:00:00Z") == {"courses": 1, "written": 0, "changes": 0}
    others = "SELECT student, xmin FROM risk WHERE student <> 'ada' ORDER BY student"
    before = await school.owner.fetch(others)
    diary.note("ada", "2026-09-12T13:00:00Z", "login")
    assert await diary.refresh("2026-09-13T12:00:01Z") == {"courses": 1, "written": 0, "changes": 0}
    diary.note("ada", "2026-09-12T14:00:00Z", assessment="A1", score=10.5)  # regraded, still the lowest
    assert await diary.refresh("2026-09-13T12:00:02Z") == {"courses": 1, "written": 1, "changes": 0}
    assert await school.owner.fetch(others) == before
    diary.note("ada", "2026-09-12T15:00:00Z", assessment="A1", score=20)
    assert (await diary.refresh("2026-09-13T12:00:03Z"))["written"] == 6


async def test_a_student_who_leaves_or_whose_course_ends_is_at_no_risk(school: World, diary: Diary) -> None:
    await diary.refresh("2026-09-12T12:00:00Z")
    await enrol(school, "ada", ends=date(2026, 9, 13))
    await diary.refresh("2026-09-12T22:00:00Z")  # the 13th in Berlin
    assert not await school.owner.fetch("SELECT FROM risk WHERE student = 'ada'")
    assert await diary.changes("ada") == [("none", "high"), ("high", "none")]
    await diary.refresh("2026-11-30T23:00:00Z")
    assert not await school.owner.fetch("SELECT FROM risk")
    assert (await diary.changes("bob"))[-1] == ("high", "none")
    assert (await diary.refresh("2026-12-05T00:00:00Z"))["courses"] == 0


async def test_scores_above_the_maximum_or_negative_are_ranked_like_others(diary: Diary) -> None:
    for score, student in zip((-5, 3, 3, 3, 25, 1000), STUDENTS, strict=True):
        diary.note(student, "2026-09-09T10:00:00Z", assessment="A1", score=score)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert [await diary.score(student) for student in STUDENTS] == [0.83, 0.5, 0.5, 0.5, 0.17, 0]


async def test_per_cent_counts_not_points(diary: Diary) -> None:
    for number, student in enumerate(STUDENTS[1:]):
        diary.note(student, "2026-09-09T10:00:00Z", assessment="A1", score=10 + number)  # of 20 points
    diary.note("ada", "2026-09-09T10:00:00Z", assessment="A1", score=45, max_score=100)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert await diary.score("ada") == 0.83


async def test_fewer_than_five_scores_make_no_rank(diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS[:4])
    await diary.refresh("2026-09-12T12:00:00Z")
    assert [await diary.score(student) for student in STUDENTS[:4]] == [0.5] * 4


async def test_work_that_the_roster_does_not_have_is_ranked_and_never_due(diary: Diary) -> None:
    diary.handed_in("unheard of", STUDENTS)
    await diary.refresh("2026-09-10T00:00:00Z")
    assert [await diary.score(student) for student in STUDENTS] == [0.83, 0.67, 0.5, 0.33, 0.17, 0]


async def test_what_does_not_count_is_neither_due_nor_ranked_but_handed_in(diary: Diary) -> None:
    diary.handed_in("EX", STUDENTS)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert [await diary.score(student) for student in STUDENTS] == [2.5] * 6


async def test_events_of_a_course_that_is_not_in_the_roster_give_no_risk(school: World, diary: Diary) -> None:
    diary.note("ada", "2026-09-09T10:00:00Z", assessment="A1", score=1, course="alchemy")
    await diary.refresh("2026-09-10T00:00:00Z")
    assert {row["course"] for row in await school.owner.fetch("SELECT course FROM risk")} == {"math"}


async def test_a_later_import_that_moves_a_due_date_is_followed(school: World, diary: Diary) -> None:
    await diary.refresh("2026-09-12T12:00:00Z")
    await school.owner.execute("UPDATE assessment SET due_at = due_at + interval '10 days'")
    assert await diary.refresh("2026-09-12T12:00:00Z") == {"courses": 1, "written": 6, "changes": 6}
    assert (await diary.risk("ada"))["level"] == "none"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE course SET title = 'Mathematics'",
        "INSERT INTO assessment VALUES ('math', 'A9', '')",
        "UPDATE assessment SET title = 'Test'",
        "INSERT INTO enrolment VALUES ('math', 'new', 'student')",
        "UPDATE enrolment SET ends = '2027-01-01'",
        "DELETE FROM enrolment WHERE person = 'ada'",
        "INSERT INTO assessment_exception VALUES ('math', 'A1', 'ada', NULL, true)",
        "INSERT INTO risk_rule VALUES ('math', 'never_weight', 2)",
        "UPDATE risk_rule SET value = 3 WHERE name = 'never_weight'",
    ],
)
async def test_whatever_an_evaluation_depends_on_has_it_done_again(
    school: World, diary: Diary, change: str
) -> None:
    assert (await diary.refresh("2026-09-12T12:00:00Z"))["courses"] == 1
    await school.owner.execute(change)
    assert (await diary.refresh("2026-09-12T12:00:00Z"))["courses"] == 1
    assert (await diary.refresh("2026-09-12T12:00:00Z"))["courses"] == 0


async def test_two_that_refresh_at_once_evaluate_each_course_once(school: World, diary: Diary) -> None:
    other = await connect(school.owner_login)
    as_of = datetime(2026, 9, 12, 12, tzinfo=UTC)
    both = await asyncio.gather(*(evaluate_due(connection, as_of) for connection in (school.owner, other)))
    assert sorted(done.courses for done in both) == [0, 1]
    assert await diary.changes("ada") == [("none", "high")]
    await other.close()


@pytest.mark.parametrize(("name", "value"), [("never_weight", 11), ("never", 1), ("high_at", -1)])
async def test_a_rule_that_cannot_be_is_refused(school: World, name: str, value: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await school.owner.execute("INSERT INTO risk_rule VALUES ('math', $1, $2)", name, Decimal(value))


async def test_rules_are_what_the_evaluation_knows(world: World) -> None:
    names = await world.owner.fetch("SELECT name FROM risk_rule WHERE course IS NULL")
    assert sorted(row["name"] for row in names) == sorted(Rules._fields)


async def test_lists_the_highest_first_with_all_reasons_page_by_page(diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS[1:])
    await diary.refresh("2026-09-22T12:00:00Z")
    owner = Session(diary.world.owner)
    found = []
    offset: int | None = 0
    while offset is not None:
        answer = await RiskList(level="none", limit=2, offset=offset).run(owner, SETTINGS)
        found += answer.risks
        offset = answer.next
    assert [(row.student, row.score) for row in found] == [
        ("ada", 3.5),
        ("bob", 1.8),
        ("cleo", 1.6),
        ("dan", 1.4),
        ("eve", 1.2),
        ("fay", 1.0),
    ]
    assert [reason.rule for reason in found[0].reasons] == ["missing", "never", "rank"]
    high = await RiskList(level="high").run(owner, SETTINGS)
    assert [row.student for row in high.risks] == ["ada", "bob"]
    of_one = await RiskList(course="math", student="eve").run(owner, SETTINGS)
    assert [(row.student, row.level) for row in of_one.risks] == [("eve", "elevated")]
    assert (await RiskList(course="alchemy").run(owner, SETTINGS)).risks == []


async def test_a_deployment_without_the_shipped_pipeline_has_nothing_to_evaluate(world: World) -> None:
    settings = Settings("arn:secret", pipelines={})
    answer = await parsed({"command": "refresh"}).run(Session(world.owner), settings)
    assert answer == RefreshAnswer({}, 0, 0, 0)


async def test_a_course_without_statistics_in_postgresql_does_not_take_minutes(world: World) -> None:
    await world.owner.execute(MANY)
    started = time.monotonic()
    done = await evaluate_due(world.owner, datetime(2026, 11, 10, tzinfo=UTC))
    assert (done.courses, done.written) == (1, 500)
    assert time.monotonic() - started < 10  # nested loops took 15 s on a quiet machine


MANY = """
    INSERT INTO course VALUES ('c', '', 'Europe/Berlin', '2026-09-01', '2026-12-31');
    INSERT INTO assessment SELECT 'c', 'a' || a, '', timestamptz '2026-09-01' + a * interval '3 days'
        FROM generate_series(1, 20) AS a;
    INSERT INTO enrolment SELECT 'c', 's' || s, 'student', '2026-09-01' FROM generate_series(1, 500) AS s;
    INSERT INTO student_assessment
        SELECT 'c', 'a' || a, 's' || s, '2026-10-01', '2026-10-01', '2026-10-01', 1, s, 0, (7 * s + a) % 9, 20
        FROM generate_series(1, 500) AS s, generate_series(1, 20) AS a;
"""
