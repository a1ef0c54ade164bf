"""The dashboard for teachers: a function outside the VPC, its address, and the secrets of its sign-in."""

from typing import Final

from aws_cdk import Duration, SecretValue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.function_role import FunctionRole
from infra.log_groups import log_group
from infra.nag import accept, accept_checkov
from infra.portal_function import portal_function
from infra.removal import removal_policy
from portal.dashboard import settings

TIMEOUT: Final = Duration.seconds(30)
MEMORY: Final = 1024


class SchoolDashboard(Construct):
    """``student-performance-dashboard-{suffix}`` may ask ``reports``, and read its two secrets."""

    url: str
    client_secret: secretsmanager.Secret
    function: lambda_.Function

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, reports: lambda_.Function, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        suffix = config.environment_suffix
        self._cookie_key = secretsmanager.Secret(
            self,
            "CookieKey",
            description=f"What the dashboard signs its cookies with ({suffix})",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=removal_policy(config),
        )
        accept(self._cookie_key, {"SMG4": "A new one signs everybody out; docs/operations.md says when."})
        self.client_secret = secretsmanager.Secret(
            self,
            "ClientSecret",
            description=f"The dashboard's client secret at the school's sign-in ({suffix})",
            encryption_key=key,
            # This is the initial value. Operators write the real one, and no deployment changes it again.
            secret_string_value=SecretValue.unsafe_plain_text("{}"),
            removal_policy=removal_policy(config),
        )
        accept(self.client_secret, {"SMG4": "The school's provider makes it, and operators store it."})
        self.function = self._make_function(config, reports, key)
        url = self.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        accept_checkov(url, {"258": "A browser cannot sign for AWS; the function has everybody sign in."})
        self.url = url.url

    def _make_function(self, config: Config, reports: lambda_.Function, key: kms.IKey) -> lambda_.Function:
        name = f"{APPLICATION}-dashboard-{config.environment_suffix}"
        logs = log_group(self, "Log", config=config, name=f"/aws/lambda/{name}")
        role = FunctionRole(self, "Role", name=name, log_group=logs, in_vpc=False)
        role.may_invoke(reports)
        role.may_read_secret(self._cookie_key, key)
        role.may_read_secret(self.client_secret, key)
        return portal_function(
            self,
            config=config,
            name=name,
            handler="portal.dashboard.handler.handler",
            role=role,
            memory_size=MEMORY,
            timeout=TIMEOUT,
            environment=self._environment(config, reports),
            findings={
                "115": "What it may take is the account's to say: the reports function bounds what it asks.",
                "116": "Its callers wait for its answer, and ask again without one.",
                "117": "It faces the outside and never the database; all it calls are public endpoints.",
                "173": "Names, ARNs and what the provider publishes.",
            },
        )

    def _environment(self, config: Config, reports: lambda_.Function) -> dict[str, str]:
        given = {
            settings.REPORTS_FUNCTION: reports.function_name,
            settings.COOKIE_KEY_ARN: self._cookie_key.secret_arn,
            settings.CLIENT_SECRET_ARN: self.client_secret.secret_arn,
            settings.SUBJECT_CLAIM: config.dashboard_subject_claim,
            settings.ISSUER: config.dashboard_issuer,
            settings.CLIENT_ID: config.dashboard_client_id,
            settings.ADMIN_CLAIM: config.dashboard_admin_claim,
            settings.ADDRESS: config.dashboard_url,
        }
        return {name: value for name, value in given.items() if value is not None}
