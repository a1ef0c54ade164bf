"""Batches as Lambda delivers them, made outside the measured time; every one holds new events."""

import base64
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import aws_kinesis_agg.aggregator

from processor.handler import KinesisEvent
from processor.records.kinesis import Event, KinesisRecord, decode, whole
from processor.records.native import parse
from processor.storage.session import Source
from spm.term import generate

Kind = Literal["with event_id", "without event_id"]
KINDS: Final[tuple[Kind, ...]] = ("without event_id", "with event_id")

SOURCE: Final = Source(
    "arn:aws:kinesis:eu-central-1:123456789012:stream/student-performance-stream-bench",
    "shardId-000000000000",
)
STUDENTS: Final = 10_000
EVENTS_OF_A_TERM: Final = 400_000
AGGREGATE: Final = 25  # user records in one Kinesis record
ARRIVAL: Final = datetime(2026, 11, 2, tzinfo=UTC)
FIRST_SEQUENCE_NUMBER: Final = 49590338271490256608559692538361571095921575989136588898

# Of the whole run: no two workloads make the same delivery or the same event_id.
_SEQUENCE_NUMBERS = itertools.count(FIRST_SEQUENCE_NUMBER, 8191)
_SEEDS = itertools.count(1)


@dataclass(frozen=True)
class Invocation:
    """One invocation's event, and the rows that it becomes."""

    event: KinesisEvent
    events: Sequence[Event]


class Workload:
    """An endless supply of events: those of ``spm``'s generator, term after term."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._events = _with_ids() if kind == "with event_id" else _without_ids()

    def batch(self, size: int) -> Invocation:
        """Return a batch of that many new events, a Kinesis record each."""
        return _as_batch([self._record(data) for data in self.payloads(size)])

    def aggregated(self, size: int) -> Invocation:
        """Return a batch of that many new events, packed as the Kinesis Producer Library does."""
        payloads = self.payloads(size)
        packs = (payloads[start : start + AGGREGATE] for start in range(0, size, AGGREGATE))
        return _as_batch([self._record(_aggregate(pack)) for pack in packs])

    def with_one(self, size: int, bad: bytes) -> Invocation:
        """Return a batch of new events with ``bad`` in the middle."""
        payloads = self.payloads(size)
        payloads[size // 2] = bad
        return _as_batch([self._record(data) for data in payloads])

    def payloads(self, size: int) -> list[bytes]:
        """Return the next events as a producer encodes them."""
        return list(itertools.islice(self._events, size))

    def _record(self, data: bytes) -> KinesisRecord:
        number = next(_SEQUENCE_NUMBERS)
        since = (number - FIRST_SEQUENCE_NUMBER) / 8.191e6
        record: dict[str, Any] = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "student",
                "sequenceNumber": str(number),
                "data": base64.b64encode(data).decode(),
                "approximateArrivalTimestamp": ARRIVAL.timestamp() + since,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{SOURCE.shard_id}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/processor",
            "awsRegion": "eu-central-1",
            "eventSourceARN": SOURCE.stream_arn,
        }
        return record  # type: ignore[return-value]  # members that the processor does not read


def _as_batch(records: list[KinesisRecord]) -> Invocation:
    # Through JSON, as Lambda's runtime does it: no string is shared between records.
    event: KinesisEvent = json.loads(json.dumps({"Records": records}))
    return Invocation(event, whole(decode(event["Records"], parse)).events)


def _with_ids() -> Iterator[bytes]:
    for seed in _SEEDS:
        for event in generate(EVENTS_OF_A_TERM, STUDENTS, seed=seed):
            yield json.dumps(event, separators=(",", ":")).encode()


def _without_ids() -> Iterator[bytes]:
    for data in _with_ids():
        event = json.loads(data)
        del event["event_id"]
        yield json.dumps(event, separators=(",", ":")).encode()


def _aggregate(payloads: Sequence[bytes]) -> bytes:
    aggregator = aws_kinesis_agg.aggregator.RecordAggregator()
    for data in payloads:
        aggregator.add_user_record("student", data)
    _, _, packed = aggregator.clear_and_get().get_contents()
    return bytes(packed)
