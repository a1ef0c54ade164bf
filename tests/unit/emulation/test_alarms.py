"""When an alarm rings: the examples on AWS's page about missing data, and which metrics count.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import cloudwatch  # type: ignore[import-untyped]  # MiniStack ships no types

from emulation.corrections import alarms

NOW = 1_800_000_030.0  # half a minute into a period


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(time, "time", lambda: NOW)
    yield
    cloudwatch.reset()


def alarm(**settings: Any) -> dict[str, Any]:
    return {
        "AlarmName": "a",
        "Namespace": "N",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": "mine"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "StateValue": "INSUFFICIENT_DATA",
        **settings,
    }


def put(value: float, *, minutes_ago: int = 0, function: str = "mine", unit: str = "Count") -> None:
    cloudwatch._store_datum(
        "N", "Errors", {"FunctionName": function}, NOW - 60 * minutes_ago, unit, value, None, None, None
    )


def state(settings: dict[str, Any]) -> str:
    alarms.evaluate_alarm(settings)
    return str(settings["StateValue"])


# Datapoints are written as on AWS's page, oldest first: 0 is fine, X breaches, - is missing. None means that
# the state stays.
@pytest.mark.parametrize(
    ("points", "needed", "states"),  # with missing data as missing, ignore, breaching, notBreaching
    [
        ("0-X-X", 3, ("OK", "OK", "OK", "OK")),
        ("----0", 3, ("OK", "OK", "OK", "OK")),
        ("-----", 3, ("INSUFFICIENT_DATA", None, "ALARM", "OK")),
        ("0XX-X", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("--X--", 3, ("ALARM", None, "ALARM", "OK")),
        ("0-X-X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("00X0X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0-X--", 2, ("OK", "OK", "ALARM", "OK")),
        ("----0", 2, ("OK", "OK", "ALARM", "OK")),
        ("---X-", 2, ("ALARM", None, "ALARM", "OK")),
        ("----X", 3, (None, None, "ALARM", "OK")),  # too early to tell
    ],
)
def test_missing_data(points: str, needed: int, states: tuple[str | None, ...]) -> None:
    seen = [None if point == "-" else point == "X" for point in points]
    kinds = ("missing", "ignore", "breaching", "notBreaching")
    found = [alarms.judge(seen, periods=3, needed=needed, missing=kind) for kind in kinds]
    assert tuple(found) == states


def test_an_alarm_does_not_ring_for_another_function() -> None:
    put(5, function="another")
    assert state(alarm()) == "OK"
    put(1)
    assert state(alarm()) == "ALARM"


def test_the_same_metric_in_another_unit_does_not_count() -> None:
    put(5, unit="Seconds")
    assert state(alarm(Unit="Count")) == "OK"


def test_each_period_is_judged_by_itself() -> None:
    for minutes in range(3):
        put(1, minutes_ago=minutes)
    assert state(alarm(Threshold=2.0, EvaluationPeriods=3)) == "OK"  # three sums of 1 are not one sum of 3
    assert state(alarm(Threshold=1.0, EvaluationPeriods=3)) == "ALARM"


def test_datapoints_to_alarm() -> None:
    for minutes, value in enumerate([0, 1, 0, 1, 0]):
        put(value, minutes_ago=minutes)
    assert state(alarm(EvaluationPeriods=5, DatapointsToAlarm=2)) == "ALARM"
    assert state(alarm(EvaluationPeriods=5, DatapointsToAlarm=3)) == "OK"


def test_a_breach_that_is_over_ends_the_alarm() -> None:
    put(1, minutes_ago=10)
    assert state(alarm(StateValue="ALARM")) == "OK"


def test_a_sum_that_is_not_complete_yet_is_not_too_low() -> None:
    quiet = {"ComparisonOperator": "LessThanThreshold", "Threshold": 10.0, "TreatMissingData": "breaching"}
    put(3)
    for minutes in range(1, 5):
        put(12, minutes_ago=minutes)
    assert state(alarm(**quiet)) == "OK"
    assert state(alarm(**quiet, Statistic="Average")) == "ALARM"


def test_percentiles() -> None:
    for value in range(101):
        put(value)
    assert state(alarm(Statistic="", ExtendedStatistic="p95", Threshold=95.0)) == "ALARM"
    assert state(alarm(Statistic="", ExtendedStatistic="p95", Threshold=95.1)) == "OK"


def test_a_change_is_announced_once_with_its_reason() -> None:
    put(2)
    rings = alarm()
    state(rings)
    state(rings)
    assert rings["StateReason"] == ("ALARM: Errors by period, oldest first: missing, missing, 2; threshold 1")
    assert len(cloudwatch._history_entries()) == 1


@pytest.mark.parametrize(
    "asked",
    [{"Metrics": []}, {"ComparisonOperator": "GreaterThanUpperThreshold"}, {"EvaluationCriteria": {}}],
)
def test_alarms_that_cannot_be_evaluated_are_refused(asked: dict[str, Any]) -> None:
    status, _, body = alarms.put_metric_alarm({}, alarm() | asked, is_cbor=False, is_json=True)
    assert status == 400
    assert b"is not emulated" in body
