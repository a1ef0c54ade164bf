"""Wires the constructs of one environment; each is defined in a file of its own."""

from aws_cdk import IReusableStackSynthesizer, Stack, Tags
from constructs import Construct

from infra.alarm_topic import AlarmTopic
from infra.alarms import Alarms
from infra.config import Config
from infra.dashboard import PipelineDashboard
from infra.database import Database
from infra.event_source import EventSource
from infra.existing_database import ExistingDatabase
from infra.failed_records import FailedRecords
from infra.functions import Functions
from infra.migration import Migration
from infra.network import Network
from infra.operators import Operators
from infra.outputs import Outputs
from infra.rotation import Rotation
from infra.stream import PerformanceStream


class StudentPerformanceStack(Stack):
    """Everything that one environment is made of, on the target that ``config`` names."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, synthesizer: IReusableStackSynthesizer
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Student performance events: Kinesis to PostgreSQL",
            synthesizer=synthesizer,
            termination_protection=config.protected,
        )
        Tags.of(self).add("application", "student-performance")
        Tags.of(self).add("environment", config.environment_suffix)

        stream = PerformanceStream(self, "Stream", config=config)
        failed_records = FailedRecords(self, "FailedRecords", config=config, key=stream.key)
        network = Network(self, "Network", config=config) if config.target == "aws" else None
        database = (
            Database(self, "Database", config=config, network=network)
            if network
            else ExistingDatabase(self, "Database", config=config)
        )
        functions = Functions(
            self,
            "Functions",
            config=config,
            stream=stream,
            database=database,
            failed_records=failed_records,
            network=network,
        )
        event_source = EventSource(
            self,
            "EventSource",
            config=config,
            stream=stream,
            functions=functions,
            failed_records=failed_records,
        )
        if config.target != "localstack":
            migration = Migration(self, "Migration", functions=functions, database=database, network=network)
            functions.processor.node.add_dependency(migration)
            event_source.node.add_dependency(migration)
            if network and isinstance(database, Database) and config.secret_rotation_days:
                days = config.secret_rotation_days
                rotation = Rotation(self, "Rotation", days=days, database=database, network=network)
                rotation.node.add_dependency(migration)
        topic = AlarmTopic(self, "AlarmTopic", config=config)
        alarms = Alarms(
            self,
            "Alarms",
            config=config,
            topic=topic,
            stream=stream,
            functions=functions,
            event_source=event_source,
            database=database,
        )
        PipelineDashboard(
            self,
            "Dashboard",
            config=config,
            stream=stream,
            functions=functions,
            event_source=event_source,
            database=database,
            alarms=alarms,
        )
        Operators(
            self,
            "Operators",
            config=config,
            stream=stream,
            functions=functions,
            failed_records=failed_records,
        )
        Outputs(
            self,
            "Outputs",
            config=config,
            stream=stream,
            database=database,
            functions=functions,
            failed_records=failed_records,
            topic=topic,
        )
