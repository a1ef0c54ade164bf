"""The alarms of functions, and of the schedule that calls one."""

from collections.abc import Iterator

from infra.alarm import Alarm, Comparison, Dimensions, Within
from infra.config import Config
from infra.front_door import TIMEOUT
from infra.metric import aws_metric, lambda_metric


def of_processor(config: Config, function: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of a processor."""
    age = config.alarm_iterator_age_seconds * 1000
    near_timeout = config.processor_timeout_seconds * 10 * config.alarm_duration_percent
    yield Alarm("processor-errors", lambda_metric("Errors", function), 1, "Invocations of the processor fail")
    yield Alarm("processor-throttles", lambda_metric("Throttles", function), 1, "The processor is throttled")
    yield Alarm(
        "processor-duration",
        lambda_metric("Duration", function, statistic="Maximum"),
        near_timeout,
        f"A batch takes {config.alarm_duration_percent} % of the processor's timeout",
    )
    yield Alarm(
        "iterator-age",
        lambda_metric("IteratorAge", function, statistic="Maximum"),
        age,
        f"The processor is more than {config.alarm_iterator_age_seconds} s behind the stream",
        comparison=Comparison.GREATER_THAN_THRESHOLD,
        within=Within(2, 15),
    )


def of_operations(function: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of the operations function."""
    yield Alarm(
        "operations-errors",
        lambda_metric("Errors", function),
        1,
        "A command given to the operations function failed",
    )


def of_reports(function: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of the reports function."""
    yield Alarm(
        "reports-errors",
        lambda_metric("Errors", function),
        1,
        "A question to the reports function fails",
    )
    yield Alarm(
        "reports-throttles",
        lambda_metric("Throttles", function),
        1,
        "More people and pages ask the reports function at once than its concurrency allows",
    )


def of_door(config: Config, function: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of the front door."""
    percent = config.alarm_duration_percent
    late = TIMEOUT.to_milliseconds() * percent / 100
    for name, metric, statistic, threshold, description in (
        ("errors", "Errors", "Sum", 1, "Requests to the front door end without an answer"),
        ("5xx", "Url5xxCount", "Sum", 1, "The front door tells senders to come again, or has a defect"),
        ("throttles", "Throttles", "Sum", 1, "More senders post at once than the concurrency allows"),
        ("duration", "Duration", "Maximum", late, f"A post takes {percent} % of the door's timeout"),
    ):
        measured = lambda_metric(metric, function, statistic=statistic)
        yield Alarm(f"ingest-{name}", measured, threshold, description)


def of_pages(function: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms of the dashboard."""
    for name, metric, description in (
        ("errors", "Errors", "Requests to the dashboard end without an answer"),
        ("5xx", "Url5xxCount", "The dashboard shows an error instead of a page"),
    ):
        yield Alarm(f"dashboard-{name}", lambda_metric(metric, function), 1, description)


def of_schedule(rule: Dimensions) -> Iterator[Alarm]:
    """Yield the alarm of the schedule that compacts."""
    yield Alarm(
        "schedule-failures",
        aws_metric("AWS/Events", "FailedInvocations", rule),
        1,
        "The schedule could not call the operations function",
    )
