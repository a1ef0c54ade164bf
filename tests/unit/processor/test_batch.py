"""The loop over a batch's chunks, and the response to Lambda."""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processor import batch
from processor.errors import RetryLater
from processor.records import chunk, kinesis
from processor.records.kinesis import KinesisRecord, whole
from processor.storage.connection import Database, Deadline
from processor.storage.writer import Saved, Writer
from processor.student_performance import PIPELINE as SHIPPED
from spm.publishing.aggregate import aggregate
from spm.publishing.put_records import Entry

GOOD = json.dumps({"student_id": "s1", "event_type": "attendance"}).encode()


class Times:
    """Stands in for the database: takes a number of chunks, then has no more time."""

    def __init__(self, chunks: int) -> None:
        self.chunks_left = chunks
        self.sources: list[tuple[str, str]] = []
        self.sizes: list[int] = []
        self.taken: list[str] = []

    async def run(self, work: Callable[[Any], Awaitable[Saved]], _: Deadline) -> Saved:
        if not self.chunks_left:
            raise RetryLater("no time")
        self.chunks_left -= 1
        writer = cast("Writer", work.__self__)  # type: ignore[attr-defined]  # it is a bound method
        taken = whole(writer.chunk)
        self.sources.append((writer.source.stream_arn, writer.source.shard_id))
        self.sizes.append(len(taken.events) + len(taken.rejections))
        self.taken += [event.sequence_number for event in taken.events]
        self.taken += [rejection.sequence_number for rejection in taken.rejections]
        return Saved(stored=len(taken.events))


def record(number: int, data: bytes = GOOD, shard: str = "shardId-000000000000") -> KinesisRecord:
    return {
        "eventID": f"{shard}:{number}",
        "eventSourceARN": "arn:stream",
        "kinesis": {
            "sequenceNumber": str(number),
            "approximateArrivalTimestamp": 1795348800.0,
            "data": b64encode(data).decode(),
        },
    }


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "CHUNK", 20)
    monkeypatch.setattr(chunk, "SLICE", 5)
    monkeypatch.setattr(kinesis, "SLICE", 5)


async def process(records: list[KinesisRecord], chunks: int = 99) -> tuple[batch.BatchResult, Times]:
    database = Times(chunks)
    return await batch.process(SHIPPED, records, cast("Database", database), Deadline(60)), database


async def test_every_record_is_stored_and_the_response_names_none() -> None:
    result, database = await process([record(1), record(2, b"bad"), record(3)])
    assert result.received == 3
    assert sorted(database.taken) == ["1", "2", "3"]
    assert batch.response(result) == {"batchItemFailures": []}


async def test_when_time_runs_out_the_response_names_the_first_record_not_stored() -> None:
    result, database = await process([record(number) for number in range(41)], chunks=1)
    assert len(database.taken) == result.received == 20
    assert result.deferred == 21
    assert batch.response(result) == {"batchItemFailures": [{"itemIdentifier": "20"}]}


async def test_a_chunk_holds_events_of_one_shard() -> None:
    _, database = await process([record(1), record(2, shard="shardId-000000000001"), record(3)])
    assert [shard for _, shard in database.sources] == [
        "shardId-000000000000",
        "shardId-000000000001",
        "shardId-000000000000",
    ]


async def test_a_chunk_counts_events_not_records_and_an_unfinished_record_comes_again() -> None:
    [entry] = aggregate(Entry(GOOD, "key") for _ in range(50))
    result, database = await process([record(1), record(2, entry.data), record(3)], chunks=2)
    assert database.sizes == [20, 20]
    assert (result.first_deferred, result.deferred) == ("2", 2)
    result, database = await process([record(1), record(2, entry.data), record(3)])
    assert (database.sizes, result.first_deferred) == ([20, 20, 12], None)


async def test_an_empty_batch_is_a_batch() -> None:
    result, _ = await process([])
    assert batch.response(result) == {"batchItemFailures": []}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 60), st.integers(0, 4))
async def test_what_is_taken_and_what_is_deferred_are_the_batch(size: int, chunks: int) -> None:
    result, database = await process([record(number) for number in range(size)], chunks)
    first = int(result.first_deferred) if result.first_deferred else size
    assert database.taken == [str(number) for number in range(first)]
    assert result.deferred == size - first
