"""A Kinesis record, and the event that a function gets for it.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html#services-kinesis-event-example
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from emulation.runner.mapping import EventSourceMapping


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """One record of a shard. ``arrived_at`` is in seconds since the epoch."""

    sequence: str
    partition_key: str
    arrived_at: float
    data: bytes
    event: str  # its entry in the event's "Records", as JSON; it is the same on every delivery

    @property
    def size(self) -> int:
        """Its share of the invocation's payload, in characters of JSON. Nearly all of it is base64."""
        return len(self.event) + 1


def make_record(
    *,
    mapping: EventSourceMapping,
    shard_id: str,
    role_arn: str,
    sequence: str,
    partition_key: str,
    arrived_at: float,
    data: bytes,
) -> ShardRecord:
    """Make a record with its event, in the shape that Lambda documents."""
    event = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence,
            "data": base64.b64encode(data).decode("ascii"),
            "approximateArrivalTimestamp": arrived_at,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role_arn,
        "awsRegion": mapping.region,
        "eventSourceARN": mapping.stream_arn,
    }
    return ShardRecord(sequence, partition_key, arrived_at, data, json.dumps(event, separators=(",", ":")))


def event_of(records: Sequence[ShardRecord]) -> str:
    """Return the payload of an invocation for these records."""
    return '{"Records":[' + ",".join(record.event for record in records) + "]}"
