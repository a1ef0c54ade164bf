"""Watching a pipeline in CloudWatch, with alarms and a dashboard."""

from infra.alarm_topic import AlarmTopic
from infra.alarms import Alarms, Shared
from infra.config import Config
from infra.dashboard import PipelineDashboard
from infra.ingestion import Ingestion


def watch(ingestion: Ingestion, *, config: Config, topic: AlarmTopic, shared: Shared) -> None:
    """Make a pipeline's alarms and its dashboard."""
    alarms = Alarms(
        ingestion.scope,
        "Alarms",
        config=config,
        pipeline=ingestion.pipeline,
        topic=topic,
        stream=ingestion.stream,
        processor=ingestion.processor,
        event_source=ingestion.event_source,
        shared=shared,
    )
    PipelineDashboard(
        ingestion.scope,
        "Dashboard",
        config=config,
        pipeline=ingestion.pipeline,
        stream=ingestion.stream,
        processor=ingestion.processor,
        event_source=ingestion.event_source,
        database=shared.database,
        alarms=alarms,
    )
