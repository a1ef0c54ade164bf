"""Finds an event outside the database: in the stream, among failed records, and in the processor's log."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from processor.commands.trace import SentRecord, Trace
from processor.metrics import MetricName
from processor.records.kinesis import KinesisRecord, decode, whole
from spm.aws.delivery import LambdaRecord, lambda_record
from spm.aws.logs import written
from spm.aws.redelivery import failed_objects, records_in
from spm.aws.stack import Aws, Stack
from spm.aws.stream import records_of, shard_ids
from spm.errors import InputError

AROUND: Final = timedelta(seconds=1)
LOGGED_WITHIN: Final = timedelta(minutes=10)
"""CloudWatch gets lines later than they are written, and an invocation lasts up to a minute."""


class SoughtEvent(NamedTuple):
    """An event by its id or its delivery; ``sub_sequence`` says which one of an aggregated record."""

    event_id: UUID | None
    shard_id: str | None = None
    sequence_number: str | None = None
    sub_sequence: int | None = None

    @property
    def command(self) -> Trace:
        """Return the command for the database."""
        return Trace(**self._asdict())


class StreamPosition(NamedTuple):
    """Where a record of the stream is or was."""

    shard_id: str
    sequence_number: str
    arrived_at: datetime


class Attempt(NamedTuple):
    """An invocation with the record in its batch; ``became`` counts what became of the batch's events."""

    at: datetime
    request_id: str
    received: int
    became: Mapping[str, int]
    milliseconds: float


BECAME: Final[Mapping[str, MetricName]] = {
    "stored": "StoredEvents",
    "duplicates": "DuplicateEvents",
    "rejected": "RejectedEvents",
    "expired": "ExpiredEvents",
    "erased": "ErasedEvents",
    "handed_back": "DeferredRecords",
}


def wanted(text: str) -> SoughtEvent:
    """Return the event for an event_id or SHARD/NUMBER[/PART]; raise InputError if the text is neither."""
    shard_id, _, rest = text.partition("/")
    number, _, part = rest.partition("/")
    if rest and number.isascii() and number.isdigit() and (not part or (part.isascii() and part.isdigit())):
        return SoughtEvent(None, shard_id, number, int(part) if part else None)
    try:
        return SoughtEvent(UUID(text))
    except ValueError as error:
        raise InputError(
            f"{text} is no event: give its event_id, which is a UUID, or SHARD/SEQUENCE_NUMBER, with /PART if"
            " the record is an aggregated one"
        ) from error


def in_stream(
    aws: Aws, stack: Stack, event: SoughtEvent, since: datetime | None, advance: Callable[[int], None]
) -> SentRecord | None:
    """Return the first record of the stream that holds the event and did not arrive before ``since``."""
    there_are = shard_ids(aws, stack)
    for shard_id in there_are if event.shard_id is None else {event.shard_id}.intersection(there_are):
        for record in records_of(aws, stack, shard_id, since):
            advance(1)
            if found := _sent(stack, event, lambda_record(stack, shard_id, record)):
                return found
    return None


def in_failed(aws: Aws, stack: Stack, event: SoughtEvent) -> tuple[str, SentRecord] | None:
    """Return the first object of the failed-records bucket that holds the event, with the record."""
    for key, text in failed_objects(aws, stack):
        try:
            records = records_in(text, key)
        except InputError:  # spm replay reports such objects
            continue
        for record in records:
            if found := _sent(stack, event, record):
                return key, found
    return None


def kept_until(aws: Aws, stack: Stack, place: StreamPosition) -> datetime | None:
    """Return until when the stream keeps a record, or None if it is no longer there."""
    if place.shard_id not in shard_ids(aws, stack):
        return None
    near = records_of(aws, stack, place.shard_id, place.arrived_at - AROUND, place.arrived_at + AROUND)
    if not any(int(record["SequenceNumber"]) == int(place.sequence_number) for record in near):
        return None
    summary = aws.kinesis.describe_stream_summary(StreamName=stack.stream_name)
    return place.arrived_at + timedelta(hours=summary["StreamDescriptionSummary"]["RetentionPeriodHours"])


def attempts(aws: Aws, stack: Stack, place: StreamPosition, settled_at: datetime | None) -> Iterator[Attempt]:
    """Yield the invocations that had the record in their batch, until some minutes after it was settled."""
    start = int((place.arrived_at - AROUND).timestamp() * 1000)
    end = int((settled_at + LOGGED_WITHIN).timestamp() * 1000) if settled_at else None
    number = int(place.sequence_number)
    for line in written(aws, stack.processor_name, start, end):
        told = _told(line.message)
        if (
            told.get("shard") == place.shard_id
            and "ReceivedEvents" in told
            and int(told["first_sequence_number"]) <= number <= int(told["last_sequence_number"])
        ):
            yield _attempt(datetime.fromtimestamp(line.timestamp / 1000, UTC), told)


def _attempt(at: datetime, told: Mapping[str, Any]) -> Attempt:
    became = {name: int(_figure(told, metric)) for name, metric in BECAME.items()}
    received = int(_figure(told, "ReceivedEvents"))
    return Attempt(at, told["request_id"], received, became, round(_figure(told, "BatchDuration"), 1))


def _told(message: str) -> dict[str, Any]:
    """Return the JSON object of a line; an emulator may put words before it."""
    try:
        told = json.loads(message[message.index("{") :])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _figure(told: Mapping[str, Any], name: MetricName) -> float:
    """Return a figure; EMF allows a single number or an array of them."""
    value = told.get(name, 0)
    return float(sum(value) if isinstance(value, list) else value)


def _sent(stack: Stack, event: SoughtEvent, record: LambdaRecord) -> SentRecord | None:
    """Return the record if it holds the event."""
    kinesis, shard_id = record["kinesis"], record["eventID"].partition(":")[0]
    number = kinesis["sequenceNumber"]
    if event.event_id is not None:
        held = _holds(stack, event.event_id, record)
    else:
        held = (shard_id, number.lstrip("0")) == (event.shard_id, str(event.sequence_number).lstrip("0"))
    arrived_at = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
    data = _bytes(kinesis["data"])
    return SentRecord(record["eventSourceARN"], shard_id, number, arrived_at, data) if held else None


def _holds(stack: Stack, event_id: UUID, record: Any) -> bool:  # noqa: ANN401 - of JSON, or of the stream
    """Tell whether an event of the record has the id, or whether its bytes hold the id if it is no event."""
    pattern = re.compile("-?".join(str(event_id).split("-")).encode(), re.IGNORECASE)
    given: KinesisRecord = record
    if not pattern.search(_bytes(given["kinesis"]["data"])):
        return False
    decoded = whole(decode([given], stack.pipeline.parser(given["eventSourceARN"])))
    return any(e.columns.event_id == event_id for e in decoded.events) or any(
        pattern.search(no.payload) for no in decoded.rejections
    )


def _bytes(data: str) -> bytes:
    try:
        return b64decode(data)
    except ValueError:
        return data.encode()
