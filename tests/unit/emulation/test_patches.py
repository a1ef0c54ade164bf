"""Each patch of MiniStack is still needed. If a test fails here, MiniStack has mended that fault itself.

The tests use MiniStack without patches, in this process and without opening a port.
"""

import inspect
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import lambda_runtime  # type: ignore[import-untyped]  # MiniStack ships no types
from ministack.services import cloudwatch, kinesis, lambda_svc  # type: ignore[import-untyped]  # as above
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]  # as above

from emulation import patches

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/s"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    kinesis.reset()
    cloudwatch.reset()
    lambda_svc._esms.clear()
    lambda_svc._functions.clear()


def ask(function: Any, **request: Any) -> dict[str, Any]:
    return dict(json.loads(function(request)[2]))


def make_stream(shards: int = 1) -> dict[str, Any]:
    kinesis._create_stream({"StreamName": "s", "ShardCount": shards})
    return dict(kinesis._streams["s"])


def put(count: int) -> None:
    for _ in range(count):
        ask(kinesis._put_record, StreamName="s", PartitionKey="k", Data="eA==")


def needed(name: str) -> None:
    assert name in {patch.name for patch in patches.PATCHES}


def test_the_version_is_the_one_that_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "version", lambda _: "1.5.34")
    with pytest.raises(SystemExit, match=r"for MiniStack 1\.5\.33; 1\.5\.34 is installed"):
        patches.apply()


def test_a_name_that_is_gone_is_reported() -> None:
    with pytest.raises(AttributeError, match="_no_such_function"):
        patches._replace(kinesis, "_no_such_function", "")
    with pytest.raises(KeyError, match="no such"):
        patches._replace({}, "no such", "")


def test_every_name_is_there_and_its_replacement_takes_the_same_arguments() -> None:
    for patch in patches.PATCHES:
        assert patch.reason
        for owner, name, replacement in patch.functions:
            original = owner[name] if isinstance(owner, dict) else getattr(owner, name)
            if not callable(replacement):
                continue
            before, after = (len(inspect.signature(one).parameters) for one in (original, replacement))
            assert before == after or "**" in str(inspect.signature(replacement)), name


def test_the_runner_delivers() -> None:
    needed("the runner delivers")
    source = inspect.getsource(lambda_svc._poll_kinesis)
    assert "BisectBatchOnFunctionError" not in source
    assert "MaximumRetryAttempts" not in source


def test_records_are_not_copied() -> None:
    needed("records are not copied")
    shard = make_stream()["shards"]["shardId-000000000000"]
    before = shard["records"]
    put(1)
    assert shard["records"] is not before


def test_iterators_go_by_sequence_number() -> None:
    needed("iterators go by sequence number")
    records = make_stream()["shards"]["shardId-000000000000"]
    put(5)
    iterator = ask(
        kinesis._get_shard_iterator,
        StreamName="s",
        ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    iterator = ask(kinesis._get_records, ShardIterator=iterator)["NextShardIterator"]
    for record in records["records"]:
        record["ApproximateArrivalTimestamp"] -= 25 * 3600
    put(3)
    assert ask(kinesis._get_records, ShardIterator=iterator)["Records"] == []  # three are lost


def test_closed_shards_stay() -> None:
    needed("closed shards stay")
    stream = make_stream()
    put(1)
    kinesis._split_shard(
        {"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": str(2**127)}
    )
    assert "shardId-000000000000" not in stream["shards"]


def test_a_template_does_not_replace_a_stream() -> None:
    needed("a template does not replace a stream")
    make_stream()
    put(1)
    provisioners._kinesis_stream_create("Stream", {"Name": "s"}, "stack")
    assert not any(shard["records"] for shard in kinesis._streams["s"]["shards"].values())


def test_mappings_are_checked_and_kept() -> None:
    needed("mappings are checked and kept")
    lambda_svc._functions["f"] = {"config": {}, "versions": {}, "aliases": {}}
    request = {"FunctionName": "f", "EventSourceArn": STREAM, "BatchSize": 10_001}
    status, _, body = lambda_svc._create_esm(
        request | {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1.0}
    )
    assert status == 202  # of a stream that does not exist
    assert "StartingPositionTimestamp" not in json.loads(body)


def test_alarms_look_at_their_own_metric() -> None:
    needed("alarms look at their own metric")
    cloudwatch._alarms["a"] = {
        "AlarmName": "a",
        "Namespace": "N",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": "mine"}],
        "Statistic": "Sum",
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "StateValue": "OK",
    }
    cloudwatch.record_metric("N", "Errors", 1, dimensions={"FunctionName": "another"})
    cloudwatch._evaluate_alarm(cloudwatch._alarms["a"])
    assert cloudwatch._alarms["a"]["StateValue"] == "ALARM"


def test_the_log_says_where_it_ends() -> None:
    needed("the log says where it ends")
    worker = lambda_runtime.Worker("f", {"Runtime": "python3.13"}, b"")
    begun = time.monotonic()
    assert worker._drain_stderr_bounded() == ""
    assert time.monotonic() - begun >= 0.05


def test_an_update_lets_invocations_end() -> None:
    needed("an update lets invocations end")
    assert "in_use" not in inspect.getsource(lambda_runtime.kill_workers)
    assert "in_use" not in inspect.getsource(lambda_runtime.invalidate_worker)
