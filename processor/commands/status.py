"""How a pipeline is doing: totals, the last hour, the lag, sizes."""

from datetime import date, datetime
from typing import ClassVar, Final

import msgspec

from processor import statements
from processor.commands.command import Command, Function
from processor.pipeline import Pipeline
from processor.pipelines import named
from processor.settings import Settings
from processor.statements import fill, identifier
from processor.storage.session import Session

SQL = statements.load(statements.FOLDER / "status.sql")

# A table with more rows than this is not counted one by one, nor more events of the last hour than that.
EXACT_UP_TO: Final = 2_000_000
LAST_HOUR_UP_TO: Final = 100_000


class Lag(msgspec.Struct):
    """Milliseconds from an event's arrival in Kinesis to its being stored, or None if nothing was stored."""

    p50: float | None
    p99: float | None


class Partition(msgspec.Struct):
    """A month of the event log."""

    name: str
    month: str
    bytes: int


class OpenReason(msgspec.Struct):
    """How many rejected records of a reason are open: neither redriven nor dismissed."""

    reason: str
    records: int
    first_at: datetime
    last_at: datetime


class StatusAnswer(msgspec.Struct, kw_only=True):
    """The figures of a pipeline, at a cost that does not grow with the last hour's events.

    ``stored_is_estimate`` where counting takes too long, ``stored_last_hour_is_at_least`` where it was
    ended; ``lag_sample``: how many events the percentiles are of; ``dropped_before``: the first month kept,
    None if none was dropped.
    """

    stored: int
    stored_is_estimate: bool
    lag_ms: Lag
    lag_sample: int
    waiting_chunks: int
    waiting_since: datetime | None
    first_arrived_at: datetime | None
    last_arrived_at: datetime | None
    last_stored_at: datetime | None
    stored_last_hour: int
    stored_last_hour_is_at_least: bool
    schema_version: int
    rejected: int
    rejected_last_hour: int
    rejected_open: int
    open_by_reason: list[OpenReason]
    database_bytes: int
    dropped_before: date | None
    partitions: list[Partition]


class Status(Command[StatusAnswer], tag="status"):
    """How much of a pipeline is stored and rejected, how fast it gets there, how large it is."""

    function: ClassVar[Function] = "reports"

    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> StatusAnswer:
        """Ask one figure after the other."""
        pipeline = named(settings.pipelines, self.pipeline)
        fetch, value = session.connection.fetch, session.connection.fetchval
        estimate = await value(SQL["estimate_stored"], pipeline.table)
        exact = estimate <= EXACT_UP_TO
        [rejected] = await fetch(SQL["rejected_and_size"], pipeline.name)
        async with session.connection.transaction(readonly=True):
            await session.connection.execute(SQL["by_index"])
            [found] = await fetch(_of_log(SQL["figures"], pipeline), LAST_HOUR_UP_TO)
        figures = dict(found)
        lag = Lag(figures.pop("lag_p50"), figures.pop("lag_p99"))
        chunks, since = await pipeline.upkeep.waiting(session.connection)
        return StatusAnswer(
            stored=await value(_of_log(SQL["count_stored"], pipeline)) if exact else estimate,
            stored_is_estimate=not exact,
            lag_ms=lag,
            waiting_chunks=chunks,
            waiting_since=since,
            **figures,
            stored_last_hour_is_at_least=figures["stored_last_hour"] == LAST_HOUR_UP_TO,
            **rejected,
            open_by_reason=[OpenReason(**row) for row in await fetch(SQL["open_by_reason"], pipeline.name)],
            dropped_before=await value(SQL["dropped_before"], pipeline.table),
            partitions=[Partition(**row) for row in await fetch(SQL["partitions"], pipeline.table)],
        )


def _of_log(sql: str, pipeline: Pipeline) -> str:
    return fill(sql, {"log": identifier(pipeline.table)})
