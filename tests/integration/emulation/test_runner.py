"""The runner as a process: what a restart repeats, and which metrics it publishes."""

import json
import time
from collections.abc import Callable, Iterator

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest

from emulation.cloud import EmbeddedCloud
from tests.integration.conformance.conftest import embedded_target_of
from tests.integration.conformance.lab import Lab


@pytest.fixture(scope="module")
def cloud() -> Iterator[EmbeddedCloud]:
    """A cloud whose runner these tests may kill."""
    with EmbeddedCloud() as cloud:
        cloud.start_runner()
        yield cloud


@pytest.fixture
def lab(cloud: EmbeddedCloud) -> Iterator[Lab]:
    lab = Lab(embedded_target_of(cloud))
    yield lab
    lab.close()


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.1)


def kill_runner(cloud: EmbeddedCloud) -> None:
    """Send SIGKILL, so that the runner has no chance to write anything down."""
    guard = cloud._runner._guard if cloud._runner else None
    assert guard is not None
    (runner,) = psutil.Process(guard.pid).children()
    runner.kill()
    cloud.stop_runner()


def test_a_killed_runner_skips_nothing_and_repeats_only_what_was_in_flight(
    cloud: EmbeddedCloud, lab: Lab
) -> None:
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r6"]}, "do": {"sleep": 3}})
    labels = [f"r{number}" for number in range(10)]
    lab.put(*labels)
    lab.make_mapping(BatchSize=2)
    lab.wait_for("r6")  # three batches are done, and the fourth is in flight
    kill_runner(cloud)
    lab.put("r10", "r11")
    cloud.start_runner()
    lab.wait_for("r11", seconds=30)
    assert lab.batches() == [
        ["r0", "r1"], ["r2", "r3"], ["r4", "r5"], ["r6", "r7"], ["r6", "r7"], ["r8", "r9"], ["r10", "r11"],
    ]  # fmt: skip


def test_latest_skips_nothing_when_the_runner_restarts_before_the_first_record(
    cloud: EmbeddedCloud, lab: Lab
) -> None:
    lab.make_stream()
    lab.make_function()
    lab.put("before")
    lab.make_mapping(StartingPosition="LATEST")
    polled = metric(cloud, "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", StreamName=lab.name)
    wait_until(lambda: polled("SampleCount"), 30, "the mapping polls")
    kill_runner(cloud)
    lab.put("while it was down")
    cloud.start_runner()
    lab.wait_for("while it was down", seconds=30)
    assert lab.batches() == [["while it was down"]]


def test_a_deleted_mapping_is_no_longer_driven(cloud: EmbeddedCloud, lab: Lab) -> None:  # noqa: ARG001 - it has the runner
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping()
    lab.wait_for("r0")
    lab.function.delete_event_source_mapping(UUID=lab.mapping["UUID"])
    time.sleep(2)  # the runner looks every second
    lab.put("r1")
    lab.stays(lambda: lab.batches() == [["r0"]], seconds=2)


def test_a_mapping_of_cloudformation_is_driven_before_and_after_an_update(
    cloud: EmbeddedCloud, lab: Lab
) -> None:
    lab.make_stream()
    lab.make_function()
    cloudformation = cloud.client("cloudformation")

    def template(batch_size: int) -> str:
        properties = {
            "FunctionName": lab.name,
            "EventSourceArn": lab.stream_arn,
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": batch_size,
            "Enabled": True,
        }
        mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}
        return json.dumps({"Resources": {"Mapping": mapping}})

    cloudformation.create_stack(StackName=lab.name, TemplateBody=template(1))
    lab.put("r0")
    lab.wait_for("r0")
    cloudformation.update_stack(StackName=lab.name, TemplateBody=template(2))
    lab.wait_until(lambda: [one["BatchSize"] for one in mappings_of(lab)] == [2])
    lab.put("r1")
    lab.wait_for("r1")
    cloudformation.delete_stack(StackName=lab.name)
    lab.wait_until(lambda: not mappings_of(lab))
    assert lab.batches() == [["r0"], ["r1"]]


def mappings_of(lab: Lab) -> list[dict[str, object]]:
    answer = lab.function.list_event_source_mappings(FunctionName=lab.name)
    return list(answer["EventSourceMappings"])


def test_metrics_of_a_mapping(cloud: EmbeddedCloud, lab: Lab) -> None:
    lab.make_stream()
    lab.make_function({"when": {"contains": ["bad"]}, "do": {"raise": "never"}})
    lab.put("r0", "r1", "drop", "bad")
    lab.make_mapping(
        BatchSize=1,
        MaximumRetryAttempts=1,
        FilterCriteria={"Filters": [{"Pattern": '{"data": {"label": [{"anything-but": "drop"}]}}'}]},
    )
    lab.wait_for_deliveries(4)
    count = {
        name: metric(cloud, "AWS/Lambda", name, EventSourceMappingUUID=lab.mapping["UUID"])
        for name in ("PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "DroppedEventCount")
    }
    wait_until(lambda: count["DroppedEventCount"]("Sum") == 1, 20, "the bad record is dropped")
    assert count["PolledEventCount"]("Sum") == 4
    assert count["FilteredOutEventCount"]("Sum") == 1
    assert count["InvokedEventCount"]("Sum") == 4
    of_the_function = {
        name: metric(cloud, "AWS/Lambda", name, FunctionName=lab.name)
        for name in ("Invocations", "Errors", "Duration", "IteratorAge")
    }
    assert of_the_function["Invocations"]("Sum") == 4
    assert of_the_function["Errors"]("Sum") == 2
    assert of_the_function["Duration"]("SampleCount") == 4
    assert of_the_function["IteratorAge"]("SampleCount") == 4
    assert of_the_function["IteratorAge"]("Maximum") > 0


def test_a_partial_failure_is_no_error(cloud: EmbeddedCloud, lab: Lab) -> None:
    lab.make_stream()
    lab.make_function({"do": {"report": ["r0"]}})
    lab.put("r0")
    lab.make_mapping()
    errors = metric(cloud, "AWS/Lambda", "Errors", FunctionName=lab.name)
    lab.wait_for_deliveries(2)
    wait_until(lambda: errors("SampleCount") >= 2, 20, "two invocations are counted")
    assert errors("Sum") == 0


def metric(cloud: EmbeddedCloud, namespace: str, name: str, **dimensions: str) -> Callable[[str], float]:
    """Return a function that reads a metric's statistic over the last hour, or 0 while there is none."""
    cloudwatch = cloud.client("cloudwatch")

    def read(statistic: str) -> float:
        answer = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 60,
            Period=7200,
            Statistics=[statistic],
        )
        return float(sum(point[statistic] for point in answer["Datapoints"]))

    return read


def test_a_broken_mapping_stops_no_other_and_says_why(cloud: EmbeddedCloud, lab: Lab) -> None:  # noqa: ARG001 - it has the runner
    """The stream of one mapping is deleted and comes back, and the other mapping delivers all the while."""
    lab.make_stream()
    lab.make_function()
    other = Lab(lab.target)
    try:
        other.make_stream()
        other.make_function()
        lab.put("r0")
        lab.make_mapping(BatchSize=1)
        other.make_mapping(BatchSize=1)
        lab.wait_until(lambda: lab.last_result() == "OK")
        lab.kinesis.delete_stream(StreamName=lab.name)
        lab.wait_until(lambda: "not found" in lab.last_result())
        other.put("other")
        other.wait_for("other")
        lab.wait_until(lambda: other.last_result() == "OK")
        lab.make_stream()
        lab.put("r1")
        lab.wait_for("r1")
        lab.wait_until(lambda: lab.last_result() == "OK")
    finally:
        other.close()


def test_a_failing_function_shows_in_the_mapping(cloud: EmbeddedCloud, lab: Lab) -> None:  # noqa: ARG001 - it has the runner
    lab.make_stream()
    lab.make_function({"do": {"raise": "not yet"}})
    lab.make_mapping()
    assert lab.last_result() == "No records processed"
    lab.put("r0")
    lab.wait_until(lambda: lab.last_result() == "PROBLEM: Function call failed")
    lab.heal()
    lab.wait_until(lambda: lab.last_result() == "OK")


def test_a_stream_that_is_made_again_is_read_from_its_start(cloud: EmbeddedCloud, lab: Lab) -> None:  # noqa: ARG001 - it has the runner
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.kinesis.delete_stream(StreamName=lab.name)
    lab.make_stream()
    lab.put("r1", "r2")
    lab.wait_for("r1", "r2")
    assert lab.batches() == [["r0"], ["r1"], ["r2"]]
    lab.wait_until(lambda: lab.last_result() == "OK")


def test_what_a_split_shard_holds_survives_a_restart(cloud: EmbeddedCloud, lab: Lab) -> None:
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"sleep": 2}})
    lab.put("r0", "r1", "r2")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    kill_runner(cloud)
    lab.split_first_shard()
    lab.put("r3")
    cloud.start_runner()
    lab.wait_for("r1", "r2", "r3", seconds=30)
    order = [label for batch in lab.batches() for label in batch]
    assert order[-3:] == ["r1", "r2", "r3"]


def test_a_stack_s_stream_and_mapping_are_as_their_template_says(cloud: EmbeddedCloud, lab: Lab) -> None:
    """`Enabled: false` delivers nothing, another ShardCount loses nothing, and then all is delivered."""
    lab.make_function()
    cloudformation = cloud.client("cloudformation")

    def template(*, shards: int, enabled: bool, **settings: object) -> str:
        stream = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": lab.name, "ShardCount": shards}}
        properties = {
            "FunctionName": lab.name,
            "EventSourceArn": {"Fn::GetAtt": ["Stream", "Arn"]},
            "StartingPosition": "TRIM_HORIZON",
            "Enabled": enabled,
        }
        mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties | settings}
        return json.dumps({"Resources": {"Stream": stream, "Mapping": mapping}})

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=lab.name)["Stacks"][0]["StackStatus"])

    def update(body: str, wanted: str) -> None:
        cloudformation.update_stack(StackName=lab.name, TemplateBody=body)
        lab.wait_until(lambda: status() == wanted)

    cloudformation.create_stack(StackName=lab.name, TemplateBody=template(shards=1, enabled=False))
    lab.wait_until(lambda: status() == "CREATE_COMPLETE")
    assert [(one["State"], one["BatchSize"]) for one in mappings_of(lab)] == [("Disabled", 100)]
    lab.put("r0", "r1")
    lab.stays(lambda: not lab.batches(), seconds=3)
    update(template(shards=2, enabled=False), "UPDATE_COMPLETE")
    assert len(lab.open_shards()) == 2
    update(template(shards=5, enabled=False), "UPDATE_ROLLBACK_COMPLETE")
    update(template(shards=2, enabled=True, ParallelizationFactor=11), "UPDATE_ROLLBACK_COMPLETE")
    lab.put("r2")
    assert not lab.batches()
    update(template(shards=2, enabled=True), "UPDATE_COMPLETE")
    lab.wait_for("r0", "r1", "r2")
    cloudformation.delete_stack(StackName=lab.name)
    lab.wait_until(lambda: not mappings_of(lab))


def test_a_function_s_errors_ring_its_own_alarm_only(cloud: EmbeddedCloud, lab: Lab) -> None:
    """Of two alarms on AWS/Lambda Errors, only the one whose function fails rings."""
    lab.make_stream()
    lab.make_function({"do": {"raise": "never"}})
    cloudwatch = cloud.client("cloudwatch")
    names = {of: f"{lab.name}-{of}" for of in ("mine", "another")}
    for of, name in names.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[{"Name": "FunctionName", "Value": lab.name if of == "mine" else "another"}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )

    def states() -> dict[str, str]:
        found = cloudwatch.describe_alarms(AlarmNames=list(names.values()))["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}

    assert states() == {names["mine"]: "OK", names["another"]: "OK"}
    lab.put("r0")
    lab.make_mapping()
    wait_until(lambda: states()[names["mine"]] == "ALARM", 30, "the function's own alarm rings")
    assert states()[names["another"]] == "OK"
    cloudwatch.delete_alarms(AlarmNames=list(names.values()))


def test_children_of_a_split_shard_are_read_at_once(cloud: EmbeddedCloud, lab: Lab) -> None:  # noqa: ARG001 - it has the runner
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping()
    lab.wait_for("r0")
    lab.split_first_shard()
    sent = time.time()
    lab.put("r1")
    arrived = lab.wait_for("r1")[-1].at
    assert arrived - sent < 3
