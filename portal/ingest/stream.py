"""Puts all records into Kinesis, or refuses with a message that says to send them again.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from portal.ingest.http import Refusal
from processor.records import kpl

MAX_RECORDS: Final = 500
MAX_BYTES: Final = 5 * 2**20
MAX_RECORD_BYTES: Final = 2**20
PACK_BYTES: Final = 51_200
"""The producer library's default: small enough that putting a record again does not hurt."""
LONGEST_PAUSE: Final = 2.0

PutRecords = Callable[[list[dict[str, Any]]], dict[str, Any]]
"""Puts the records of one call and returns Kinesis's answer. If it raises, nothing is known about them."""


class StreamRecord(NamedTuple):
    """One record, and what chooses its shard."""

    data: bytes
    partition_key: str

    @property
    def size(self) -> int:
        """The size in bytes, as Kinesis counts it."""
        return len(self.data) + len(self.partition_key.encode())


def put_all(put: PutRecords, records: Sequence[StreamRecord], seconds: float) -> None:
    """Return when Kinesis has acknowledged every record. Raise Refusal 503 if ``seconds`` were not enough.

    What failed is put again after a growing pause. A record may then be there twice, or be there although it
    was refused. This does not matter, because its event has an id and is stored once.
    """
    until = time.monotonic() + seconds
    for call in calls(packed(records)):
        left, attempt = call, 0
        while left := _put(put, left):
            pause = random.uniform(0, min(LONGEST_PAUSE, 0.05 * 2**attempt))  # noqa: S311  # spreads load
            if time.monotonic() + pause > until:
                raise Refusal(
                    503,
                    "the stream did not accept everything in time: send it again, nothing is stored twice",
                    headers={"retry-after": "5"},
                )
            time.sleep(pause)
            attempt += 1


def packed(records: Sequence[StreamRecord]) -> Iterator[StreamRecord]:
    """Pack small records together in their order, as the Kinesis Producer Library does.

    A shard takes 1,000 records per second, however small they are. The key of the first record chooses the
    shard.
    """
    pack: list[StreamRecord] = []
    size = 0
    for record in records:
        if pack and size + record.size > PACK_BYTES:
            yield _as_one(pack)
            pack, size = [], 0
        pack.append(record)
        size += record.size
    if pack:
        yield _as_one(pack)


def _as_one(pack: Sequence[StreamRecord]) -> StreamRecord:
    if len(pack) == 1:
        return pack[0]
    data = kpl.aggregate([(record.partition_key, record.data) for record in pack])
    return StreamRecord(data, pack[0].partition_key)


def calls(records: Iterable[StreamRecord]) -> Iterator[list[StreamRecord]]:
    """Cut the records into lists that fit one PutRecords call."""
    call: list[StreamRecord] = []
    size = 0
    for record in records:
        if call and (len(call) == MAX_RECORDS or size + record.size > MAX_BYTES):
            yield call
            call, size = [], 0
        call.append(record)
        size += record.size
    if call:
        yield call


def _put(put: PutRecords, records: list[StreamRecord]) -> list[StreamRecord]:
    """Return what was not acknowledged."""
    try:
        answer = put([{"Data": record.data, "PartitionKey": record.partition_key} for record in records])
    except Exception:  # noqa: BLE001  # whatever it was, nothing was acknowledged
        return records
    if not answer["FailedRecordCount"]:
        return []
    results = zip(records, answer["Records"], strict=True)
    return [record for record, result in results if result.get("ErrorCode")]
