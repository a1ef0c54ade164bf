"""Finding one event: in an event log, among the rejected ones, or otherwise what became of it."""

from base64 import b64encode
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from asyncpg import Record

from processor import statements
from processor.commands.command import Command, in_utc
from processor.commands.quarantine import LARGEST_INTEGER
from processor.errors import CommandError
from processor.pipelines import named
from processor.records.kinesis import Decoded, KinesisRecord, decode, month_of, whole
from processor.settings import Settings
from processor.statements import fill, identifier
from processor.storage.session import Session
from processor.storage.tombstones import read_tombstones

SQL: Final = statements.load(statements.FOLDER / "trace.sql")
MOST: Final = 100  # events or rejections per record or id

Fate = Literal["stored", "rejected", "expired", "erased", "waiting"]


class TracedEvent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event or rejection that was found, without what was sent.

    An ``expired`` event was stored once, and its month was dropped.
    """

    state: Literal["stored", "rejected", "expired"]
    pipeline: str
    stream_arn: str
    shard_id: str
    sequence_number: str
    sub_sequence: int
    arrived_at: datetime | None = None
    occurred_at: datetime | None = None
    stored_at: datetime | None = None
    kept_from: date | None = None
    reason: str | None = None
    detail: str | None = None
    rejected_at: datetime | None = None
    redriven_at: datetime | None = None
    dismissed_at: datetime | None = None


class SentRecord(msgspec.Struct):
    """A record that was found outside the database."""

    stream_arn: str
    shard_id: str
    sequence_number: str
    arrived_at: datetime
    data: bytes


class TraceAnswer(msgspec.Struct):
    """What the database has about the event; ``fate`` is what becomes of the record that was ``judged``."""

    events: list[TracedEvent]
    fate: Fate | None = None


class Trace(Command[TraceAnswer], tag="trace", kw_only=True):
    """Find the event with this ``event_id``, or the events of a record.

    ``judged`` is a record of ``pipeline`` that holds the event, for example one that is still in the stream.
    """

    event_id: UUID | None = None
    shard_id: str | None = None
    sequence_number: str | None = None
    sub_sequence: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)] | None = None
    pipeline: str | None = None
    judged: SentRecord | None = None

    async def run(self, session: Session, settings: Settings) -> TraceAnswer:
        """Look for it in every pipeline's log and among all rejected events."""
        if (self.event_id is None) == (self.shard_id is None or self.sequence_number is None):
            raise CommandError("give an event_id, or a shard_id with a sequence_number")
        found = [*await self._stored(session, settings), *await self._rejected(session)]
        fate = await self._judge(session, settings, self.judged) if self.judged else None
        return TraceAnswer(found, fate)

    async def _stored(self, session: Session, settings: Settings) -> list[TracedEvent]:
        if self.event_id is None:
            sources = await session.connection.fetch(SQL["sources"], self.shard_id)
            place = str(self.sequence_number), self.sub_sequence
            found = [event for source in sources for event in await _rows(session, settings, source, *place)]
            return [event for event in found if event.state == "stored"]  # it was never in the other logs
        claims = await session.connection.fetch(SQL["by_identity"], self.event_id)
        places = [(claim, claim["sequence_number"], claim["sub_sequence"]) for claim in claims]
        return [event for place in places for event in await _rows(session, settings, *place)]

    async def _rejected(self, session: Session) -> list[TracedEvent]:
        if self.event_id is not None:
            written = "-?".join(str(self.event_id).split("-"))
            rows = await session.connection.fetch(SQL["rejected_with"], written, MOST)
        else:
            place = self.shard_id, self.sequence_number, self.sub_sequence
            rows = await session.connection.fetch(SQL["rejected_from"], *place, MOST)
        return [TracedEvent(state="rejected", **row) for row in rows]

    async def _judge(self, session: Session, settings: Settings, record: SentRecord) -> Fate:
        """Return what would become of the record's event if the processor took it now."""
        pipeline = named(settings.pipelines, self.pipeline)
        kept_from = await session.connection.fetchval(SQL["kept_from"], pipeline.table)
        held = self._of_event(whole(decode([_delivered(record)], pipeline.parser(record.stream_arn))))
        left = (await read_tombstones(session.connection)).without(held, pipeline.student_of)
        if not left.events and not left.rejections:
            return "erased"
        if left.rejections:
            return "rejected"
        return "expired" if kept_from and month_of(record.arrived_at) < kept_from else "waiting"

    def _of_event(self, decoded: Decoded) -> Decoded:
        """Return, of the events in a record, the one that is looked for."""
        events = [
            event
            for event in decoded.events
            if (self.event_id is None or event.columns.event_id == self.event_id)
            and (self.sub_sequence is None or event.sub_sequence == self.sub_sequence)
        ]
        return Decoded(events, [] if events else decoded.rejections)


async def _rows(
    session: Session, settings: Settings, source: Record, number: str, part: int | None
) -> list[TracedEvent]:
    """Return the stored events of a delivery, or that it expired if there are none."""
    pipeline = named(settings.pipelines, source["pipeline"])
    place: dict[str, Any] = {
        **{name: source[name] for name in ("pipeline", "stream_arn", "shard_id")},
        "sequence_number": number,
    }
    sql = fill(SQL["rows"], {"log": identifier(pipeline.table)})
    rows = await session.connection.fetch(sql, source["source_id"], number, part, MOST)
    if rows:
        return [TracedEvent(state="stored", **place, **row) for row in rows]
    kept_from = await session.connection.fetchval(SQL["kept_from"], pipeline.table)
    return [TracedEvent(state="expired", **place, sub_sequence=part or 0, kept_from=kept_from)]


def _delivered(record: SentRecord) -> KinesisRecord:
    arrived_at = in_utc("arrived_at", record.arrived_at)
    assert arrived_at is not None  # noqa: S101 - for the type checker: it is a time
    return {
        "eventID": f"{record.shard_id}:{record.sequence_number}",
        "eventSourceARN": record.stream_arn,
        "kinesis": {
            "sequenceNumber": record.sequence_number,
            "approximateArrivalTimestamp": arrived_at.timestamp(),
            "data": b64encode(record.data).decode(),
        },
    }
