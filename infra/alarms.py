"""Every alarm of a pipeline, as a construct. docs/operations.md says what to do about each."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import database_alarms, function_alarms, stream_alarms
from infra.alarm import Alarm
from infra.alarm_topic import AlarmTopic, alarm_name
from infra.compaction import Compaction
from infra.config import Config, DeployedPipeline
from infra.event_source import EventSource
from infra.existing_database import AnyDatabase
from infra.front_door import FrontDoor
from infra.functions import Functions
from infra.school_dashboard import SchoolDashboard
from infra.stream import EventStream
from processor import metrics


class Shared(NamedTuple):
    """Yield what all pipelines share. It is watched once, with the first pipeline."""

    functions: Functions
    compaction: Compaction
    database: AnyDatabase
    door: FrontDoor | None
    pages: SchoolDashboard | None


class Alarms(Construct):
    """The alarms. Each tells the topic when it starts and when it ends."""

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
        shared: Shared,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._prefix = "" if pipeline.first else f"{pipeline.name}-"
        self._action = actions.SnsAction(topic.topic)
        watched = [*_of_pipeline(config, stream, processor, event_source)]
        if pipeline.first:
            watched += _of_shared(config, shared)
        self.by_name = {alarm.name: self._make(alarm) for alarm in watched}

    def _make(self, alarm: Alarm) -> cloudwatch.Alarm:
        made = cloudwatch.Alarm(
            self,
            alarm.name,
            alarm_name=alarm_name(self._config, f"{self._prefix}{alarm.name}"),
            alarm_description=f"{alarm.description}. See docs/operations.md#{alarm.name}",
            metric=alarm.metric,
            threshold=alarm.threshold,
            comparison_operator=alarm.comparison,
            evaluation_periods=alarm.within.periods,
            datapoints_to_alarm=alarm.within.breaching,
            treat_missing_data=alarm.missing,
        )
        made.add_alarm_action(self._action)
        made.add_ok_action(self._action)
        return made


def _of_pipeline(
    config: Config, stream: EventStream, processor: lambda_.Function, event_source: EventSource
) -> Iterator[Alarm]:
    of_stream = {"StreamName": stream.stream.stream_name}
    of_mapping = {"EventSourceMappingUUID": event_source.mapping.event_source_mapping_id}
    yield from function_alarms.of_processor(config, {"FunctionName": processor.function_name})
    yield from stream_alarms.of_mapping(of_mapping)
    yield from stream_alarms.of_stream(config, of_stream)
    if config.target == "aws":  # the emulators do not support alarms on expressions
        yield from stream_alarms.of_consumer(config, of_stream, of_mapping)
    yield from stream_alarms.of_events({metrics.SERVICE_DIMENSION: processor.function_name})


def _of_shared(config: Config, shared: Shared) -> Iterator[Alarm]:
    functions = shared.functions
    yield from function_alarms.of_operations({"FunctionName": functions.operations.function_name})
    yield from function_alarms.of_reports({"FunctionName": functions.reports.function_name})
    yield from function_alarms.of_schedule({"RuleName": shared.compaction.rule.rule_name})
    if shared.door:
        yield from function_alarms.of_door(config, {"FunctionName": shared.door.function.function_name})
    if shared.pages:
        yield from function_alarms.of_pages({"FunctionName": shared.pages.function.function_name})
    if shared.database.instance:
        instance = {"DBInstanceIdentifier": shared.database.instance.instance_identifier}
        yield from database_alarms.of_load(config, instance)
        yield from database_alarms.of_room(config, instance)
