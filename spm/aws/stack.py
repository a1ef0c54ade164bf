"""Find a deployed stack by its CloudFormation outputs, and make the clients to work with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from msgspec import Struct
from msgspec.json import Decoder

from processor.pipeline import Pipeline
from spm.authoring.choose import BrokenModule, imported
from spm.aws.commands import Commands
from spm.errors import InputError, StackNotFoundError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

# The function may run for a minute. botocore's own retries would repeat an invocation that is still running.
PATIENT = Config(read_timeout=120, retries={"mode": "standard", "total_max_attempts": 1})
# Kinesis checks each record as well. Having botocore do it first took a fifth of publishing a record.
INSISTENT = Config(
    parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 8}, max_pool_connections=16
)


def _leave_out_what_worked(response_dict: dict[str, Any], **_: object) -> None:
    """Keep botocore from reading the records' sequence numbers, which took longer than checking an event."""
    is_json = response_dict["body"].startswith(b"{")
    if is_json and response_dict["status_code"] == HTTPStatus.OK:
        answer = _decode_answer(response_dict["body"])
        if not answer.FailedRecordCount:
            response_dict["body"] = b'{"FailedRecordCount":0,"Records":[]}'


class _Answer(Struct):
    FailedRecordCount: int


_decode_answer = Decoder(_Answer).decode


class Aws:
    """Clients for one account and region, or for an emulator."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Use the ordinary AWS configuration, or exactly the AWS_* variables in ``environment``."""
        self._endpoint_url = environment.get("AWS_ENDPOINT_URL") if environment else None
        self._session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"] if environment else None,
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"] if environment else None,
            region_name=environment["AWS_DEFAULT_REGION"] if environment else None,
        )

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """Stacks."""
        return self._session.client("cloudformation", endpoint_url=self._endpoint_url)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """Metrics and alarms."""
        return self._session.client("cloudwatch", endpoint_url=self._endpoint_url)

    @cached_property
    def kinesis(self) -> "KinesisClient":
        """Streams. The answer to a PutRecords call in which nothing failed names no records."""
        client = self._session.client("kinesis", endpoint_url=self._endpoint_url, config=INSISTENT)
        client.meta.events.register("before-parse.kinesis.PutRecords", _leave_out_what_worked)
        return client

    @cached_property
    def functions(self) -> "LambdaClient":
        """Lambda, patient enough for a function that uses its whole time."""
        return self._session.client("lambda", endpoint_url=self._endpoint_url, config=PATIENT)

    @cached_property
    def identity(self) -> str:
        """The ARN of whoever these credentials belong to. Asking for it needs no right."""
        return self._session.client("sts", endpoint_url=self._endpoint_url).get_caller_identity()["Arn"]

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """The logs of functions."""
        return self._session.client("logs", endpoint_url=self._endpoint_url)

    @cached_property
    def s3(self) -> "S3Client":
        """Buckets."""
        return self._session.client("s3", endpoint_url=self._endpoint_url)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """Secrets."""
        return self._session.client("secretsmanager", endpoint_url=self._endpoint_url)


@dataclass(frozen=True)
class Stack:
    """What a deployed stack says about itself in its outputs."""

    name: str
    stream_name: str
    stream_arn: str
    processor_arn: str
    operations_name: str
    reports_name: str
    bucket_name: str
    topic_arn: str
    pipeline: Pipeline
    ingest_url: str | None = None
    dashboard_url: str | None = None
    senders_arn: str | None = None
    alerts_name: str | None = None

    @property
    def processor_name(self) -> str:
        """The processor's function name, the last part of its ARN."""
        return self.processor_arn.rpartition(":")[2]

    def commands(self, aws: Aws) -> Commands:
        """The way to this stack's database."""
        return Commands(aws, {"operations": self.operations_name, "reports": self.reports_name})


def find(aws: Aws, suffix: str, pipeline: str | None = None) -> Stack:
    """Read the outputs of the stack with this suffix. Raise StackNotFoundError if there is none.

    The stream, processor and bucket are those of the pipeline named ``pipeline``, or of the first one.
    """
    name = f"StudentPerformance-{suffix}"
    return from_outputs(name, _outputs(aws, name), pipeline)


def with_every_pipeline(aws: Aws, name: str) -> Sequence[Stack]:
    """Return a stack once for each of its pipelines, the first one first."""
    outputs = _outputs(aws, name)
    modules = sorted((key for key in outputs if key.endswith("Module")), key=len)
    return [from_outputs(name, outputs, _deployed(outputs[key]).name) for key in modules]


def _outputs(aws: Aws, name: str) -> Mapping[str, str]:
    try:
        answer = aws.cloudformation.describe_stacks(StackName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise StackNotFoundError(
            f"no stack {name} in region {aws.cloudformation.meta.region_name}: deploy it, "
            "or choose another one with --suffix, AWS_REGION or AWS_PROFILE"
        ) from error
    return {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}


def from_outputs(name: str, outputs: Mapping[str, str], pipeline: str | None = None) -> Stack:
    """Take what is needed from a stack's outputs. Raise StackNotFoundError if one is missing."""
    try:
        found = _deployed(outputs["Module"])
        prefix = ""
        if pipeline not in (None, found.name):
            prefix = "".join(part.capitalize() for part in str(pipeline).split("-"))
            if f"{prefix}Module" not in outputs:
                raise StackNotFoundError(
                    f"stack {name} has no pipeline {pipeline}: name its module among `pipelines` in"
                    " [tool.spm] of pyproject.toml, and deploy"
                )
            found = _deployed(outputs[f"{prefix}Module"])
        return Stack(
            name=name,
            stream_name=outputs[f"{prefix}KinesisStreamName"],
            stream_arn=outputs[f"{prefix}KinesisStreamArn"],
            processor_arn=outputs[f"{prefix}ProcessorFunctionArn"],
            operations_name=outputs["OperationsFunctionName"],
            reports_name=outputs["ReportsFunctionName"],
            bucket_name=outputs[f"{prefix}FailedRecordsBucketName"],
            topic_arn=outputs["AlarmTopicArn"],
            pipeline=found,
            ingest_url=outputs.get("IngestUrl"),
            dashboard_url=outputs.get("DashboardUrl"),
            senders_arn=outputs.get("IngestSendersSecretArn"),
            alerts_name=outputs.get("AlertsFunctionName"),
        )
    except KeyError as missing:
        raise StackNotFoundError(
            f"stack {name} has no output {missing}: is its deployment finished, and of this version?"
        ) from missing


def _deployed(module: str) -> Pipeline:
    """Return the pipeline of a deployed module. Raise InputError with the place if it is broken now."""
    try:
        return imported(module)
    except BrokenModule as error:
        raise InputError(str(error)) from error
    except InputError as error:
        raise StackNotFoundError(f"{error}: use the project that was deployed") from error
