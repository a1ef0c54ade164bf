"""Which metrics the runner publishes, and which alarm they ring."""

import pytest

from emulation.cloud import EmbeddedCloud
from tests.integration.conformance.lab import Lab
from tests.integration.emulation.metrics import metric
from tests.waiting import wait_until


@pytest.fixture
def cloud(embedded_cloud: EmbeddedCloud) -> EmbeddedCloud:
    """The shared cloud, which these tests do not disturb."""
    return embedded_cloud


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
    wait_until(lambda: count["DroppedEventCount"]("Sum") == 1, "the bad record to be dropped", seconds=20)
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
    wait_until(lambda: errors("SampleCount") >= 2, "two counted invocations", seconds=20)
    assert errors("Sum") == 0


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
    wait_until(lambda: states()[names["mine"]] == "ALARM", "the function's own alarm", seconds=30)
    assert states()[names["another"]] == "OK"
    cloudwatch.delete_alarms(AlarmNames=list(names.values()))
