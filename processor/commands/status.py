"""How a pipeline is doing: totals, the last hour, the lag, sizes."""

from typing import Any, Final

import msgspec

from processor import statements
from processor.commands.command import Command
from processor.pipeline import Pipeline
from processor.pipelines import named
from processor.settings import Settings
from processor.statements import fill, identifier
from processor.storage.connection import Session

SQL = statements.load(statements.FOLDER / "status.sql")

# A table with more rows than this is not counted one by one, nor more events of the last hour than that.
EXACT_UP_TO: Final = 2_000_000
LAST_HOUR_UP_TO: Final = 100_000


class Status(Command, tag="status"):
    """How much of a pipeline is stored and rejected, how fast it gets there, how large it is."""

    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Return the figures and the partitions, at a cost that does not grow with the last hour's events.

        ``stored_is_estimate`` where counting takes too long, ``stored_last_hour_is_at_least`` where it was
        ended; ``lag_sample``: how many events the percentiles are of.
        """
        pipeline = named(settings.pipelines, self.pipeline)
        fetch, value = session.connection.fetch, session.connection.fetchval
        estimate = await value(SQL["estimate_stored"], pipeline.table)
        exact = estimate <= EXACT_UP_TO
        [rejected] = await fetch(SQL["rejected_and_size"], pipeline.name)
        async with session.connection.transaction(readonly=True):
            await session.connection.execute(SQL["by_index"])
            [found] = await fetch(_of_log(SQL["figures"], pipeline), LAST_HOUR_UP_TO)
        figures = dict(found)
        lag = {"p50": figures.pop("lag_p50"), "p99": figures.pop("lag_p99")}
        chunks, since = await pipeline.upkeep.waiting(session.connection)
        answer: dict[str, Any] = msgspec.to_builtins(
            {
                "stored": await value(_of_log(SQL["count_stored"], pipeline)) if exact else estimate,
                "stored_is_estimate": not exact,
                "lag_ms": lag,
                "waiting_chunks": chunks,
                "waiting_since": since,
                **figures,
                "stored_last_hour_is_at_least": figures["stored_last_hour"] == LAST_HOUR_UP_TO,
                **rejected,
                "partitions": [dict(row) for row in await fetch(SQL["partitions"], pipeline.table)],
            }
        )
        return answer


def _of_log(sql: str, pipeline: Pipeline) -> str:
    return fill(sql, {"log": identifier(pipeline.table)})
