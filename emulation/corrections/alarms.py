"""Metric alarms as CloudWatch evaluates them: one metric with its dimensions, period by period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, cast

from ministack.services import cloudwatch  # type: ignore[import-untyped]  # MiniStack ships no types

Alarm = dict[str, Any]
State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

EXTRA_PERIODS: Final = 2  # CloudWatch looks further back than it evaluates: two periods in its examples
COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def evaluate_alarm(alarm: Alarm) -> None:
    """Evaluate an alarm now. A change of state is noted and sent to the alarm's topics."""
    before = alarm["StateValue"]
    values = datapoints(alarm, time.time())
    state = judge(
        [None if value is None else _is_breaching(alarm, value) for value in values],
        periods=int(alarm.get("EvaluationPeriods", 1)),
        needed=int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1)),
        missing=str(alarm.get("TreatMissingData") or "missing"),
    )
    if state is None or state == before:
        return
    alarm["StateValue"] = state
    alarm["StateReason"] = _reason(alarm, state, values)
    alarm["StateUpdatedTimestamp"] = int(time.time())
    cloudwatch._record_history(alarm["AlarmName"], before, state, alarm["StateReason"])
    cloudwatch._dispatch_alarm_actions(alarm, before, state, alarm["StateReason"])
    cloudwatch._evaluate_parent_alarms(alarm)


def judge(breaching: Sequence[bool | None], *, periods: int, needed: int, missing: str) -> State | None:
    """Return the alarm's state, or None if it does not change. Datapoints come oldest first; None is missing.

    ``missing`` says how missing datapoints count. They count only if there are too few others.
    """
    real = [one for one in breaching if one is not None][-periods:]
    lacking = periods - len(real)
    if missing == "breaching":
        return "ALARM" if sum(real) + lacking >= needed else "OK"
    if missing == "notBreaching" or sum(real) >= needed:
        return "ALARM" if sum(real) >= needed else "OK"
    if not real:
        return None if missing == "ignore" else "INSUFFICIENT_DATA"
    if not lacking or not all(real):
        return "OK"
    # Everything breaches, but it is not enough: this is an alarm only once the oldest is old enough.
    oldest = len(breaching) - list(breaching).index(True)
    return "ALARM" if missing == "missing" and oldest >= needed else None


def datapoints(alarm: Alarm, now: float) -> list[float | None]:
    """Return the alarm's statistic for each period it looks at, oldest first, or None if there is no data."""
    period = int(alarm.get("Period", 60))
    looked_at = int(alarm.get("EvaluationPeriods", 1)) + EXTRA_PERIODS
    current = int(now // period)
    by_period: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for point in _points(alarm):
        by_period[int(point["Timestamp"] // period)].append(point)
    numbers = range(current - looked_at + 1, current + 1)
    values = [_statistic(alarm, by_period[number]) if number in by_period else None for number in numbers]
    return values[:-1] if _may_still_rise(alarm) else values


def _may_still_rise(alarm: Alarm) -> bool:
    """Tell whether the current period could breach only because it is incomplete."""
    grows = alarm.get("Statistic") in {"Sum", "SampleCount"}
    return grows and str(alarm.get("ComparisonOperator", "")).startswith("LessThan")


def _points(alarm: Alarm) -> list[dict[str, Any]]:
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    points = cloudwatch._metrics.get((alarm.get("Namespace"), alarm.get("MetricName"), dimensions)) or []
    unit = alarm.get("Unit")
    return [point for point in points if not unit or point.get("Unit") == unit]


def _statistic(alarm: Alarm, points: list[dict[str, Any]]) -> float | None:
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    stats = cloudwatch._calc_stats(points)
    return cast("float | None", cloudwatch._stat_value(stats, name, points)) if stats else None


def _is_breaching(alarm: Alarm, value: float) -> bool:
    return COMPARISONS[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


def _reason(alarm: Alarm, state: State, values: Sequence[float | None]) -> str:
    shown = ", ".join("missing" if value is None else f"{value:g}" for value in values)
    return (
        f"{state}: {alarm['MetricName']} by period, oldest first: {shown}; threshold {alarm['Threshold']:g}"
    )


def put_metric_alarm(
    params: Any,  # noqa: ANN401 - MiniStack's
    cbor_data: Any,  # noqa: ANN401 - as above
    is_cbor: bool,  # noqa: FBT001 - as above
    is_json: bool = False,  # noqa: FBT001, FBT002 - as above
) -> Any:  # noqa: ANN401 - as above
    """Answer PutMetricAlarm. Refuse metric math and anomaly detection, which are not evaluated."""
    sent = cbor_data if is_cbor or is_json else {name.split(".")[0]: value for name, value in params.items()}
    unknown = sorted({"Metrics", "ThresholdMetricId", "EvaluationCriteria"} & set(sent))
    if not unknown and _comparison(sent) not in COMPARISONS:
        unknown = [f"ComparisonOperator {_comparison(sent)}"]
    if unknown:
        message = f"{', '.join(unknown)} is not emulated: an alarm compares one metric with a threshold"
        return cloudwatch._error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)
    return _put_metric_alarm(params, cbor_data, is_cbor, is_json)


def _comparison(sent: dict[str, Any]) -> str:
    value = sent.get("ComparisonOperator", "")
    return str(value[0] if isinstance(value, list) else value)


_put_metric_alarm = cloudwatch._put_metric_alarm
