"""A pipeline that does not fit its tables fails the deployment, with a message that says where."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from examples.attendance import PIPELINE as ATTENDANCE
from processor import migrations
from processor.errors import MigrationFailed
from processor.projections.projection import Deferred, Immediate
from processor.records.message import Message
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World

PROJECTION = ATTENDANCE.projections[0]

OWN = "occurred_at timestamptz, arrived_at timestamptz"
THIS_FILE = Path(__file__)
LINES = THIS_FILE.read_text().splitlines()

# Each mistake begins with the file, and with the line if there is one.
PLACED = re.compile(r"\S+\.(py|sql)(:\d+)?: ")

Edit = Callable[[str, str, str], Path]


class Misfit(Message, frozen=True):
    session_id: float
    student: str
    status: str | None = None
    seen_at: datetime | None = None  # without a time zone, PostgreSQL would not know which time it is
    stored_at: str = ""


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Return a function that replaces a text in a copy of the example and returns the copy's folder."""
    folder = tmp_path / "attendance"
    shutil.copytree(ATTENDANCE.folder, folder)

    def replace_in(file: str, old: str, new: str) -> Path:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))
        return folder

    return replace_in


async def fail(world: World, **changes: Any) -> str:
    with pytest.raises(MigrationFailed) as error:
        await migrations.migrate(world.owner, world.login, [SHIPPED, replace(ATTENDANCE, **changes)])
    assert error.value.mistakes
    assert all(PLACED.match(mistake) for mistake in error.value.mistakes), error.value.mistakes
    return str(error.value)


async def test_the_example_fits(world: World) -> None:
    assert await migrations.migrate(world.owner, world.login, [SHIPPED, ATTENDANCE]) == ["0001_attendance"]
    assert await migrations.migrate(world.owner, world.login, [SHIPPED, ATTENDANCE]) == []
    tables = await world.owner.fetch("SELECT name, kind FROM pipeline_table ORDER BY name")
    assert [tuple(row) for row in tables] == [
        ("attendance", "event log"),
        ("course_day", "deferred"),
        ("course_hour", "deferred"),
        ("session_attendance", "immediate"),
        ("student_assessment", "deferred"),
        ("student_course", "deferred"),
        ("student_performance", "event log"),
    ]


async def test_columns_that_do_not_match_the_tables(world: World) -> None:
    message = await fail(world, message=Misfit)
    here = f"tests/integration/processor/{THIS_FILE.name}"
    line = LINES.index("    session_id: float") + 1
    assert "the pipeline attendance does not fit:\n" in message
    assert f"{here}:{line}: the event's session_id needs float8, the table attendance has text" in message
    assert f"{here}:{line + 1}: the event's student is not a column of the table attendance" in message
    assert f"{here}:{line + 2}: the event's status may be absent, which the table attendance ref" in message
    assert f"{here}:{line + 3}: the event's seen_at has a type that no column takes" in message
    assert f"{here}:{line + 4}: every event log has stored_at already: rename it" in message
    assert "the table attendance requires student_id, which the event does not have" in message
    assert "its key student_id is not one of its columns" in message


class CamelCase(Message, frozen=True):
    session_id: str
    student_id: str
    status: str
    seenBy: str  # noqa: N815 - the mistake


async def test_names_that_a_table_or_column_cannot_have(world: World) -> None:
    message = await fail(world, message=CamelCase, name="Attendance!")
    line = LINES.index("    seenBy: str  # noqa: N815 - the mistake") + 1
    assert f"{THIS_FILE.name}:{line}: 'seenBy' cannot be the name of a table or column: use a to z" in message
    assert "examples/attendance/__init__.py:" in message
    assert "'Attendance!' cannot be the name of a table" in message


async def test_a_statement_that_occurs_twice(world: World, edit: Edit) -> None:
    folder = edit("statements.sql", "name: session_attendance", "name: report_sessions")
    message = await fail(world, folder=folder)
    assert "attendance/statements.sql: statements.sql holds more than one statement report_sess" in message


async def test_a_filter_that_is_not_text(world: World) -> None:
    message = await fail(world, filters=("occurred_at", "status.of", "since"))
    assert "its filter occurred_at needs a column occurred_at of type text" in message
    assert "its filter status.of needs a column status of type jsonb" in message
    assert "its filter since has the name of a parameter of every report" in message


async def test_a_student_that_is_not_text(world: World) -> None:
    for column in ("pupil", "occurred_at"):
        message = await fail(world, student=column)
        assert f"its student {column} is not one of its columns of type text" in message


async def test_a_projection_without_its_statement(world: World, edit: Edit) -> None:
    folder = edit("statements.sql", "name: session_attendance", "name: sessions")
    message = await fail(world, folder=folder)
    assert "there is no statement session_attendance in statements.sql, for its projection" in message
    line = (folder / "statements.sql").read_text().splitlines().index("-- name: sessions") + 2
    assert f"attendance/statements.sql:{line}: the statement sessions is neither a report" in message


async def test_a_projection_that_does_not_fit_its_table(world: World) -> None:
    projection = Immediate("session_attendance", key=("session_id",), adds=("grades",))
    message = await fail(world, projections=(projection,))
    assert "the key of its projection session_attendance lacks month, the month of arrival" in message
    assert "has grades, which its table does not have" in message
    assert "the table session_attendance requires check_ins, which its projection does not have" in message


async def test_a_projection_becomes_one_of_another_kind_with_the_deployment(world: World) -> None:
    await migrations.migrate(world.owner, world.login, [SHIPPED, ATTENDANCE])
    members = {name: getattr(PROJECTION, name) for name in ("key", "adds", "least", "greatest")}
    deferred = replace(ATTENDANCE, projections=(Deferred("session_attendance", **members),))
    await migrations.migrate(world.owner, world.login, [SHIPPED, deferred])
    sql = "SELECT kind FROM pipeline_table WHERE name = 'session_attendance'"
    assert await world.owner.fetchval(sql) == "deferred"
    assert "there is no table nowhere for its" in await fail(
        world, projections=(replace(PROJECTION, name="nowhere"),)
    )


async def test_a_projection_whose_statement_returns_other_columns(world: World, edit: Edit) -> None:
    folder = edit("statements.sql", "count(*) AS check_ins", "count(*) AS visits")
    message = await fail(world, folder=folder)
    assert 'session_attendance: column "check_ins" does not exist' in message


async def test_statements_that_are_refused_with_the_line_of_the_mistake(world: World, edit: Edit) -> None:
    edit("statements.sql", "WHERE status = 'late'", "WHERE statos = 'late'")
    folder = edit("statements.sql", "FROM session_attendance\n", "FROM session_presence\n")
    message = await fail(world, folder=folder)
    lines = (folder / "statements.sql").read_text().splitlines()
    reads = lines.index("FROM session_presence") + 1
    counts = lines.index("    count(*) FILTER (WHERE statos = 'late') AS late,") + 1
    missing = f'statements.sql:{reads}: report_sessions: relation "session_presence" does not exist'
    assert missing in message
    assert f'statements.sql:{counts}: session_attendance: column "statos" does not exist' in message


async def test_a_report_with_an_unknown_blank_or_without_a_limit(world: World, edit: Edit) -> None:
    folder = edit("statements.sql", "LIMIT {limit}", "OFFSET {skip}")
    message = await fail(world, folder=folder)
    assert "report_sessions: there is no blank {skip}: use one of log, own, filtered, session_id" in message
    folder = edit("statements.sql", "OFFSET {skip}", "")
    assert "report_sessions has no LIMIT {limit}" in await fail(world, folder=folder)


async def test_a_table_that_does_not_exist(world: World) -> None:
    assert "there is no table presence" in await fail(world, name="presence", folder=Path("nowhere"))


async def test_a_table_that_is_not_an_event_log(world: World, edit: Edit) -> None:
    folder = edit("migrations/0001_attendance.sql", "LIKE event_log INCLUDING ALL", OWN)
    message = await fail(world, folder=folder)
    assert (
        "the table attendance does not have the source_id of event logs: make it (LIKE event_log" in message
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (") PARTITION BY RANGE (arrived_at);", ");", "attendance is not partitioned by month"),
        ("INCLUDING ALL", "INCLUDING DEFAULTS", "attendance does not have the primary key of event logs"),
        ("INCLUDING ALL", "INCLUDING INDEXES", "attendance does not have the stored_at of event logs"),
        (
            "PRIMARY KEY (session_id, month)",
            "UNIQUE (session_id)",
            "session_attendance needs PRIMARY KEY (session_id, month), its projection's key",
        ),
    ],
)
async def test_tables_whose_rows_would_not_be_unique(
    world: World, edit: Edit, old: str, new: str, expected: str
) -> None:
    folder = edit("migrations/0001_attendance.sql", old, new)
    message = await fail(world, folder=folder)
    assert re.search(rf"0001_attendance\.sql:\d+: the table {re.escape(expected)}", message)


async def test_only_registered_event_logs_get_partitions(world: World) -> None:
    for table in ("rejected_event", "course_day", "pg_class", "event_log", "nothing"):
        with pytest.raises(Exception, match="is not registered in pipeline_table as an event log"):
            await world.owner.execute("SELECT make_month($1, '2026-11-01')", table)


async def test_a_failing_migration_of_a_pipeline_names_its_line(world: World, edit: Edit) -> None:
    folder = edit("migrations/0001_attendance.sql", "status text NOT NULL", "status texd NOT NULL")
    lines = (folder / "migrations" / "0001_attendance.sql").read_text().splitlines()
    line = lines.index("    status texd NOT NULL") + 1
    assert f'0001_attendance.sql:{line}: type "texd" does not exist' in await fail(world, folder=folder)
