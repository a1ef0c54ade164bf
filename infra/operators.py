"""What people who work with ``spm`` need: one managed policy, attached to nobody by itself."""

from typing import Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Config
from infra.failed_records import FailedRecords
from infra.functions import Functions
from infra.nag import accept
from infra.stream import PerformanceStream

STREAM_ACTIONS: Final = [
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:PutRecords",
]


class Operators(Construct):
    """``student-performance-operators-{suffix}``: what the commands call (docs/reference.md, "Rights")."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        stream: PerformanceStream,
        functions: Functions,
        failed_records: FailedRecords,
    ) -> None:
        super().__init__(scope, construct_id)
        suffix = config.environment_suffix
        bucket = failed_records.bucket
        account = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        alarms = f"{account}:alarm:student-performance-{suffix}-*"
        granted: list[tuple[list[str], list[str]]] = [
            (
                ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"],
                [Stack.of(self).stack_id],
            ),
            (STREAM_ACTIONS, [stream.stream.stream_arn]),
            (["kms:Decrypt", "kms:GenerateDataKey"], [stream.key.key_arn]),
            (
                ["lambda:InvokeFunction"],
                [functions.processor.function_arn, functions.operations.function_arn],
            ),
            (["s3:ListBucket"], [bucket.bucket_arn]),
            (["s3:DeleteObject", "s3:GetObject"], [bucket.arn_for_objects("*")]),
            (["cloudwatch:DescribeAlarms"], [alarms]),
            (["cloudwatch:GetMetricStatistics", "lambda:ListEventSourceMappings"], ["*"]),
        ]
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=f"student-performance-operators-{suffix}",
            description=f"Everything that spm does with StudentPerformance-{suffix}",
            statements=[iam.PolicyStatement(actions=actions, resources=arns) for actions, arns in granted],
        )
        bucket_id = Stack.of(bucket).get_logical_id(bucket.node.default_child)  # type: ignore[arg-type]  # it is one
        shown = alarms.replace(Aws.PARTITION, "<AWS::Partition>").replace(Aws.REGION, "<AWS::Region>")
        shown = shown.replace(Aws.ACCOUNT_ID, "<AWS::AccountId>")
        accept(
            policy,
            {
                "IAM5[Resource::*]": "CloudWatch's metrics and Lambda's list of mappings know no resources.",
                f"IAM5[Resource::{shown}]": "The alarms of this environment, whatever they are called.",
                f"IAM5[Resource::<{bucket_id}.Arn>/*]": "Lambda names the objects.",
            },
        )
