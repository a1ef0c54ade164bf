"""The dashboard: one page with what comes in, what goes out, how late, and what goes wrong."""

from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import Alarms, aws_metric, lambda_metric, rds_metric
from infra.config import Config
from infra.database import Database
from infra.event_source import EventSource
from infra.existing_database import ExistingDatabase
from infra.functions import Functions
from infra.stream import PerformanceStream
from processor import metrics

HALF = 12  # columns of 24
OUT: Final[tuple[metrics.MetricName, ...]] = ("ReceivedEvents", "StoredEvents", "DuplicateEvents")


class PipelineDashboard(Construct):
    """``student-performance-{suffix}``: every alarm's state, then a graph per question."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        stream: PerformanceStream,
        functions: Functions,
        event_source: EventSource,
        database: Database | ExistingDatabase,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        dashboard = cloudwatch.Dashboard(
            self, "Page", dashboard_name=f"student-performance-{config.environment_suffix}"
        )
        of_stream = {"StreamName": stream.stream.stream_name}
        of_processor = {"FunctionName": functions.processor.function_name}
        of_mapping = {"EventSourceMappingUUID": event_source.mapping.event_source_mapping_id}
        service = {metrics.SERVICE_DIMENSION: functions.processor.function_name}
        dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.by_name.values()), width=24)
        )
        dashboard.add_widgets(
            graph(
                "In: records put", kinesis("IncomingRecords", of_stream), kinesis("IncomingBytes", of_stream)
            ),
            graph("Out: events", *(own(name, service) for name in OUT)),
        )
        dashboard.add_widgets(
            graph(
                "Lag, milliseconds",
                lambda_metric("IteratorAge", of_processor, statistic="Maximum"),
                aws_metric(
                    "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", of_stream, statistic="Maximum"
                ),
                own("StorageLag", service, statistic="Maximum"),
            ),
            graph(
                "Batches, milliseconds", *(own("BatchDuration", service, statistic=s) for s in ("p50", "p99"))
            ),
        )
        dashboard.add_widgets(
            graph(
                "Errors",
                lambda_metric("Errors", of_processor),
                lambda_metric("Throttles", of_processor),
                kinesis("WriteProvisionedThroughputExceeded", of_stream),
                own("Retries", service),
                own("DeferredRecords", service),
            ),
            graph(
                "Rejected and failed",
                own("RejectedEvents", service),
                own("ConflictingEvents", service),
                lambda_metric("OnFailureDestinationDeliveredEventCount", of_mapping),
                lambda_metric("DroppedEventCount", of_mapping),
            ),
        )
        if database.instance:
            of_instance = {"DBInstanceIdentifier": database.instance.instance_identifier}
            dashboard.add_widgets(
                graph("Database CPU, %", rds_metric("CPUUtilization", of_instance)),
                graph(
                    "Database connections",
                    rds_metric("DatabaseConnections", of_instance, statistic="Maximum"),
                ),
            )
            dashboard.add_widgets(
                graph(
                    "Database storage left, bytes",
                    rds_metric("FreeStorageSpace", of_instance, statistic="Minimum"),
                ),
                graph(
                    "Database CPU credits", rds_metric("CPUCreditBalance", of_instance, statistic="Minimum")
                ),
            )


def own(name: metrics.MetricName, service: dict[str, str], *, statistic: str = "Sum") -> cloudwatch.Metric:
    """Name a metric that the processor emits."""
    return aws_metric(metrics.NAMESPACE, name, service, statistic=statistic)


def kinesis(name: str, stream: dict[str, str]) -> cloudwatch.Metric:
    """Name a metric of the stream, summed over a minute."""
    return aws_metric("AWS/Kinesis", name, stream)


def graph(title: str, *shown: cloudwatch.Metric) -> cloudwatch.GraphWidget:
    """Draw metrics over time, half a page wide."""
    return cloudwatch.GraphWidget(title=title, left=list(shown), width=HALF)
