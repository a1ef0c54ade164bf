"""One pipeline's way from its stream to the database, and the watch over it."""

from typing import NamedTuple

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.alarm_topic import AlarmTopic
from infra.alarms import Alarms
from infra.compaction import Compaction
from infra.config import Config, DeployedPipeline
from infra.dashboard import PipelineDashboard
from infra.event_source import EventSource
from infra.existing_database import AnyDatabase
from infra.failed_records import FailedRecords
from infra.front_door import FrontDoor
from infra.functions import Functions
from infra.pipeline import scope_of
from infra.producer import Producer
from infra.school_dashboard import SchoolDashboard
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


def watch(
    ingestion: Ingestion,
    *,
    config: Config,
    topic: AlarmTopic,
    functions: Functions,
    compaction: Compaction,
    database: AnyDatabase,
    door: FrontDoor | None,
    pages: SchoolDashboard | None,
) -> None:
    """Make a pipeline's alarms and its dashboard; what all share is watched with the first."""
    alarms = Alarms(
        ingestion.scope,
        "Alarms",
        config=config,
        pipeline=ingestion.pipeline,
        topic=topic,
        stream=ingestion.stream,
        processor=ingestion.processor,
        event_source=ingestion.event_source,
        functions=functions if ingestion.pipeline.first else None,
        compaction=compaction if ingestion.pipeline.first else None,
        database=database if ingestion.pipeline.first else None,
        door=door if ingestion.pipeline.first else None,
        pages=pages if ingestion.pipeline.first else None,
    )
    PipelineDashboard(
        ingestion.scope,
        "Dashboard",
        config=config,
        pipeline=ingestion.pipeline,
        stream=ingestion.stream,
        processor=ingestion.processor,
        event_source=ingestion.event_source,
        database=database,
        alarms=alarms,
    )
