"""When courses are evaluated, by which rules, and how the results are listed."""

import asyncio
import time
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg
import pytest

from processor.commands.refresh import RefreshAnswer
from processor.commands.risk_list import RiskList
from processor.insight.measures import Rules
from processor.insight.risk import evaluate_due
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.diary import SETTINGS, STUDENTS, Diary
from tests.integration.processor.world import World, connect, parsed


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
