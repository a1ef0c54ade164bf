"""From one Kinesis record of a Lambda event to events and rejections. Pure: no clock, no I/O."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from math import inf
from typing import NamedTuple, TypedDict

from msgspec import ValidationError, convert

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


class Decoded:
    """The events and rejections of records, each in their order.

    Records are decoded as far as somebody asked for, and stay decoded. Any data gives at least one event or
    rejection and never an exception. An aggregated record (Kinesis Producer Library) gives several, told
    apart by ``sub_sequence``; a broken one gives a single rejection.
    """

    def __init__(self, parse: Parse, records: Sequence[KinesisRecord] = ()) -> None:
        self.events: list[Event] = []
        self.rejections: list[Rejection] = []
        self.records = records
        self._decoded = 0
        self._parse = parse

    def decode(self, events: float = inf) -> None:
        """Decode on until there are so many events, or no more records."""
        for record in islice(self.records, self._decoded, None):
            if len(self.events) >= events:
                break
            kinesis = record["kinesis"]
            arrived_at = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
            self.add_base64(kinesis["data"], kinesis["sequenceNumber"], arrived_at)
            self._decoded += 1

    def months(self) -> set[tuple[int, int]]:
        """Return year and month, in UTC, of every arrival, of records not decoded yet as well."""
        times = [record["kinesis"]["approximateArrivalTimestamp"] for record in self.records]
        if times and _month(min(times)) == _month(max(times)):
            times = times[:1]
        decoded = {(event.arrived_at.year, event.arrived_at.month) for event in self.events}
        return decoded | {_month(time) for time in times}

    def without(self, refused: Mapping[int, Rejection]) -> "Decoded":
        """Return all of it, the events at these positions as those rejections."""
        rest = Decoded(self._parse)
        rest.events = [event for n, event in enumerate(self.events) if n not in refused]
        rest.rejections = [*self.rejections, *refused.values()]
        return rest

    def add_base64(self, text: str, sequence_number: str, arrived_at: datetime) -> None:
        """Add what a record's base64 text holds."""
        try:
            data = convert(text, bytes)
        except ValidationError:
            no = RejectRecord("not_base64", "the record's data is not base64")
            self._reject(text.encode(errors="surrogatepass"), sequence_number, 0, arrived_at, no)
        else:
            self.add_data(data, sequence_number, arrived_at)

    def add_data(self, data: bytes, sequence_number: str, arrived_at: datetime) -> None:
        """Add what a record's data holds."""
        if not data.startswith(kpl.MAGIC):
            self.add_user_record(data, sequence_number, 0, arrived_at)
            return
        try:
            user_records = kpl.deaggregate(data)
        except RejectRecord as no:
            self._reject(data, sequence_number, 0, arrived_at, no)
            return
        for sub_sequence, user_record in enumerate(user_records):
            self.add_user_record(user_record, sequence_number, sub_sequence, arrived_at)

    def add_user_record(
        self, data: bytes, sequence_number: str, sub_sequence: int, arrived_at: datetime
    ) -> None:
        """Add the event that the bytes hold, or their rejection."""
        try:
            columns = self._parse(data, arrived_at)
        except RejectRecord as no:
            self._reject(data, sequence_number, sub_sequence, arrived_at, no)
        else:
            self.events.append(Event(sequence_number, sub_sequence, arrived_at, columns, data))

    def _reject(
        self, data: bytes, sequence_number: str, sub_sequence: int, arrived_at: datetime, no: RejectRecord
    ) -> None:
        self.rejections.append(
            Rejection(sequence_number, sub_sequence, arrived_at, no.reason, no.detail, data)
        )


def decode(records: Sequence[KinesisRecord], parse: Parse) -> Decoded:
    """Return what the records hold, all of it."""
    decoded = Decoded(parse, records)
    decoded.decode()
    return decoded


def _month(time: float) -> tuple[int, int]:
    at = datetime.fromtimestamp(time, UTC)
    return at.year, at.month
