"""What the stack tells its users: outputs, most of them exported."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.alarm_topic import AlarmTopic
from infra.config import Config
from infra.existing_database import AnyDatabase
from infra.functions import Functions
from infra.ingestion import Ingestion
from infra.operators import Operators
from infra.portal import Portal


class Outputs(Construct):
    """The names that scripts, the command line and other stacks rely on."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        database: AnyDatabase,
        functions: Functions,
        ingestions: Sequence[Ingestion],
        topic: AlarmTopic,
        operators: Operators,
        portal: Portal,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        first, *others = ingestions
        exported = {
            "KinesisStreamName": ("PerformanceStreamName", first.stream.stream.stream_name),
            "KinesisStreamArn": ("PerformanceStreamArn", first.stream.stream.stream_arn),
            "DatabaseEndpoint": ("DBEndpoint", database.endpoint),
            "DatabaseSecretArn": ("DBSecretArn", database.owner_secret.secret_arn),
            "ProcessorFunctionArn": ("ProcessorFunctionArn", first.processor.function_arn),
        }
        for name, (export, value) in exported.items():
            CfnOutput(stack, name, value=value, export_name=f"{export}-{config.environment_suffix}")
        if first.stream.stream_key:
            CfnOutput(stack, "KinesisStreamKeyArn", value=first.stream.stream_key.key_arn)
        CfnOutput(stack, "ProducerPolicyArn", value=first.producer.policy.managed_policy_arn)
        CfnOutput(stack, "ReadersPolicyArn", value=operators.readers.managed_policy_arn)
        CfnOutput(stack, "OperatorsPolicyArn", value=operators.operators.managed_policy_arn)
        CfnOutput(stack, "Module", value=first.pipeline.module)
        CfnOutput(stack, "OperationsFunctionName", value=functions.operations.function_name)
        CfnOutput(stack, "ReportsFunctionName", value=functions.reports.function_name)
        CfnOutput(stack, "FailedRecordsBucketName", value=first.failed_records.bucket.bucket_name)
        CfnOutput(stack, "AlarmTopicArn", value=topic.topic.topic_arn)
        self._of_portal(stack, portal)
        for ingestion in others:
            self._of_pipeline(stack, ingestion)

    def _of_portal(self, stack: Stack, portal: Portal) -> None:
        if portal.door:
            CfnOutput(stack, "IngestUrl", value=portal.door.url)
            CfnOutput(stack, "IngestSendersSecretArn", value=portal.door.senders.secret_arn)
        if portal.pages:
            CfnOutput(stack, "DashboardUrl", value=portal.pages.url)
            CfnOutput(stack, "DashboardClientSecretArn", value=portal.pages.client_secret.secret_arn)
        if portal.alerts:
            CfnOutput(stack, "AlertsFunctionName", value=portal.alerts.function.function_name)
            CfnOutput(stack, "AlertsTopicArn", value=portal.alerts.topic.topic_arn)
            if portal.alerts.secret:
                CfnOutput(stack, "AlertsWebhookSecretArn", value=portal.alerts.secret.secret_arn)

    def _of_pipeline(self, stack: Stack, ingestion: Ingestion) -> None:
        of_pipeline = {
            "Module": ingestion.pipeline.module,
            "KinesisStreamName": ingestion.stream.stream.stream_name,
            "KinesisStreamArn": ingestion.stream.stream.stream_arn,
            "KinesisStreamKeyArn": ingestion.stream.key.key_arn,
            "ProducerPolicyArn": ingestion.producer.policy.managed_policy_arn,
            "ProcessorFunctionArn": ingestion.processor.function_arn,
            "FailedRecordsBucketName": ingestion.failed_records.bucket.bucket_name,
        }
        for name, value in of_pipeline.items():
            CfnOutput(stack, f"{ingestion.pipeline.construct_id}{name}", value=value)
