import base64
import io
from types import SimpleNamespace
from typing import Any

from spm.aws.redelivery import Receipt, replay


def answering(log: str) -> Any:
    """AWS with a Lambda whose functions save everything and log this."""
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


def test_what_the_log_tells_is_counted() -> None:
    receipt = replayed('{"_aws": {}, "ReceivedEvents": 2, "StoredEvents": 1, "DuplicateEvents": 1}', 2)
    assert (receipt.received, receipt.stored, receipt.duplicates, receipt.untold) == (2, 1, 1, 0)


def test_a_log_that_comes_later_than_the_answer_is_no_failure() -> None:
    receipt = replayed("START RequestId: 1", 501)
    assert (receipt.records, receipt.received, receipt.untold) == (501, 0, 501)
