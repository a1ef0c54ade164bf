"""Deliver records to the deployed processor ourselves, as the event source mapping would.

The event's shape: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from processor.metrics import MetricName
from spm.aws.stack import Aws, Stack
from spm.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import RecordTypeDef


LambdaRecord = dict[str, Any]

COUNTED: Final[tuple[MetricName, ...]] = (
    "ReceivedEvents",
    "StoredEvents",
    "DuplicateEvents",
    "RejectedEvents",
    "ExpiredEvents",
    "ErasedEvents",
)
"""In the order of ``Delivered``."""


class Delivered(NamedTuple):
    """What one invocation says about itself in its line of embedded metric format."""

    received: int
    stored: int
    duplicates: int
    rejected: int
    expired: int = 0
    erased: int = 0


def deliver(aws: Aws, stack: Stack, records: Sequence[LambdaRecord]) -> Delivered | None:
    """Invoke the processor with these records under their own identities; it has saved all of them.

    None if the tail of its log does not tell what became of them: the log may come later than the answer.
    Raises DeliveryError when it fails, or hands records back.
    """
    answer = aws.functions.invoke(
        FunctionName=stack.processor_name, Payload=json.dumps({"Records": records}).encode(), LogType="Tail"
    )
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise DeliveryError(f"the processor failed: {result.get('errorMessage', result)}")
    if failures := result.get("batchItemFailures"):
        first = failures[0]["itemIdentifier"]
        raise DeliveryError(f"the processor could not store the records from {first} on now: try again later")
    return metrics_in(base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"))


def metrics_in(log: str) -> Delivered | None:
    """Read the counts out of the last embedded metric format line, if there is one."""
    for line in reversed(log.splitlines()):
        start = line.find('{"')
        if start >= 0 and '"ReceivedEvents"' in line:
            values: dict[str, Any] = json.loads(line[start:])
            return Delivered(*(_total(values.get(name, 0)) for name in COUNTED))
    return None


def _total(value: float | list[float]) -> int:
    """EMF allows a single number or an array of values."""
    return int(sum(value)) if isinstance(value, list) else int(value)


def lambda_record(stack: Stack, shard_id: str, record: "RecordTypeDef") -> LambdaRecord:
    """Return a record of the stream as Lambda hands it to a function."""
    return {
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
        "awsRegion": stack.stream_arn.split(":")[3],
        "eventSourceARN": stack.stream_arn,
    }
