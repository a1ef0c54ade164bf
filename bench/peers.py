"""Other ways to store the same events, each as users of its library would write it.

All of them decode with the standard library and validate nothing. All except the original handler skip what
is stored already.
"""

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import psycopg
import psycopg2
import sqlalchemy
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import insert

from bench.contenders import IDENTITY_COLUMNS
from bench.server import BenchDatabase
from bench.workload import Invocation
from processor import statements
from processor.handler import KinesisEvent
from processor.records.kinesis import KinesisData

SQL: Final = statements.load(Path(__file__).with_name("peers.sql"))

EVENT_COLUMNS: Final = (
    "source_id", "sequence_number", "sub_sequence", "arrived_at",
    "event_id", "student_id", "event_type", "score", "occurred_at", "metadata",
)  # fmt: skip
"""What the rows below hold, in the order of peers.sql; the product's own order is another."""


def rows(event: KinesisEvent, source: int) -> list[tuple[Any, ...]]:
    """Return the rows as anyone would make them: base64, json, no validation."""
    return [_row(record["kinesis"], source) for record in event["Records"]]


def _row(kinesis: KinesisData, source: int) -> tuple[Any, ...]:
    arrived_at = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
    body = json.loads(base64.b64decode(kinesis["data"]))
    return (
        source,
        kinesis["sequenceNumber"],
        0,
        arrived_at,
        uuid.UUID(body["event_id"]) if "event_id" in body else None,
        body["student_id"],
        body["event_type"],
        body.get("score"),
        datetime.fromisoformat(body["timestamp"]),
        json.dumps(body.get("metadata", {})),
    )


def identities(of: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows of ``event_identity``."""
    return [(row[4], row[0], row[1], row[2]) for row in of if row[4]]


class OriginalHandler:
    """psycopg2, a connection for each invocation, a statement and a commit for each row."""

    name = "original handler: psycopg2, a statement and a commit per row"

    def __init__(self, target: BenchDatabase, source: int) -> None:
        self._dsn, self._source = target.dsn, source
        self._commit_each = True

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Give it the event."""
        return lambda: self._run(batch.event)

    def _run(self, event: KinesisEvent) -> None:
        connection = psycopg2.connect(self._dsn)
        try:
            with connection, connection.cursor() as cursor:
                for record in event["Records"]:
                    row = _row(record["kinesis"], self._source)
                    text = (*row[:4], str(row[4]) if row[4] else None, *row[5:])
                    if row[4]:
                        cursor.execute(SQL["insert_identity_plain"], (text[4], *row[:3]))
                    cursor.execute(SQL["insert_event_plain"], text)
                    if self._commit_each:
                        connection.commit()
        finally:
            connection.close()

    def close(self) -> None:
        """Keep nothing."""


class OriginalHandlerOneCommit(OriginalHandler):
    """The same with one commit for each invocation: as fast as it could have been."""

    name = "original handler, but one commit per batch"

    def __init__(self, target: BenchDatabase, source: int) -> None:
        super().__init__(target, source)
        self._commit_each = False


class AsyncpgExecutemany:
    """asyncpg's executemany, which pipelines, with ON CONFLICT."""

    name = "executemany with ON CONFLICT: asyncpg"

    def __init__(self, target: BenchDatabase, source: int) -> None:
        self._source = source
        self._loop = asyncio.Runner()
        self._connection: asyncpg.Connection = self._loop.run(target.connect())

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Give it the event."""
        return lambda: self._loop.run(self._run(batch.event))

    async def _run(self, event: KinesisEvent) -> None:
        these = rows(event, self._source)
        async with self._connection.transaction():
            await self._connection.executemany(SQL["insert_identity_numbered"], identities(these))
            await self._connection.executemany(SQL["insert_event_numbered"], these)

    def close(self) -> None:
        """Disconnect."""
        self._loop.run(self._connection.close())
        self._loop.close()


class AsyncpgUnnest(AsyncpgExecutemany):
    """asyncpg, one INSERT from arrays with ON CONFLICT."""

    name = "UNNEST with ON CONFLICT: asyncpg"

    async def _run(self, event: KinesisEvent) -> None:
        these = rows(event, self._source)
        async with self._connection.transaction():
            ids = identities(these)
            if ids:
                await self._connection.execute(SQL["insert_identities_unnest"], *zip(*ids, strict=True))
            await self._connection.execute(SQL["insert_events_unnest"], *zip(*these, strict=True))


class PsycopgPipeline:
    """psycopg 3's executemany in pipeline mode with ON CONFLICT."""

    name = "executemany with ON CONFLICT: psycopg 3, pipeline mode"

    def __init__(self, target: BenchDatabase, source: int) -> None:
        self._source = source
        self._connection = psycopg.connect(target.dsn)

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Give it the event."""
        return lambda: self._run(batch.event)

    def _run(self, event: KinesisEvent) -> None:
        these = rows(event, self._source)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(SQL["insert_identity"], identities(these))
            cursor.executemany(SQL["insert_event"], these)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


class PowertoolsBatch:
    """Powertools' batch processor around an insert of each record, which commits alone: it may be retried."""

    name = "Powertools' batch processor: psycopg 3, an insert per record"

    def __init__(self, target: BenchDatabase, source: int) -> None:
        self._source = source
        self._connection = psycopg.connect(target.dsn, autocommit=True)
        self._processor = BatchProcessor(event_type=EventType.KinesisDataStreams)

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Give it the event."""
        return lambda: process_partial_response(
            event=dict(batch.event),
            record_handler=self._store,
            processor=self._processor,
        )

    def _store(self, record: KinesisStreamRecord) -> None:
        body = record.kinesis.data_as_json()
        event_id = body.get("event_id")
        arrived_at = datetime.fromtimestamp(record.kinesis.approximate_arrival_timestamp, UTC)
        delivery = (self._source, record.kinesis.sequence_number, 0)
        with self._connection.transaction():
            if event_id:
                self._connection.execute(SQL["insert_identity"], (event_id, *delivery))
            self._connection.execute(
                SQL["insert_event"],
                (
                    *delivery,
                    arrived_at,
                    event_id,
                    body["student_id"],
                    body["event_type"],
                    body.get("score"),
                    body["timestamp"],
                    Jsonb(body.get("metadata", {})),
                ),
            )

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


class SqlalchemyCore:
    """SQLAlchemy Core's insert of a list of rows, through psycopg 3."""

    name = "bulk insert with ON CONFLICT: SQLAlchemy Core, psycopg 3"

    def __init__(self, target: BenchDatabase, source: int) -> None:
        self._source = source
        url = sqlalchemy.make_url(target.dsn).set(drivername="postgresql+psycopg")
        self._engine = sqlalchemy.create_engine(url)
        tables = sqlalchemy.MetaData()
        self._events = sqlalchemy.Table("student_performance", tables, autoload_with=self._engine)
        self._identities = sqlalchemy.Table("event_identity", tables, autoload_with=self._engine)

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Give it the event."""
        return lambda: self._run(batch.event)

    def _run(self, event: KinesisEvent) -> None:
        these = rows(event, self._source)
        ids = [dict(zip(IDENTITY_COLUMNS, row, strict=True)) for row in identities(these)]
        events = [dict(zip(EVENT_COLUMNS, (*row[:9], json.loads(row[9])), strict=True)) for row in these]
        with self._engine.begin() as connection:
            if ids:
                connection.execute(insert(self._identities).on_conflict_do_nothing(), ids)
            connection.execute(insert(self._events).on_conflict_do_nothing(), events)

    def close(self) -> None:
        """Disconnect."""
        self._engine.dispose()


PEERS: Final = (
    OriginalHandler,
    OriginalHandlerOneCommit,
    AsyncpgExecutemany,
    PsycopgPipeline,
    AsyncpgUnnest,
    PowertoolsBatch,
    SqlalchemyCore,
)
