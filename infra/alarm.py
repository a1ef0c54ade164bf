"""An alarm as a value: its metric, its threshold, what missing data means."""

from typing import Final, NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch

Comparison = cloudwatch.ComparisonOperator
Dimensions = dict[str, str]

QUIET: Final = cloudwatch.TreatMissingData.NOT_BREACHING
"""No data means that nothing happened: the metric is emitted only when there is something to count."""

SILENT: Final = cloudwatch.TreatMissingData.BREACHING
"""No data means trouble: the metric is emitted every minute as long as the database lives."""


class Within(NamedTuple):
    """An alarm starts when so many of the last periods breach, and is over when fewer do."""

    breaching: int
    periods: int


FEW: Final = Within(1, 15)
"""One minute is enough, and a quiet quarter of an hour ends it: what happens now and then is told once."""


class Alarm(NamedTuple):
    """What is watched, from where on it is too much, and what that means to whoever is told."""

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    description: str
    comparison: cloudwatch.ComparisonOperator = Comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
    within: Within = FEW
    missing: cloudwatch.TreatMissingData = QUIET
