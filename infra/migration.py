"""Brings the schema up to date during a deployment. A failing migration rolls the deployment back."""

from aws_cdk import CustomResource, Duration
from constructs import Construct

from infra.asset import schema_hash
from infra.config import Config
from infra.existing_database import AnyDatabase
from infra.functions import OPERATIONS_TIMEOUT, Functions
from infra.network import Network


class SchemaMigration(Construct):
    """A custom resource that the operations function answers. It runs again when schema or role change."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        functions: Functions,
        database: AnyDatabase,
        network: Network | None,
    ) -> None:
        super().__init__(scope, construct_id)
        resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::DatabaseMigration",
            service_token=functions.operations.function_arn,
            service_timeout=Duration.seconds(OPERATIONS_TIMEOUT.to_seconds() + 60),
            properties={
                "Command": "migrate",
                "SchemaHash": schema_hash(
                    database.processor_role, database.reader_role, pipelines=config.pipeline_modules
                ),
                "ProcessorSecret": database.processor_secret.secret_arn,
                "ReaderSecret": database.reader_secret.secret_arn,
            },
        )
        # Everything that the function needs must exist when it is called.
        resource.node.add_dependency(database, *([network] if network else []))
