"""The reader's login: these tests read what it may see, and try everything else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from processor import answering, environment, migrations, reading, statements
from processor.commands.export import exported
from processor.settings import Settings
from processor.storage.secret import CURRENT
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.asking import SETTINGS, CommandContext
from tests.integration.processor.world import World, connect, event, parsed, record, records, refused

RELATIONS = """
    SELECT
        relnamespace::regnamespace || '.' || quote_ident(relname) AS name, relkind = 'v' AS is_view,
        (
            SELECT quote_ident(attname) FROM pg_attribute
            WHERE attrelid = pg_class.oid AND attnum > 0 AND attidentity = '' ORDER BY attnum DESC LIMIT 1
        ) AS column
    FROM pg_class
    WHERE relnamespace IN ('public'::regnamespace, 'reading'::regnamespace) AND relkind IN ('r', 'p', 'v')
    ORDER BY 1
"""
FUNCTIONS = """
    SELECT oid::regprocedure::text AS name, has_function_privilege($1, oid, 'EXECUTE') AS allowed
    FROM pg_proc
    WHERE pronamespace IN ('public'::regnamespace, 'reading'::regnamespace)
        AND prorettype <> 'trigger'::regtype
"""
VIEWS = {
    f"public.{view}"
    for file in SHIPPED.migrations.glob("*.sql")
    for view in re.findall(r"^CREATE VIEW (\w+)", file.read_text(), re.MULTILINE)
}
READABLE = {
    *("reading.chunk", "reading.event_source", "reading.rejected_event", "reading.schema_migration"),
    "reading.pipeline_table",
    "reading.student_performance",
    *("public.course", "public.assessment", "public.enrolment", "public.person"),
    *("public.risk", "public.risk_change", "public.risk_rule", "public.risk_evaluation"),
    *("public.assessment_exception", "public.follow_up", "public.course_summary"),
    *("public.alert", "public.alert_mute"),
    *(f"public.{projection.name}" for projection in SHIPPED.projections),
    *VIEWS,
}
FORBIDDEN = [
    "SELECT payload FROM rejected_event",
    "SELECT detail FROM rejected_event",
    "SELECT FROM student_performance_2026_11",
    "SELECT drop_month('student_performance', '2026-11-01')",
    "SELECT make_reader_login('mallory', 'x')",
    "CREATE TABLE public.mine (id int)",
    "CREATE TABLE reading.mine (id int)",
    "CREATE VIEW reading.mine AS SELECT 1",
    "CREATE OR REPLACE VIEW reading.chunk AS SELECT log, stored_at FROM public.chunk",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE mallory LOGIN SUPERUSER",
    "CREATE DATABASE mallory",
    "CREATE EXTENSION dblink",
    "DROP VIEW reading.student_performance",
    "DROP SCHEMA reading CASCADE",
    "ALTER TABLE access_log DISABLE TRIGGER ALL",
    "ALTER VIEW reading.chunk OWNER TO CURRENT_USER",
    "ALTER ROLE dbadmin PASSWORD 'x'",
    "ALTER SYSTEM SET fsync = off",
    "GRANT SELECT ON public.student_performance TO PUBLIC",
    "SET ROLE dbadmin",
    "SET SESSION AUTHORIZATION dbadmin",
    "SET session_replication_role = replica",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY course FROM PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dbadmin'",
]
LOOKS: list[dict[str, Any]] = [
    {"command": "status"},
    {"command": "roster_show"},
    {"command": "risk_list"},
    {"command": "risk_history"},
    {"command": "risk_rules"},
    *({"command": "export", "table": table} for table in exported(SHIPPED) if table != SHIPPED.table),
    {"command": "export", "table": SHIPPED.table, "month": "2026-11"},
    {"command": "roster_check"},
    *({"command": "query", "report": report, "limit": 3} for report in SHIPPED.reports),
    {"command": "query", "report": "student", "parameters": {"student_id": "student-3"}},
]


@pytest.fixture
async def reader(world: World) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(world.reader_login)
    yield connection
    await connection.close()


async def test_selects_what_is_for_reading_and_changes_no_table(
    world: World, reader: asyncpg.Connection
) -> None:
    await world.deliver([*records(range(3)), record(4, b"bad")])
    relations = await world.owner.fetch(RELATIONS)
    assert len(relations) > len(READABLE) + 10
    allowed = set()
    for name, is_view, column in relations:
        if not await refused(reader, f"SELECT FROM {name}"):
            allowed.add(name)
        for change in (
            f"INSERT INTO {name} DEFAULT VALUES",
            f"UPDATE {name} SET {column} = {column}",  # noqa: S608 - as above
            f"DELETE FROM {name}",  # noqa: S608 - as above
            *([] if is_view else [f"TRUNCATE {name} CASCADE"]),
            f"LOCK TABLE {name} IN EXCLUSIVE MODE",
        ):
            assert await refused(reader, change), change
    assert allowed == READABLE


async def test_runs_no_function_of_ours_but_two_that_add_and_two_that_select(world: World) -> None:
    """``pupil``, ``unlisted_course`` and ``visible_course`` run with the rights of whoever calls them."""
    functions = await world.owner.fetch(FUNCTIONS, world.reader_login.username)
    assert len(functions) > 5
    assert sorted(row["name"] for row in functions if row["allowed"]) == [
        "add_follow_up(uuid,text,text,text,text,text)",
        "log_access(text,text,text,text,text)",
        "pupil(timestamp with time zone)",
        "unlisted_course()",
        "visible_course(text)",
    ]


async def test_what_would_change_anything_or_tell_more_is_refused(
    world: World, reader: asyncpg.Connection
) -> None:
    await world.deliver([record(1, event(1)), record(2, b"bad")])
    allowed = []
    for statement in FORBIDDEN:
        try:
            await reader.execute(statement)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedColumnError):
            continue
        allowed.append(statement)
    assert allowed == []


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['command']}-{look.get('report', '')}")
async def test_sees_what_the_owner_sees(
    world: World, reader: asyncpg.Connection, look: dict[str, Any]
) -> None:
    await world.deliver([*records(range(10)), record(10, b"bad")])
    await world.pipeline.upkeep.compact(world.owner)
    assert look["command"] != "status" or (await told(reader, look))["partitions"]
    assert await told(reader, look) == await told(world.owner, look)


async def told(connection: asyncpg.Connection, look: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(await parsed(look).run(Session(connection), SETTINGS))
    return answer


async def test_an_event_logs_new_column_is_shown_after_the_next_migration(
    world: World, reader: asyncpg.Connection
) -> None:
    await world.owner.execute("ALTER TABLE student_performance ADD COLUMN room text")
    with pytest.raises(asyncpg.UndefinedColumnError):
        await reader.execute("SELECT room FROM student_performance")
    await migrations.migrate(world.owner, None, [SHIPPED], reader=world.reader_login)
    await reader.execute("SELECT room FROM student_performance")


STORED_BEFORE = """
    SELECT make_month('student_performance', '2026-11-01');
    INSERT INTO student_performance (
        source_id, sequence_number, sub_sequence, arrived_at, occurred_at, student_id, event_type, metadata
    )
    SELECT 1, number, 0, '2026-11-22Z', '2026-11-22Z', 's', 'x', '{}' FROM generate_series(1, 3) AS number
"""


async def test_a_deployment_makes_it_where_there_was_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment of the previous release has nothing of the reader in its database."""
    reader = msgspec.structs.replace(world.reader_login, username=f"{world.reader_login.username}_new")
    await world.owner.execute(
        "DROP SCHEMA public CASCADE; DROP SCHEMA reading CASCADE; CREATE SCHEMA public;"
    )
    available = migrations.available
    later = ("reader", "follow_up", "erasure", "marks", "summaries", "alerts")

    def before(folder: Path = statements.FOLDER / "migrations") -> list[migrations.Migration]:
        return [migration for migration in available(folder) if migration.name not in later]

    monkeypatch.setattr(migrations, "available", before)
    await migrations.migrate(world.owner, world.login, [SHIPPED])
    await world.owner.execute(STORED_BEFORE)
    monkeypatch.undo()
    assert "0004_reader" in await migrations.migrate(world.owner, world.login, [SHIPPED], reader=reader)
    connection = await connect(reader)
    assert await connection.fetchval("SELECT count(*) FROM student_performance") == 3
    await world.deliver(records(range(3, 6)))
    assert await connection.fetchval("SELECT count(*) FROM student_performance") == 6
    await connection.close()
    await world.owner.execute(f'DROP OWNED BY "{reader.username}"; DROP ROLE "{reader.username}"')


def test_a_statement_that_takes_too_long_is_an_answer(
    as_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = as_owner
    world.secrets[CURRENT] = world.reader_login
    database = world.processor(attempt=5, statement=1)
    monkeypatch.setattr(environment, "database", lambda **_: database)
    monkeypatch.setitem(answering.STATEMENT_SECONDS, "reports", 1.0)
    monkeypatch.setitem(SHIPPED.reports, "slow", SHIPPED.report("SELECT pg_sleep(60) LIMIT {limit}"))
    answer = reading.handler({"command": "query", "report": "slow"}, CommandContext())
    assert answer == {"refused": "query takes the database more than 1 s: ask for less"}


def test_what_is_about_a_pipeline_that_is_not_deployed_is_refused(
    as_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_owner.secrets[CURRENT] = as_owner.reader_login
    environment.LOOP.run(as_owner.owner.execute("DROP TABLE risk CASCADE"))
    database = as_owner.processor(attempt=10)
    monkeypatch.setattr(environment, "database", lambda **_: database)
    monkeypatch.setattr(environment, "settings", lambda: Settings("none", pipelines={"other": SHIPPED}))
    answer = reading.handler({"command": "risk_list", "course": "math", "who": "arn:ada"}, CommandContext())
    expected = "it is about the events of student-performance, which is not deployed here"
    assert answer == {"refused": expected}
