"""How the runner reaches AWS: it reads shards and invokes functions through public APIs."""

import base64
import logging
import time
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulation.errors import MappingInvalid
from emulation.runner.checkpoints import Checkpoint
from emulation.runner.clients import Clients
from emulation.runner.lane import Discard, Invoke
from emulation.runner.lineage import ShardInfo
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Answer, NotInvoked, Outcome, PartlyFailed, Succeeded, interpret
from emulation.runner.records import ShardRecord, event_of, make_record
from emulation.runner.status import FUNCTION_FAILED, OK, LastProcessingResult, problem

logger = logging.getLogger(__name__)


def list_shards(kinesis: Any, stream_arn: str) -> list[ShardInfo]:  # noqa: ANN401 - a boto3 client
    """Return every shard that the stream still has, in the order in which they were made."""
    pages = kinesis.get_paginator("list_shards").paginate(StreamARN=stream_arn)
    return [_shard_info(shard) for page in pages for shard in page["Shards"]]


def _shard_info(shard: dict[str, Any]) -> ShardInfo:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    sequences = shard["SequenceNumberRange"]
    return ShardInfo(
        shard["ShardId"],
        tuple(parent for parent in parents if parent),
        is_closed="EndingSequenceNumber" in sequences,
        begins=sequences["StartingSequenceNumber"],
    )


class KinesisReader:
    """Reads one shard through GetRecords. If the service does not answer, there is nothing new."""

    def __init__(
        self,
        *,
        clients: Clients,
        mapping: EventSourceMapping,
        shard_id: str,
        role_arn: str,
        checkpoint: Checkpoint,
    ) -> None:
        self._kinesis = clients.kinesis
        self._mapping = mapping
        self._shard_id = shard_id
        self._role_arn = role_arn
        self._metrics = clients.metrics
        self._last_sequence = checkpoint.sequence
        self._starting_at = checkpoint.starting_at
        self._iterator: str | None = None

    def read(self) -> tuple[Sequence[ShardRecord], bool]:
        """Return the next records and whether the shard is closed and read to its end."""
        try:
            answer = self._get_records()
        except ClientError as error:
            return [], self._is_gone(error)
        except BotoCoreError as error:
            logger.warning("Shard %s cannot be read: %s", self._shard_id, error)
            return [], False
        self._iterator = answer.get("NextShardIterator")
        records = [self._record(raw) for raw in answer["Records"]]
        if records:
            self._last_sequence = records[-1].sequence
        self._report(answer)
        return records, self._iterator is None

    def _get_records(self) -> Any:  # noqa: ANN401 - boto3's answer
        if self._iterator is None:
            self._iterator = self._kinesis.get_shard_iterator(
                StreamARN=self._mapping.stream_arn, ShardId=self._shard_id, **self._position()
            )["ShardIterator"]
        return self._kinesis.get_records(ShardIterator=self._iterator, StreamARN=self._mapping.stream_arn)

    def _position(self) -> dict[str, Any]:
        if self._last_sequence is not None:
            kind = "AFTER_SEQUENCE_NUMBER"
            return {"ShardIteratorType": kind, "StartingSequenceNumber": self._last_sequence}
        if self._starting_at is not None:
            return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._starting_at}
        return {"ShardIteratorType": "TRIM_HORIZON"}

    def _is_gone(self, error: ClientError) -> bool:
        code = error.response["Error"]["Code"]
        self._iterator = None  # an expired one is replaced at the next read
        if code == "ResourceNotFoundException":
            logger.warning("Shard %s is gone from the stream", self._shard_id)
            return True
        if code not in {"ExpiredIteratorException", "ProvisionedThroughputExceededException"}:
            logger.warning("Shard %s cannot be read: %s", self._shard_id, error)
        return False

    def _record(self, raw: dict[str, Any]) -> ShardRecord:
        return make_record(
            mapping=self._mapping,
            shard_id=self._shard_id,
            role_arn=self._role_arn,
            sequence=raw["SequenceNumber"],
            partition_key=raw["PartitionKey"],
            arrived_at=raw["ApproximateArrivalTimestamp"].timestamp(),
            data=raw["Data"],
        )

    def _report(self, answer: dict[str, Any]) -> None:
        lag = answer.get("MillisBehindLatest", 0)
        name, stream = "GetRecords.IteratorAgeMilliseconds", self._mapping.stream_name
        self._metrics.maximum("AWS/Kinesis", name, "Milliseconds", lag, StreamName=stream)
        if answer["Records"]:
            polled, mapping = len(answer["Records"]), self._mapping.uuid
            self._metrics.add(
                "AWS/Lambda", "PolledEventCount", "Count", polled, EventSourceMappingUUID=mapping
            )


class LambdaDeliverer:
    """Invokes the function with batches of one shard, and sends discarded batches to the destination."""

    def __init__(
        self, *, clients: Clients, mapping: EventSourceMapping, shard_id: str, status: LastProcessingResult
    ) -> None:
        self.mapping = mapping
        self._status = status
        self._function = clients.function
        self._destination = clients.destination
        self._metrics = clients.metrics
        self._shard_id = shard_id

    def invoke(self, task: Invoke) -> Outcome:
        """Invoke the function and say what its answer means."""
        mapping, records = self.mapping, task.batch.records
        self._report_age(records)
        try:
            answer = self._invoke(mapping, records)
        except (ClientError, BotoCoreError) as error:
            logger.warning("%s was not invoked: %s", mapping.function_name, error)
            self._status.show(problem(error))
            return NotInvoked()
        outcome = interpret(answer, records, reports_item_failures=mapping.reports_item_failures)
        self._status.show(OK if isinstance(outcome, Succeeded) else FUNCTION_FAILED)
        self._count("InvokedEventCount", len(records))
        if not isinstance(outcome, Succeeded):
            self._count("FailedInvokeEventCount", len(records) - _succeeded(outcome))
        return outcome

    def discard(self, task: Discard) -> bool:
        """Send the batch to the destination, if there is one."""
        mapping = self.mapping
        try:
            self._destination.send(task, mapping, self._shard_id, time.time())
        except (ClientError, BotoCoreError, MappingInvalid) as error:
            logger.error("The on-failure destination %s refused: %s", mapping.destination_arn, error)  # noqa: TRY400 - the message says it all
            self._status.show(problem(error))
            self._measure("DestinationDeliveryFailures", "Count", 1)
            return False
        name = "OnFailureDestinationDeliveredEventCount" if mapping.destination_arn else "DroppedEventCount"
        self._count(name, len(task.batch.records))
        return True

    def filtered_out(self, records: int) -> None:
        """Count records that the filters dropped."""
        self._count("FilteredOutEventCount", records)

    def _invoke(self, mapping: EventSourceMapping, records: Sequence[ShardRecord]) -> Answer:
        answer = self._function.invoke(
            FunctionName=mapping.function_arn, Payload=event_of(records).encode(), LogType="Tail"
        )
        self._metrics.add_log(base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"))
        return Answer(
            request_id=answer["ResponseMetadata"]["RequestId"],
            status_code=answer["StatusCode"],
            executed_version=answer.get("ExecutedVersion", "$LATEST"),
            function_error=answer.get("FunctionError"),
            payload=answer["Payload"].read(),
        )

    def _report_age(self, records: Sequence[ShardRecord]) -> None:
        age = max(0.0, time.time() - records[-1].arrived_at)
        self._measure("IteratorAge", "Milliseconds", age * 1000)

    def _measure(self, name: str, unit: str, value: float) -> None:
        self._metrics.add("AWS/Lambda", name, unit, value, FunctionName=self.mapping.function_name)

    def _count(self, name: str, value: int) -> None:
        self._metrics.add("AWS/Lambda", name, "Count", value, EventSourceMappingUUID=self.mapping.uuid)


def _succeeded(outcome: Outcome) -> int:
    return outcome.first_failed if isinstance(outcome, PartlyFailed) else 0
