"""The bucket into which Lambda writes a whole batch when its retries have run out."""

from typing import cast

from aws_cdk import CfnResource, Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Config, DeployedPipeline
from infra.log_groups import log_group
from infra.nag import accept, accept_checkov
from infra.removal import removal_policy


class FailedRecords(Construct):
    """Private, encrypted and versioned. Objects wait here for ``spm replay`` until their retention ends.

    It is S3 because SQS and SNS destinations get only a batch's coordinates, without its payload:
    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """

    bucket: s3.Bucket

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        pipeline: DeployedPipeline,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                # Not the tombstones of erased students, which are needed as long as there are backups.
                s3.LifecycleRule(
                    id="expire",
                    prefix="aws/lambda/",
                    expiration=Duration.days(config.failed_records_retention_days),
                ),
                s3.LifecycleRule(
                    id="expire-versions",
                    noncurrent_version_expiration=Duration.days(7),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
            ],
            removal_policy=removal_policy(config),
            # This is a Node function of the CDK's own, which the local targets cannot run.
            auto_delete_objects=config.target == "aws" and not config.protected,
        )
        # One function empties all the buckets of a stack.
        if config.target == "aws" and not config.protected and pipeline.first:
            self._keep_no_log_of_emptying(config)
        reason = "Access logs would need a second bucket; CloudTrail's data events tell who reads this one."
        accept(self.bucket, {"S1": reason})
        accept_checkov(self.bucket, {"18": reason})

    def _keep_no_log_of_emptying(self, config: Config) -> None:
        # Lambda would make the log group by itself, without a retention, and leave it behind.
        provider = Stack.of(self).node.find_child("Custom::S3AutoDeleteObjectsCustomResourceProvider")
        handler = cast("CfnResource", provider.node.find_child("Handler"))
        group = log_group(self, "EmptyingLog", config=config)
        handler.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})
