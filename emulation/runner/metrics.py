"""Sends CloudWatch the metrics that AWS publishes for a mapping, and those in a function's log.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

MiniStack counts Invocations, Errors, Throttles and Duration by itself at each Invoke; publishing them here as
well would count them twice.
"""

import json
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

VALUES_A_DATUM = 150  # PutMetricData's limits
DATA_A_CALL = 1000
QUIET_SECONDS = 5.0

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, str, Dimensions]  # namespace, name, unit, dimensions


class Metrics:
    """Collects metrics from any thread. ``publish`` sends them in as few calls as possible.

    As long as the only news is that nothing lags, it sends that every few seconds only.
    """

    def __init__(self, cloudwatch: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._cloudwatch = cloudwatch
        self._lock = threading.Lock()
        self._collected: defaultdict[Key, Counter[float]] = defaultdict(Counter)
        self._has_news = False
        self._published_at = 0.0

    def add(self, namespace: str, name: str, unit: str, value: float, **dimensions: str) -> None:
        """Add one value."""
        with self._lock:
            self._has_news = True
            self._collected[namespace, name, unit, tuple(sorted(dimensions.items()))][float(value)] += 1

    def maximum(self, namespace: str, name: str, unit: str, value: float, **dimensions: str) -> None:
        """Keep the highest value since the last publication."""
        with self._lock:
            values = self._collected[namespace, name, unit, tuple(sorted(dimensions.items()))]
            highest = max([float(value), *values])
            self._has_news |= highest > 0
            values.clear()
            values[highest] = 1

    def add_log(self, log: str) -> None:
        """Add the metrics of the EMF lines in a function's log."""
        for line in log.splitlines():
            if '"_aws"' in line:
                for namespace, name, unit, value, dimensions in read_emf(line):
                    self.add(namespace, name, unit, value, **dimensions)

    def publish(self) -> None:
        """Send everything that was collected. What CloudWatch refuses is lost, with a warning."""
        now = time.monotonic()
        if not self._has_news and now < self._published_at + QUIET_SECONDS:
            return
        self._published_at = now
        with self._lock:
            self._has_news = False
            collected, self._collected = self._collected, defaultdict(Counter)
        data: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for (namespace, name, unit, dimensions), values in collected.items():
            data[namespace] += _data(name, unit, dimensions, values)
        for namespace, entries in data.items():
            for start in range(0, len(entries), DATA_A_CALL):
                self._put(namespace, entries[start : start + DATA_A_CALL])

    def _put(self, namespace: str, entries: list[dict[str, Any]]) -> None:
        try:
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=entries)
        except (BotoCoreError, ClientError) as error:
            logger.warning("CloudWatch did not take %d metrics of %s: %s", len(entries), namespace, error)


def read_emf(line: str) -> Iterator[tuple[str, str, str, float, dict[str, str]]]:
    """Yield namespace, name, unit, value and dimensions of each metric in a line, if it is a line of EMF."""
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return  # the line is cut off by the tail's 4 KB, or of another kind
    for directive in directives:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                for value in _as_list(document[metric["Name"]]):
                    unit = metric.get("Unit", "None")
                    yield directive["Namespace"], metric["Name"], unit, float(value), dimensions


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [value]


def _data(name: str, unit: str, dimensions: Dimensions, values: Counter[float]) -> Iterator[dict[str, Any]]:
    entries = list(values.items())
    for start in range(0, len(entries), VALUES_A_DATUM):
        part = entries[start : start + VALUES_A_DATUM]
        yield {
            "MetricName": name,
            "Unit": unit,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
            "Values": [value for value, _ in part],
            "Counts": [float(count) for _, count in part],
        }
