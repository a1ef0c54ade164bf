"""A PostgreSQL or Aurora that the deployer brings. The stack uses it, but neither makes nor watches it."""

import json

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import Config
from infra.keys import rotated_key
from infra.nag import accept
from infra.network import POSTGRESQL, Network


class BroughtDatabase(Construct):
    """The owner's login is an existing secret in the JSON shape of RDS. The functions' are made beside it.

    Several environments may share one server, so these roles carry the environment's suffix.
    """

    sslmode = "verify-full"
    instance: None = None

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, network: Network) -> None:
        super().__init__(scope, construct_id)
        self.endpoint = config.database_host or ""
        self.processor_role = f"processor_{config.environment_suffix}"
        self.reader_role = f"reader_{config.environment_suffix}"
        self.key: kms.IKey | None = rotated_key(
            self, config=config, description="The functions' database logins"
        )
        self.owner_key: kms.IKey | None = None
        if config.database_secret_key_arn:
            self.owner_key = kms.Key.from_key_arn(self, "OwnerKey", config.database_secret_key_arn)
        self.owner_secret: secretsmanager.ISecret = secretsmanager.Secret.from_secret_complete_arn(
            self, "OwnerSecret", config.database_secret_arn or ""
        )
        self.processor_secret: secretsmanager.ISecret = self._secret(
            "ProcessorSecret", self.processor_role, config
        )
        self.reader_secret: secretsmanager.ISecret = self._secret("ReaderSecret", self.reader_role, config)
        group = ec2.SecurityGroup.from_security_group_id(
            self, "Group", config.database_security_group_id or ""
        )
        port = ec2.Port.tcp(config.database_port or POSTGRESQL)
        network.functions.connections.allow_to(group, port, "PostgreSQL")

    def _secret(self, name: str, role: str, config: Config) -> secretsmanager.Secret:
        login = {
            "engine": "postgres",
            "host": config.database_host,
            "port": config.database_port or POSTGRESQL,
            "dbname": config.database_name,
            "username": role,
        }
        secret = secretsmanager.Secret(
            self,
            name,
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(login),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=30,
            ),
        )
        accept(secret, {"SMG4": "Who brings the database rotates its logins; spm migrate sets this one's."})
        return secret
