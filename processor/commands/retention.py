"""Deleting old data: whole months of events are dropped, and each other table has a rule of its own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from processor import statements
from processor.commands.command import Command
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.pipelines import named
from processor.settings import Settings
from processor.statements import fill, identifier
from processor.storage.session import Session

if TYPE_CHECKING:
    from asyncpg import Connection

SQL = statements.load(statements.FOLDER / "retention.sql")

# The digits must be ASCII with nothing after them, because months are compared as text.
Month = Annotated[str, msgspec.Meta(pattern=r"^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])\Z")]


class RetentionKind(StrEnum):
    """Kinds of data, each with a retention of its own."""

    EVENTS = "events"
    DERIVED = "derived"
    RISK = "risk"
    FOLLOW_UPS = "follow-ups"
    REJECTED = "rejected"
    ACCESS_LOG = "access-log"
    ROSTER = "roster"


AT_ONCE: Final = 50_000
"""Rows deleted in one transaction."""


class HeldMonth(msgspec.Struct):
    """A month's partition and its contents; ``rows`` is PostgreSQL's estimate."""

    name: str
    month: Month
    bytes: int
    rows: int


class AgedTable(msgspec.Struct):
    """How many rows of a table are deleted; for an event log this is an estimate, with its months."""

    kind: RetentionKind
    table: str
    rows: int
    months: list[HeldMonth] = msgspec.field(default_factory=list)


class RetentionAnswer(msgspec.Struct):
    """What was deleted or would be: the tables with such rows, and every event log."""

    older_than: Month
    tables: list[AgedTable]
    dropped: bool


class Retention(Command[RetentionAnswer], tag="retention"):
    """Delete what is from before ``older_than``, a UTC month; a dry run only tells what that would be.

    With ``keep_months`` instead of ``older_than``, this month and that many before it stay. ``kinds`` limits
    it to some kinds of data, and ``pipeline`` to the events of one pipeline and what is derived from them.
    """

    older_than: Month | None = None
    keep_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None
    kinds: list[RetentionKind] | None = None
    dry_run: bool = True
    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> RetentionAnswer:
        """Drop and delete one kind after another, and return what that was.

        Each table's rows are deleted in several transactions. After an interruption, the same command goes on
        with what is left.
        """
        month, connection = self._month(), session.connection
        before = _first_day(month)
        chosen = self.kinds or list(RetentionKind)
        pipelines = [*settings.pipelines.values()]
        if self.pipeline is not None:
            pipelines = [named(settings.pipelines, self.pipeline)]
        found: list[AgedTable] = []
        rules: list[Rule] = []
        for pipeline in pipelines:
            until = before
            if RetentionKind.EVENTS in chosen:
                found.append(await self._drop(connection, pipeline, month))
            else:  # derived rows stay as long as their events
                until = min(before, await connection.fetchval(SQL["dropped_before"], pipeline.table))
            rules += _derived(pipeline, until)
        if self.pipeline is None:
            rules += _others(before)
        found += [
            AgedTable(rule.kind, rule.table, rows)
            for rule in rules
            if rule.kind in chosen and (rows := await self._delete(connection, rule))
        ]
        return RetentionAnswer(month, found, dropped=not self.dry_run)

    def _month(self) -> str:
        if (self.older_than is None) == (self.keep_months is None):
            raise CommandError("give either older_than (a month) or keep_months (a number)")
        if self.older_than is not None:
            return self.older_than
        now = datetime.now(UTC)
        months = now.year * 12 + now.month - 1 - (self.keep_months or 0)
        return f"{months // 12:04d}-{months % 12 + 1:02d}"

    async def _drop(self, connection: "Connection", pipeline: Pipeline, month: str) -> AgedTable:
        """Drop all of the partitions or none, and return what they held.

        Their events are compacted first, because what was derived from them stays. From then on an event that
        arrived in such a month counts as expired, whoever brings it again.
        """
        log, before = pipeline.table, _first_day(month)
        if not self.dry_run:
            await pipeline.upkeep.compact(connection)  # so that little is left to do while others wait
        async with connection.transaction():
            if not self.dry_run:
                # Everybody takes these locks in this order: upkeep, months, the log, its partitions.
                await pipeline.upkeep.own(connection)
                await connection.execute(SQL["keep_months"])
                await connection.execute(fill(SQL["own_log"], {"log": identifier(log)}))
                await connection.execute(SQL["close_months"], log, before)
                await pipeline.upkeep.compact_before(connection, before)
            months = [HeldMonth(**row) for row in await connection.fetch(SQL["months_before"], log, month)]
            if not self.dry_run:
                for held in months:
                    await connection.execute(SQL["drop_month"], log, _first_day(held.month))
        return AgedTable(RetentionKind.EVENTS, log, sum(held.rows for held in months), months)

    async def _delete(self, connection: "Connection", rule: "Rule") -> int:
        blanks = {"table": identifier(rule.table), "aged": rule.aged}
        if self.dry_run:
            count: int = await connection.fetchval(fill(SQL["count"], blanks), rule.before)
            return count
        deleted, sql = 0, fill(SQL["delete"], blanks)
        while True:
            done = int((await connection.execute(sql, rule.before, AT_ONCE)).rpartition(" ")[2])
            deleted += done
            if done < AT_ONCE:
                return deleted


class Rule(NamedTuple):
    """Which rows of a table are too old: ``aged`` is a condition on them, in which ``$1`` is ``before``."""

    kind: RetentionKind
    table: str
    aged: str
    before: date


def _derived(pipeline: Pipeline, before: date) -> Iterator[Rule]:
    for projection in pipeline.projections:
        aged = SQL["month"]
        if "course" in projection.key:
            aged = f"{aged} AND {_over(projection.name)}"
        yield Rule(RetentionKind.DERIVED, projection.name, aged, before)


def _others(before: date) -> Iterator[Rule]:
    """Yield the rules of all tables that belong to no pipeline, in the order in which rows are deleted."""
    yield Rule(RetentionKind.DERIVED, "student_activity", SQL["month"], before)
    yield Rule(RetentionKind.RISK, "risk_change", f"{SQL['risk_change']} AND {_over('risk_change')}", before)
    yield Rule(RetentionKind.FOLLOW_UPS, "follow_up", f"{SQL['follow_up']} AND {_over('follow_up')}", before)
    yield Rule(RetentionKind.REJECTED, "rejected_event", SQL["rejected_event"], before)
    yield Rule(RetentionKind.ACCESS_LOG, "access_log", SQL["access_log"], before)
    yield Rule(RetentionKind.ROSTER, "roster_chunk", SQL["roster_chunk"], before)
    yield Rule(RetentionKind.ROSTER, "assessment_exception", _over("assessment_exception"), before)
    ended = fill(SQL["enrolment"], {"over": _over("enrolment")})
    # People come before enrolments, because the enrolments tell who is meant.
    yield Rule(RetentionKind.ROSTER, "person", fill(SQL["person"], {"ended": ended}), before)
    yield Rule(RetentionKind.ROSTER, "enrolment", ended, before)


def _over(table: str) -> str:
    return fill(SQL["over"], {"table": identifier(table)})


def _first_day(month: str) -> date:
    return datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a month has no offset
