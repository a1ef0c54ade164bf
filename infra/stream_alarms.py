"""The alarms of a stream, of its reader, and of the events in it."""

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.alarm import Alarm, Comparison, Dimensions, Within
from infra.config import Config
from infra.metric import FIFTEEN_MINUTES, FIVE_MINUTES, aws_metric, lambda_metric
from processor import metrics


def of_consumer(config: Config, stream: Dimensions, mapping: Dimensions) -> Iterator[Alarm]:
    """Yield the alarm for a consumer that is gone, because that no longer emits any metrics of its own."""
    # A period is longer than the window, because late records of a period are handed over in the next one.
    period = FIVE_MINUTES if config.batch_window_seconds <= 60 else FIFTEEN_MINUTES
    incoming = aws_metric("AWS/Kinesis", "IncomingRecords", stream, period=period)
    invoked = lambda_metric("InvokedEventCount", mapping, period=period)
    yield Alarm(
        "consumer-stopped",
        cloudwatch.MathExpression(
            expression="IF(FILL(incoming, 0) > 0 AND FILL(invoked, 0) == 0, 1, 0)",
            using_metrics={"incoming": incoming, "invoked": invoked},
            label="Records came in and none was handed to the processor",
            period=period,
        ),
        1,
        "Records come in and none is handed to the processor: the mapping is disabled, broken or gone",
        within=Within(3, 6),
    )


def of_mapping(mapping: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of the event source mapping."""
    yield Alarm(
        "failed-records",
        lambda_metric("OnFailureDestinationDeliveredEventCount", mapping),
        1,
        "Records went to the failed-records bucket: they are not in the database until replayed",
    )
    yield Alarm(
        "dropped-records",
        lambda_metric("DroppedEventCount", mapping),
        1,
        "Records were given up and did not reach the failed-records bucket: read them from the stream",
    )


def of_stream(config: Config, stream: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of a stream."""
    yield Alarm(
        "stream-iterator-age",
        aws_metric("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", stream, statistic="Maximum"),
        config.alarm_iterator_age_seconds * 1000,
        f"Records wait more than {config.alarm_iterator_age_seconds} s in the stream",
        comparison=Comparison.GREATER_THAN_THRESHOLD,
        within=Within(2, 15),
    )
    yield Alarm(
        "stream-read-throttling",
        aws_metric("AWS/Kinesis", "ReadProvisionedThroughputExceeded", stream),
        1,
        "Readers of the stream are throttled: another consumer takes what the processor needs",
        within=Within(5, 15),
    )
    yield Alarm(
        "stream-write-throttling",
        aws_metric("AWS/Kinesis", "WriteProvisionedThroughputExceeded", stream),
        1,
        "Producers are throttled: more shards are needed, or better spread partition keys",
    )


def of_events(service: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms about the events themselves."""
    rejected: metrics.MetricName = "RejectedEvents"
    yield Alarm(
        "rejected-events",
        aws_metric(metrics.NAMESPACE, rejected, service),
        1,
        "Events were rejected: see their reasons with the operations function's command `rejected`",
    )
    failed: metrics.MetricName = "DecoderFailures"
    yield Alarm(
        "decoder-failures",
        aws_metric(metrics.NAMESPACE, failed, service),
        1,
        "A decoder failed: its records are rejected until it is mended",
    )
