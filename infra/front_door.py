"""The front door for events over HTTP: a function outside the VPC, its address, and who may send."""

from typing import Final

from aws_cdk import Duration, SecretValue
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.function_role import FunctionRole
from infra.log_groups import log_group
from infra.nag import accept, accept_checkov
from infra.portal_function import portal_function
from infra.removal import removal_policy
from infra.stream import EventStream
from portal.ingest import settings

TIMEOUT: Final = Duration.seconds(30)
MEMORY: Final = 1024  # 0.6 of a processor: a post of 100 statements is judged in a few hundredths of a second


class FrontDoor(Construct):
    """``student-performance-ingest-{suffix}`` may put records into one stream, and read who may send."""

    url: str
    senders: secretsmanager.Secret
    function: lambda_.Function

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, stream: EventStream) -> None:
        super().__init__(scope, construct_id)
        self.senders = self._make_senders(config, stream)
        self.function = self._make_function(config, stream)
        url = self.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        accept_checkov(
            url, {"258": "Senders cannot sign for AWS; the function asks each for its credential."}
        )
        self.url = url.url

    def _make_senders(self, config: Config, stream: EventStream) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Senders",
            description=f"Who may send events over HTTP, and hashes ({config.environment_suffix})",
            encryption_key=stream.key,
            # This is the initial value. Later only `spm senders` writes it, and no deployment does.
            secret_string_value=SecretValue.unsafe_plain_text("{}"),
            removal_policy=removal_policy(config),
        )
        accept(secret, {"SMG4": "It holds hashes of what others keep; they change it by `spm senders`."})
        return secret

    def _make_function(self, config: Config, stream: EventStream) -> lambda_.Function:
        name = f"{APPLICATION}-ingest-{config.environment_suffix}"
        logs = log_group(self, "Log", config=config, name=f"/aws/lambda/{name}")
        role = FunctionRole(self, "Role", name=name, log_group=logs, in_vpc=False)
        role.may_put(stream.stream, stream.stream_key)
        role.may_read_secret(self.senders, stream.key)
        return portal_function(
            self,
            config=config,
            name=name,
            handler="portal.ingest.handler.handler",
            role=role,
            memory_size=MEMORY,
            timeout=TIMEOUT,
            environment={
                settings.STREAM_NAME: stream.stream.stream_name,
                settings.SENDERS_SECRET_ARN: self.senders.secret_arn,
            },
            findings={
                "115": "What it may take is the account's to say: it holds no connection and no lock.",
                "116": "Its callers wait for its answer, and send again without one.",
                "117": "It faces the outside and never the database; it calls public endpoints of AWS only.",
                "173": "A name and an ARN.",
            },
        )
