"""A function's role is written out, without a managed policy or anything that the CDK adds by itself."""

from typing import Final, cast

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.nag import accept

INTERFACE_ACTIONS: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
)
DESCRIBE_ACTIONS: Final = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")


class FunctionRole(Construct):
    """May write its own log group and, in a VPC, get its network interfaces. All else is added by name."""

    role: iam.IRole
    log_group: logs.LogGroup

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, log_group: logs.LogGroup, in_vpc: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = log_group
        # The policy is inline, so that the role never exists without its rights, which Lambda checks early.
        self._policy = iam.PolicyDocument()
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Runs {name}",
            inline_policies={"function": self._policy},
        )
        self._role = role
        self.role = role.without_policy_updates()
        self._allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        if in_vpc:
            self._may_join_vpc(name)

    def may_read_secret(self, secret: secretsmanager.ISecret, key: kms.IKey | None) -> None:
        """Allow reading one secret, and using its key through Secrets Manager only."""
        self._allow(["secretsmanager:GetSecretValue"], [secret.secret_arn])
        if key is not None:
            self._allow(
                ["kms:Decrypt"],
                [key.key_arn],
                {"StringEquals": {"kms:ViaService": f"secretsmanager.{Aws.REGION}.amazonaws.com"}},
            )

    def may_consume(self, stream: kinesis.IStream, key: kms.IKey | None) -> None:
        """Allow what an event source mapping does on the function's behalf.

        https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
        """
        self._allow(
            [
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            [stream.stream_arn],
        )
        if key is not None:
            self._allow(["kms:Decrypt"], [key.key_arn])

    def may_put(self, stream: kinesis.IStream, key: kms.IKey | None) -> None:
        """Allow putting records into a stream."""
        self._allow(["kinesis:PutRecords"], [stream.stream_arn])
        if key is not None:
            self._allow(["kms:GenerateDataKey"], [key.key_arn])

    def may_invoke(self, function: lambda_.IFunction) -> None:
        """Allow calling one function."""
        self._allow(["lambda:InvokeFunction"], [function.function_arn])

    def may_publish(self, topic: sns.ITopic, key: kms.IKey) -> None:
        """Allow publishing to one topic, which is encrypted with the key.

        https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse
        """
        self._allow(["sns:Publish"], [topic.topic_arn])
        self._allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn])

    def may_write(self, bucket: s3.IBucket, key: kms.IKey) -> None:
        """Allow what an on-failure destination in S3 does on the function's behalf.

        https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
        """
        objects = bucket.arn_for_objects("aws/lambda/*")
        self._allow(["s3:PutObject"], [objects])
        bucket_id = Stack.of(bucket).get_logical_id(cast("s3.CfnBucket", bucket.node.default_child))
        reason = "Lambda names the objects; nothing outside its own prefix may be written."
        accept(self._role, {f"IAM5[Resource::<{bucket_id}.Arn>/aws/lambda/*]": reason})
        self._allow(["s3:ListBucket"], [bucket.bucket_arn])
        self._allow(["kms:GenerateDataKey"], [key.key_arn])

    def may_protect(self, instance_arn: str) -> None:
        """Allow changing a database's settings, when it is ready for it."""
        self._allow(["rds:DescribeDBInstances", "rds:ModifyDBInstance"], [instance_arn])

    def may_close(self, security_group_arn: str) -> None:
        """Allow taking away a security group's rules."""
        self._allow(["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"], [security_group_arn])

    def _may_join_vpc(self, name: str) -> None:
        # The resources are as wide as Lambda requires, but the function's own code is denied all of it:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
        own = f"arn:{Aws.PARTITION}:ec2:{Aws.REGION}:{Aws.ACCOUNT_ID}:*/*"
        self._allow(list(INTERFACE_ACTIONS), [own])
        self._allow(list(DESCRIBE_ACTIONS), ["*"])
        function = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{name}"
        self._policy.add_statements(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=[*INTERFACE_ACTIONS, *DESCRIBE_ACTIONS],
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
            )
        )
        findings = {
            "IAM5[Resource::*]": "EC2's Describe actions know no resources; the other such statement denies.",
            "IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:*/*]": (
                "Lambda asks for every interface, subnet and group of the account; code is denied their use."
            ),
        }
        accept(self._role, findings)

    def _allow(
        self, actions: list[str], resources: list[str], conditions: dict[str, object] | None = None
    ) -> None:
        self._policy.add_statements(
            iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
        )
