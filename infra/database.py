"""PostgreSQL on AWS: RDS in two zones, which only the functions reach."""

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.connections import max_connections
from infra.keys import rotated_key
from infra.log_groups import log_group
from infra.nag import accept, accept_checkov
from infra.network import POSTGRESQL, Network
from infra.removal import removal_policy

OWNER = "dbadmin"
PROCESSOR = "processor"
READER = "reader"
EXPORTED_LOGS = ("postgresql", "upgrade")


class RdsDatabase(Construct):
    """The instance and its three logins: the owner's, the processor's and the reader's."""

    endpoint: str
    owner_secret: secretsmanager.ISecret
    processor_secret: secretsmanager.ISecret
    processor_role: str
    reader_secret: secretsmanager.ISecret
    reader_role: str
    sslmode = "verify-full"
    key: kms.IKey | None
    owner_key: kms.IKey | None
    instance: rds.DatabaseInstance | None

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, network: Network) -> None:
        super().__init__(scope, construct_id)
        self.processor_role, self.reader_role = PROCESSOR, READER
        self.key = key = rotated_key(self, config=config, description="Stored events and database logins")
        self.owner_key = key
        owner = self._secret("OwnerSecret", OWNER, config, key)
        self.instance = instance = self._instance(config, network, key, owner)
        self.endpoint = instance.db_instance_endpoint_address
        # The attachments add host, port and engine, so whatever uses the secret waits for them.
        self.owner_secret = instance.secret or owner
        processor = self._secret("ProcessorSecret", PROCESSOR, config, key)
        self.processor_secret = processor.attach(instance)
        reader = self._secret("ReaderSecret", READER, config, key)
        self.reader_secret = reader.attach(instance)
        network.let_read(owner, processor, reader, rotating=config.secret_rotation_days > 0)
        if config.secret_rotation_days == 0:
            reason = "The deployer's choice: context secretRotationDays turns rotation on for all logins."
            for secret in (owner, processor, reader):
                accept(secret, {"SMG4": reason})

    def _secret(self, name: str, username: str, config: Config, key: kms.IKey) -> rds.DatabaseSecret:
        return rds.DatabaseSecret(
            self, name, username=username, dbname=config.database_name, encryption_key=key
        )

    def _instance(
        self, config: Config, network: Network, key: kms.IKey, owner: rds.DatabaseSecret
    ) -> rds.DatabaseInstance:
        # A major version only, because minors cannot be created for ever, and RDS upgrades them by itself.
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18)
        identifier = f"{APPLICATION}-{config.environment_suffix}"
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=identifier,
            engine=engine,
            parameter_group=self._parameters(engine, config),
            instance_type=ec2.InstanceType(config.database_instance_class),
            multi_az=config.database_multi_az,
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            security_groups=[network.database],
            port=POSTGRESQL,
            publicly_accessible=False,
            credentials=rds.Credentials.from_secret(owner),
            database_name=config.database_name,
            allocated_storage=config.database_storage_gb,
            max_allocated_storage=config.database_max_storage_gb,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=key,
            preferred_backup_window=config.database_backup_window,
            preferred_maintenance_window=config.database_maintenance_window,
            backup_retention=Duration.days(config.backup_retention_days),
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            cloudwatch_logs_exports=list(EXPORTED_LOGS),
            database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
            enable_performance_insights=True,
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
            performance_insight_encryption_key=key,
            # On prod it is left out, which is not the same as off: see infra/guard.py.
            deletion_protection=None if config.protected else False,
            delete_automated_backups=not config.protected,
            removal_policy=removal_policy(config),
        )
        self._log_groups(identifier, config, instance)
        self._accept_findings(instance, config)
        return instance

    def _parameters(self, engine: rds.IInstanceEngine, config: Config) -> rds.ParameterGroup:
        parameters = {
            "rds.force_ssl": "1",
            "max_connections": str(max_connections(config.database_instance_class)),
        }
        return rds.ParameterGroup(self, "Parameters", engine=engine, parameters=parameters)

    def _log_groups(self, identifier: str, config: Config, instance: rds.DatabaseInstance) -> None:
        # They are made before RDS makes them, so that they end with the stack and do not keep logs for ever.
        for kind in EXPORTED_LOGS:
            group = log_group(
                self, f"{kind.capitalize()}Log", config=config, name=f"/aws/rds/instance/{identifier}/{kind}"
            )
            instance.node.add_dependency(group)

    def _accept_findings(self, instance: rds.DatabaseInstance, config: Config) -> None:
        findings = {
            "RDS6": "Logins come from Secrets Manager, one per role; IAM tokens would have to be renewed.",
            "RDS11": "The standard port, reachable from the functions' security group only.",
        }
        if config.protected:
            findings["RDS10"] = (
                "The guard protects it, last, so that a failed first deployment can roll back."
            )
        else:
            findings["RDS10"] = "The dev profile must destroy cleanly; prod is protected."
        if not config.database_multi_az:
            findings["RDS3"] = "The deployer's choice for dev: context databaseMultiAz."
        accept(instance, findings)
        insights = (
            "Database Insights tells what a slow database does, by statement; its metrics come by themselves."
        )
        accept_checkov(instance, {"118": insights, "161": findings["RDS6"]})
