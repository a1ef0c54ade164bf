"""What people who work with ``spm`` need: two managed policies, attached to nobody by themselves."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.functions import Functions
from infra.ingestion import Ingestion
from infra.nag import accept
from infra.portal import Portal

STREAM_ACTIONS: Final = [
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:PutRecords",
]
SENDERS_ACTIONS: Final = [
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
]
ACCOUNT: Final = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"


class Grant(NamedTuple):
    """Actions, and the resources on which they are allowed."""

    actions: list[str]
    resources: list[str]


class Operators(Construct):
    """``student-performance-{readers,operators}-{suffix}-{region}``: see reference.md, "Rights".

    Readers look: at reports, and at how the stack is doing. Operators do everything else besides.
    """

    readers: iam.ManagedPolicy
    operators: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        functions: Functions,
        ingestions: Sequence[Ingestion],
        portal: Portal,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = config.environment_suffix
        alarms = f"arn:{Aws.PARTITION}:cloudwatch:{ACCOUNT}:alarm:{APPLICATION}-{self._suffix}-*"
        logs = f"arn:{Aws.PARTITION}:logs:{ACCOUNT}:log-group:/aws/lambda/{APPLICATION}-*-{self._suffix}:*"
        looking = _looking(self, functions, ingestions, alarms)
        self.readers = self._policy("Readers", "Looks at", looking)
        working = _working(functions, ingestions, logs)
        working += _facing_outside(portal)
        self.operators = self._policy("Policy", "Everything that spm does with", [*looking, *working])
        findings = {
            "IAM5[Resource::*]": "CloudWatch's metrics and Lambda's list of mappings know no resources.",
            f"IAM5[Resource::{_shown(alarms)}]": "The alarms of this environment, whatever they are called.",
        }
        accept(self.readers, findings)
        accept(
            self.operators,
            {
                **findings,
                f"IAM5[Resource::{_shown(logs)}]": "The logs of this environment's functions.",
                **{
                    f"IAM5[Resource::<{_logical_id(ingestion.failed_records.bucket)}.Arn>/*]": (
                        "Lambda names the objects."
                    )
                    for ingestion in ingestions
                },
                f"IAM5[Resource::<{_logical_id(ingestions[0].failed_records.bucket)}.Arn>/erased/*]": (
                    "A tombstone is named after a hash."
                ),
            },
        )

    def _policy(self, construct_id: str, does: str, granted: Sequence[Grant]) -> iam.ManagedPolicy:
        who = "readers" if construct_id == "Readers" else "operators"
        return iam.ManagedPolicy(
            self,
            construct_id,
            # A policy's name is the account's, in all regions.
            managed_policy_name=f"{APPLICATION}-{who}-{self._suffix}-{Aws.REGION}",
            description=f"{does} {Stack.of(self).stack_name}",
            statements=[iam.PolicyStatement(actions=g.actions, resources=g.resources) for g in granted],
        )


def _looking(
    scope: Construct, functions: Functions, ingestions: Sequence[Ingestion], alarms: str
) -> list[Grant]:
    return [
        Grant(
            ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"], [Stack.of(scope).stack_id]
        ),
        Grant(["kinesis:DescribeStreamSummary"], [i.stream.stream.stream_arn for i in ingestions]),
        Grant(["lambda:InvokeFunction"], [functions.reports.function_arn]),
        Grant(["s3:ListBucket"], [i.failed_records.bucket.bucket_arn for i in ingestions]),
        Grant(["cloudwatch:DescribeAlarms"], [alarms]),
        Grant(["cloudwatch:GetMetricStatistics", "lambda:ListEventSourceMappings"], ["*"]),
    ]


def _working(functions: Functions, ingestions: Sequence[Ingestion], logs: str) -> list[Grant]:
    processors = [ingestion.processor.function_arn for ingestion in ingestions]
    own_logs = [i.processor.log_group.log_group_arn for i in ingestions if not i.pipeline.first]
    return [
        Grant(STREAM_ACTIONS, [i.stream.stream.stream_arn for i in ingestions]),
        Grant(
            ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn for i in ingestions for key in i.stream.keys]
        ),
        Grant(["lambda:InvokeFunction"], [*processors, functions.operations.function_arn]),
        Grant(
            ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"],
            [i.failed_records.bucket.arn_for_objects("*") for i in ingestions],
        ),
        Grant(["s3:ListBucketVersions"], [i.failed_records.bucket.bucket_arn for i in ingestions]),
        Grant(["s3:PutObject"], [ingestions[0].failed_records.bucket.arn_for_objects("erased/*")]),
        Grant(["logs:FilterLogEvents"], [logs, *own_logs]),
    ]


def _facing_outside(portal: Portal) -> Iterator[Grant]:
    if portal.door:
        yield Grant(SENDERS_ACTIONS, [portal.door.senders.secret_arn])
    if portal.pages:
        yield Grant(["secretsmanager:PutSecretValue"], [portal.pages.client_secret.secret_arn])
    if portal.alerts:
        yield Grant(["lambda:InvokeFunction"], [portal.alerts.function.function_arn])


def _shown(arn: str) -> str:
    """Return an ARN as cdk-nag names it in its findings."""
    for value, name in ((Aws.PARTITION, "Partition"), (Aws.REGION, "Region"), (Aws.ACCOUNT_ID, "AccountId")):
        arn = arn.replace(value, f"<AWS::{name}>")
    return arn


def _logical_id(bucket: s3.Bucket) -> str:
    return Stack.of(bucket).get_logical_id(bucket.node.default_child)  # type: ignore[arg-type]  # it is one
