"""Lambda's documented behaviour for Kinesis event source mappings: one scenario per rule, on every cloud."""

import itertools
import json
import re
import time
from typing import Any

import pytest

from tests.integration.conformance.lab import Lab
from tests.integration.conformance.rules import (
    DESTINATIONS,
    ERRORS,
    EVENTS,
    FILTERING,
    MAPPINGS,
    PARAMETERS,
    REPORTING,
    documented,
    labels,
)

pytestmark = pytest.mark.long

# -- batches -----------------------------------------------------------------------------------------------


@documented(EVENTS)
def test_event_shape(lab: Lab) -> None:
    """A record's event carries the documented members."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0", key="the key")
    lab.make_mapping()
    delivery = lab.wait_for("r0")[0]
    record = delivery.first_record
    kinesis = record.pop("kinesis")
    assert abs(kinesis.pop("approximateArrivalTimestamp") - delivery.at) < 300
    sequence = kinesis["sequenceNumber"]
    assert kinesis == {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "the key",
        "sequenceNumber": sequence,
        "data": "",
    }
    assert record == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": lab.target.role_arn,
        "awsRegion": lab.kinesis.meta.region_name,
        "eventSourceARN": lab.stream_arn,
    }


@documented(PARAMETERS)
def test_batch_size(lab: Lab) -> None:
    """A batch has at most BatchSize records, in the order of the shard."""
    lab.make_stream()
    lab.make_function()
    lab.put(*labels(7))
    lab.make_mapping(BatchSize=3)
    lab.wait_for(*labels(7))
    assert lab.batches() == [["r0", "r1", "r2"], ["r3", "r4", "r5"], ["r6"]]


@documented(PARAMETERS, needs="a wait until the mapping polls")
def test_batching_window(lab: Lab) -> None:
    """A batch that is not full waits for the batching window to end."""
    lab.make_stream()
    lab.make_function()
    lab.make_mapping(BatchSize=100, MaximumBatchingWindowInSeconds=6)
    time.sleep(3 * lab.target.patience)  # the scenario needs a mapping that is polling already
    lab.put("r0")
    time.sleep(2)
    lab.put("r1")
    lab.wait_for("r0", "r1", seconds=30)
    assert lab.batches() == [["r0", "r1"]]


@documented(PARAMETERS)
def test_full_batch_does_not_wait(lab: Lab) -> None:
    """A full batch goes out before its window ends."""
    lab.make_stream()
    lab.make_function()
    lab.put(*labels(2))
    lab.make_mapping(BatchSize=2, MaximumBatchingWindowInSeconds=300)
    lab.wait_for(*labels(2))
    assert lab.batches() == [["r0", "r1"]]


@documented(MAPPINGS)
def test_six_megabytes(lab: Lab) -> None:
    """A batch goes out at 6 MB of payload, base64 included, and holds no more."""
    lab.make_stream()
    lab.make_function()
    lab.put(*labels(6), filler=1_000_000)
    lab.make_mapping(BatchSize=100, MaximumBatchingWindowInSeconds=300)
    lab.wait_for(*labels(4), seconds=40)
    assert lab.batches()[0] == labels(4)


@documented(EVENTS)
def test_shards_are_polled_concurrently(lab: Lab) -> None:
    """A slow function on one shard does not hold back another."""
    lab.make_stream(shards=2)
    sleep = 15 * lab.target.pace
    lab.make_function({"when": {"contains": ["slow"]}, "do": {"sleep": sleep}})
    lab.put_to_shard("slow", 0)
    lab.make_mapping(BatchSize=1)
    slow = lab.wait_for("slow")[0]
    lab.put_to_shard("quick", 1)
    quick = lab.wait_for("quick")[-1]
    assert quick.at - slow.at < sleep


@documented(PARAMETERS)
def test_parallelization_factor(lab: Lab) -> None:
    """With a parallelization factor, batches of one shard run at once, in order per partition key."""
    lab.make_stream()
    sleep = 2 * lab.target.pace
    lab.make_function({"do": {"sleep": sleep}})
    keys = [f"key{number}" for number in range(10)]
    for turn in range(2):
        for key in keys:
            lab.put(f"{key} {turn}", key=key)
    lab.make_mapping(BatchSize=1, ParallelizationFactor=10)
    deliveries = lab.wait_for(*[f"{key} 1" for key in keys], seconds=60)
    at = {delivery.labels[0]: delivery.at for delivery in deliveries}
    firsts = sorted(at[f"{key} 0"] for key in keys)
    assert any(later - earlier < sleep for earlier, later in itertools.pairwise(firsts))
    assert all(at[f"{key} 1"] - at[f"{key} 0"] >= sleep for key in keys)


# -- where reading starts ----------------------------------------------------------------------------------


@documented(MAPPINGS)
def test_trim_horizon(lab: Lab) -> None:
    """TRIM_HORIZON starts with the oldest record of the stream."""
    lab.make_stream()
    lab.make_function()
    lab.put("before")
    lab.make_mapping(StartingPosition="TRIM_HORIZON")
    lab.wait_for("before")


@documented(MAPPINGS, needs="records sent until one arrives")
def test_latest(lab: Lab) -> None:
    """LATEST skips what was sent before the mapping's first poll."""
    lab.make_stream()
    lab.make_function()
    lab.put("before")
    lab.make_mapping(StartingPosition="LATEST")
    sent: list[str] = []
    deadline = time.monotonic() + 30 * lab.target.patience
    while not lab.deliveries() and time.monotonic() < deadline:
        sent.append(f"after {len(sent)}")
        lab.put(sent[-1])
        time.sleep(0.5)
    lab.wait_for(sent[-1])
    assert "before" not in [label for batch in lab.batches() for label in batch]


@documented(PARAMETERS)
def test_at_timestamp(lab: Lab) -> None:
    """AT_TIMESTAMP starts with the first record that arrived at that time or later."""
    lab.make_stream()
    lab.make_function()
    lab.put("before")
    time.sleep(2 * lab.target.pace)
    moment = time.time()
    time.sleep(2 * lab.target.pace)
    lab.put("after")
    lab.make_mapping(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
    lab.wait_for("after")
    assert lab.batches() == [["after"]]


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


# -- configuration -----------------------------------------------------------------------------------------


@documented(FILTERING)
def test_filter_on_data(lab: Lab) -> None:
    """Records whose data do not match the filter are dropped for good."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0", score=10)
    lab.put("r1", score=90)
    lab.put("r2", score=50)
    lab.make_mapping(
        BatchSize=10,
        FilterCriteria={"Filters": [{"Pattern": '{"data": {"score": [{"numeric": [">", 40]}]}}'}]},
    )
    lab.wait_for("r1", "r2")
    assert lab.batches() == [["r1", "r2"]]


@documented(FILTERING)
def test_filter_drops_what_is_not_json(lab: Lab) -> None:
    """Records whose data are not JSON do not match a filter on data."""
    lab.make_stream()
    lab.make_function()
    lab.kinesis.put_record(StreamName=lab.name, Data=b"\xff not JSON", PartitionKey="x")
    lab.put("r1")
    lab.make_mapping(FilterCriteria={"Filters": [{"Pattern": '{"data": {"label": ["r1"]}}'}]})
    lab.wait_for("r1")
    assert lab.batches() == [["r1"]]


@documented(MAPPINGS, needs="a wait for a poll under way")
def test_disable_and_enable(lab: Lab) -> None:
    """A disabled mapping delivers nothing, and goes on where it was when it is enabled again."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.update_mapping(Enabled=False)
    time.sleep(5 * lab.target.pace)  # a poll under way may still deliver
    lab.put("r1")
    lab.stays(lambda: lab.batches() == [["r0"]], seconds=5 * lab.target.pace)
    lab.update_mapping(Enabled=True)
    lab.wait_for("r1", seconds=60)
    assert lab.batches() == [["r0"], ["r1"]]


@documented(MAPPINGS, needs="a wait until the pollers have it")
def test_update_while_running(lab: Lab) -> None:
    """An updated batch size holds for the batches after the update."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.update_mapping(BatchSize=3, MaximumBatchingWindowInSeconds=30)
    time.sleep(6 * lab.target.pace)  # until the pollers know it
    lab.put("r1", "r2", "r3")
    lab.wait_for("r1", "r2", "r3", seconds=60)
    assert lab.batches()[1:] == [["r1", "r2", "r3"]]
