"""Reports on an invocation: one line of metrics, and a log line if something is wrong.

Neither holds a student's id, a payload or a secret.
"""

import time
from collections.abc import Sequence

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit, single_metric

from processor.batch import BatchResult
from processor.metrics import NAMESPACE, REASON_DIMENSION, MetricName
from processor.records.kinesis import KinesisRecord

logger = Logger(log_uncaught_exceptions=False)


def report(
    result: BatchResult, records: Sequence[KinesisRecord], request_id: str, milliseconds: float, retries: int
) -> None:
    """Print the invocation's metrics as one EMF line, and a log line each for rejections and deferral."""
    span = {
        "shard": records[0]["eventID"].partition(":")[0],
        "first_sequence_number": records[0]["kinesis"]["sequenceNumber"],
        "last_sequence_number": records[-1]["kinesis"]["sequenceNumber"],
        "request_id": request_id,
    }
    saved = result.saved
    if saved.rejected:
        logger.warning("events rejected: see rejected_event", extra={"rejected": saved.rejected, **span})
    if result.first_deferred:
        logger.error(result.why_deferred, extra={"first_deferred": result.first_deferred, **span})
    values: dict[MetricName, float] = {
        "ReceivedEvents": result.received,
        "StoredEvents": saved.stored,
        "DuplicateEvents": saved.duplicates,
        "ConflictingEvents": saved.conflicts,
        "ExpiredEvents": saved.expired,
        "ErasedEvents": saved.erased,
        "RejectedEvents": saved.rejected.total(),
        "DecoderFailures": saved.rejected["decoder_failed"],
        "DeferredRecords": result.deferred,
        "Retries": retries,
        "BatchDuration": milliseconds,
        "StorageLag": (time.time() - records[0]["kinesis"]["approximateArrivalTimestamp"]) * 1000,
    }
    _print(values, span)
    for reason, count in saved.rejected.items():
        _print_by_reason(reason, count)


def _print(values: dict[MetricName, float], span: dict[str, str]) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in values.items():
        metrics.add_metric(name, _unit(name), value)
    for key, text in span.items():
        metrics.add_metadata(key, text)
    metrics.flush_metrics()


def _print_by_reason(reason: str, count: int) -> None:
    rejected: MetricName = "RejectedEvents"
    with single_metric(rejected, MetricUnit.Count, count, namespace=NAMESPACE) as metric:
        metric.add_dimension(REASON_DIMENSION, reason)


def _unit(name: MetricName) -> MetricUnit:
    return MetricUnit.Milliseconds if name in ("BatchDuration", "StorageLag") else MetricUnit.Count
