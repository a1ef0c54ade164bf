"""Dropping whole months of the event log."""

from datetime import date, datetime
from typing import Annotated

import msgspec

from processor import statements
from processor.commands.command import Command
from processor.pipelines import named
from processor.settings import Settings
from processor.storage.session import Session

SQL = statements.load(statements.FOLDER / "retention.sql")

# Digits are ASCII's and nothing follows: the months are compared as text.
Month = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])\Z")]


class HeldMonth(msgspec.Struct):
    """A month's partition and what it holds; ``rows`` is PostgreSQL's estimate."""

    name: str
    month: Month
    bytes: int
    rows: int


class RetentionAnswer(msgspec.Struct):
    """The months that were dropped, or would be."""

    partitions: list[HeldMonth]
    dropped: bool


class Retention(Command[RetentionAnswer], tag="retention"):
    """Drop the months before ``older_than`` (a UTC month); a dry run only tells which."""

    older_than: Month
    dry_run: bool = True
    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> RetentionAnswer:
        """Drop the partitions, all or none, and return what they held.

        What they hold is compacted first: what was derived from them stays. From then on an event that
        arrived in such a month counts as expired, whoever brings it again.
        """
        pipeline, connection = named(settings.pipelines, self.pipeline), session.connection
        log, before = pipeline.table, _first_day(self.older_than)
        async with connection.transaction():
            if not self.dry_run:
                # Upkeep first: whoever compacts reads the partitions that close_months locks.
                await pipeline.upkeep.own(connection)
                await connection.execute(SQL["close_months"], log, before)
                await pipeline.upkeep.compact_before(connection, before)
            rows = await connection.fetch(SQL["months_before"], log, self.older_than)
            if not self.dry_run:
                for row in rows:
                    await connection.execute(SQL["drop_month"], log, _first_day(row["month"]))
        return RetentionAnswer([HeldMonth(**row) for row in rows], dropped=not self.dry_run)


def _first_day(month: str) -> date:
    return datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a month has no offset
