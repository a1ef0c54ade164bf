"""PostgreSQL on the local targets: an existing server, with its logins in the emulator's Secrets Manager."""

import json

from aws_cdk import SecretValue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.brought_database import BroughtDatabase
from infra.config import Config
from infra.database import RdsDatabase


class ExistingDatabase(Construct):
    """Secrets in the JSON shape of RDS, so that the functions find everything as they do on AWS.

    Several environments may share one server, so the functions' roles carry the environment's suffix.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self.endpoint = config.database_host or ""
        self.processor_role = f"processor_{config.environment_suffix}"
        self.reader_role = f"reader_{config.environment_suffix}"
        self.sslmode = "disable"
        self.key: kms.IKey | None = None
        self.owner_key: kms.IKey | None = None
        self.instance = None
        server = {
            "engine": "postgres",
            "host": config.database_host,
            "port": config.database_port,
            "dbname": config.database_name,
        }
        owner = {**server, "username": config.database_user, "password": config.database_password}
        self.owner_secret: secretsmanager.ISecret = secretsmanager.Secret(
            self,
            "OwnerSecret",
            # This is a throw-away server's password, which the whole machine knows. AWS's are generated.
            secret_string_value=SecretValue.unsafe_plain_text(json.dumps(owner)),
        )
        self.processor_secret: secretsmanager.ISecret = self._secret(
            "ProcessorSecret", {**server, "username": self.processor_role}
        )
        self.reader_secret: secretsmanager.ISecret = self._secret(
            "ReaderSecret", {**server, "username": self.reader_role}
        )

    def _secret(self, name: str, login: dict[str, object]) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            name,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(login),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=30,
            ),
        )


AnyDatabase = RdsDatabase | ExistingDatabase | BroughtDatabase
