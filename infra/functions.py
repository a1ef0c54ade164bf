"""The two Lambda functions, made from one asset, and what each may do."""

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import asset
from infra.config import Config
from infra.database import Database
from infra.existing_database import ExistingDatabase
from infra.failed_records import FailedRecords
from infra.function_role import FunctionRole
from infra.log_groups import log_group
from infra.nag import accept
from infra.network import Network
from infra.stream import PerformanceStream
from processor import metrics, settings

OPERATIONS_TIMEOUT = Duration.minutes(15)  # a migration may rewrite a table
OPERATIONS_MEMORY = 512


class Functions(Construct):
    """``student-performance-processor-{suffix}`` and ``student-performance-operations-{suffix}``."""

    processor: lambda_.Function
    operations: lambda_.Function

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        stream: PerformanceStream,
        database: Database | ExistingDatabase,
        failed_records: FailedRecords,
        network: Network | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._database = database
        self._network = network
        self._platform = platform(config)
        self._code = lambda_.Code.from_asset(str(asset.build(self._platform)))

        processor_role = self._role("Processor")
        processor_role.may_read_secret(database.processor_secret, database.key)
        processor_role.may_consume(stream.stream, stream.key)
        processor_role.may_write(failed_records.bucket, stream.key)
        self.processor = self._function(
            "Processor",
            processor_role,
            {settings.DB_SECRET_ARN: database.processor_secret.secret_arn},
            memory=config.processor_memory_mb,
            timeout=Duration.seconds(config.processor_timeout_seconds),
            concurrency=config.processor_concurrency,
        )

        operations_role = self._role("Operations")
        for secret in (database.owner_secret, database.processor_secret):
            operations_role.may_read_secret(secret, database.key)
        self.operations = self._function(
            "Operations",
            operations_role,
            {settings.DB_SECRET_ARN: database.owner_secret.secret_arn},
            memory=OPERATIONS_MEMORY,
            timeout=OPERATIONS_TIMEOUT,
        )

    def _name(self, part: str) -> str:
        return f"student-performance-{part.lower()}-{self._config.environment_suffix}"

    def _role(self, part: str) -> FunctionRole:
        group = log_group(self, f"{part}Log", config=self._config, name=f"/aws/lambda/{self._name(part)}")
        return FunctionRole(
            self, f"{part}Role", name=self._name(part), log_group=group, in_vpc=bool(self._network)
        )

    def _function(
        self,
        part: str,
        role: FunctionRole,
        environment: dict[str, str],
        *,
        memory: int,
        timeout: Duration,
        concurrency: int | None = None,
    ) -> lambda_.Function:
        network = self._network
        groups = [network.functions] if network else None
        if network and groups and part == "Operations":
            groups.append(network.operations)
        function = lambda_.Function(
            self,
            part,
            function_name=self._name(part),
            code=self._code,
            handler={"Processor": "processor.handler.handler", "Operations": "processor.operations.handler"}[
                part
            ],
            runtime=lambda_.Runtime(f"python{self._platform.python_version}", lambda_.RuntimeFamily.PYTHON),
            architecture=self._architecture(),
            memory_size=memory,
            timeout=timeout,
            reserved_concurrent_executions=concurrency,
            role=role.role,
            log_group=role.log_group,
            environment={**self._common_environment(part), **environment},
            vpc=network.vpc if network else None,
            vpc_subnets=network.subnets if network else None,
            security_groups=groups,
        )
        accept(function, {"L1": "Python 3.13 is supported until 2029; 3.14 follows when CI runs it."})
        return function

    def _common_environment(self, part: str) -> dict[str, str]:
        database = self._database
        environment = {
            settings.DB_SSLMODE: database.sslmode,
            settings.LOG_LEVEL: self._config.log_level,
            settings.SERVICE_NAME: self._name(part),
            "POWERTOOLS_METRICS_NAMESPACE": metrics.NAMESPACE,
        }
        on_localstack = self._config.target == "localstack"
        if on_localstack:
            # Custom resources never run there, so each function migrates for itself when it first connects.
            environment[settings.DB_MIGRATION_SECRET_ARN] = database.owner_secret.secret_arn
        if part == "Operations" or on_localstack:
            environment[settings.DB_PROCESSOR_SECRET_ARN] = database.processor_secret.secret_arn
        return environment

    def _architecture(self) -> lambda_.Architecture:
        arm = self._config.target == "aws" or asset.is_arm()
        return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64


def platform(config: Config) -> asset.Platform:
    """Say what the target's functions run on."""
    if config.target == "embedded":
        return asset.Platform.embedded()
    if config.target == "localstack":
        return asset.Platform.localstack()
    return asset.Platform.aws(Path(config.database_certificates) if config.database_certificates else None)
