"""The loop over a batch's parts, and the response to Lambda."""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from processor import batch, store
from processor.connection import Database, Deadline
from processor.decode import KinesisRecord
from processor.errors import RetryLater
from processor.pipelines import SHIPPED

GOOD = json.dumps({"student_id": "s1", "event_type": "attendance"}).encode()


class Times:
    """Stands in for the database: takes a number of parts, then has no more time."""

    def __init__(self, parts: int) -> None:
        self.parts_left = parts
        self.sources: list[tuple[str, str]] = []
        self.taken: list[str] = []

    async def run(self, work: Callable[[Any], Awaitable[store.Saved]], _: Deadline) -> store.Saved:
        if not self.parts_left:
            raise RetryLater("no time")
        self.parts_left -= 1
        keywords = cast("partial[Any]", work).keywords
        self.sources.append(tuple(keywords["source"]))
        decoded = keywords["decoded"]
        decoded.decode()
        self.taken += [item.sequence_number for item in (*decoded.events, *decoded.rejections)]
        return store.Saved(stored=len(decoded.events))


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


async def process(records: list[KinesisRecord], parts: int = 99) -> tuple[batch.Outcome, Times]:
    database = Times(parts)
    return await batch.process(SHIPPED, records, cast("Database", database), Deadline(60)), database


async def test_every_record_is_saved_and_the_response_names_none() -> None:
    outcome, database = await process([record(1), record(2, b"bad"), record(3)])
    assert outcome.received == 3
    assert sorted(database.taken) == ["1", "2", "3"]
    assert batch.response(outcome) == {"batchItemFailures": []}


async def test_when_time_runs_out_the_response_names_the_first_record_not_stored() -> None:
    records = [record(number) for number in range(batch.PART * 2 + 1)]
    outcome, database = await process(records, parts=1)
    assert len(database.taken) == outcome.received == batch.PART
    assert outcome.deferred == batch.PART + 1
    assert batch.response(outcome) == {"batchItemFailures": [{"itemIdentifier": str(batch.PART)}]}


async def test_a_part_holds_records_of_one_shard() -> None:
    _, database = await process([record(1), record(2, shard="shardId-000000000001"), record(3)])
    assert [shard for _, shard in database.sources] == [
        "shardId-000000000000",
        "shardId-000000000001",
        "shardId-000000000000",
    ]


async def test_an_empty_batch_is_a_batch() -> None:
    outcome, _ = await process([])
    assert batch.response(outcome) == {"batchItemFailures": []}


@given(st.integers(0, 3 * batch.PART), st.integers(0, 4))
async def test_what_is_taken_and_what_is_deferred_are_the_batch(size: int, parts: int) -> None:
    outcome, database = await process([record(number) for number in range(size)], parts)
    first = int(outcome.first_deferred) if outcome.first_deferred else size
    assert database.taken == [str(number) for number in range(first)]
    assert outcome.deferred == size - first
