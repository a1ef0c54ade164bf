"""Every alarm: its metric, its threshold, what missing data means. docs/operations.md says what to do."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.alarm_topic import AlarmTopic, alarm_name
from infra.compaction import Compaction
from infra.config import Config, DeployedPipeline
from infra.connections import MEMORY_GIB, max_connections
from infra.event_source import EventSource
from infra.existing_database import AnyDatabase
from infra.front_door import TIMEOUT, FrontDoor
from infra.functions import Functions
from infra.metric import FIFTEEN_MINUTES, FIVE_MINUTES, aws_metric, lambda_metric, rds_metric
from infra.school_dashboard import SchoolDashboard
from infra.stream import EventStream
from processor import metrics

Comparison = cloudwatch.ComparisonOperator

QUIET: Final = cloudwatch.TreatMissingData.NOT_BREACHING
"""No data means that nothing happened: the metric is emitted only when there is something to count."""

SILENT: Final = cloudwatch.TreatMissingData.BREACHING
"""No data means trouble: the metric is emitted every minute as long as the database lives."""

MEMORY_LEFT: Final = 0.1
"""Share of the instance's memory: below it PostgreSQL's and the system's caches are being squeezed out."""

TRANSACTION_IDS: Final = 1_000_000_000
"""Autovacuum freezes at 200 million; PostgreSQL stops taking writes at about 2,146 million:
https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND"""


class Within(NamedTuple):
    """An alarm starts when so many of the last periods breach, and is over when fewer do."""

    breaching: int
    periods: int


FEW: Final = Within(1, 15)
"""One minute is enough, and a quiet quarter of an hour ends it: what happens now and then is told once."""


class Alarms(Construct):
    """The alarms, each of which tells the topic when it starts and when it is over."""

    by_name: Mapping[str, cloudwatch.Alarm]

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        pipeline: DeployedPipeline,
        topic: AlarmTopic,
        stream: EventStream,
        processor: lambda_.Function,
        event_source: EventSource,
        functions: Functions | None,
        compaction: Compaction | None,
        database: AnyDatabase | None,
        door: FrontDoor | None,
        pages: SchoolDashboard | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._prefix = "" if pipeline.first else f"{pipeline.name}-"
        self._action = actions.SnsAction(topic.topic)
        self._alarms: dict[str, cloudwatch.Alarm] = {}
        self.by_name = self._alarms

        self._watch_processor({"FunctionName": processor.function_name})
        if functions:
            self._watch_operations({"FunctionName": functions.operations.function_name})
            self._watch_reports({"FunctionName": functions.reports.function_name})
        if door:
            self._watch_door({"FunctionName": door.function.function_name})
        if pages:
            self._watch_pages({"FunctionName": pages.function.function_name})
        if compaction:
            self._watch_schedule({"RuleName": compaction.rule.rule_name})
        mapping = {"EventSourceMappingUUID": event_source.mapping.event_source_mapping_id}
        self._watch_mapping(mapping)
        self._watch_stream({"StreamName": stream.stream.stream_name})
        if config.target == "aws":  # the emulators have no alarms on expressions
            self._watch_consumer({"StreamName": stream.stream.stream_name}, mapping)
        self._watch_events({metrics.SERVICE_DIMENSION: processor.function_name})
        if database and database.instance:
            self._watch_database({"DBInstanceIdentifier": database.instance.instance_identifier})

    def _watch_processor(self, function: dict[str, str]) -> None:
        config = self._config
        age = config.alarm_iterator_age_seconds * 1000
        near_timeout = config.processor_timeout_seconds * 10 * config.alarm_duration_percent
        self._alarm(
            "processor-errors", lambda_metric("Errors", function), 1, "Invocations of the processor fail"
        )
        self._alarm(
            "processor-throttles", lambda_metric("Throttles", function), 1, "The processor is throttled"
        )
        self._alarm(
            "processor-duration",
            lambda_metric("Duration", function, statistic="Maximum"),
            near_timeout,
            f"A batch takes {config.alarm_duration_percent} % of the processor's timeout",
        )
        self._alarm(
            "iterator-age",
            lambda_metric("IteratorAge", function, statistic="Maximum"),
            age,
            f"The processor is more than {config.alarm_iterator_age_seconds} s behind the stream",
            comparison=Comparison.GREATER_THAN_THRESHOLD,
            within=Within(2, 15),
        )

    def _watch_operations(self, function: dict[str, str]) -> None:
        self._alarm(
            "operations-errors",
            lambda_metric("Errors", function),
            1,
            "A command given to the operations function failed",
        )

    def _watch_reports(self, function: dict[str, str]) -> None:
        self._alarm(
            "reports-errors",
            lambda_metric("Errors", function),
            1,
            "A question to the reports function fails",
        )
        self._alarm(
            "reports-throttles",
            lambda_metric("Throttles", function),
            1,
            "More people and pages ask the reports function at once than its concurrency allows",
        )

    def _watch_door(self, function: dict[str, str]) -> None:
        percent = self._config.alarm_duration_percent
        late = TIMEOUT.to_milliseconds() * percent / 100
        for name, metric, statistic, threshold, description in (
            ("errors", "Errors", "Sum", 1, "Requests to the front door end without an answer"),
            ("5xx", "Url5xxCount", "Sum", 1, "The front door tells senders to come again, or has a defect"),
            ("throttles", "Throttles", "Sum", 1, "More senders post at once than the concurrency allows"),
            ("duration", "Duration", "Maximum", late, f"A post takes {percent} % of the door's timeout"),
        ):
            measured = lambda_metric(metric, function, statistic=statistic)
            self._alarm(f"ingest-{name}", measured, threshold, description)

    def _watch_pages(self, function: dict[str, str]) -> None:
        for name, metric, description in (
            ("errors", "Errors", "Requests to the dashboard end without an answer"),
            ("5xx", "Url5xxCount", "The dashboard shows an error instead of a page"),
        ):
            self._alarm(f"dashboard-{name}", lambda_metric(metric, function), 1, description)

    def _watch_schedule(self, rule: dict[str, str]) -> None:
        self._alarm(
            "schedule-failures",
            aws_metric("AWS/Events", "FailedInvocations", rule),
            1,
            "The schedule could not call the operations function",
        )

    def _watch_consumer(self, stream: dict[str, str], mapping: dict[str, str]) -> None:
        """Watch what no metric of the consumer tells: one that is gone emits none, iterator age included."""
        # What arrives late in a period is handed over in the next: a period is longer than the window.
        period = FIVE_MINUTES if self._config.batch_window_seconds <= 60 else FIFTEEN_MINUTES
        incoming = aws_metric("AWS/Kinesis", "IncomingRecords", stream, period=period)
        invoked = lambda_metric("InvokedEventCount", mapping, period=period)
        self._alarm(
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

    def _watch_mapping(self, mapping: dict[str, str]) -> None:
        self._alarm(
            "failed-records",
            lambda_metric("OnFailureDestinationDeliveredEventCount", mapping),
            1,
            "Records went to the failed-records bucket: they are not in the database until replayed",
        )
        self._alarm(
            "dropped-records",
            lambda_metric("DroppedEventCount", mapping),
            1,
            "Records were given up and did not reach the failed-records bucket: read them from the stream",
        )

    def _watch_stream(self, stream: dict[str, str]) -> None:
        self._alarm(
            "stream-iterator-age",
            aws_metric("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", stream, statistic="Maximum"),
            self._config.alarm_iterator_age_seconds * 1000,
            f"Records wait more than {self._config.alarm_iterator_age_seconds} s in the stream",
            comparison=Comparison.GREATER_THAN_THRESHOLD,
            within=Within(2, 15),
        )
        self._alarm(
            "stream-read-throttling",
            aws_metric("AWS/Kinesis", "ReadProvisionedThroughputExceeded", stream),
            1,
            "Readers of the stream are throttled: another consumer takes what the processor needs",
            within=Within(5, 15),
        )
        self._alarm(
            "stream-write-throttling",
            aws_metric("AWS/Kinesis", "WriteProvisionedThroughputExceeded", stream),
            1,
            "Producers are throttled: more shards are needed, or better spread partition keys",
        )

    def _watch_events(self, service: dict[str, str]) -> None:
        rejected: metrics.MetricName = "RejectedEvents"
        self._alarm(
            "rejected-events",
            aws_metric(metrics.NAMESPACE, rejected, service),
            1,
            "Events were rejected: see their reasons with the operations function's command `rejected`",
        )
        failed: metrics.MetricName = "DecoderFailures"
        self._alarm(
            "decoder-failures",
            aws_metric(metrics.NAMESPACE, failed, service),
            1,
            "A decoder failed: its records are rejected until it is mended",
        )

    def _watch_database(self, instance: dict[str, str]) -> None:
        self._watch_load(instance)
        self._watch_room(instance)

    def _watch_load(self, instance: dict[str, str]) -> None:
        config = self._config
        self._alarm(
            "database-cpu",
            rds_metric("CPUUtilization", instance),
            config.alarm_database_cpu_percent,
            f"The database's CPU is above {config.alarm_database_cpu_percent} %, or it has stopped reporting",
            comparison=Comparison.GREATER_THAN_THRESHOLD,
            within=Within(2, 6),
            missing=SILENT,
        )
        available = max_connections(config.database_instance_class)
        self._alarm(
            "database-connections",
            rds_metric("DatabaseConnections", instance, statistic="Maximum"),
            available * config.alarm_database_connections_percent // 100,
            f"Connections reach {config.alarm_database_connections_percent} % of what the instance takes",
            within=Within(1, 6),
        )
        self._alarm(
            "database-memory",
            rds_metric("FreeableMemory", instance),
            int(MEMORY_GIB[config.database_instance_class] * 2**30 * MEMORY_LEFT),
            f"The database has less than {MEMORY_LEFT:.0%} of its memory left",
            comparison=Comparison.LESS_THAN_THRESHOLD,
            within=Within(3, 6),
        )

    def _watch_room(self, instance: dict[str, str]) -> None:
        config = self._config
        percent = config.alarm_database_free_storage_percent
        self._alarm(
            "database-free-storage",
            rds_metric("FreeStorageSpace", instance, statistic="Minimum"),
            config.database_storage_gb * 2**30 * percent // 100,
            f"Less than {percent} % of databaseStorageGb is left: the storage no longer grows by itself",
            comparison=Comparison.LESS_THAN_THRESHOLD,
            within=Within(2, 3),
        )
        self._alarm(
            "database-transaction-ids",
            rds_metric("MaximumUsedTransactionIDs", instance, statistic="Maximum"),
            TRANSACTION_IDS,
            "Vacuum does not keep up: at 2.1 billion unfrozen transactions PostgreSQL stops taking writes",
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        comparison: cloudwatch.ComparisonOperator = Comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        within: Within = FEW,
        missing: cloudwatch.TreatMissingData = QUIET,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=alarm_name(self._config, f"{self._prefix}{name}"),
            alarm_description=f"{description}. See docs/operations.md#{name}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=within.periods,
            datapoints_to_alarm=within.breaching,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        self._alarms[name] = alarm
