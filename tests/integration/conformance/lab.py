"""A scenario's stream, scripted function and mapping, in any cloud that has AWS's APIs."""

import json
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.integration.conformance.clouds import CloudUnderTest
from tests.integration.conformance.function import SCRIPTED, Delivery, archive


@dataclass
class Lab:
    """The parts of one scenario; ``close`` removes everything that it made."""

    target: CloudUnderTest
    name: str = field(default_factory=lambda: f"conformance-{uuid.uuid4().hex[:10]}")
    mapping: dict[str, Any] = field(default_factory=dict)
    _seen: list[Delivery] = field(default_factory=list)
    _undo: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.kinesis = self.target.client("kinesis")
        self.function = self.target.client("lambda")
        self.sqs = self.target.client("sqs")

    def close(self) -> None:
        """Remove everything that is still there."""
        self._undo.close()

    # -- making things -------------------------------------------------------------------------------------

    def make_stream(self, shards: int = 1) -> None:
        """Create the stream and wait until it accepts records."""
        self.kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        self._later(self.kinesis.delete_stream, StreamName=self.name)
        self.wait_until_active()

    def make_function(self, *script: dict[str, Any], timeout: int = 30, name: str = "") -> None:
        """Create the scripted function and the queue for its receipts; another name makes a second one."""
        self.make_queue("receipts")
        self.function.create_function(
            FunctionName=name or self.name,
            Runtime=self.target.runtime,
            Role=self.target.role_arn,
            Handler="scripted.handler",
            Timeout=timeout,
            Environment={"Variables": {"SCRIPT": json.dumps(script), "RECEIPTS": f"{self.name}-receipts"}},
            Code={"ZipFile": archive(SCRIPTED.read_bytes())},
        )
        self._later(self.function.delete_function, FunctionName=name or self.name)
        self._wait(lambda: self._function_is_active(name or self.name), 90, "the function is active")

    def make_mapping(self, **settings: Any) -> None:
        """Create the mapping, by default from TRIM_HORIZON and with reports; None leaves a setting out."""
        asked = {
            "FunctionName": self.name,
            "EventSourceArn": self.stream_arn,
            "StartingPosition": "TRIM_HORIZON",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            **settings,
        }
        self.mapping = self.function.create_event_source_mapping(
            **{name: value for name, value in asked.items() if value is not None}
        )
        self._later(self.function.delete_event_source_mapping, UUID=self.mapping["UUID"])

    def refusal(self, **settings: Any) -> tuple[str, str]:
        """Ask for a mapping that has to be refused; return the code and message of the refusal."""
        try:
            self.make_mapping(**settings)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise AssertionError(f"accepted: {settings}")

    def make_queue(self, suffix: str) -> str:
        """Create a queue and return its ARN."""
        url = self.sqs.create_queue(QueueName=f"{self.name}-{suffix}")["QueueUrl"]
        self._later(self.sqs.delete_queue, QueueUrl=url)
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(attributes["Attributes"]["QueueArn"])

    def make_topic(self, queue_arn: str) -> str:
        """Create a topic that a queue subscribes to, and return its ARN."""
        sns = self.target.client("sns")
        arn = str(sns.create_topic(Name=self.name)["TopicArn"])
        self._later(sns.delete_topic, TopicArn=arn)
        allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn}
        self.sqs.set_queue_attributes(
            QueueUrl=self._queue_url(queue_arn.rsplit(":", maxsplit=1)[-1]),
            Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})},
        )
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
        return arn

    def make_bucket(self) -> str:
        """Create a bucket and return its ARN."""
        s3 = self.target.client("s3")
        s3.create_bucket(Bucket=self.name)
        self._later(s3.delete_bucket, Bucket=self.name)
        return f"arn:aws:s3:::{self.name}"

    def _later(self, undo: Callable[..., object], **arguments: Any) -> None:
        def quietly() -> None:
            with suppress(ClientError):
                undo(**arguments)

        self._undo.callback(quietly)

    # -- using them ----------------------------------------------------------------------------------------

    @property
    def stream_arn(self) -> str:
        """The stream's ARN."""
        return str(self._stream()["StreamARN"])

    def put(self, *labels: str, key: str | None = None, filler: int = 0, **more: object) -> None:
        """Send records in order; each one's label is its partition key unless one is given."""
        for label in labels:
            data = json.dumps({"label": label, "filler": "x" * filler, **more})
            self.kinesis.put_record(StreamName=self.name, Data=data.encode(), PartitionKey=key or label)

    def put_to_shard(self, label: str, number: int) -> None:
        """Send a record to the shard of this number, by its hash key."""
        shard = self.open_shards()[number]
        self.kinesis.put_record(
            StreamName=self.name,
            Data=json.dumps({"label": label}).encode(),
            PartitionKey=label,
            ExplicitHashKey=shard["HashKeyRange"]["StartingHashKey"],
        )

    def split_first_shard(self) -> None:
        """Split the first shard in its middle."""
        shard = self.open_shards()[0]
        ends = [int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending")]
        self.kinesis.split_shard(
            StreamName=self.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(sum(ends) // 2)
        )
        self.wait_until_active()

    def merge_first_shards(self) -> None:
        """Merge the first two open shards."""
        first, second = [shard["ShardId"] for shard in self.open_shards()[:2]]
        self.kinesis.merge_shards(StreamName=self.name, ShardToMerge=first, AdjacentShardToMerge=second)
        self.wait_until_active()

    def open_shards(self) -> list[dict[str, Any]]:
        """Return the shards that accept records, in the order of their names."""
        shards = self.kinesis.list_shards(StreamName=self.name)["Shards"]
        return [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]

    def wait_until_active(self) -> None:
        """Wait until the stream accepts changes and records."""
        self._wait(lambda: self._stream()["StreamStatus"] == "ACTIVE", 60, "the stream is active")

    def heal(self) -> None:
        """Give the function a script in which everything succeeds."""
        self.script()

    def script(self, *script: dict[str, Any]) -> None:
        """Give the function another script."""
        settings = self.function.get_function_configuration(FunctionName=self.name)
        variables = settings["Environment"]["Variables"] | {"SCRIPT": json.dumps(script)}
        self.function.update_function_configuration(
            FunctionName=self.name, Environment={"Variables": variables}
        )

    def update_mapping(self, **settings: Any) -> None:
        """Update the mapping and wait until it shows the update."""
        self.function.update_event_source_mapping(UUID=self.mapping["UUID"], **settings)
        settled = {"Enabled", "Disabled"}
        self._wait(lambda: self.state() in settled, 90, "the mapping is updated")

    def delete_mapping(self) -> None:
        """Delete the mapping and wait until it is gone."""
        self.function.delete_event_source_mapping(UUID=self.mapping["UUID"])
        find = self.function.list_event_source_mappings
        self.wait_until(lambda: not find(FunctionName=self.name)["EventSourceMappings"])

    def replace_code(self, old: bytes, new: bytes) -> None:
        """Replace one piece of the function's code."""
        assert SCRIPTED.read_bytes().count(old) == 1
        code = archive(SCRIPTED.read_bytes().replace(old, new))
        self.function.update_function_code(FunctionName=self.name, ZipFile=code)

    def mapping_shows(self, member: str, ending: str) -> bool:
        """Tell whether a member of the mapping ends with this text."""
        return self._shown(member).endswith(ending)

    def last_result(self) -> str:
        """Return the mapping's LastProcessingResult."""
        return self._shown("LastProcessingResult")

    def state(self) -> str:
        """Return the mapping's state."""
        return self._shown("State")

    def _shown(self, member: str) -> str:
        return str(self.function.get_event_source_mapping(UUID=self.mapping["UUID"])[member])

    # -- looking at what happened --------------------------------------------------------------------------

    def deliveries(self) -> list[Delivery]:
        """Return every invocation so far, in order."""
        for receipt in self.messages("receipts"):
            self._seen.append(Delivery(**receipt))
        return sorted(self._seen, key=lambda delivery: delivery.at)

    def batches(self) -> list[list[str]]:
        """Return the labels of every invocation so far, in order."""
        return [delivery.labels for delivery in self.deliveries()]

    def wait_for(self, *labels: str, seconds: float = 20) -> list[Delivery]:
        """Wait until all these labels are delivered; return every invocation so far."""
        wanted = set(labels)
        self._wait(
            lambda: wanted <= {label for delivery in self.deliveries() for label in delivery.labels},
            seconds,
            lambda: f"delivered: {sorted(wanted)}; so far {self.batches()}",
        )
        return self.deliveries()

    def wait_for_deliveries(self, count: int, seconds: float = 20) -> list[Delivery]:
        """Wait for this many invocations; return them."""
        self._wait(
            lambda: len(self.deliveries()) >= count,
            seconds,
            lambda: f"{count} deliveries; so far {self.batches()}",
        )
        return self.deliveries()

    def wait_for_messages(self, suffix: str, seconds: float = 30) -> list[Any]:
        """Wait for messages in a queue, and return them."""
        found: list[Any] = []

        def enough() -> bool:
            found.extend(self.messages(suffix))
            return bool(found)

        self._wait(enough, seconds, lambda: f"messages in {suffix}; {self.batches()}")
        return found

    def wait_for_objects(self) -> dict[str, Any]:
        """Wait for objects in the bucket, and return the key and content of each."""
        s3 = self.target.client("s3")
        found: dict[str, Any] = {}

        def enough() -> bool:
            for entry in s3.list_objects_v2(Bucket=self.name).get("Contents", []):
                key = entry["Key"]
                found[key] = json.loads(s3.get_object(Bucket=self.name, Key=key)["Body"].read())
            return bool(found)

        self._wait(enough, 30, lambda: f"objects; {self.batches()}")
        for key in found:
            s3.delete_object(Bucket=self.name, Key=key)
        return found

    def wait_until(self, done: Callable[[], object], seconds: float = 30) -> None:
        """Wait until something is true."""
        self._wait(done, seconds, lambda: f"the condition; so far {self.batches()}")

    def stays(self, holds: Callable[[], bool], seconds: float) -> None:
        """Check for a while that something stays true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert holds(), f"deliveries: {self.batches()}"
            time.sleep(0.1)

    def messages(self, suffix: str) -> Iterable[Any]:
        """Take all messages out of a queue."""
        url = self._queue_url(f"{self.name}-{suffix}")
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])

    def _wait(self, done: Callable[[], object], seconds: float, what: str | Callable[[], str]) -> None:
        deadline = time.monotonic() + seconds * self.target.patience
        while not done():
            if time.monotonic() > deadline:
                raise AssertionError(f"not reached in time: {what if isinstance(what, str) else what()}")
            time.sleep(0.1)

    def _stream(self) -> dict[str, Any]:
        summary = self.kinesis.describe_stream_summary(StreamName=self.name)
        return dict(summary["StreamDescriptionSummary"])

    def _function_is_active(self, name: str) -> bool:
        return bool(self.function.get_function_configuration(FunctionName=name)["State"] == "Active")

    def _queue_url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])
