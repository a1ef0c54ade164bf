"""Metrics as alarms and the dashboard name them."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

MINUTE: Final = Duration.minutes(1)
FIVE_MINUTES: Final = Duration.minutes(5)
FIFTEEN_MINUTES: Final = Duration.minutes(15)


def aws_metric(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    *,
    statistic: str = "Sum",
    period: Duration = MINUTE,
) -> cloudwatch.Metric:
    """Name one metric of CloudWatch, by default its sum over a minute."""
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=period
    )


def lambda_metric(
    name: str, dimensions: dict[str, str], *, statistic: str = "Sum", period: Duration = MINUTE
) -> cloudwatch.Metric:
    """Name a metric of Lambda."""
    return aws_metric("AWS/Lambda", name, dimensions, statistic=statistic, period=period)


def rds_metric(name: str, dimensions: dict[str, str], *, statistic: str = "Average") -> cloudwatch.Metric:
    """Name a metric of RDS over five minutes, because a burst of one minute is only a batch."""
    return aws_metric("AWS/RDS", name, dimensions, statistic=statistic, period=FIVE_MINUTES)
