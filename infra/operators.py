"""What people who work with ``spm`` need: one managed policy, attached to nobody by itself."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.front_door import FrontDoor
from infra.ingestion import Ingestion
from infra.nag import accept

STREAM_ACTIONS: Final = [
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:PutRecords",
]


class Operators(Construct):
    """``student-performance-operators-{suffix}-{region}``: what ``spm`` calls (reference.md, "Rights")."""

    policy: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        operations: lambda_.Function,
        ingestions: Sequence[Ingestion],
        door: FrontDoor | None,
    ) -> None:
        super().__init__(scope, construct_id)
        suffix = config.environment_suffix
        buckets = [ingestion.failed_records.bucket for ingestion in ingestions]
        streams = [ingestion.stream for ingestion in ingestions]
        processors = [ingestion.processor for ingestion in ingestions]
        account = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        alarms = f"{account}:alarm:{APPLICATION}-{suffix}-*"
        granted: list[tuple[list[str], list[str]]] = [
            (
                ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"],
                [Stack.of(self).stack_id],
            ),
            (STREAM_ACTIONS, [stream.stream.stream_arn for stream in streams]),
            (
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [key.key_arn for s in streams for key in s.keys],
            ),
            (
                ["lambda:InvokeFunction"],
                [function.function_arn for function in (*processors, operations)],
            ),
            (["s3:ListBucket"], [bucket.bucket_arn for bucket in buckets]),
            (["s3:DeleteObject", "s3:GetObject"], [bucket.arn_for_objects("*") for bucket in buckets]),
            (["cloudwatch:DescribeAlarms"], [alarms]),
            (["cloudwatch:GetMetricStatistics", "lambda:ListEventSourceMappings"], ["*"]),
        ]
        if door:
            write = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
            granted.append((write, [door.senders.secret_arn]))
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            # A policy's name is the account's, in all regions.
            managed_policy_name=f"{APPLICATION}-operators-{suffix}-{Aws.REGION}",
            description=f"Everything that spm does with {Stack.of(self).stack_name}",
            statements=[iam.PolicyStatement(actions=actions, resources=arns) for actions, arns in granted],
        )
        shown = alarms.replace(Aws.PARTITION, "<AWS::Partition>").replace(Aws.REGION, "<AWS::Region>")
        shown = shown.replace(Aws.ACCOUNT_ID, "<AWS::AccountId>")
        accept(
            self.policy,
            {
                "IAM5[Resource::*]": "CloudWatch's metrics and Lambda's list of mappings know no resources.",
                f"IAM5[Resource::{shown}]": "The alarms of this environment, whatever they are called.",
                **{
                    f"IAM5[Resource::<{_logical_id(bucket)}.Arn>/*]": "Lambda names the objects."
                    for bucket in buckets
                },
            },
        )


def _logical_id(bucket: s3.Bucket) -> str:
    return Stack.of(bucket).get_logical_id(bucket.node.default_child)  # type: ignore[arg-type]  # it is one
