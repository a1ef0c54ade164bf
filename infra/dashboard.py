"""The CloudWatch dashboard: what comes in, what goes out, how late, and what goes wrong."""

from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.alarms import Alarms
from infra.config import Config, DeployedPipeline
from infra.event_source import EventSource
from infra.existing_database import AnyDatabase
from infra.metric import aws_metric, lambda_metric, rds_metric
from infra.stream import EventStream
from processor import metrics

HALF = 12  # columns of 24
OUT: Final[tuple[metrics.MetricName, ...]] = ("ReceivedEvents", "StoredEvents", "DuplicateEvents")


class PipelineDashboard(Construct):
    """``{pipeline}-{suffix}-{region}`` shows every alarm's state, then a graph per question."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        pipeline: DeployedPipeline,
        stream: EventStream,
        processor: lambda_.Function,
        event_source: EventSource,
        database: AnyDatabase,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self._page = cloudwatch.Dashboard(
            self,
            "Page",
            # A dashboard's name belongs to the account, in all regions.
            dashboard_name=f"{pipeline.name}-{config.environment_suffix}-{Aws.REGION}",
        )
        self._stream = {"StreamName": stream.stream.stream_name}
        self._processor = {"FunctionName": processor.function_name}
        self._mapping = {"EventSourceMappingUUID": event_source.mapping.event_source_mapping_id}
        self._service = {metrics.SERVICE_DIMENSION: processor.function_name}

        states = list(alarms.by_name.values())
        self._page.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=states, width=24))
        self._show_flow()
        self._show_delay()
        self._show_trouble()
        if database.instance:
            self._show_database({"DBInstanceIdentifier": database.instance.instance_identifier})

    def _show_flow(self) -> None:
        put = (kinesis(name, self._stream) for name in ("IncomingRecords", "IncomingBytes"))
        stored = (own(name, self._service) for name in OUT)
        self._page.add_widgets(graph("In: records put", *put), graph("Out: events", *stored))

    def _show_delay(self) -> None:
        self._page.add_widgets(
            graph(
                "Lag, milliseconds",
                lambda_metric("IteratorAge", self._processor, statistic="Maximum"),
                kinesis("GetRecords.IteratorAgeMilliseconds", self._stream, statistic="Maximum"),
                own("StorageLag", self._service, statistic="Maximum"),
            ),
            graph(
                "Batches, milliseconds",
                *(own("BatchDuration", self._service, statistic=s) for s in ("p50", "p99")),
            ),
        )

    def _show_trouble(self) -> None:
        self._page.add_widgets(
            graph(
                "Errors",
                lambda_metric("Errors", self._processor),
                lambda_metric("Throttles", self._processor),
                kinesis("WriteProvisionedThroughputExceeded", self._stream),
                own("Retries", self._service),
                own("DeferredRecords", self._service),
            ),
            graph(
                "Rejected and failed",
                own("RejectedEvents", self._service),
                own("ConflictingEvents", self._service),
                lambda_metric("OnFailureDestinationDeliveredEventCount", self._mapping),
                lambda_metric("DroppedEventCount", self._mapping),
            ),
        )

    def _show_database(self, instance: dict[str, str]) -> None:
        self._page.add_widgets(
            graph("Database CPU, %", rds_metric("CPUUtilization", instance)),
            graph("Database connections", rds_metric("DatabaseConnections", instance, statistic="Maximum")),
        )
        self._page.add_widgets(
            graph(
                "Database storage left, bytes", rds_metric("FreeStorageSpace", instance, statistic="Minimum")
            ),
            graph("Database CPU credits", rds_metric("CPUCreditBalance", instance, statistic="Minimum")),
        )


def own(name: metrics.MetricName, service: dict[str, str], *, statistic: str = "Sum") -> cloudwatch.Metric:
    """Name a metric that the processor emits."""
    return aws_metric(metrics.NAMESPACE, name, service, statistic=statistic)


def kinesis(name: str, stream: dict[str, str], *, statistic: str = "Sum") -> cloudwatch.Metric:
    """Name a metric of the stream."""
    return aws_metric("AWS/Kinesis", name, stream, statistic=statistic)


def graph(title: str, *shown: cloudwatch.Metric) -> cloudwatch.GraphWidget:
    """Draw metrics over time, half a page wide."""
    return cloudwatch.GraphWidget(title=title, left=list(shown), width=HALF)
