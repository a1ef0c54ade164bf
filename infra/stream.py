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
    """``{pipeline}-stream-{suffix}``, encrypted with a key of its own. Or the deployer's own stream.

    ``key`` encrypts failed records, and the stream that is made; ``stream_key`` the stream, if one is known.
    """

    key: kms.IKey
    stream: kinesis.IStream
    stream_key: kms.IKey | None

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, pipeline: DeployedPipeline
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = rotated_key(self, config=config, description="Events in the stream and failed records")
        if config.stream_arn and pipeline.first:
            self._take_stream(config.stream_arn, config.stream_key_arn)
        else:
            self._make_stream(config, resource_name(pipeline, "stream", config))

    @property
    def keys(self) -> list[kms.IKey]:
        """The keys that events are read with, in the stream and in the failed-records bucket."""
        if self.stream_key is None or self.stream_key is self.key:
            return [self.key]
        return [self.key, self.stream_key]

    def _make_stream(self, config: Config, name: str) -> None:
        on_demand = config.stream_mode == "on-demand"
        self.stream = kinesis.Stream(
            self,
            "Stream",
            stream_name=name,
            stream_mode=kinesis.StreamMode.ON_DEMAND if on_demand else kinesis.StreamMode.PROVISIONED,
            shard_count=None if on_demand else config.shard_count,
            retention_period=Duration.hours(config.stream_retention_hours),
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=self.key,
            removal_policy=removal_policy(config),
        )
        self.stream_key = self.key
        accept(
            self.stream, {"KDS3": "A key of its own, so that reading events can be granted and withdrawn."}
        )

    def _take_stream(self, arn: str, key_arn: str | None) -> None:
        self.stream_key = kms.Key.from_key_arn(self, "StreamKey", key_arn) if key_arn else None
        self.stream = kinesis.Stream.from_stream_attributes(
            self, "Stream", stream_arn=arn, encryption_key=self.stream_key
        )
