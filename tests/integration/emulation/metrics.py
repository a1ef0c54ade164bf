"""Reads the metrics of an embedded cloud."""

import time
from collections.abc import Callable

from emulation.cloud import EmbeddedCloud


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
