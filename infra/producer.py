"""What a producer of events needs: a managed policy for each pipeline, attached to nobody by itself."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Config, DeployedPipeline
from infra.pipeline import resource_name
from infra.stream import EventStream


class Producer(Construct):
    """``{pipeline}-producer-{suffix}-{region}``: put records into the stream, by SDK or KPL; nothing else."""

    policy: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        pipeline: DeployedPipeline,
        stream: EventStream,
    ) -> None:
        super().__init__(scope, construct_id)
        put = [
            "kinesis:DescribeStreamSummary",
            "kinesis:ListShards",
            "kinesis:PutRecord",
            "kinesis:PutRecords",
        ]
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            # A policy's name is the account's, in all regions.
            managed_policy_name=f"{resource_name(pipeline, 'producer', config)}-{Aws.REGION}",
            description=f"Puts events into the stream of {pipeline.name}-{config.environment_suffix}",
            statements=[iam.PolicyStatement(actions=put, resources=[stream.stream.stream_arn])],
        )
        if stream.stream_key:
            self.policy.add_statements(
                iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[stream.stream_key.key_arn])
            )
