import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from emulation.runner.metrics import VALUES_A_DATUM, Metrics, read_emf


class CloudWatch:
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803 - AWS's names
        self.calls.append((Namespace, MetricData))


def emf(**values: object) -> str:
    return json.dumps(
        {
            "_aws": {
                "Timestamp": 1,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "StudentPerformance",
                        "Dimensions": [["service"]],
                        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
                    }
                ],
            },
            "service": "processor",
            **values,
        }
    )


def test_emf_is_read_with_its_dimensions() -> None:
    assert list(read_emf(emf(StoredEvents=5))) == [
        ("StudentPerformance", "StoredEvents", "Count", 5.0, {"service": "processor"})
    ]


def test_emf_values_may_be_lists() -> None:
    assert [value for *_, value, _ in read_emf(emf(StoredEvents=[1, 2]))] == [1.0, 2.0]


@pytest.mark.parametrize("line", ["", "no json", "[]", "{}", '{"_aws": 1}', emf(StoredEvents=5)[10:]])
def test_other_lines_have_no_metrics(line: str) -> None:
    assert not list(read_emf(line))


def test_equal_values_travel_once_with_their_count() -> None:
    cloudwatch = CloudWatch()
    metrics = Metrics(cloudwatch)
    for value in [5.0, 5.0, 7.0]:
        metrics.add("AWS/Lambda", "IteratorAge", "Milliseconds", value, FunctionName="f")
    metrics.publish()
    metrics.publish()
    [(namespace, [datum])] = cloudwatch.calls
    assert namespace == "AWS/Lambda"
    assert datum == {
        "MetricName": "IteratorAge",
        "Unit": "Milliseconds",
        "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
        "Values": [5.0, 7.0],
        "Counts": [2.0, 1.0],
    }


def test_a_maximum_is_the_highest_since_the_last_publication() -> None:
    cloudwatch = CloudWatch()
    metrics = Metrics(cloudwatch)
    for value in [3.0, 9.0, 4.0]:
        metrics.maximum("AWS/Kinesis", "Age", "Milliseconds", value)
    metrics.publish()
    assert cloudwatch.calls[0][1][0]["Values"] == [9.0]


def test_the_news_that_nothing_lags_is_sent_only_now_and_then() -> None:
    cloudwatch = CloudWatch()
    metrics = Metrics(cloudwatch)
    for _ in range(3):
        metrics.maximum("AWS/Kinesis", "Age", "Milliseconds", 0)
        metrics.publish()
    assert len(cloudwatch.calls) == 1


def test_more_values_than_a_datum_takes_are_spread() -> None:
    cloudwatch = CloudWatch()
    metrics = Metrics(cloudwatch)
    for value in range(VALUES_A_DATUM + 1):
        metrics.add("N", "M", "Count", value)
    metrics.publish()
    assert [len(datum["Values"]) for datum in cloudwatch.calls[0][1]] == [VALUES_A_DATUM, 1]


def test_a_cloudwatch_that_does_not_answer_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Down:
        def put_metric_data(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    metrics = Metrics(Down())
    metrics.add("N", "M", "Count", 1)
    metrics.publish()
    assert "CloudWatch did not take 1 metrics of N" in caplog.text
