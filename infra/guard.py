"""Does what CloudFormation cannot: protects the database last, and closes the default security group."""

from pathlib import Path
from typing import Final

from aws_cdk import Aws, CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from constructs import Construct, IDependable

from infra.config import APPLICATION, Config
from infra.function_role import FunctionRole
from infra.log_groups import log_group
from infra.nag import accept, accept_checkov
from infra.network import Network

CODE: Final = Path(__file__).with_name("inline") / "guard.py"
TIMEOUT: Final = Duration.minutes(15)


class Guard(Construct):
    """``student-performance-guard-{suffix}`` and its two resources, on prod only.

    The template leaves the database's deletion protection unset, because with it CloudFormation could not
    roll back a failed first deployment. The guard is made last and sets the protection. A rollback of the
    same deployment deletes the guard first, which lifts the protection. A later rollback and the stack's
    deletion leave both alone.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        network: Network,
        instance: rds.IDatabaseInstance,
        after: list[IDependable],
    ) -> None:
        super().__init__(scope, construct_id)
        self._function = self._make_function(config, instance, network.default_group)
        self._resource(
            "DatabaseProtection",
            {"DBInstanceIdentifier": instance.instance_identifier},
            after,
            RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        if network.default_group:
            closed = {"GroupId": network.default_group}
            self._resource("ClosedSecurityGroup", closed, [], RemovalPolicy.DESTROY)

    def _make_function(
        self, config: Config, instance: rds.IDatabaseInstance, group: str | None
    ) -> lambda_.Function:
        name = f"{APPLICATION}-guard-{config.environment_suffix}"
        logs = log_group(self, "Log", config=config, name=f"/aws/lambda/{name}")
        role = FunctionRole(self, "Role", name=name, log_group=logs, in_vpc=False)
        role.may_protect(instance.instance_arn)
        if group:
            role.may_close(f"arn:{Aws.PARTITION}:ec2:{Aws.REGION}:{Aws.ACCOUNT_ID}:security-group/{group}")
        function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            code=lambda_.Code.from_inline(CODE.read_text(encoding="utf-8")),
            handler="index.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            timeout=TIMEOUT,
            role=role.role,
            log_group=logs,
        )
        accept(function, {"L1": "Python 3.13 is supported until 2029; 3.14 follows when CI runs it."})
        findings = {
            "115": "CloudFormation calls it, twice a deployment at the most.",
            "116": "CloudFormation waits for its answer, and rolls back without one.",
            "117": "It calls RDS and EC2, which the VPC has no door to, and not the database.",
        }
        accept_checkov(function, findings)
        return function

    def _resource(
        self, name: str, properties: dict[str, str], after: list[IDependable], policy: RemovalPolicy
    ) -> None:
        resource = CustomResource(
            self,
            name,
            resource_type=f"Custom::{name}",
            service_token=self._function.function_arn,
            service_timeout=Duration.seconds(TIMEOUT.to_seconds() + 60),
            properties=dict(properties),
            removal_policy=policy,
        )
        resource.node.add_dependency(*after)
