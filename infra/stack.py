"""Wires the constructs of one environment; each is defined in a file of its own."""

from collections.abc import Sequence

from aws_cdk import IReusableStackSynthesizer, Stack, Tags
from constructs import Construct

from infra.alarm_topic import AlarmTopic
from infra.alarms import Shared
from infra.brought_database import BroughtDatabase
from infra.compaction import Compaction
from infra.config import APPLICATION, Config
from infra.database import RdsDatabase
from infra.database_events import DatabaseEvents
from infra.existing_database import AnyDatabase, ExistingDatabase
from infra.functions import Functions
from infra.guard import Guard
from infra.ingestion import Ingestion, ingest
from infra.migration import SchemaMigration
from infra.network import Network
from infra.operators import Operators
from infra.outputs import Outputs
from infra.portal import make_portal
from infra.retention import RetentionSchedule
from infra.rotation import Rotation
from infra.watch import watch


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
        Tags.of(self).add("application", APPLICATION)
        Tags.of(self).add("environment", config.environment_suffix)

        network = Network(self, "Network", config=config) if config.target == "aws" else None
        database = make_database(self, config, network)
        functions = Functions(self, "Functions", config=config, database=database, network=network)
        compaction = Compaction(self, "Compaction", config=config, operations=functions.operations)
        retention = RetentionSchedule(self, "Retention", config=config, operations=functions.operations)
        ingestions = [ingest(self, config, pipeline, functions) for pipeline in config.deployed_pipelines]
        if config.target != "localstack":
            migration = SchemaMigration(
                self, "Migration", config=config, functions=functions, database=database, network=network
            )
            wait_for(migration, functions, [compaction, retention], ingestions)
            if network and isinstance(database, RdsDatabase) and config.secret_rotation_days:
                days = config.secret_rotation_days
                rotation = Rotation(self, "Rotation", days=days, database=database, network=network)
                rotation.node.add_dependency(migration)
        topic = AlarmTopic(self, "AlarmTopic", config=config)
        portal = make_portal(self, config, functions, ingestions, topic)
        shared = Shared(functions, compaction, database, portal.door, portal.pages)
        for ingestion in ingestions:
            watch(ingestion, config=config, topic=topic, shared=shared)
        if network and database.instance:
            instance = database.instance
            DatabaseEvents(self, "DatabaseEvents", instance=instance, topic=topic)
            if config.protected:
                Guard(
                    self,
                    "Guard",
                    config=config,
                    network=network,
                    instance=instance,
                    after=[ingestion.event_source for ingestion in ingestions],
                )
        operators = Operators(
            self, "Operators", config=config, functions=functions, ingestions=ingestions, portal=portal
        )
        Outputs(
            self,
            "Outputs",
            config=config,
            database=database,
            functions=functions,
            ingestions=ingestions,
            topic=topic,
            operators=operators,
            portal=portal,
        )


def make_database(scope: Construct, config: Config, network: Network | None) -> AnyDatabase:
    """Make the target's database, or take the one that there is."""
    if network is None:
        return ExistingDatabase(scope, "Database", config=config)
    if config.database_secret_arn:
        return BroughtDatabase(scope, "Database", config=config, network=network)
    return RdsDatabase(scope, "Database", config=config, network=network)


def wait_for(
    migration: SchemaMigration,
    functions: Functions,
    schedules: Sequence[Construct],
    ingestions: Sequence[Ingestion],
) -> None:
    """Let nothing that asks the database begin before its schema is there."""
    for schedule in schedules:
        schedule.node.add_dependency(migration)
    functions.reports.node.add_dependency(migration)
    for ingestion in ingestions:
        ingestion.processor.node.add_dependency(migration)
        ingestion.event_source.node.add_dependency(migration)
