"""Put records into a Kinesis stream by full calls, several at a time, sending only what failed again.

Limits and the meaning of an answer:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from spm.errors import PublishError

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

MAX_RECORDS: Final = 500
MAX_BYTES: Final = 5 * 1024 * 1024
CALLS_IN_FLIGHT: Final = 8
ATTEMPTS: Final = 12
LINGER_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 5.0


class Entry(Struct, frozen=True, gc=False):
    """One record to put: its bytes as the processor will see them, and what chooses its shard.

    ``position`` is its place in the caller's input, for continuing after an interruption. ``events`` is how
    many it holds. ``occurred_at`` is the time of its event, if the caller knows it.
    """

    data: bytes
    partition_key: str
    position: int = 0
    events: int = 1
    occurred_at: datetime | None = None


def publish(
    client: "KinesisClient", stream: str, entries: Iterable[Entry], *, in_flight: int = CALLS_IN_FLIGHT
) -> Iterator[list[Entry]]:
    """Put every entry, and yield what was accepted, call by call in the order of the input.

    What was yielded is in the stream, so a caller that stops knows where to continue. This holds the entries
    of at most ``in_flight`` calls in memory. It raises PublishError if the stream keeps refusing.
    """
    pending: deque[Future[list[Entry]]] = deque()
    with ThreadPoolExecutor(in_flight) as pool:
        for batch in batches(entries):
            while pending and (len(pending) == in_flight or pending[0].done()):
                yield pending.popleft().result()
            pending.append(pool.submit(put, client, stream, batch))
        while pending:
            yield pending.popleft().result()


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut the entries into lists that fit one PutRecords call.

    Every list except the last is full, unless entries come slowly: none waits much longer than a second.
    """
    batch: list[Entry] = []
    size = 0
    started = time.monotonic()
    for entry in entries:
        entry_size = len(entry.data) + len(entry.partition_key.encode())
        late = time.monotonic() - started > LINGER_SECONDS
        if batch and (late or len(batch) == MAX_RECORDS or size + entry_size > MAX_BYTES):
            yield batch
            batch, size = [], 0
        if not batch:
            started = time.monotonic()
        batch.append(entry)
        size += entry_size
    if batch:
        yield batch


def put(client: "KinesisClient", stream: str, batch: list[Entry]) -> list[Entry]:
    """Put one call's entries, repeat those that fail after growing pauses, and return the entries."""
    records: list[PutRecordsRequestEntryTypeDef] = [
        {"Data": entry.data, "PartitionKey": entry.partition_key} for entry in batch
    ]
    for attempt in range(ATTEMPTS):
        answer = client.put_records(StreamName=stream, Records=records)
        if not answer["FailedRecordCount"]:
            return batch
        failed = [result for result in answer["Records"] if result.get("ErrorCode")]
        records = [
            record
            for record, result in zip(records, answer["Records"], strict=True)
            if result.get("ErrorCode")
        ]
        time.sleep(pause(attempt))
    raise PublishError(
        f"stream {stream} refused {len(records)} records {ATTEMPTS} times "
        f"({failed[0]['ErrorCode']}: {failed[0].get('ErrorMessage', '')}): add shards or publish more slowly"
    )


def pause(attempt: int) -> float:
    """Return the seconds to wait after failed attempt ``attempt`` (from 0): doubling, with full jitter."""
    return random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.1 * 2**attempt))  # noqa: S311 - spreads load
