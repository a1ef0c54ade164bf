"""What the stack tells its users: outputs, most of them exported."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.alarm_topic import AlarmTopic
from infra.config import Config
from infra.existing_database import AnyDatabase
from infra.failed_records import FailedRecords
from infra.functions import Functions
from infra.stream import PerformanceStream


class Outputs(Construct):
    """The names that scripts, the command line and other stacks rely on."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        stream: PerformanceStream,
        database: AnyDatabase,
        functions: Functions,
        failed_records: FailedRecords,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        exported = {
            "KinesisStreamName": ("PerformanceStreamName", stream.stream.stream_name),
            "KinesisStreamArn": ("PerformanceStreamArn", stream.stream.stream_arn),
            "DatabaseEndpoint": ("DBEndpoint", database.endpoint),
            "DatabaseSecretArn": ("DBSecretArn", database.owner_secret.secret_arn),
            "ProcessorFunctionArn": ("ProcessorFunctionArn", functions.processor.function_arn),
        }
        for name, (export, value) in exported.items():
            CfnOutput(stack, name, value=value, export_name=f"{export}-{config.environment_suffix}")
        CfnOutput(stack, "OperationsFunctionName", value=functions.operations.function_name)
        CfnOutput(stack, "FailedRecordsBucketName", value=failed_records.bucket.bucket_name)
        CfnOutput(stack, "AlarmTopicArn", value=topic.topic.topic_arn)
