"""What differs between the local targets beside the mapping: docs/reference.md, "Targets", row by row.

The rules of the event source mapping are the conformance suite's part.
"""

import json
import sys
import uuid
from dataclasses import dataclass
from typing import Literal, get_args

import pytest
from botocore.exceptions import ClientError

from processor.commands.status import Status
from processor.metrics import MetricName
from spm.aws.stack import Aws, Stack
from spm.aws.stream import records_of, shard_ids
from spm.publishing.put_records import Entry, publish
from tests.engine import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.long

Name = Literal["embedded", "localstack"]


@dataclass(frozen=True)
class LocalTarget:
    """A deployed environment whose processor has stored something, and where it is."""

    name: Name
    aws: Aws
    stack: Stack

    def metrics(self, namespace: str) -> set[str]:
        """Names of the metrics that CloudWatch knows there."""
        pages = self.aws.cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace)
        return {metric["MetricName"] for page in pages for metric in page["Metrics"]}


@pytest.fixture(params=["embedded", pytest.param("localstack", marks=pytest.mark.localstack)])
def target(request: pytest.FixtureRequest) -> LocalTarget:
    """Each local target in turn."""
    environment = request.getfixturevalue(
        {"embedded": "deployed", "localstack": "environment"}[request.param]
    )
    commands = environment.commands
    stored = commands.run(Status()).stored
    entry = Entry(b'{"student_id": "a", "event_type": "login"}', "a")
    list(publish(environment.aws.kinesis, environment.stack.stream_name, [entry]))
    wait_until(lambda: commands.run(Status()).stored > stored, "an event to be stored", seconds=60)
    return LocalTarget(request.param, environment.aws, environment.stack)


def test_migrations(target: LocalTarget) -> None:
    """Schema migrations"""
    pages = target.aws.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack.name
    )
    types = {resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]}
    assert ("Custom::DatabaseMigration" in types) == (target.name == "embedded")
    assert target.stack.commands(target.aws).run(Status()).schema_version > 0


def test_runtime(target: LocalTarget) -> None:
    """What runs the functions"""
    function = target.aws.functions.get_function(FunctionName=target.stack.processor_name)["Configuration"]
    running = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert function["Runtime"] == (running if target.name == "embedded" else "python3.13")


def test_lambda_metrics(target: LocalTarget) -> None:
    """Metrics of `AWS/Lambda`"""
    wait_until(lambda: "Invocations" in target.metrics("AWS/Lambda"), "the metrics", seconds=90)
    told = {"Duration", "Throttles", "IteratorAge", "PolledEventCount", "InvokedEventCount"}
    assert target.metrics("AWS/Lambda") & told == (told if target.name == "embedded" else set())


def test_own_metrics(target: LocalTarget) -> None:
    """Metrics of `StudentPerformance`"""
    wait_until(lambda: "Invocations" in target.metrics("AWS/Lambda"), "the metrics", seconds=90)
    found = target.metrics("StudentPerformance")
    assert found == (set(get_args(MetricName)) if target.name == "embedded" else set())


def test_dashboard(target: LocalTarget) -> None:
    """CloudWatch's dashboard"""
    entries = target.aws.cloudwatch.list_dashboards()["DashboardEntries"]
    assert bool(entries) == (target.name == "embedded")


def test_shard_count(target: LocalTarget) -> None:
    """Another `shardCount` for a stream that is there"""
    name = f"shards-{uuid.uuid4().hex[:8]}"
    stream = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": name, "ShardCount": 1}}
    cloudformation = target.aws.cloudformation
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Stream": stream}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    more = {**stream, "Properties": {"Name": name, "ShardCount": 2}}
    cloudformation.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Stream": more}}))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    summary = target.aws.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    cloudformation.delete_stack(StackName=name)
    assert summary["OpenShardCount"] == (2 if target.name == "embedded" else 1)


def test_sequence_numbers(target: LocalTarget) -> None:
    """Sequence numbers"""
    shards = shard_ids(target.aws, target.stack)
    records = [record for shard in shards for record in records_of(target.aws, target.stack, shard)]
    digits = {len(record["SequenceNumber"]) for record in records}
    assert digits == {30 if target.name == "embedded" else 56}


def test_encryption_and_expiry(target: LocalTarget) -> None:
    """Encryption of the stream, expiry of failed records"""
    summary = target.aws.kinesis.describe_stream_summary(StreamName=target.stack.stream_name)
    assert summary["StreamDescriptionSummary"]["EncryptionType"] == "NONE"
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        target.aws.s3.get_bucket_lifecycle_configuration(Bucket=target.stack.bucket_name)


def test_every_row_of_the_table_has_its_test() -> None:
    section = (
        (ROOT / "docs" / "reference.md").read_text().partition("\n## Targets\n")[2].partition("\n## ")[0]
    )
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")][2:]
    tests = [value.__doc__ for name, value in globals().items() if name.startswith("test_") and value.__doc__]
    assert rows == tests
