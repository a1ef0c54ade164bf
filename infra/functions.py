"""The Lambda functions, made from one asset: a processor for each pipeline, operations and reports."""

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import asset
from infra.config import APPLICATION, Config, DeployedPipeline
from infra.connections import REPORTS
from infra.existing_database import AnyDatabase
from infra.failed_records import FailedRecords
from infra.function_role import FunctionRole
from infra.log_groups import log_group
from infra.nag import accept, accept_checkov
from infra.network import Network
from infra.pipeline import resource_name, scope_of
from infra.stream import EventStream
from processor import metrics, pipelines, settings

OPERATIONS_TIMEOUT = Duration.minutes(15)  # a migration may rewrite a table
OPERATIONS_MEMORY = 512
REPORTS_TIMEOUT = Duration.seconds(30)  # its statements end after 20 s
REPORTS_MEMORY = 512


class Functions(Construct):
    """``{pipeline}-processor-{suffix}`` and ``student-performance-{operations,reports}-{suffix}``."""

    operations: lambda_.Function
    reports: lambda_.Function

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        database: AnyDatabase,
        network: Network | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._database = database
        self._network = network
        self._platform = platform(config)
        requirements = Path(config.requirements) if config.requirements else None
        built = asset.build(self._platform, config.pipeline_modules, requirements)
        self._code = lambda_.Code.from_asset(str(built))
        self.operations = self._operations()
        self.reports = self._reports()

    def add_processor(
        self, pipeline: DeployedPipeline, stream: EventStream, failed_records: FailedRecords
    ) -> lambda_.Function:
        """Make the function that stores a pipeline's events."""
        scope, name = scope_of(pipeline, self), resource_name(pipeline, "processor", self._config)
        role = self._role(scope, "Processor", name)
        role.may_read_secret(self._database.processor_secret, self._database.key)
        role.may_consume(stream.stream, stream.stream_key)
        role.may_write(failed_records.bucket, stream.key)
        return self._function(
            scope,
            "Processor",
            name,
            "processor.handler.handler",
            role,
            secret=self._database.processor_secret,
            memory=self._config.processor_memory_mb,
            timeout=Duration.seconds(self._config.processor_timeout_seconds),
            concurrency=self._config.processor_concurrency,
            pipeline=pipeline,
            groups=[self._network.functions] if self._network else None,
        )

    @property
    def _operations_name(self) -> str:
        return f"{APPLICATION}-operations-{self._config.environment_suffix}"

    def _operations(self) -> lambda_.Function:
        name = self._operations_name
        role = self._role(self, "Operations", name)
        role.may_read_secret(self._database.owner_secret, self._database.owner_key)
        role.may_read_secret(self._database.processor_secret, self._database.key)
        role.may_read_secret(self._database.reader_secret, self._database.key)
        return self._function(
            self,
            "Operations",
            name,
            "processor.operations.handler",
            role,
            secret=self._database.owner_secret,
            memory=OPERATIONS_MEMORY,
            timeout=OPERATIONS_TIMEOUT,
            groups=[self._network.functions, self._network.operations] if self._network else None,
        )

    def _reports(self) -> lambda_.Function:
        name = f"{APPLICATION}-reports-{self._config.environment_suffix}"
        role = self._role(self, "Reports", name)
        role.may_read_secret(self._database.reader_secret, self._database.key)
        return self._function(
            self,
            "Reports",
            name,
            "processor.reading.handler",
            role,
            secret=self._database.reader_secret,
            memory=REPORTS_MEMORY,
            timeout=REPORTS_TIMEOUT,
            concurrency=REPORTS,
            groups=[self._network.functions] if self._network else None,
        )

    def _role(self, scope: Construct, part: str, name: str) -> FunctionRole:
        group = log_group(scope, f"{part}Log", config=self._config, name=f"/aws/lambda/{name}")
        return FunctionRole(scope, f"{part}Role", name=name, log_group=group, in_vpc=bool(self._network))

    def _function(
        self,
        scope: Construct,
        part: str,
        name: str,
        handler: str,
        role: FunctionRole,
        *,
        secret: secretsmanager.ISecret,
        memory: int,
        timeout: Duration,
        groups: list[ec2.ISecurityGroup] | None,
        concurrency: int | None = None,
        pipeline: DeployedPipeline | None = None,
    ) -> lambda_.Function:
        function = lambda_.Function(
            scope,
            part,
            function_name=name,
            code=self._code,
            handler=handler,
            runtime=lambda_.Runtime(f"python{self._platform.python_version}", lambda_.RuntimeFamily.PYTHON),
            architecture=architecture(self._config),
            memory_size=memory,
            timeout=timeout,
            reserved_concurrent_executions=concurrency,
            role=role.role,
            log_group=role.log_group,
            environment=self._environment(name, secret, pipeline),
            vpc=self._network.vpc if self._network else None,
            vpc_subnets=self._network.subnets if self._network else None,
            security_groups=groups,
        )
        accept(function, {"L1": "Python 3.13 is supported until 2029; 3.14 follows when CI runs it."})
        findings = {
            "115": "The mapping bounds it, by shards x parallelizationFactor; processorConcurrency reserves.",
            "116": "Failed batches go to the bucket; the schedule's next call is the next attempt.",
            "173": "Names and ARNs; the logins are in Secrets Manager, under a key of ours.",
        }
        accept_checkov(function, findings)
        return function

    def _environment(
        self, name: str, secret: secretsmanager.ISecret, pipeline: DeployedPipeline | None
    ) -> dict[str, str]:
        environment = {
            settings.DB_SECRET_ARN: secret.secret_arn,
            settings.DB_SSLMODE: self._database.sslmode,
            settings.LOG_LEVEL: self._config.log_level,
            settings.SERVICE_NAME: name,
            "POWERTOOLS_METRICS_NAMESPACE": metrics.NAMESPACE,
        }
        on_localstack = self._config.target == "localstack"
        if on_localstack:
            # Custom resources never run there, so each function migrates for itself when it first connects.
            environment[settings.DB_MIGRATION_SECRET_ARN] = self._database.owner_secret.secret_arn
        if name == self._operations_name or on_localstack:
            environment[settings.DB_PROCESSOR_SECRET_ARN] = self._database.processor_secret.secret_arn
            environment[settings.DB_READER_SECRET_ARN] = self._database.reader_secret.secret_arn
        if self._config.pipeline_modules != list(pipelines.DEFAULT):
            environment[settings.PIPELINES] = self._config.pipelines
        if pipeline:
            environment[settings.PIPELINE] = pipeline.name
        return environment


def architecture(config: Config) -> lambda_.Architecture:
    """Say which processors the target's functions run on."""
    arm = config.target == "aws" or asset.is_arm()
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64


def platform(config: Config) -> asset.Platform:
    """Say what the target's functions run on."""
    if config.target == "embedded":
        return asset.Platform.embedded()
    if config.target == "localstack":
        return asset.Platform.localstack()
    return asset.Platform.aws(Path(config.database_certificates) if config.database_certificates else None)
