"""Exporting whole tables, page by page."""

from typing import Any

import pytest

from processor.commands.export import Export, ExportAnswer, exported
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World, records

SETTINGS = Settings("arn:secret")


@pytest.fixture
async def session(world: World) -> Session:
    await world.deliver(records(range(50)))
    await world.pipeline.upkeep.compact(world.owner)
    await world.owner.execute(
        "INSERT INTO risk SELECT 'MATH', 's' || n, 1, 'high', '[{\"rule\": \"x\"}]', now(), now()"
        " FROM generate_series(1, 9) AS n"
    )
    await world.owner.execute(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " SELECT 'MATH', 's' || n, 'none', 'high', NULL, '[]', now() FROM generate_series(1, 11) AS n"
    )
    return Session(world.owner)


async def pages(session: Session, limit: int, **asked: Any) -> list[ExportAnswer]:
    found = [await Export(**asked, limit=limit).run(session, SETTINGS)]
    while found[-1].next is not None:
        found.append(await Export(**asked, limit=limit, after=found[-1].next).run(session, SETTINGS))
    return found


@pytest.mark.parametrize("table", exported(SHIPPED))
async def test_pages_of_any_size_hold_every_row_once(world: World, session: Session, table: str) -> None:
    month = {"month": "2026-11"} if table == SHIPPED.table else {}
    [whole] = await pages(session, 50_000, table=table, **month)
    assert len(whole.rows) == await world.owner.fetchval(f'SELECT count(*) FROM "{table}"')  # noqa: S608
    assert len(whole.rows) > 5
    several = await pages(session, 4, table=table, **month)
    assert len(several) > 1
    assert [row for page in several for row in page.rows] == whole.rows


async def test_a_month_of_the_log_holds_what_arrived_in_it(session: Session) -> None:
    [answer] = await pages(session, 100, table=SHIPPED.table, month="2026-11")
    names = [column.name for column in answer.columns]
    row = dict(zip(names, answer.rows[3], strict=True))
    assert (row["student_id"], row["arrived_at"]) == ("student-3", "2026-11-22T12:00:00.003000Z")
    assert row["metadata"]["number"] == 3
    [empty] = await pages(session, 100, table=SHIPPED.table, month="2026-10")
    assert empty.rows == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"table": "person"}, "the table person cannot be exported: use one of student_assessment"),
        ({"table": "risk", "month": "2026-11"}, "month is only for the event log"),
        ({"table": SHIPPED.table}, "month is only for the event log"),
        ({"table": "risk", "after": ["one"]}, "after holds 1 values: the key of risk has 2"),
        ({"table": "risk_change", "after": ["one"]}, "use the `next` of the previous page"),
        ({"table": "risk_change", "after": ["9" * 30]}, "use the `next` of the previous page"),
    ],
)
async def test_what_does_not_exist_is_refused(session: Session, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        await Export(**wrong).run(session, SETTINGS)
