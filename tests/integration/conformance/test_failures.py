"""Batches that fail: retries, splitting, age and destinations, one scenario per rule, on every cloud."""

import json
import re
from typing import Any

import pytest

from tests.integration.conformance.lab import Lab
from tests.integration.conformance.rules import (
    DESTINATIONS,
    ERRORS,
    EVENTS,
    REPORTING,
    documented,
    labels,
)

pytestmark = pytest.mark.long


# -- failures ----------------------------------------------------------------------------------------------


@documented(ERRORS)
def test_failed_batch_is_retried_in_place(lab: Lab) -> None:
    """A failed batch comes again unchanged, before anything after it in its shard."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"raise": "not yet"}})
    lab.put(*labels(3))
    lab.make_mapping(BatchSize=2)
    lab.wait_for_deliveries(2)
    lab.heal()
    lab.wait_for("r2", seconds=60)
    *first, last = lab.batches()
    assert len(first) > 1
    assert all(batch == ["r0", "r1"] for batch in first)
    assert last == ["r2"]


@documented(REPORTING)
def test_partial_response_repeats_from_the_lowest(lab: Lab) -> None:
    """The lowest reported sequence number is the checkpoint: it and everything after it come again."""
    lab.make_stream()
    lab.make_function({"do": {"report": ["r3", "r1"]}})
    lab.put(*labels(5))
    lab.make_mapping(BatchSize=5)
    lab.wait_for_deliveries(2)
    assert lab.batches()[0] == labels(5)
    assert lab.batches()[1] == ["r1", "r2", "r3", "r4"]


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="empty"),
        pytest.param({"batchItemFailures": []}, id="empty list"),
        pytest.param({"batchItemFailures": None}, id="null list"),
    ],
)
@documented(REPORTING)
def test_response_of_success(lab: Lab, response: object) -> None:
    """A null or empty response, or an empty or null list of failures, is complete success."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"return": response}})
    lab.put(*labels(3))
    lab.make_mapping(BatchSize=2)
    lab.wait_for("r2")
    assert lab.batches() == [["r0", "r1"], ["r2"]]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param({"itemIdentifier": ""}, id="empty"),
        pytest.param({"itemIdentifier": None}, id="null"),
        pytest.param({"itemIdentifiers": "x"}, id="wrong key"),
        pytest.param(
            {"itemIdentifier": "49590338271490256608559692538361571095921575989136588898"}, id="unknown"
        ),
    ],
)
@documented(REPORTING)
def test_malformed_response(lab: Lab, failure: object) -> None:
    """An empty, null or unknown identifier, or a wrong key, is complete failure."""
    lab.make_stream()
    lab.make_function({"do": {"return": {"batchItemFailures": [failure]}}})
    lab.put(*labels(2))
    lab.make_mapping(BatchSize=2)
    lab.wait_for_deliveries(2)
    assert lab.batches()[1] == labels(2)


@documented(EVENTS)
def test_report_without_the_setting(lab: Lab) -> None:
    """Without ReportBatchItemFailures the response does not matter."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"report": ["r0"]}})
    lab.put(*labels(3))
    lab.make_mapping(BatchSize=2, FunctionResponseTypes=[])
    lab.wait_for("r2")
    assert lab.batches() == [["r0", "r1"], ["r2"]]


@documented(ERRORS)
def test_retries_run_out(lab: Lab) -> None:
    """After MaximumRetryAttempts the batch is discarded and the shard goes on."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"raise": "never"}})
    lab.put(*labels(3))
    lab.make_mapping(BatchSize=2, MaximumRetryAttempts=2)
    lab.wait_for("r2", seconds=60)
    assert lab.batches() == [["r0", "r1"]] * 3 + [["r2"]]


@documented(ERRORS)
def test_time_out_is_a_failure(lab: Lab) -> None:
    """A function that times out has failed."""
    lab.make_stream()
    timeout = round(4 * lab.target.pace)
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"sleep": timeout + 10}}, timeout=timeout)
    lab.put(*labels(2))
    lab.make_mapping(BatchSize=1, MaximumRetryAttempts=1)
    lab.wait_for("r1", seconds=60)
    assert lab.batches() == [["r0"], ["r0"], ["r1"]]


@documented(ERRORS)
def test_throttling_uses_up_no_retry(lab: Lab) -> None:
    """A throttled invocation is tried again without using up a retry."""
    lab.make_stream()
    lab.make_function()
    queue = lab.make_queue("failures")
    lab.function.put_function_concurrency(FunctionName=lab.name, ReservedConcurrentExecutions=0)
    lab.put("r0")
    lab.make_mapping(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": queue}})
    lab.stays(lambda: not list(lab.messages("failures")) and not lab.deliveries(), 6 * lab.target.pace)
    lab.function.delete_function_concurrency(FunctionName=lab.name)
    lab.wait_for("r0", seconds=60)


@documented(ERRORS)
def test_bisect_isolates_a_bad_record(lab: Lab) -> None:
    """With bisect, only the bad record of a batch ends in the destination, and splitting uses up no retry."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r5"]}, "do": {"raise": "never"}})
    queue = lab.make_queue("failures")
    lab.put(*labels(8))
    lab.make_mapping(
        BatchSize=8,
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    failure = lab.wait_for_messages("failures")[0]
    assert failure["KinesisBatchInfo"]["batchSize"] == 1
    good = set(labels(8)) - {"r5"}
    lab.wait_until(lambda: good == {label for batch in lab.batches() if "r5" not in batch for label in batch})


@documented(REPORTING)
def test_bisect_splits_at_the_checkpoint(lab: Lab) -> None:
    """With bisect and a partial response, the batch is split at the checkpoint and the rest retried."""
    lab.make_stream()
    lab.make_function(
        {"when": {"contains": ["r0"]}, "do": {"report": ["r2"]}},
        {"when": {"contains": ["r2"]}, "do": {"report": ["r3"]}},
    )
    queue = lab.make_queue("failures")
    lab.put(*labels(5))
    lab.make_mapping(
        BatchSize=5,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    lab.wait_for_deliveries(3, seconds=60)
    assert lab.batches()[:3] == [labels(5), ["r2", "r3", "r4"], ["r3", "r4"]]
    assert not list(lab.messages("failures"))


@documented(ERRORS)
def test_maximum_record_age(lab: Lab) -> None:
    """Records older than MaximumRecordAgeInSeconds are discarded, however many retries are left."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"raise": "never"}})
    queue = lab.make_queue("failures")
    lab.put("r0")
    age = 60  # the smallest that Lambda accepts
    lab.make_mapping(
        BatchSize=1,
        MaximumRecordAgeInSeconds=age,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    failure = lab.wait_for_messages("failures", seconds=2 * age + 30)[0]
    assert failure["requestContext"]["condition"] == "RecordAgeExceeded"
    lab.put("r1")
    lab.wait_for("r1")


# -- destinations ------------------------------------------------------------------------------------------


def check_invocation_record(lab: Lab, record: dict[str, Any]) -> None:
    batch = lab.deliveries()[0]
    context = record["requestContext"]
    assert context["condition"] == "RetryAttemptsExhausted"
    assert context["approximateInvokeCount"] == 2
    assert context["functionArn"].startswith("arn:aws:lambda:")
    assert context["requestId"]
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["version"] == "1.0"
    assert record["timestamp"].endswith("Z")
    info = dict(record["KinesisBatchInfo"])
    assert info.pop("approximateArrivalOfFirstRecord") <= info.pop("approximateArrivalOfLastRecord")
    assert info == {
        "shardId": batch.shard,
        "startSequenceNumber": batch.sequences[0],
        "endSequenceNumber": batch.sequences[-1],
        "batchSize": 3,
        "streamArn": lab.stream_arn,
    }


def fail_into(lab: Lab, destination: str) -> None:
    lab.make_function({"do": {"raise": "never"}})
    lab.put(*labels(3))
    lab.make_mapping(
        BatchSize=3, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": destination}}
    )


@documented(DESTINATIONS)
def test_destination_sqs(lab: Lab) -> None:
    """An SQS queue gets the invocation record without the payload."""
    lab.make_stream()
    fail_into(lab, lab.make_queue("failures"))
    record = lab.wait_for_messages("failures")[0]
    assert "payload" not in record
    check_invocation_record(lab, record)


@documented(DESTINATIONS)
def test_destination_sns(lab: Lab) -> None:
    """An SNS topic gets the invocation record without the payload."""
    lab.make_stream()
    fail_into(lab, lab.make_topic(lab.make_queue("failures")))
    record = json.loads(lab.wait_for_messages("failures")[0]["Message"])
    assert "payload" not in record
    check_invocation_record(lab, record)


@documented(DESTINATIONS)
def test_destination_s3(lab: Lab) -> None:
    """An S3 bucket gets the invocation record with the whole payload, under the documented key."""
    lab.make_stream()
    fail_into(lab, lab.make_bucket())
    key, record = next(iter(lab.wait_for_objects().items()))
    uuid, shard = lab.mapping["UUID"], lab.deliveries()[0].shard
    day, second = r"\d{4}/\d{2}/\d{2}", r"\d{4}-\d{2}-\d{2}T\d{2}\.\d{2}\.\d{2}-.+"
    assert re.fullmatch(f"aws/lambda/{uuid}/{shard}/{day}/{second}", key)
    payload = json.loads(record["payload"])
    sequences = [entry["kinesis"]["sequenceNumber"] for entry in payload["Records"]]
    assert sequences == lab.deliveries()[0].sequences
    check_invocation_record(lab, record)
