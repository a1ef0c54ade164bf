"""Dropping whole months of the event log."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from processor import statements
from processor.connection import Session
from processor.pipelines import SHIPPED, Pipelines, named

SQL = statements.load(statements.FOLDER / "retention.sql")


class Retention(msgspec.Struct, tag="retention", tag_field="command", forbid_unknown_fields=True):
    """Drop the months before ``older_than`` (a UTC month); a dry run only tells which."""

    older_than: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    dry_run: bool = True
    pipeline: str = SHIPPED.name


async def drop_months(session: Session, pipelines: Pipelines, wanted: Retention) -> dict[str, Any]:
    """Drop the partitions, all or none, and return what they held; ``rows`` is PostgreSQL's estimate."""
    log = named(pipelines, wanted.pipeline).table
    async with session.connection.transaction():
        rows = await session.connection.fetch(SQL["months_before"], log, wanted.older_than)
        if not wanted.dry_run:
            for row in rows:
                await session.connection.execute(SQL["drop_month"], log, _first_day(row["month"]))
    return {"partitions": [dict(row) for row in rows], "dropped": not wanted.dry_run}


def _first_day(month: str) -> date:
    return datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a month has no offset
