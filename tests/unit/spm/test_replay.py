import base64
import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from spm.aws.redelivery import Receipt, records_in, replay
from spm.errors import InputError


def answering(log: str) -> Any:
    """Return an AWS whose functions save everything and write this log."""
    answer = {"LogResult": base64.b64encode(log.encode()).decode()}

    def invoke(**_request: object) -> dict[str, Any]:
        return {**answer, "Payload": io.BytesIO(b'{"batchItemFailures": []}')}

    return SimpleNamespace(functions=SimpleNamespace(invoke=invoke))


def replayed(log: str, records: int) -> Receipt:
    stack: Any = SimpleNamespace(processor_name="processor")
    record = {"eventID": "shardId-000000000000:1", "kinesis": {"data": ""}}
    receipt = Receipt(dry_run=False)
    replay(answering(log), stack, [record] * records, receipt, rate=1e9, advance=lambda _count: None)
    return receipt


def test_what_the_log_says_is_counted() -> None:
    receipt = replayed('{"_aws": {}, "ReceivedEvents": 2, "StoredEvents": 1, "DuplicateEvents": 1}', 2)
    assert (receipt.received, receipt.stored, receipt.duplicates, receipt.untold) == (2, 1, 1, 0)


def test_a_log_that_comes_later_than_the_answer_is_no_failure() -> None:
    receipt = replayed("START RequestId: 1", 501)
    assert (receipt.records, receipt.received, receipt.untold) == (501, 0, 501)


ROW = {
    "stream_arn": "arn:aws:kinesis:eu-central-1:1:stream/s",
    "shard_id": "shardId-000000000000",
    "sequence_number": "4711",
    "sub_sequence": 0,
    "arrived_at": "2026-01-01T00:00:00.500000Z",
    "reason": "not_json",
    "payload": base64.b64encode(b"\xffbad").decode(),
}


def test_an_exported_rejection_is_the_record_as_it_arrived() -> None:
    (record,) = records_in(json.dumps(ROW), "file")
    assert record == {
        "kinesis": {
            "sequenceNumber": "4711",
            "data": base64.b64encode(b"\xffbad").decode(),
            "approximateArrivalTimestamp": 1767225600.5,
        },
        "eventID": "shardId-000000000000:4711",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:1:stream/s",
    }


def test_data_that_was_not_base64_arrives_as_it_was() -> None:
    row = {**ROW, "reason": "not_base64", "payload": base64.b64encode(b"%%%").decode()}
    (record,) = records_in(json.dumps(row), "file")
    assert record["kinesis"]["data"] == "%%%"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sub_sequence": 3}, "file is a part of an aggregated record.*spm rejected redrive"),
        ({"arrived_at": "yesterday"}, "not an exported rejection"),
        ({"payload": 7, "reason": "not_base64"}, "not an exported rejection"),
    ],
)
def test_what_cannot_arrive_again_says_what_to_do(change: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        records_in(json.dumps(ROW | change), "file")
