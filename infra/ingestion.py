"""What takes one pipeline's events from its stream to the database."""

from typing import NamedTuple

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Config, DeployedPipeline
from infra.event_source import EventSource
from infra.failed_records import FailedRecords
from infra.functions import Functions
from infra.pipeline import scope_of
from infra.producer import Producer
from infra.stream import EventStream


class Ingestion(NamedTuple):
    """What each pipeline has of its own."""

    pipeline: DeployedPipeline
    scope: Construct
    stream: EventStream
    failed_records: FailedRecords
    processor: lambda_.Function
    event_source: EventSource
    producer: Producer


def ingest(parent: Construct, config: Config, pipeline: DeployedPipeline, functions: Functions) -> Ingestion:
    """Make a pipeline's stream, its failed-records bucket, its processor, and the mapping between them."""
    scope = scope_of(pipeline, parent)
    stream = EventStream(scope, "Stream", config=config, pipeline=pipeline)
    failed_records = FailedRecords(scope, "FailedRecords", config=config, pipeline=pipeline, key=stream.key)
    processor = functions.add_processor(pipeline, stream, failed_records)
    event_source = EventSource(
        scope,
        "EventSource",
        config=config,
        stream=stream,
        processor=processor,
        failed_records=failed_records,
    )
    producer = Producer(scope, "Producer", config=config, pipeline=pipeline, stream=stream)
    return Ingestion(pipeline, scope, stream, failed_records, processor, event_source, producer)
