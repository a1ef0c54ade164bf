"""Retries run out: the batch is in the failed-records bucket, whole, and comes back with its identity."""

import base64
import json
from typing import Any

import pytest

from spm.publishing.put_records import Entry
from spm.term import NativeEvent, generate
from tests.integration.localstack.cloud import SHARED, Cloud, Environment
from tests.integration.localstack.events import count, entries_of, expected, send, stored, wait_for_rows
from tests.integration.localstack.outages import stopped
from tests.waiting import wait_until

pytestmark = pytest.mark.localstack


def test_what_was_given_up_is_kept_whole_and_replayed_once(cloud: Cloud, environment: Environment) -> None:
    first, *events = generate(201, 10, seed=41)
    send(environment, entries_of([first]))
    wait_for_rows(cloud, [first], seconds=60)
    before = environment.failed_records()
    with stopped(cloud.postgres.get_wrapped_container()):
        # Of one partition key, hence one shard, in one call: one batch.
        send(environment, [Entry(entry.data, "one shard") for entry in entries_of(events)])
        wait_until(lambda: len(environment.failed_records()) > len(before), "the failed batch", seconds=120)
    records = [failed for key, failed in environment.failed_records().items() if key not in before]
    for failed in records:
        check_invocation_record(environment, failed)
    payloads = [payload_of(failed) for failed in records]
    assert identities(payloads) == sorted(
        (f"{record.shard_id}:{record.sequence_number}", record.partition_key, record.data)
        for record in environment.records()
        if record.partition_key == "one shard"
    )
    event_ids = [event["event_id"] for event in events]
    assert count(cloud, event_ids) == 0

    replayed = cloud.checkout.run("spm", "replay", "failed", "--suffix", SHARED["environmentSuffix"])
    rows = stored(cloud, environment, events)
    assert rows == expected(environment, events), replayed
    assert len(rows) == 200
    stored_at = times_of_storing(cloud, events)
    cloud.checkout.run("spm", "replay", "failed", "--suffix", SHARED["environmentSuffix"])
    assert times_of_storing(cloud, events) == stored_at


def check_invocation_record(environment: Environment, failed: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html"""
    context, batch = failed["requestContext"], failed["KinesisBatchInfo"]
    assert context["condition"] == "RetryAttemptsExhausted"
    assert context["approximateInvokeCount"] == 4
    assert context["functionArn"].startswith(environment.stack.processor_arn)
    assert batch["streamArn"] == environment.stack.stream_arn
    records = payload_of(failed)["Records"]
    assert batch["batchSize"] == len(records)
    ends = [record["kinesis"]["sequenceNumber"] for record in (records[0], records[-1])]
    assert [batch["startSequenceNumber"], batch["endSequenceNumber"]] == ends


def payload_of(failed: dict[str, Any]) -> dict[str, Any]:
    """The event of the invocation: on AWS a string that holds JSON, on LocalStack the object itself."""
    payload = failed["payload"]
    return dict(json.loads(payload) if isinstance(payload, str) else payload)


def identities(payloads: list[dict[str, Any]]) -> list[tuple[str, str, bytes]]:
    """Delivery identity, partition key and bytes of every record."""
    return sorted(
        (record["eventID"], record["kinesis"]["partitionKey"], base64.b64decode(record["kinesis"]["data"]))
        for payload in payloads
        for record in payload["Records"]
    )


def times_of_storing(cloud: Cloud, events: list[NativeEvent]) -> list[dict[str, Any]]:
    """When each of the events was stored."""
    event_ids = [event["event_id"] for event in events]
    sql = "SELECT event_id, stored_at FROM student_performance WHERE event_id = ANY($1::uuid[]) ORDER BY 1"
    return [dict(row) for row in cloud.fetch(sql, event_ids)]
