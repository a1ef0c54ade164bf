"""Turns the Kinesis records of a Lambda event into events and rejections. Pure: no clock, no I/O."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, TypedDict

from msgspec import ValidationError, convert

from processor.errors import Reason, RejectRecord
from processor.records import kpl
from processor.records.columns import Columns, Parse

# Events decoded at a time. PostgreSQL begins to store a slice when all of it has arrived: with more events
# there is less to do in the meantime, with fewer the 0.1 ms of each COPY tells.
SLICE: Final = 250


class KinesisData(TypedDict):
    """The part of a record that Kinesis made. ``data`` is base64, and the time is in seconds."""

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
    """A future row: the identity of its delivery within the shard, its columns, and the bytes as sent."""

    sequence_number: str
    sub_sequence: int
    arrived_at: datetime
    columns: Columns
    payload: bytes


class Rejection(NamedTuple):
    """A record that could not be an event, and why. ``payload`` holds the bytes as sent."""

    sequence_number: str
    sub_sequence: int
    arrived_at: datetime
    reason: Reason
    detail: str
    payload: bytes


class Decoded(NamedTuple):
    """Some events and rejections, each in their order. ``records`` is how many Kinesis records end here."""

    events: Sequence[Event]
    rejections: Sequence[Rejection]
    records: int = 0


def decode(records: Iterable[KinesisRecord], parse: Parse) -> Iterator[Decoded]:
    """Yield what the records hold, at most SLICE events and rejections at a time.

    Any data gives at least one event or rejection, and never an exception. An aggregated record (Kinesis
    Producer Library) gives several, which differ by ``sub_sequence``. A broken one gives a single rejection.
    """
    events: list[Event] = []
    rejections: list[Rejection] = []
    ended = room = 0
    for record in records:
        kinesis = record["kinesis"]
        number = kinesis["sequenceNumber"]
        arrived_at = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
        payloads, no = _user_records(kinesis["data"])
        broken = no and Rejection(number, 0, arrived_at, no.reason, no.detail, payloads[0])
        for sub_sequence, payload in enumerate(payloads):
            if not room:
                if events or rejections:
                    yield Decoded(events, rejections, ended)
                events, rejections, ended, room = [], [], 0, SLICE
            room -= 1
            if broken:
                rejections.append(broken)
                continue
            try:
                columns = parse(payload, arrived_at)
            except Exception as error:  # noqa: BLE001 - no record may hold back the others
                rejections.append(_rejection(number, sub_sequence, arrived_at, payload, error))
            else:
                events.append(Event(number, sub_sequence, arrived_at, columns, payload))
        ended += 1
    if events or rejections:
        yield Decoded(events, rejections, ended)


def whole(slices: Iterable[Decoded]) -> Decoded:
    """Return the slices as one."""
    events: list[Event] = []
    rejections: list[Rejection] = []
    ended = 0
    for decoded in slices:
        events += decoded.events
        rejections += decoded.rejections
        ended += decoded.records
    return Decoded(events, rejections, ended)


def decode_again(kept: Rejection, parse: Parse) -> Decoded:
    """Return what a rejection's bytes hold today, whether they are a whole record or one user record."""
    if kept.reason == "not_base64":
        payloads, no = _user_records(kept.payload.decode(errors="surrogatepass"))
    elif kept.reason in ("broken_aggregate", "aggregate_too_large"):
        payloads, no = _deaggregated(kept.payload)
    else:
        payloads, no = [kept.payload], None
    if no:
        return Decoded([], [kept._replace(reason=no.reason, detail=no.detail)])
    numbered = enumerate(payloads, start=kept.sub_sequence)
    items = [_item(kept.sequence_number, sub, kept.arrived_at, data, parse) for sub, data in numbered]
    return Decoded(
        [item for item in items if isinstance(item, Event)],
        [item for item in items if isinstance(item, Rejection)],
    )


def months_of(records: Sequence[KinesisRecord]) -> frozenset[date]:
    """Return the first day of each UTC month in which records arrived."""
    times = [record["kinesis"]["approximateArrivalTimestamp"] for record in records]
    first, last = month_of(_utc(min(times))), month_of(_utc(max(times)))
    return frozenset([first] if first == last else [month_of(_utc(time)) for time in times])


def month_of(arrived_at: datetime) -> date:
    """Return the first day of the UTC month."""
    return date(arrived_at.year, arrived_at.month, 1)


def _utc(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _user_records(text: str) -> tuple[Sequence[bytes], RejectRecord | None]:
    """Return the data of each user record, or the record's own bytes and why it holds none."""
    try:
        data = convert(text, bytes)
    except ValidationError:
        no = RejectRecord("not_base64", "the record's data is not base64")
        return [text.encode(errors="surrogatepass")], no
    return _deaggregated(data) if data.startswith(kpl.MAGIC) else ([data], None)


def _deaggregated(data: bytes) -> tuple[Sequence[bytes], RejectRecord | None]:
    try:
        return kpl.deaggregate(data), None
    except RejectRecord as no:
        return [data], no


def _item(
    number: str, sub_sequence: int, arrived_at: datetime, payload: bytes, parse: Parse
) -> Event | Rejection:
    try:
        columns = parse(payload, arrived_at)
    except Exception as error:  # noqa: BLE001 - no record may hold back the others
        return _rejection(number, sub_sequence, arrived_at, payload, error)
    return Event(number, sub_sequence, arrived_at, columns, payload)


def _rejection(
    number: str, sub_sequence: int, arrived_at: datetime, payload: bytes, error: Exception
) -> Rejection:
    """Return the bytes with the reason. Anything but a RejectRecord is a defect of the decoder."""
    if isinstance(error, RejectRecord):
        return Rejection(number, sub_sequence, arrived_at, error.reason, error.detail, payload)
    detail = f"the decoder failed with {type(error).__name__}: {error}"[:1_000]
    return Rejection(number, sub_sequence, arrived_at, "decoder_failed", detail, payload)
