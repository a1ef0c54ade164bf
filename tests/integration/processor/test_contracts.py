"""A pipeline that does not fit its tables fails the deployment, and the message names both sides."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from examples.attendance import PIPELINE as ATTENDANCE
from processor import migrations
from processor.errors import MigrationFailed
from processor.events import parse
from processor.pipeline import Decoder, Pipeline, Reaction
from processor.pipelines import SHIPPED
from tests.integration.processor.world import World


class Misfit(NamedTuple):
    event_id: UUID | None
    session_id: float
    student: str
    status: str | None
    occurred_at: datetime


def without(pipeline: Pipeline, *names: str) -> dict[str, str]:
    return {name: sql for name, sql in pipeline.sql.items() if name not in names}


def changed(pipeline: Pipeline, name: str, old: str, new: str) -> dict[str, str]:
    assert old in pipeline.sql[name]
    return dict(pipeline.sql) | {name: pipeline.sql[name].replace(old, new)}


async def fail(world: World, **changes: Any) -> str:
    with pytest.raises(MigrationFailed) as error:
        await migrations.migrate(world.owner, world.login, [SHIPPED, replace(ATTENDANCE, **changes)])
    return str(error.value)


async def test_the_example_fits(world: World) -> None:
    assert await migrations.migrate(world.owner, world.login, [SHIPPED, ATTENDANCE]) == ["0001_attendance"]
    assert await migrations.migrate(world.owner, world.login, [SHIPPED, ATTENDANCE]) == []


async def test_columns_that_the_table_does_not_have_as_such(world: World) -> None:
    message = await fail(world, columns=Misfit)
    assert "the pipeline attendance does not fit" in message
    assert "the event's session_id is float, the table attendance's text" in message
    assert "the event's column student is none of the table attendance" in message
    assert "the event's status may be None, which the table attendance refuses (NOT NULL)" in message
    assert "the table attendance requires student_id, which the event does not have" in message
    assert "its key student_id is none of its columns" in message


@pytest.mark.parametrize("part", ["", "_slice", "_clear", "_fill"])
async def test_a_reaction_without_its_statement(world: World, part: str) -> None:
    name = f"session_attendance{part}"
    message = await fail(world, sql=without(ATTENDANCE, name))
    assert f"its reaction session_attendance has no statement {name}" in message


async def test_a_reaction_that_wants_a_column_that_is_none(world: World) -> None:
    reactions = (Reaction("session_attendance", ("session_id", "grade")),)
    assert "wants grade, which is none of the event's columns" in await fail(world, reactions=reactions)


async def test_a_reaction_whose_statement_takes_other_values(world: World) -> None:
    reactions = (Reaction("session_attendance", ("session_id", "occurred_at", "status")),)
    message = await fail(world, reactions=reactions)
    assert "takes text[], text[], timestamptz[]; it gets text[], timestamptz[], text[]" in message


DELTAS = Reaction("session_attendance", ("session_id", "occurred_at"), deltas="check_in_delta")


async def test_deltas_that_are_none(world: World) -> None:
    message = await fail(world, reactions=(DELTAS,))
    assert "its reaction session_attendance has no statement session_attendance_fold" in message
    assert "its table check_in_delta is not registered in pipeline_table as 'deltas'" in message
    assert "there is no table check_in_delta, to which its reaction session_attendance appends" in message


async def test_deltas_whose_columns_are_others_than_the_event_logs(world: World) -> None:
    await world.owner.execute("""
        CREATE TABLE check_in_delta (session_id uuid[], status text[] NOT NULL);
        INSERT INTO pipeline_table (name, kind) VALUES ('check_in_delta', 'deltas')
    """)
    message = await fail(world, reactions=(DELTAS,))
    assert "the column session_id of check_in_delta is uuid[], not text[]" in message
    assert "the column occurred_at of check_in_delta is none, not timestamptz[]" in message
    assert "the table check_in_delta requires status, which its reaction does not append" in message


async def test_a_fold_that_takes_something_else(world: World) -> None:
    fold = {
        "student_activity_fold": "SELECT count(*) FROM student_activity_delta WHERE $1 = ANY (student_id)"
    }
    wrong = replace(SHIPPED, sql={**SHIPPED.sql, **fold})
    with pytest.raises(MigrationFailed, match="student_activity_fold takes text; it gets int8"):
        await migrations.migrate(world.owner, world.login, [wrong])


async def test_a_missing_statement(world: World) -> None:
    assert "it has no statement figures" in await fail(world, sql=without(ATTENDANCE, "figures"))


async def test_a_statement_that_postgresql_refuses(world: World) -> None:
    message = await fail(world, sql=changed(ATTENDANCE, "count_stored", "attendance", "presence"))
    assert 'its statement count_stored is refused: relation "presence" does not exist' in message


async def test_a_merge_that_returns_something_else(world: World) -> None:
    sql = changed(
        ATTENDANCE, "merge_events", "RETURNING event_id, session_id", "RETURNING session_id, event_id"
    )
    assert "its statement merge_events returns session_id, event_id" in await fail(world, sql=sql)


async def test_a_table_that_is_none(world: World) -> None:
    message = await fail(world, table="presence")
    assert "there is no table presence" in message
    assert "its table presence is not registered in pipeline_table as 'event log'" in message


async def test_decoders_that_leave_some_streams_out(world: World) -> None:
    decoders = (Decoder(parse, of_stream=lambda arn: "x" in arn),)
    assert "one must take any" in await fail(world, decoders=decoders)


async def test_only_registered_event_logs_get_partitions(world: World) -> None:
    for table in ("rejected_event", "student_activity", "pg_class", "nothing"):
        with pytest.raises(Exception, match="is not registered in pipeline_table as an event log"):
            await world.owner.execute("SELECT make_month($1, '2026-11-01')", table)


async def test_a_failing_migration_of_a_pipeline_names_it(world: World, tmp_path: Path) -> None:
    (tmp_path / "0001_bad.sql").write_text("SELECT nonsense")
    assert "0001_bad" in await fail(world, migrations=tmp_path)
