"""From one Kinesis record of a Lambda event to events and rejections. Pure: no clock, no I/O."""

from binascii import a2b_base64
from datetime import UTC, datetime
from typing import NamedTuple, TypedDict

from processor import kpl
from processor.errors import Reason, RejectRecord
from processor.pipeline import Columns, Parse


class KinesisData(TypedDict):
    """The part of a record that Kinesis made; ``data`` is base64, the time is in seconds."""

    sequenceNumber: str
    approximateArrivalTimestamp: float
    data: str


class KinesisRecord(TypedDict):
    """One record of an invocation by a Kinesis event source mapping.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html (example event)
    """

    eventID: str
    eventSourceARN: str
    kinesis: KinesisData


class Event(NamedTuple):
    """A row to be: the identity of its delivery within the shard, its columns, and the bytes as sent."""

    sequence_number: str
    sub_sequence: int
    arrived_at: datetime
    columns: Columns
    payload: bytes


class Rejection(NamedTuple):
    """What could not be an event, complete, and why; ``payload`` holds the bytes as sent."""

    sequence_number: str
    sub_sequence: int
    arrived_at: datetime
    reason: Reason
    detail: str
    payload: bytes


def decode(record: KinesisRecord, parse: Parse) -> list[Event | Rejection]:
    """Return one item for each user record inside the Kinesis record, good or bad, in their order.

    Any data gives at least one item and never an exception. An aggregated record (Kinesis Producer Library)
    gives several, told apart by ``sub_sequence``; a broken one gives a single rejection.
    """
    kinesis = record["kinesis"]
    arrived_at = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
    return decode_base64(kinesis["data"].encode(), kinesis["sequenceNumber"], arrived_at, parse)


def decode_base64(
    text: bytes, sequence_number: str, arrived_at: datetime, parse: Parse
) -> list[Event | Rejection]:
    """As ``decode``, from a record's base64 text."""
    try:
        data = a2b_base64(text, strict_mode=True)
    except ValueError as error:
        detail = f"the record's data is not base64: {error}"
        return [Rejection(sequence_number, 0, arrived_at, "not_base64", detail, text)]
    return decode_data(data, sequence_number, arrived_at, parse)


def decode_data(
    data: bytes, sequence_number: str, arrived_at: datetime, parse: Parse
) -> list[Event | Rejection]:
    """As ``decode``, from a record's data."""
    if not data.startswith(kpl.MAGIC):
        return [decode_user_record(data, sequence_number, 0, arrived_at, parse)]
    try:
        user_records = kpl.deaggregate(data)
    except RejectRecord as no:
        return [Rejection(sequence_number, 0, arrived_at, no.reason, no.detail, data)]
    return [
        decode_user_record(user_record, sequence_number, sub_sequence, arrived_at, parse)
        for sub_sequence, user_record in enumerate(user_records)
    ]


def decode_user_record(
    data: bytes, sequence_number: str, sub_sequence: int, arrived_at: datetime, parse: Parse
) -> Event | Rejection:
    """Return the event that the bytes hold, or their rejection."""
    try:
        return Event(sequence_number, sub_sequence, arrived_at, parse(data, arrived_at), data)
    except RejectRecord as no:
        return Rejection(sequence_number, sub_sequence, arrived_at, no.reason, no.detail, data)
