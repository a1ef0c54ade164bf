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
from processor.pipeline import Decoder, Pipeline
from processor.pipelines import SHIPPED
from processor.projections.projection import Deferred, Immediate
from processor.records.native import parse
from tests.integration.processor.world import World

PROJECTION = ATTENDANCE.projections[0]


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


async def test_a_projection_without_its_statement(world: World) -> None:
    message = await fail(world, sql=without(ATTENDANCE, "session_attendance"))
    assert "it has no statement session_attendance" in message


async def test_a_projection_that_does_not_fit_its_table(world: World) -> None:
    projection = Immediate("session_attendance", key=("session_id",), adds=("grades",))
    message = await fail(world, projections=(projection,))
    assert "the key of its projection session_attendance lacks month, the month of arrival" in message
    assert "has grades, which is none of the table's columns" in message
    assert "the table session_attendance requires check_ins, which its projection does not have" in message


async def test_a_projection_without_a_table_of_its_kind(world: World) -> None:
    kind = Deferred("session_attendance", *(getattr(PROJECTION, name) for name in ("key", "adds")))
    message = await fail(world, projections=(kind,))
    assert "its table session_attendance is not registered in pipeline_table as 'deferred'" in message
    message = await fail(world, projections=(replace(PROJECTION, name="nowhere"),))
    assert "there is no table nowhere for its projection" in message


async def test_a_projection_whose_statement_returns_other_columns(world: World) -> None:
    sql = changed(ATTENDANCE, "session_attendance", "count(*) AS check_ins", "count(*) AS visits")
    message = await fail(world, sql=sql)
    assert "its statement session_attendance is refused" in message
    assert 'column "check_ins" does not exist' in message


async def test_a_missing_statement(world: World) -> None:
    assert "it has no statement figures" in await fail(world, sql=without(ATTENDANCE, "figures"))


async def test_figures_that_count_without_end(world: World) -> None:
    message = await fail(world, sql=changed(ATTENDANCE, "figures", "LIMIT $1", ""))
    assert "its statement figures takes nothing; it gets int8" in message


async def test_a_statement_that_postgresql_refuses(world: World) -> None:
    message = await fail(world, sql=changed(ATTENDANCE, "count_stored", "attendance", "presence"))
    assert 'its statement count_stored is refused: relation "presence" does not exist' in message


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
