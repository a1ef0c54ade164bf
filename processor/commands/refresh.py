"""Brings everything that is derived up to date. A schedule asks for this every minute."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import ClassVar, Final

import msgspec
from asyncpg import Connection

from processor import statements
from processor.commands.command import Command, in_utc
from processor.commands.compact import Compact
from processor.errors import CommandError
from processor.insight import risk
from processor.roster import FIRST_YEAR, LAST_YEAR
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED

SQL: Final = statements.load(statements.FOLDER / "refresh.sql")


class RefreshAnswer(msgspec.Struct):
    """How many chunks of each pipeline were compacted, and what evaluating risk did.

    ``courses`` is how many were evaluated. ``written`` is the number of rows of students for whom anything
    changed. ``changes`` is how many of these changed their level, including those who left. ``is_busy`` means
    that another refresh is running and will run once more; this one did nothing.
    """

    compacted: dict[str, int]
    courses: int
    written: int
    changes: int
    is_busy: bool = False


class Refresh(Command[RefreshAnswer], tag="refresh"):
    """Compact, then evaluate the risk of each course whose roster, events or day changed.

    ``at`` is the time to evaluate for, by default now. Everything that is stored counts, whenever it arrived:
    to look at an earlier day as it was, store only what had arrived by then. ``unless_busy`` returns at once
    if another refresh of this kind is running.
    """

    patience: ClassVar[float] = Compact.patience

    at: datetime | None = None
    unless_busy: bool = False

    async def run(self, session: Session, settings: Settings) -> RefreshAnswer:
        """Compact every pipeline, then evaluate course by course, each in a transaction of its own."""
        if not self.unless_busy:
            return await self._once(session, settings)
        return await self._alone(session.connection, lambda: self._once(session, settings))

    async def _alone(
        self, connection: Connection, refresh: Callable[[], Awaitable[RefreshAnswer]]
    ) -> RefreshAnswer:
        """Refresh until nobody has asked for it in the meantime; leave it to whoever is at it already."""
        answer = RefreshAnswer({}, 0, 0, 0, is_busy=True)
        await connection.execute(SQL["request"])
        while await connection.fetchval(SQL["begin"]):
            request = await connection.fetchval(SQL["last_request"])
            answer = await refresh()
            await connection.execute(SQL["end"])
            if await connection.fetchval(SQL["last_request"]) == request:
                break
        return answer

    async def _once(self, session: Session, settings: Settings) -> RefreshAnswer:
        at = in_utc("at", self.at) or datetime.now(UTC)
        if not FIRST_YEAR <= at.year <= LAST_YEAR:
            raise CommandError(f"at is in the year {at.year}, not from {FIRST_YEAR} to {LAST_YEAR}")
        compacted = (await Compact().run(session, settings)).compacted
        done = risk.Evaluated()
        if SHIPPED.name in settings.pipelines:
            done = await risk.evaluate_due(session.connection, at)
        return RefreshAnswer(compacted, done.courses, done.written, done.changes)
