"""Makes Kinesis records of an author's sample. Their identities are the same however they are delivered."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zlib import crc32

import msgspec

from processor.pipeline import Pipeline
from processor.records.columns import Parse
from processor.records.kinesis import Decoded, KinesisRecord, decode, whole

Given = bytes | str | Mapping[str, object]
"""An event as a test gives it: its bytes, its text, or an object that becomes JSON."""

STREAM: Final = "arn:aws:kinesis:us-east-1:000000000000:stream/sample"
SHARDS: Final = ("shardId-000000000000", "shardId-000000000001")
MONTH_ENDS: Final = datetime(2026, 2, 1, tzinfo=UTC)
ROUNDS: Final = 3
AGAIN: Final = 1_000_000  # added to an event's number when its producer sends it again


@dataclass(frozen=True)
class Sent:
    """An event of the sample, counted from 1, and how it is delivered."""

    number: int
    data: bytes
    arrived_at: datetime
    shard: str = SHARDS[0]
    event_id: UUID | None = None

    def record(self, *, again: bool = False) -> KinesisRecord:
        """Return its record, or with ``again`` the one that its producer would send a second time."""
        sequence_number = f"{self.number + again * AGAIN:020}"
        return {
            "eventID": f"{self.shard}:{sequence_number}",
            "eventSourceARN": STREAM,
            "kinesis": {
                "sequenceNumber": sequence_number,
                "approximateArrivalTimestamp": self.arrived_at.timestamp(),
                "data": b64encode(self.data).decode(),
            },
        }

    def __str__(self) -> str:
        """Return the event as messages name it."""
        text = self.data.decode(errors="backslashreplace")
        return f"event {self.number}: {text if len(text) <= 300 else text[:300] + '…'}"


class WrongSample(ValueError):
    """The sample is not fit to show whether a pipeline is right."""


class Unsteady(Exception):
    """A parser gave different results for the same bytes."""


def sent(pipeline: Pipeline, events: Sequence[Given]) -> list[Sent]:
    """Return the events with their numbers, times and shards, which stay the same.

    They come a second after each other, half of them before a month's end, to the shard of their key. Raises
    WrongSample if two have the same event_id, and Unsteady if the parser is not a function of the bytes.
    """
    half = len(events) // 2
    numbered = [
        Sent(position + 1, _bytes(event), MONTH_ENDS + timedelta(seconds=position - half))
        for position, event in enumerate(events)
    ]
    decoded = _parsed_alike(pipeline, numbered)
    dealt = [_dealt(pipeline, event, found) for event, found in zip(numbered, decoded, strict=True)]
    first: dict[UUID, Sent] = {}
    for event in dealt:
        if event.event_id and (other := first.setdefault(event.event_id, event)) is not event:
            raise WrongSample(
                f"the events {other.number} and {event.number} have the same event_id, {event.event_id}, so"
                " only the one that comes first is stored. Leave one out, because the kit sends every event"
                " twice anyway"
            )
    return dealt


def _bytes(event: Given) -> bytes:
    if isinstance(event, bytes):
        return event
    return event.encode() if isinstance(event, str) else msgspec.json.encode(event)


def _parsed_alike(pipeline: Pipeline, events: Sequence[Sent]) -> Sequence[Decoded]:
    """Parse forwards and backwards, with one parser and with new ones, because functions come and go."""
    parse = pipeline.parser(STREAM)
    decoded = [_decoded(event, parse) for event in events]
    for _ in range(ROUNDS):
        for event, before in reversed([*zip(events, decoded, strict=True)]):
            for other in (parse, pipeline.parser(STREAM)):
                now = _decoded(event, other)
                if repr(now) != repr(before):
                    raise Unsteady(f"{_difference(pipeline, before, now)}\n  {event}")
    for event, found in zip(events, decoded, strict=True):
        for rejection in found.rejections:
            if rejection.reason == "decoder_failed":
                raise Unsteady(f"{rejection.detail}; it may only raise RejectRecord\n  {event}")
    return decoded


def _decoded(event: Sent, parse: Parse) -> Decoded:
    return whole(decode([event.record()], parse))


def _difference(pipeline: Pipeline, before: Decoded, now: Decoded) -> str:
    if not (len(before.events) == len(now.events) == 1):
        return f"the parser gave {_told(before)} once, {_told(now)} another time"
    columns = zip(pipeline.names, before.events[0].columns, now.events[0].columns, strict=True)
    changed = [f"{name} {was!r} once, {is_!r} another time" for name, was, is_ in columns if was != is_]
    return f"the parser gave {', and '.join(changed)}"


def _told(decoded: Decoded) -> str:
    rejected = [f"{rejection.reason} ({rejection.detail})" for rejection in decoded.rejections]
    return ", ".join([f"{len(decoded.events)} events"] * bool(decoded.events) + rejected)


def _dealt(pipeline: Pipeline, event: Sent, decoded: Decoded) -> Sent:
    if not decoded.events:
        return event
    columns = decoded.events[0].columns
    shard = SHARDS[crc32(str(getattr(columns, pipeline.key)).encode()) % len(SHARDS)]
    alone = len(decoded.events) == 1 and not decoded.rejections
    return replace(event, shard=shard, event_id=columns.event_id if alone else None)
