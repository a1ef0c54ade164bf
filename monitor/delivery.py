"""Deliver records to the deployed processor ourselves, as the event source mapping does.

The event's shape: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.errors import DeliveryError
from monitor.stack import Aws, Stack

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import RecordTypeDef


class Delivered(NamedTuple):
    """What one invocation says of itself in its embedded metric format line."""

    received: int
    stored: int
    duplicates: int
    rejected: int


def shard_ids(aws: Aws, stack: Stack) -> list[str]:
    """The stream's shards, closed ones included, oldest first."""
    pages = aws.kinesis.get_paginator("list_shards").paginate(StreamName=stack.stream_name)
    return [shard["ShardId"] for page in pages for shard in page["Shards"]]


def read_oldest(aws: Aws, stack: Stack, shard_id: str, limit: int) -> list["RecordTypeDef"]:
    """Return up to ``limit`` of the oldest records that the shard still holds."""
    iterator: str | None = aws.kinesis.get_shard_iterator(
        StreamName=stack.stream_name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while iterator:
        answer = aws.kinesis.get_records(ShardIterator=iterator, Limit=limit)
        # An empty answer is not the end: records may be further on (GetRecords, MillisBehindLatest).
        if answer["Records"] or not answer.get("MillisBehindLatest"):
            return answer["Records"]
        iterator = answer.get("NextShardIterator")
    return []


def deliver(aws: Aws, stack: Stack, shard_id: str, records: list["RecordTypeDef"]) -> Delivered:
    """Invoke the processor with these records under their own identities.

    Raises DeliveryError when it fails, or hands records back.
    """
    event = {"Records": list(_lambda_records(stack, shard_id, records))}
    answer = aws.functions.invoke(
        FunctionName=stack.processor_name, Payload=json.dumps(event).encode(), LogType="Tail"
    )
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise DeliveryError(f"the processor failed: {result.get('errorMessage', result)}")
    if result.get("batchItemFailures"):
        raise DeliveryError(
            f"the processor handed back records from {result['batchItemFailures'][0]}: try again"
        )
    return metrics_in(base64.b64decode(answer["LogResult"]).decode(errors="replace"))


def metrics_in(log: str) -> Delivered:
    """Read the counts out of the last embedded metric format line; raise DeliveryError without one."""
    for line in reversed(log.splitlines()):
        start = line.find('{"')
        if start >= 0 and '"ReceivedEvents"' in line:
            values: dict[str, Any] = json.loads(line[start:])
            names = ("ReceivedEvents", "StoredEvents", "DuplicateEvents", "RejectedEvents")
            return Delivered(*(_total(values.get(name, 0)) for name in names))
    raise DeliveryError("the processor's log has no metrics line")


def _total(value: float | list[float]) -> int:
    """EMF allows a single number or an array of values."""
    return int(sum(value)) if isinstance(value, list) else int(value)


def _lambda_records(stack: Stack, shard_id: str, records: list["RecordTypeDef"]) -> Iterator[dict[str, Any]]:
    region = stack.stream_arn.split(":")[3]
    for record in records:
        yield {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard_id}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "",
            "awsRegion": region,
            "eventSourceARN": stack.stream_arn,
        }
