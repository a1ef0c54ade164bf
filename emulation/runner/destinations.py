"""Invocation records, which an on-failure destination gets for a discarded batch.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from emulation.errors import MappingInvalid
from emulation.runner.lane import Discard
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Answer
from emulation.runner.records import event_of


def invocation_record(
    task: Discard, mapping: EventSourceMapping, shard_id: str, now: float
) -> dict[str, Any]:
    """Return the record that SQS and SNS get. It says where the batch is, not what is in it."""
    batch = task.batch
    first, last = batch.records[0], batch.records[-1]
    return {
        "requestContext": {
            "requestId": batch.answer.request_id if batch.answer else str(uuid.uuid4()),
            "functionArn": mapping.function_arn,
            "condition": task.condition,
            "approximateInvokeCount": batch.attempts,
        },
        **({"responseContext": _response_context(batch.answer)} if batch.answer else {}),
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first.sequence,
            "endSequenceNumber": last.sequence,
            "approximateArrivalOfFirstRecord": _iso(first.arrived_at),
            "approximateArrivalOfLastRecord": _iso(last.arrived_at),
            "batchSize": len(batch.records),
            "streamArn": mapping.stream_arn,
        },
    }


def object_key(mapping: EventSourceMapping, shard_id: str, now: float) -> str:
    """Return the key of an invocation record in S3."""
    at = datetime.fromtimestamp(now, UTC)
    return f"aws/lambda/{mapping.uuid}/{shard_id}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"


class Destination:
    """Sends invocation records to the queue, topic or bucket that a mapping names."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - a boto3 session makes its clients at run time
        self._clients = {name: session.client(name) for name in ("sqs", "sns", "s3")}

    def send(self, task: Discard, mapping: EventSourceMapping, shard_id: str, now: float) -> None:
        """Send the record. Raises the service's own error, or MappingInvalid for an ARN of another kind."""
        if mapping.destination_arn is None:
            return  # without a destination, Lambda discards records permanently
        record = invocation_record(task, mapping, shard_id, now)
        service, name = mapping.destination_arn.split(":")[2], mapping.destination_arn.split(":")[-1]
        match service:
            case "sqs":
                queue = self._clients["sqs"].get_queue_url(QueueName=name)["QueueUrl"]
                self._clients["sqs"].send_message(QueueUrl=queue, MessageBody=json.dumps(record))
            case "sns":
                self._clients["sns"].publish(TopicArn=mapping.destination_arn, Message=json.dumps(record))
            case "s3":
                whole = record | {"payload": event_of(task.batch.records)}
                key = object_key(mapping, shard_id, now)
                self._clients["s3"].put_object(Bucket=name, Key=key, Body=json.dumps(whole).encode())
            case _:
                raise MappingInvalid(f"{mapping.destination_arn} is not an SQS queue, SNS topic or S3 bucket")


def _response_context(answer: Answer) -> dict[str, Any]:
    return {
        "statusCode": answer.status_code,
        "executedVersion": answer.executed_version,
        "functionError": answer.function_error,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
