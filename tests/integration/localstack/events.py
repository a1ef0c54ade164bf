"""Sending events, and comparing what is stored with what the stream holds, member by member."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from spm.publishing.put_records import Entry, publish
from spm.term import NativeEvent
from tests.integration.localstack.cloud import Cloud, Environment, ShownRecord
from tests.waiting import wait_until

STORED = """
SELECT shard_id, sequence_number, arrived_at, event_id, student_id, event_type, score, occurred_at, metadata
FROM student_performance JOIN event_source ON event_source.id = source_id
WHERE stream_arn = $1 AND event_id = ANY($2::uuid[])
"""
COUNT = "SELECT count(*) FROM student_performance WHERE event_id = ANY($1::uuid[])"
SCHEMA = "SELECT to_regclass('student_performance') IS NOT NULL AS there"


class StoredRow(NamedTuple):
    """A row of student_performance, with its delivery identity."""

    shard_id: str
    sequence_number: str
    arrived_at: datetime
    event_id: str
    student_id: str
    event_type: str
    score: float | None
    occurred_at: datetime
    metadata: str


def entries_of(events: Iterable[NativeEvent]) -> list[Entry]:
    """The events as a producer sends them."""
    return [Entry(json.dumps(event).encode(), event["student_id"]) for event in events]


def send(environment: Environment, entries: Sequence[Entry]) -> None:
    """Put the entries on the environment's stream."""
    calls = publish(environment.aws.kinesis, environment.stack.stream_name, entries)
    assert sum(len(call) for call in calls) == len(entries)


def wait_for_rows(cloud: Cloud, events: Sequence[NativeEvent], *, seconds: float) -> None:
    """Wait until as many of the events are stored as were sent."""
    wanted = [event["event_id"] for event in events]
    wait_until(lambda: count(cloud, wanted) >= len(wanted), f"{len(wanted)} rows", seconds=seconds)


def count(cloud: Cloud, event_ids: Sequence[str]) -> int:
    """Count which of the events are stored; none is while there is no table yet."""
    [schema] = cloud.fetch(SCHEMA)
    if not schema["there"]:
        return 0
    [row] = cloud.fetch(COUNT, list(event_ids))
    return int(row["count"])


def stored(cloud: Cloud, environment: Environment, events: Sequence[NativeEvent]) -> list[StoredRow]:
    """The rows of these events, ordered by delivery."""
    event_ids = [event["event_id"] for event in events]
    rows = cloud.fetch(STORED, environment.stack.stream_arn, event_ids)
    return sorted(
        StoredRow(
            **{**row, "event_id": str(row["event_id"]), "metadata": canonical(json.loads(row["metadata"]))}
        )
        for row in rows
    )


def expected(environment: Environment, events: Sequence[NativeEvent]) -> list[StoredRow]:
    """The rows that the stream's records of these events must give, ordered by delivery."""
    by_data = {json.dumps(event).encode(): event for event in events}
    return sorted(
        _row(record, by_data[record.data]) for record in environment.records() if record.data in by_data
    )


def canonical(value: Any) -> str:
    """Text that is the same for equal JSON values."""
    return json.dumps(value, sort_keys=True)


def _row(record: ShownRecord, event: NativeEvent) -> StoredRow:
    return StoredRow(
        record.shard_id,
        record.sequence_number,
        record.arrived_at,
        str(uuid.UUID(event["event_id"])),
        event["student_id"],
        event["event_type"],
        event.get("score"),
        datetime.fromisoformat(event["timestamp"]),
        canonical(event["metadata"]),
    )
