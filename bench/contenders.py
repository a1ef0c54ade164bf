"""The contenders: the limit and the handler. Each prepares a batch untimed, and stores it timed."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg

from bench.server import BenchDatabase
from bench.workload import SOURCE, Invocation
from processor import environment, handler
from processor.commands.compact import Compact
from processor.handler import KinesisEvent
from processor.pipeline import Pipeline
from processor.records.native import NativeColumns
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED

EVENT_COLUMNS: Final = ("source_id", "sequence_number", "sub_sequence", "arrived_at", *NativeColumns._fields)
IDENTITY_COLUMNS: Final = ("event_id", "source_id", "sequence_number", "sub_sequence")

Row = tuple[Any, ...]


class Contender(Protocol):
    """A way to store batches, with a connection of its own."""

    name: str

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Return the call to time. It stores the batch, and has committed it when it returns."""

    def close(self) -> None:
        """Disconnect."""


class FixedContext:
    """As much of Lambda's context as the handler reads."""

    aws_request_id = "6f0b9c1e-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Return the function's time limit."""
        return 60_000


class Handler:
    """The processor as it is deployed: Lambda's event in, the partial batch response out."""

    name = "handler"

    def __init__(self, target: BenchDatabase, pipeline: Pipeline = SHIPPED) -> None:
        self.database = target.database()
        self._settings = Settings("no secret holds this login", pipeline=pipeline)

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Give the handler its event as Lambda does."""
        return lambda: self.run(batch.event)

    def run(self, event: KinesisEvent) -> None:
        """Invoke the handler; raise AssertionError unless it took the whole batch."""
        environment.settings = lambda: self._settings  # type: ignore[assignment]  # not from the environment
        environment.database = lambda: self.database  # type: ignore[assignment]  # as above
        answer = handler.handler(event, FixedContext())
        assert answer == {"batchItemFailures": []}, answer  # noqa: S101 - a benchmark of failures says nothing

    def close(self) -> None:
        """Disconnect."""
        self.database.discard()


class Compacting:
    """What the schedule does later, elsewhere: the projections of a batch that the handler has stored."""

    name = "compacting, later"

    def __init__(self, target: BenchDatabase, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.Runner()
        self._settings = Settings("no secret holds this login")
        self._session = Session(self._loop.run(asyncpg.connect(target.owner_dsn)))

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Have the handler store the batch, when nothing else is left to compact."""
        self._compact()
        self._handler.run(batch.event)
        return self._compact

    def _compact(self) -> None:
        self._loop.run(Compact().run(self._session, self._settings))

    def close(self) -> None:
        """Disconnect."""
        self._loop.run(self._session.connection.close())
        self._loop.close()


class Limit:
    """COPY of ready rows into the same tables, committed batch by batch: as fast as PostgreSQL can be."""

    name = "COPY of ready rows"

    def __init__(self, target: BenchDatabase, sequence_number: Callable[[str], Any] = str) -> None:
        self._sequence_number = sequence_number
        self._loop = asyncio.Runner()
        self._connection: asyncpg.Connection = self._loop.run(target.connect())
        self.source_id: int = self._loop.run(_source_id(self._connection))

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Make the rows, the identities in the order of their index."""
        rows = [
            (self.source_id, self._sequence_number(e.sequence_number), *e[1:3], *e.columns)
            for e in batch.events
        ]
        identities = [
            (e.columns.event_id, self.source_id, e.sequence_number, e.sub_sequence)
            for e in batch.events
            if e.columns.event_id
        ]
        return lambda: self._loop.run(self._copy(rows, sorted(identities)))

    async def _copy(self, rows: Sequence[Row], identities: Sequence[Row]) -> None:
        async with self._connection.transaction():
            if identities:
                await self._connection.copy_records_to_table(
                    "event_identity", records=identities, columns=IDENTITY_COLUMNS
                )
            await self._connection.copy_records_to_table(
                "student_performance", records=rows, columns=EVENT_COLUMNS
            )

    def close(self) -> None:
        """Disconnect."""
        self._loop.run(self._connection.close())
        self._loop.close()


async def _source_id(connection: asyncpg.Connection) -> int:
    """Return the number of the workload's shard, and make the partition of its month."""
    await connection.execute(
        "INSERT INTO event_source (stream_arn, shard_id, pipeline) VALUES ($1, $2, 'bench')"
        " ON CONFLICT DO NOTHING",
        *SOURCE,
    )
    await connection.execute("SELECT make_month('student_performance', '2026-11-01')")
    found: int = await connection.fetchval("SELECT id FROM event_source WHERE shard_id = $1", SOURCE.shard_id)
    return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what the handler prints, and its logger, to nowhere; what is measured still writes it."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
