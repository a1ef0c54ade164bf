"""Erasing students from the database: what is deleted, what stays, and what an interruption leaves."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace as replace_struct

from examples.attendance import PIPELINE as ATTENDANCE
from examples.library_loans import PIPELINE as LOANS
from processor import migrations
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World, connect, event, parsed, record

GONE, OTHER = "student-gone", "student-other"
SECRET = "a secret of the one who is gone"
PIPELINES = {pipeline.name: pipeline for pipeline in (SHIPPED, ATTENDANCE, LOANS)}
MONTH = 31 * 86_400

DERIVED = (
    "course_day",
    "course_hour",
    "student_course",
    "student_assessment",
    "session_attendance",
    "book_loans",
)
OF_ONE = (
    "student_performance",
    "attendance",
    "library_loans",
    "person",
    "enrolment",
    "assessment_exception",
    "risk",
)
KEPT = (
    *OF_ONE,
    "risk_change",
    "alert",
    "follow_up",
    "roster_chunk",
    "rejected_event",
    "student_activity",
    "chunk",
)
PLANNED = {*OF_ONE, *KEPT, "student_course", "student_assessment", "access_log"} - {"chunk"}

EVERY_TABLE = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY relname
"""


SCHOOL = """
    INSERT INTO course (id, title, time_zone) VALUES ('course-1', 'Course', 'UTC');
    INSERT INTO assessment (course, id, title) VALUES ('course-1', 'a1', 'Work')
"""
OF_A_STUDENT = [
    statement.replace("NAME", "$2::text").replace("STUDENT", "$1::text")
    for statement in (
        "INSERT INTO person VALUES (STUDENT, NAME)",
        "INSERT INTO enrolment SELECT 'course-1', STUDENT, 'student' WHERE NAME <> ''",
        "INSERT INTO assessment_exception SELECT 'course-1', 'a1', STUDENT, now() WHERE NAME <> ''",
        "INSERT INTO follow_up VALUES (gen_random_uuid(), now(), 'teacher', 'course-1', STUDENT, NAME)",
        "SELECT log_access('teacher', 'request', 'student', STUDENT, NULL) WHERE NAME <> ''",
        "INSERT INTO risk SELECT 'course-1', STUDENT, 1, 'high', to_jsonb(NAME), now(), now()",
        """
        INSERT INTO risk_change (course, student, from_level, level, reasons, changed_at)
        SELECT 'course-1', STUDENT, 'none', 'high', to_jsonb(NAME), now()
        """,
        """
        INSERT INTO student_activity
        SELECT STUDENT, now(), now(), 1, 0, 0, 0, now(), now() WHERE NAME <> ''
        """,
        """
        INSERT INTO roster_chunk
        SELECT gen_random_uuid(), 0, jsonb_build_object('people', jsonb_build_array(
            jsonb_build_object('id', STUDENT, 'display_name', NAME)
        ))
        """,
    )
]
TOLD_AND_EVALUATED = """
    INSERT INTO alert SELECT id, 'sns', gen_random_uuid(), now() FROM risk_change;
    INSERT INTO risk_evaluation VALUES ('course-1', 7, now()), ('unconcerned', 7, now())
"""


async def run(
    world: World, command: str, *, deployed: Mapping[str, Pipeline] = PIPELINES, **parameters: Any
) -> dict[str, Any]:
    wanted = parsed({"command": command, **parameters})
    answer = await wanted.run(Session(world.owner), Settings("no secret", pipelines=deployed))
    return dict(msgspec.to_builtins(answer))


async def erase(world: World, *students: str, deployed: Mapping[str, Pipeline] = PIPELINES) -> dict[str, int]:
    """Erase the students completely; return how many rows of each table were deleted."""
    removed: dict[str, int] = {}
    after = None
    for _ in range(100):
        answer = await run(world, "erase", deployed=deployed, students=students, after=after)
        for table, rows in answer["rows"].items():
            removed[table] = removed.get(table, 0) + rows
        if answer["done"]:
            return removed
        after = answer["next"]
    raise AssertionError("the erasure does not end")


async def dump(world: World) -> dict[str, list[str]]:
    """Return every row of every table, as text."""
    tables = [row["relname"] for row in await world.owner.fetch(EVERY_TABLE)]
    return {
        table: sorted(
            row["row"]
            for row in await world.owner.fetch(f'SELECT whole::text AS row FROM "{table}" AS whole')  # noqa: S608 - from the catalogue
        )
        for table in tables
    }


def holds(dumped: Mapping[str, list[str]], text: str) -> list[str]:
    """Return the tables that hold the text, as it is or as the hexadecimal digits of its bytes."""
    wanted = (text, text.encode().hex())
    return [table for table, rows in dumped.items() if any(w in row for w in wanted for row in rows)]


async def fill_school(world: World, *students: str) -> None:
    """Make rows about these students in every table that can have rows about a student."""
    await migrations.migrate(world.owner, world.login, PIPELINES.values())
    await world.owner.execute(SCHOOL)
    for student in students:
        for statement in OF_A_STUDENT:
            await world.owner.execute(statement, student, metadata(student, 0)["note"])
    await world.owner.execute(TOLD_AND_EVALUATED)


async def deliver_everything(world: World, *students: str) -> None:
    """Deliver these students' events in three months and three pipelines, and records that are no events."""
    numbers = {GONE: 1, OTHER: 2}
    for student in students:
        batch = []
        for month in (0, 1, 2):
            number = numbers[student] + month * 10
            one = record(number, event(number, student_id=student, metadata=metadata(student, month)))
            one["kinesis"]["approximateArrivalTimestamp"] -= month * MONTH
            batch.append(one)
        number, note = numbers[student], metadata(student, 0)["note"]
        batch += [
            record(number + 100, json.dumps({"student_id": student, "event_type": 5, "note": note}).encode()),
            record(number + 102, f"{student};{note}".encode("utf-16")),
        ]
        await world.deliver(batch)
        check_in = {"student_id": student, "session_id": "room", "status": "late"}
        loan = {"student_id": student, "barcode": "book", "action": "borrowed"}
        for pipeline, sent in ((ATTENDANCE, check_in), (LOANS, loan)):
            world.pipeline = pipeline
            await world.deliver([record(number + 200, json.dumps(sent).encode())])
        world.pipeline = SHIPPED


def metadata(student: str, month: int) -> dict[str, Any]:
    return {"course": f"course-{month}", "assessment": "a1", "note": SECRET if student == GONE else "fine"}


async def fill_both(world: World, clean: World) -> None:
    """Give one world both students, and the other only the student who stays."""
    for one, students in ((world, (GONE, OTHER)), (clean, (OTHER,))):
        await fill_school(one, *students)
        await deliver_everything(one, *students)
        await run(one, "compact")


async def assert_as_if_never_there(world: World, clean: World) -> None:
    dumped, never = await dump(world), await dump(clean)
    assert holds(dumped, GONE) == holds(dumped, SECRET) == []
    assert {table: dumped[table] for table in DERIVED} == {table: never[table] for table in DERIVED}
    assert [len(dumped[table]) for table in KEPT] == [len(never[table]) for table in KEPT]
    assert all(OTHER in row for table in OF_ONE for row in dumped[table])
    differences = await run(world, "check")
    assert set(differences["differences"].values()) == {0}


async def test_nothing_of_the_student_is_left_and_everybody_else_is_untouched(
    world: World, clean_world: World
) -> None:
    await fill_both(world, clean_world)
    planned = await run(world, "erase_plan", students=[GONE])
    assert {table for table, rows in planned["rows"].items() if rows} == set(planned["rows"]) == PLANNED
    assert await erase(world, GONE) == planned["rows"] | {"tombstone": 1}
    await assert_as_if_never_there(world, clean_world)
    looks = [row["student_id"] for row in await world.owner.fetch("SELECT student_id FROM access_log")]
    assert sorted(looks) == sorted([OTHER, planned["hashes"][0]])
    courses = await world.owner.fetch("SELECT course FROM risk_evaluation")
    assert [row["course"] for row in courses] == ["unconcerned"]
    assert (await run(world, "erase_plan", students=[GONE]))["rows"] == {}


async def test_nothing_of_the_student_comes_back(world: World, clean_world: World) -> None:
    await fill_both(world, clean_world)
    await erase(world, GONE)
    await deliver_everything(world, GONE)
    await run(world, "redrive")
    await assert_as_if_never_there(world, clean_world)


async def test_it_goes_on_after_being_killed_at_any_statement(world: World, clean_world: World) -> None:
    await fill_both(world, clean_world)
    for statements in range(1, 500):
        victim = await connect(world.owner_login)
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            victim.add_query_logger(killer(victim, statements))
            await erase(replace(world, owner=victim), GONE)
            break
    else:
        raise AssertionError("the erasure does not end")
    assert statements > 20
    await assert_as_if_never_there(world, clean_world)


def killer(connection: asyncpg.Connection, statements: int) -> Callable[[object], None]:
    """Return a query logger that ends the connection after this many statements."""
    run = iter(range(statements))

    def count(_: object) -> None:
        if next(run, None) is None:
            connection.terminate()

    return count


async def test_several_students_and_one_without_any_data(world: World) -> None:
    await fill_school(world, GONE, OTHER)
    await deliver_everything(world, GONE, OTHER)
    removed = await erase(world, GONE, OTHER, "nobody")
    assert removed["tombstone"] == 3
    assert removed[SHIPPED.table] == 6
    dumped = await dump(world)
    assert holds(dumped, GONE) == holds(dumped, OTHER) == []


async def test_it_works_where_only_another_pipeline_is_deployed(world: World) -> None:
    deployed = {LOANS.name: LOANS}
    name = f"{world.login.dbname}_loans"
    await world.owner.execute(f'CREATE DATABASE "{name}"')
    login, owner_login = (replace_struct(of, dbname=name) for of in (world.login, world.owner_login))
    owner = await connect(owner_login)
    lending = World(owner, owner_login, login, world.reader_login, pipeline=LOANS)
    try:
        await migrations.migrate(owner, login, deployed.values())
        loans = [
            json.dumps({"student_id": student, "barcode": "book", "action": "borrowed"}).encode()
            for student in (GONE, OTHER)
        ]
        no_event = json.dumps({"student_id": GONE, "barcode": 7}).encode()
        delivered = [record(number, data) for number, data in enumerate([*loans, no_event], start=1)]
        await lending.deliver(delivered)
        await run(lending, "compact", deployed=deployed)
        planned = await run(lending, "erase_plan", deployed=deployed, students=[GONE])
        assert {table: rows for table, rows in planned["rows"].items() if rows} == {
            LOANS.table: 1,
            "rejected_event": 1,
        }
        removed = await erase(lending, GONE, deployed=deployed)
        assert (removed[LOANS.table], removed["rejected_event"]) == (1, 1)
        await lending.deliver(delivered)
        dumped = await dump(lending)
        assert holds(dumped, GONE) == []
        assert [OTHER in row for row in dumped[LOANS.table]] == [True]
    finally:
        await lending.close()
        await world.owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_a_student_who_comes_back_is_stored_again_without_earlier_events(world: World) -> None:
    await migrations.migrate(world.owner, world.login, PIPELINES.values())
    await world.deliver([record(1, event(1, student_id=GONE))])
    await erase(world, GONE)
    with pytest.raises(CommandError, match="student-other was not erased"):
        await run(world, "erase_lift", students=[GONE, OTHER])
    [tombstone] = (await run(world, "erase_lift", students=[GONE]))["tombstones"]
    assert tombstone["lifted_at"]
    later = event(2, student_id=GONE, timestamp="2099-01-01T00:00:00Z")
    result = await world.deliver([record(1, event(1, student_id=GONE)), record(2, later)])
    assert (result.saved.erased, result.saved.stored) == (1, 1)
    await erase(world, GONE)
    assert holds(await dump(world), GONE) == []
    assert (await world.deliver([record(2, later)])).saved.erased == 1


async def test_a_tombstone_without_a_mark_keeps_a_student_out_and_gets_one(world: World) -> None:
    """As those of 0.2.0, and those from the bucket after a restore."""
    await migrations.migrate(world.owner, world.login, PIPELINES.values())
    environment = world.processor()
    await erase(world, OTHER)
    plan = await run(world, "erase_plan", students=[GONE])
    tombstone = {"hash": plan["hashes"][0], "erased_at": "2026-11-30T12:00:00Z", "lifted_at": None}
    await run(world, "erase_again", key=plan["key"], tombstones=[tombstone])
    for marked in (1, 2):
        assert await world.owner.fetchval("SELECT count(mark) FROM tombstone") == marked
        batch = [record(n, event(n, student_id=student)) for n, student in enumerate((GONE, OTHER, "else"))]
        assert (await world.deliver(batch, to=environment)).saved.erased == 2
        await erase(world, GONE)
        assert (await run(world, "erase_plan", students=[GONE]))["tombstones"] == [tombstone]
    await run(world, "erase_again", key=plan["key"], tombstones=[tombstone])
    assert await world.owner.fetchval("SELECT count(mark) FROM tombstone") == 2


async def test_a_lifted_tombstone_without_a_mark_gets_one_and_stays_lifted(world: World) -> None:
    await migrations.migrate(world.owner, world.login, PIPELINES.values())
    plan = await run(world, "erase_plan", students=[GONE])
    lifted = {
        "hash": plan["hashes"][0],
        "erased_at": "2026-11-28T12:00:00Z",
        "lifted_at": "2026-11-29T12:00:00Z",
    }
    await run(world, "erase_again", key=plan["key"], tombstones=[lifted])
    assert await world.owner.fetchval("SELECT count(mark) FROM tombstone") == 0
    assert (await run(world, "erase_lift", students=[GONE]))["tombstones"] == [lifted]
    assert await world.owner.fetchval("SELECT count(mark) FROM tombstone") == 1


async def test_after_a_restore_tombstones_find_their_students(world: World) -> None:
    await migrations.migrate(world.owner, world.login, PIPELINES.values())
    plan = await run(world, "erase_plan", students=[GONE])
    await erase(world, GONE)
    [tombstone] = (await run(world, "erase_plan", students=[GONE]))["tombstones"]
    assert tombstone["hash"] == plan["hashes"][0]
    await world.owner.execute("DELETE FROM tombstone; UPDATE erasure SET epoch = 0")
    await deliver_everything(world, GONE, OTHER)
    again = {"key": plan["key"], "tombstones": [tombstone]}
    assert await run(world, "erase_again", **again) == {"students": [GONE], "lifted": []}
    await erase(world, GONE)
    assert holds(await dump(world), GONE) == []
    lifted = tombstone | {"lifted_at": "2026-11-30T00:00:00Z"}
    await world.owner.execute("INSERT INTO person VALUES ($1, '')", GONE)
    found = await run(world, "erase_again", key=plan["key"], tombstones=[lifted])
    assert found == {"students": [], "lifted": [GONE]}
    with pytest.raises(CommandError, match="made with the key of another database"):
        await run(world, "erase_again", key="another", tombstones=[tombstone])
