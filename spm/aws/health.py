"""How a stack is doing: looks once at everything that can need attention."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from processor.commands.alerts import ListAlerts
from processor.commands.status import Status, StatusAnswer
from processor.metrics import NAMESPACE, SERVICE_DIMENSION, MetricName
from spm.aws.redelivery import ERASED
from spm.aws.stack import Aws, Stack
from spm.aws.target import Connection

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
METRICS_KEPT: Final = timedelta(days=455)  # CloudWatch keeps hourly values for 15 months
BUCKET_COUNT_LIMIT: Final = 1000


@dataclass(frozen=True)
class Health:
    """What ``spm status`` shows. ``attention`` says in words what a person should look at.

    Alerts are None if the stack sends none.
    """

    stack: str
    target: str
    region: str
    stream: str
    shards: int
    mapping: str
    iterator_age_ms: float | None
    database: StatusAnswer
    duplicates: int
    duplicates_last_hour: int
    expired: int
    alarms: dict[str, str]
    failed_objects: int
    alerts_waiting: int | None
    alerts_given_up: int | None
    dashboard: str | None
    attention: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is printed for programs."""
        return asdict(self)


def look(connection: Connection) -> Health:
    """Ask everything once."""
    aws, stack = connection.aws, connection.stack
    now = datetime.now(UTC)
    summary = aws.kinesis.describe_stream_summary(StreamName=stack.stream_name)["StreamDescriptionSummary"]
    told = connection.commands.run(ListAlerts(limit=1)) if stack.alerts_name else None
    health = Health(
        stack=stack.name,
        target=connection.target,
        region=str(aws.cloudformation.meta.region_name),
        stream=f"{stack.stream_name} ({summary['StreamStatus'].lower()})",
        shards=summary["OpenShardCount"],
        mapping=_mapping(aws, stack),
        iterator_age_ms=_iterator_age(aws, stack, now),
        database=connection.commands.run(Status(pipeline=stack.pipeline.name)),
        duplicates=total(aws, stack, "DuplicateEvents", now - METRICS_KEPT, now),
        duplicates_last_hour=total(aws, stack, "DuplicateEvents", now - HOUR, now),
        expired=total(aws, stack, "ExpiredEvents", now - METRICS_KEPT, now),
        alarms=_alarms(aws, stack),
        failed_objects=_objects(aws, stack),
        alerts_waiting=told.waiting if told else None,
        alerts_given_up=told.given_up if told else None,
        dashboard=connection.dashboard_address,
    )
    health.attention.extend(_attention(health))
    return health


def total(aws: Aws, stack: Stack, metric: MetricName, since: datetime, until: datetime) -> int:
    """Return the sum of one of the processor's metrics over a time that consists of whole periods."""
    return sum(_sums(aws, stack, metric, since, until).values())


def by_minute(aws: Aws, stack: Stack, metric: MetricName, since: datetime, until: datetime) -> list[int]:
    """Return the sum of one of the processor's metrics in each minute of a time of at most an hour."""
    sums = _sums(aws, stack, metric, since, until)
    known = {at.astimezone(UTC).replace(second=0, microsecond=0): value for at, value in sums.items()}
    last = until.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = round((until - since) / MINUTE)
    return [known.get(last - minute * MINUTE, 0) for minute in reversed(range(minutes))]


def _sums(
    aws: Aws, stack: Stack, metric: MetricName, since: datetime, until: datetime
) -> Mapping[datetime, int]:
    answer = aws.cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": SERVICE_DIMENSION, "Value": stack.processor_name}],
        StartTime=since,
        EndTime=until + MINUTE,
        Period=period_of(until - since),
        Statistics=["Sum"],
    )
    return {point["Timestamp"]: int(point["Sum"]) for point in answer["Datapoints"]}


def period_of(time: timedelta) -> int:
    """Return a period in seconds that CloudWatch keeps for this long, for at most 1,440 answers a call.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
    """
    if time <= HOUR:
        return 60
    return 3600 if time <= timedelta(days=30) else 24 * 3600


def _iterator_age(aws: Aws, stack: Stack, now: datetime) -> float | None:
    answer = aws.cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="IteratorAge",
        Dimensions=[{"Name": "FunctionName", "Value": stack.processor_name}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in answer["Datapoints"]), default=None)


def _mapping(aws: Aws, stack: Stack) -> str:
    mappings = aws.functions.list_event_source_mappings(
        FunctionName=stack.processor_name, EventSourceArn=stack.stream_arn
    )["EventSourceMappings"]
    return state_of(mappings[0]) if mappings else "missing"


def state_of(mapping: Mapping[str, Any]) -> str:
    """Return a mapping's state, with what Lambda says about its last batch if that was a problem."""
    state, result = mapping.get("State", "unknown"), mapping.get("LastProcessingResult", "")
    return f"{state}, {result}" if result.startswith("PROBLEM") else state


def _alarms(aws: Aws, stack: Stack) -> dict[str, str]:
    """Return the states of the stack's own alarms, by name."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    names = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::CloudWatch::Alarm"]
    if not names:
        return {}
    found = aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}


def _objects(aws: Aws, stack: Stack) -> int:
    """Return how many objects hold failed records, counted up to one page."""
    answer = aws.s3.list_objects_v2(Bucket=stack.bucket_name, MaxKeys=BUCKET_COUNT_LIMIT)
    return sum(not item["Key"].startswith(ERASED) for item in answer.get("Contents", []))


def _attention(health: Health) -> list[str]:
    lines = [f"alarm {name} is on" for name, state in health.alarms.items() if state == "ALARM"]
    if health.failed_objects:
        lines.append(f"{health.failed_objects:,} objects in the failed-records bucket: spm replay failed")
    if health.alerts_given_up:
        lines.append(
            f"{health.alerts_given_up:,} messages about risks were given up: spm alerts list, then test"
        )
    if rejected := health.database.rejected_open:
        lines.append(f"{rejected:,} rejected records: spm rejected list, then redrive or dismiss them")
    if health.mapping in {"missing", "Disabled", "Disabling"}:
        lines.append(f"the event source mapping is {health.mapping.lower()}: nothing is being stored")
    if "PROBLEM: " in health.mapping:
        lines.append(f"the event source mapping has a problem: {health.mapping.partition(': ')[2]}")
    return lines
