"""The whole way: PutRecords, stream, mapping, function, row; on the embedded target and on LocalStack."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

import asyncpg

from bench.results import Row
from emulation.cloud import EmbeddedCloud, database_name
from processor import statements
from spm.aws.stack import Aws, Stack, find
from spm.aws.target import connect
from spm.publishing.put_records import Entry, publish
from spm.target import Target
from spm.term import generate

SQL: Final = statements.load(Path(__file__).with_name("way.sql"))

SHARDS_AND_BATCHES: Final = ((1, 100), (1, 500), (1, 5_000), (2, 500), (4, 500))
FLOOD: Final = 20_000  # events, as fast as they go …
FLOOD_SECONDS: Final = 30.0  # … for so long at the most
TRICKLE: Final = 100  # calls of PutRecords …
TRICKLE_EVENTS: Final = 10  # … with as many events each …
TRICKLE_PAUSE: Final = 0.1  # … and as many seconds between them
PATIENCE: Final = 120.0

LOCALSTACK_SUFFIX: Final = "bench"
PASSWORD: Final = "local-only-password"  # noqa: S105 - docker-compose.yml's default


@dataclass(frozen=True)
class Way:
    """A deployed stack, reached as its users reach it, and its database to look at what came."""

    aws: Aws
    stack: Stack
    dsn: str

    def flood(self) -> asyncpg.Record:
        """Send as much as goes at once; return what was stored, in how many seconds, and with which lags."""
        mark = uuid.uuid4().hex
        entries = _until(time.monotonic() + FLOOD_SECONDS, _entries(mark, FLOOD))
        calls = publish(self.aws.kinesis, self.stack.stream_name, entries)
        return self._wait(mark, sum(len(call) for call in calls))

    def trickle(self) -> asyncpg.Record:
        """Send a little at a time."""
        mark = uuid.uuid4().hex
        entries = _entries(mark, TRICKLE * TRICKLE_EVENTS)
        for _ in range(TRICKLE):
            for _ in publish(self.aws.kinesis, self.stack.stream_name, islice(entries, TRICKLE_EVENTS)):
                pass
            time.sleep(TRICKLE_PAUSE)
        return self._wait(mark, TRICKLE * TRICKLE_EVENTS)

    def _wait(self, mark: str, events: int) -> asyncpg.Record:
        deadline = time.monotonic() + PATIENCE
        while True:
            found = asyncio.run(_lag(self.dsn, mark))
            if found["stored"] == events:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found['stored']} of {events} events were stored in {PATIENCE:.0f} s")
            time.sleep(0.2)


def measure() -> list[Row]:
    """Return a row for each number of shards and batch size."""
    rows = []
    with EmbeddedCloud() as cloud:
        cloud.start_runner()
        for shards, batch in SHARDS_AND_BATCHES:
            suffix = f"way{shards}x{batch}"
            cloud.deploy(suffix, {"shardCount": str(shards), "batchSize": str(batch)})
            aws = Aws(cloud.aws_environment())
            way = Way(aws, find(aws, suffix), cloud.database.dsn(database_name(suffix)))
            rows.append(_row(shards, batch, way))
            cloud.destroy(suffix)
    return rows


def measure_localstack() -> list[Row]:
    """Return the row of the environment ``bench`` as it is deployed on docker-compose.yml's LocalStack."""
    connection = connect(Target.LOCALSTACK, LOCALSTACK_SUFFIX)
    aws, stack = connection.aws, connection.stack
    stream = aws.kinesis.describe_stream_summary(StreamName=stack.stream_name)["StreamDescriptionSummary"]
    [mapping] = aws.functions.list_event_source_mappings(FunctionName=stack.processor_name)[
        "EventSourceMappings"
    ]
    port, password = os.environ.get("POSTGRES_PORT", "5432"), os.environ.get("POSTGRES_PASSWORD", PASSWORD)
    way = Way(aws, stack, f"postgresql://dbadmin:{password}@127.0.0.1:{port}/studentdata")
    return [_row(stream["OpenShardCount"], mapping["BatchSize"], way)]


def _row(shards: int, batch: int, way: Way) -> Row:
    way.trickle()  # the first invocations are cold
    trickle, flood = way.trickle(), way.flood()
    return {
        "shards": shards,
        "batch": batch,
        "events_per_second": round(flood["stored"] / flood["seconds"]),
        **{f"lag_p{p}_ms": round(ms) for p, ms in zip((50, 90, 99), trickle["lag"], strict=True)},
    }


def _entries(mark: str, events: int) -> Iterator[Entry]:
    """Yield events that ``mark`` tells from all others: it is their type."""
    for event in generate(events, 500, seed=uuid.uuid4().int):
        event["event_type"] = mark
        yield Entry(json.dumps(event).encode(), event["student_id"])


def _until(deadline: float, entries: Iterator[Entry]) -> Iterator[Entry]:
    """Yield entries until then."""
    return takewhile(lambda _: time.monotonic() < deadline, entries)


async def _lag(dsn: str, mark: str) -> asyncpg.Record:
    connection = await asyncpg.connect(dsn)
    try:
        return (await connection.fetch(SQL["lag"], mark))[0]
    finally:
        await connection.close()
