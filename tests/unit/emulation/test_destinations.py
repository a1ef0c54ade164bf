import json
import re
from typing import Any

import pytest

from emulation.errors import MappingInvalid
from emulation.runner.destinations import Destination, invocation_record, object_key
from emulation.runner.lane import Batch, Discard
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Answer
from emulation.runner.records import ShardRecord

NOW = 1_767_225_600.5  # 2026-01-01T00:00:00.500Z
RECORDS = (ShardRecord("1", "k", NOW - 20, b"", '{"a":1}'), ShardRecord("2", "k", NOW - 10, b"", '{"a":2}'))
ANSWER = Answer(
    request_id="id", status_code=200, executed_version="$LATEST", function_error="Unhandled", payload=b""
)
TRIED = Discard(Batch(RECORDS, attempts=4, answer=ANSWER), "RetryAttemptsExhausted")


def mapping(destination: str | None) -> EventSourceMapping:
    return EventSourceMapping(
        uuid="uuid",
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
        stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
        destination_arn=destination,
    )


class StubSession:
    """Remembers every call of every client."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def client(self, name: str) -> "StubSession":
        del name
        return self

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> dict[str, str]:
            self.calls.append((operation, arguments))
            return {"QueueUrl": "url"}

        return call


def test_the_record_is_what_lambda_documents() -> None:
    assert invocation_record(TRIED, mapping(None), "shardId-000000000001", NOW) == {
        "requestContext": {
            "requestId": "id",
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:00.500Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000001",
            "startSequenceNumber": "1",
            "endSequenceNumber": "2",
            "approximateArrivalOfFirstRecord": "2025-12-31T23:59:40.500Z",
            "approximateArrivalOfLastRecord": "2025-12-31T23:59:50.500Z",
            "batchSize": 2,
            "streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
        },
    }


def test_records_that_were_never_tried_have_no_response() -> None:
    record = invocation_record(Discard(Batch(RECORDS), "RecordAgeExceeded"), mapping(None), "shard", NOW)
    assert "responseContext" not in record
    assert record["requestContext"]["approximateInvokeCount"] == 0


def test_the_key_in_s3() -> None:
    key = object_key(mapping(None), "shardId-000000000001", NOW)
    assert re.fullmatch(
        r"aws/lambda/uuid/shardId-000000000001/2026/01/01/2026-01-01T00\.00\.00-[0-9a-f-]{36}", key
    )


def test_only_s3_gets_the_payload() -> None:
    sent = {}
    for service, arn in {
        "sqs": "arn:aws:sqs:us-east-1:000000000000:q",
        "sns": "arn:aws:sns:us-east-1:000000000000:t",
        "s3": "arn:aws:s3:::b",
    }.items():
        session = StubSession()
        Destination(session).send(TRIED, mapping(arn), "shard", NOW)
        operation, arguments = session.calls[-1]
        body = arguments.get("MessageBody") or arguments.get("Message") or arguments["Body"]
        sent[service] = (operation, json.loads(body))
    assert [operation for operation, _ in sent.values()] == ["send_message", "publish", "put_object"]
    assert "payload" not in sent["sqs"][1]
    assert "payload" not in sent["sns"][1]
    assert json.loads(sent["s3"][1]["payload"]) == {"Records": [{"a": 1}, {"a": 2}]}


def test_without_a_destination_nothing_is_sent() -> None:
    session = StubSession()
    Destination(session).send(TRIED, mapping(None), "shard", NOW)
    assert not session.calls


def test_an_arn_of_another_kind_is_refused() -> None:
    with pytest.raises(MappingInvalid, match="arn:aws:lambda"):
        Destination(StubSession()).send(TRIED, mapping("arn:aws:lambda:us-east-1:0:function:f"), "shard", NOW)
