"""Takes records from the stream to the processor."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from infra.config import Config
from infra.failed_records import FailedRecords
from infra.stream import EventStream


class EventSource(Construct):
    """The event source mapping: batches, retries, and what happens when they run out."""

    mapping: lambda_.EventSourceMapping

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        stream: EventStream,
        processor: lambda_.Function,
        failed_records: FailedRecords,
    ) -> None:
        super().__init__(scope, construct_id)
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            enabled=True,
            target=processor,
            event_source_arn=stream.stream.stream_arn,
            # LATEST would skip what is sent before the first poll.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=config.batch_size,
            max_batching_window=Duration.seconds(config.batch_window_seconds),
            parallelization_factor=config.parallelization_factor,
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=config.retry_attempts,
            max_record_age=Duration.seconds(config.record_age_seconds),
            on_failure=sources.S3OnFailureDestination(failed_records.bucket),
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )
