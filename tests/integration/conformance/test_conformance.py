"""Lambda's documented behaviour for Kinesis event source mappings: one scenario per rule, on every cloud."""

import itertools
import time

import pytest

from tests.integration.conformance.lab import Lab
from tests.integration.conformance.rules import (
    EVENTS,
    MAPPINGS,
    PARAMETERS,
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
