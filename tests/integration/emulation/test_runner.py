"""The runner as a process: what a restart repeats, and what it publishes."""

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
    """SIGKILL: no chance to write anything down."""
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
    lab.wait_for("r6")  # the fourth batch is in flight, three are done
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
    """Return what reads a statistic of a metric over the last hour; 0 while there is none."""
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
