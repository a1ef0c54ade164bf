"""An alarm as a value: its metric, its threshold, and what missing data means."""

from typing import Final, NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch

Comparison = cloudwatch.ComparisonOperator
Dimensions = dict[str, str]

QUIET: Final = cloudwatch.TreatMissingData.NOT_BREACHING
"""No data means that nothing happened, because the metric is emitted only if there is something to count."""

SILENT: Final = cloudwatch.TreatMissingData.BREACHING
"""No data means trouble, because the metric is emitted every minute as long as the database runs."""


class Within(NamedTuple):
    """An alarm starts when this many of the last periods breach, and ends when fewer do."""

    breaching: int
    periods: int


FEW: Final = Within(1, 15)
"""One minute is enough, and a quiet quarter of an hour ends it, so repeated trouble is announced once."""


class Alarm(NamedTuple):
    """The metric, its threshold, and what a breach means, for whoever gets the message."""

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    description: str
    comparison: cloudwatch.ComparisonOperator = Comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
    within: Within = FEW
    missing: cloudwatch.TreatMissingData = QUIET
