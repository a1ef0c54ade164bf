"""The stream that events are published to."""

from aws_cdk import Duration
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import Config, DeployedPipeline
from infra.keys import rotated_key
from infra.nag import accept
from infra.pipeline import resource_name
from infra.removal import removal_policy


class EventStream(Construct):
    """``{pipeline}-stream-{suffix}``, encrypted with a key of its own."""

    key: kms.Key
    stream: kinesis.Stream

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, pipeline: DeployedPipeline
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = rotated_key(
            self, "Key", config=config, description="Events in the stream and failed records"
        )
        on_demand = config.stream_mode == "on-demand"
        self.stream = kinesis.Stream(
            self,
            "Stream",
            stream_name=resource_name(pipeline, "stream", config),
            stream_mode=kinesis.StreamMode.ON_DEMAND if on_demand else kinesis.StreamMode.PROVISIONED,
            shard_count=None if on_demand else config.shard_count,
            retention_period=Duration.hours(config.stream_retention_hours),
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=self.key,
            removal_policy=removal_policy(config),
        )
        accept(
            self.stream, {"KDS3": "A key of its own, so that reading events can be granted and withdrawn."}
        )
