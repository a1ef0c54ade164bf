"""What retention deletes of each kind of data, and what stays because somebody needs it."""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any, Self

import pytest

from examples.library_loans import PIPELINE as LOANS
from processor import migrations
from processor.commands import retention
from processor.commands.retention import Retention, RetentionAnswer, RetentionKind
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World, event, record

SETTINGS = Settings("arn:secret")
MONTH = 31 * 86_400

# OVER ended with August, RUNS is still running, and CLUB is in no roster.
ROWS = """
    CREATE TEMPORARY TABLE moment AS
    SELECT unnest(ARRAY[timestamptz '2026-08-31T23:59:59.999999Z', timestamptz '2026-09-01T00:00:00Z']) AS at;
    INSERT INTO course (id, title, time_zone, ends)
    VALUES ('OVER', 'x', 'UTC', '2026-09-01'), ('RUNS', 'x', 'UTC', NULL);
    INSERT INTO assessment (course, id, title) VALUES ('OVER', 'A', 'x'), ('RUNS', 'A', 'x');
    INSERT INTO enrolment (course, person, role, ends) VALUES
        ('OVER', 'ada', 'student', NULL), ('OVER', 'bob', 'student', NULL), ('RUNS', 'bob', 'student', NULL),
        ('RUNS', 'left', 'student', '2026-08-01'), ('RUNS', 'turing', 'teacher', NULL);
    INSERT INTO person SELECT unnest(ARRAY['ada', 'bob', 'left', 'turing', 'never-enrolled']), 'a name';
    INSERT INTO assessment_exception
    SELECT course, 'A', 'bob', NULL, true FROM unnest(ARRAY['OVER', 'RUNS']) AS course;
    INSERT INTO student_activity
    SELECT 'ada', at, date_trunc('month', at), 1, 0, 0, 0, at, at
    FROM unnest(ARRAY[date '2026-08-31', date '2026-09-01']) AS at;
    INSERT INTO risk_change (course, student, from_level, level, reasons, changed_at)
    SELECT course, 'ada', 'none', 'high', '[]', at
    FROM unnest(ARRAY['OVER', 'RUNS']) AS course, moment;
    INSERT INTO alert (change_id, channel, message, taken_at)
    SELECT id, 'sns', gen_random_uuid(), now() FROM risk_change;
    INSERT INTO follow_up (id, followed_up_at, who, course, student, note)
    SELECT gen_random_uuid(), at, 'turing', course, 'ada', 'x'
    FROM unnest(ARRAY['OVER', 'RUNS', 'CLUB']) AS course, moment;
    INSERT INTO access_log (accessed_at, who, request_id, command, course)
    SELECT at, 'x', 'x', 'x', 'x' FROM moment;
    INSERT INTO roster_chunk (import, number, rows, staged_at)
    SELECT gen_random_uuid(), 0, '{}', at FROM moment;
"""

GOES = {
    "student_activity": 1,
    "risk_change": 1,
    "follow_up": 2,
    "rejected_event": 1,
    "access_log": 1,
    "roster_chunk": 1,
    "assessment_exception": 1,
    "person": 2,
    "enrolment": 3,
}
"""What retention deletes from before September: of the rows above, and an old rejection."""


@pytest.fixture
async def session(world: World) -> Session:
    """A session on the rows above, with an event of July in each of three courses and one of November."""
    await world.owner.execute(ROWS)
    courses = ("OVER", "RUNS", "CLUB", "OVER")
    sent = [record(n, event(n, metadata={"course": course})) for n, course in enumerate(courses)]
    sent += [record(4, b"bad"), record(5, b"bad")]
    for old in (*sent[:3], sent[4]):
        old["kinesis"]["approximateArrivalTimestamp"] -= 4 * MONTH
    await world.deliver(sent)
    return Session(world.owner)


async def let_go(
    session: Session, before: str, *kinds: RetentionKind, dry_run: bool = False
) -> RetentionAnswer:
    return await Retention(before, kinds=[*kinds] or None, dry_run=dry_run).run(session, SETTINGS)


async def counts(world: World, tables: Iterable[str]) -> dict[str, int]:
    return {
        table: await world.owner.fetchval(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - names from here
        for table in tables
    }


def told(answer: RetentionAnswer) -> dict[str, int]:
    return {table.table: table.rows for table in answer.tables if table.kind is not RetentionKind.EVENTS}


async def test_each_table_has_its_rule_and_a_dry_run_tells_the_same(world: World, session: Session) -> None:
    tables = {**GOES, "alert": 1, "student_performance": 3}
    before = await counts(world, tables)
    kinds = [kind for kind in RetentionKind if kind is not RetentionKind.DERIVED]
    planned = await let_go(session, "2026-09", *kinds, dry_run=True)
    assert await counts(world, tables) == before
    expected = {table: rows for table, rows in GOES.items() if table != "student_activity"}
    assert (told(planned), planned.dropped) == (expected, False)
    done = await let_go(session, "2026-09", *kinds)
    assert (told(done), done.dropped) == (expected, True)
    tables = {**expected, "alert": 1, "student_performance": 3}
    assert await counts(world, tables) == {table: before[table] - rows for table, rows in tables.items()}
    assert told(await let_go(session, "2026-09", *kinds)) == {}
    assert {row["id"] for row in await world.owner.fetch("SELECT id FROM person")} == {
        "bob", "turing", "never-enrolled"
    }  # fmt: skip


async def test_what_is_derived_stays_while_its_events_do_and_while_its_course_runs(
    world: World, session: Session
) -> None:
    assert set(told(await let_go(session, "2026-12", RetentionKind.DERIVED))) == {"student_activity"}
    await let_go(session, "2026-12", RetentionKind.EVENTS)
    months = "SELECT course, to_char(month, 'YYYY-MM') FROM student_course ORDER BY 1, 2"
    assert [tuple(row) for row in await world.owner.fetch(months)] == [
        ("CLUB", "2026-07"), ("OVER", "2026-07"), ("OVER", "2026-11"), ("RUNS", "2026-07")
    ]  # fmt: skip
    done = await let_go(session, "2026-09", RetentionKind.DERIVED)
    assert {projection.name for projection in SHIPPED.projections} - {"student_assessment"} <= set(told(done))
    assert [tuple(row) for row in await world.owner.fetch(months)] == [
        ("OVER", "2026-11"), ("RUNS", "2026-07")
    ]  # fmt: skip


async def test_all_of_it_at_once_drops_the_events_first(world: World, session: Session) -> None:
    planned = await let_go(session, "2026-12", dry_run=True)
    done = await let_go(session, "2026-12")
    # Nothing was compacted before, and a dry run cannot know what compaction will make.
    assert {**told(planned), **told(done)} == told(done)
    assert told(done)["student_course"] == 3
    assert await world.count("student_performance") == 0


async def test_one_pipeline_lets_go_of_its_events_and_figures_alone(world: World, session: Session) -> None:
    await migrations.migrate(world.owner, world.login, [SHIPPED, LOANS])
    both = Settings("arn:secret", pipelines={SHIPPED.name: SHIPPED, LOANS.name: LOANS})
    answer = await Retention("2026-12", pipeline=LOANS.name, dry_run=False).run(session, both)
    assert [table.table for table in answer.tables] == ["library_loans"]
    every = await Retention("2026-12").run(session, both)
    assert [table.table for table in every.tables[:2]] == ["student_performance", "library_loans"]


async def test_many_rows_go_in_several_transactions(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.owner.execute(
        "INSERT INTO access_log (accessed_at, who, request_id, command, course)"
        " SELECT '2026-01-01', 'x', 'x', 'x', 'x' FROM generate_series(1, 24)"
    )
    monkeypatch.setattr(retention, "AT_ONCE", 5)
    assert told(await let_go(session, "2026-09", RetentionKind.ACCESS_LOG)) == {"access_log": 25}


@pytest.mark.parametrize(
    ("months", "first"), [(1, "2026-10"), (11, "2025-12"), (12, "2025-11"), (24, "2024-11")]
)
async def test_this_month_and_so_many_before_it_stay(
    world: World, monkeypatch: pytest.MonkeyPatch, months: int, first: str
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls(2026, 11, 30, tzinfo=tz)

    monkeypatch.setattr(retention, "datetime", Clock)
    answer = await Retention(keep_months=months).run(Session(world.owner), SETTINGS)
    assert answer.older_than == first


@pytest.mark.parametrize("both", [{}, {"older_than": "2026-01", "keep_months": 1}])
async def test_neither_or_both_of_month_and_number_is_refused(world: World, both: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match=r"either older_than \(a month\) or keep_months"):
        await Retention(**both).run(Session(world.owner), SETTINGS)
