"""Prepare records for the stream: the processor's own decoder checks them, and each gets an identity.

An event without ``event_id`` gets one that is made from its content and nothing else. So the same event is
stored once, whatever file it comes from and however often it is published. Only the lines of a pipe that have
no time get a new one each time, because two equal lines may well be two events.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec

from processor.errors import RejectRecord
from processor.pipeline import Pipeline
from processor.student_performance import PIPELINE
from spm.publishing.bad import BadRecord
from spm.publishing.members import Members, members_of
from spm.publishing.put_records import Entry
from spm.reading.documents import Record

LONGEST_RECORD: Final = 1024 * 1024 - 256
"""In bytes: Kinesis takes 1 MiB including the partition key, and our longest key has 200 bytes."""


VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""The digit that holds the two bits of a UUID's variant, and two of our own."""


MEMBER: Final = re.compile(r"(?:at `\$\.|required field `)(\w+)")
"""Finds the member that the decoder's message is about."""


def prepare(
    records: Iterable[Record | BadRecord],
    on_bad: Callable[[BadRecord], None],
    skip: int = 0,
    *,
    on_without_id: Callable[[], None] = lambda: None,
    by_chance: bool = False,
    pipeline: Pipeline = PIPELINE,
    stream_arn: str = "",
) -> Iterator[Entry]:
    """Yield an entry for each good record, and call ``on_bad`` with each bad one.

    ``on_without_id`` is called with each record that is not a JSON object, and so cannot be given an id.
    ``by_chance`` says whether events without a time are all new. ``skip`` is how many records to leave out
    from the front. An entry's position counts all records, from 1.
    """
    now = datetime.now(UTC)
    parse, members = pipeline.parser(stream_arn), members_of(pipeline)
    for position, record in enumerate(records, start=1):
        if position <= skip:
            continue
        if isinstance(record, BadRecord):
            on_bad(record)
            continue
        data = record.data
        try:
            columns = parse(data, now)
        except RejectRecord as no:
            on_bad(bad_record(record, no, members))
            continue
        if columns.event_id is None:
            if data.startswith(b"{"):
                has_time = columns.occurred_at != now
                data = _with_event_id(data, columns.occurred_at if has_time else None, by_chance=by_chance)
            else:
                on_without_id()
        if len(data) > LONGEST_RECORD:
            detail = f"{len(data):,} bytes; Kinesis takes {LONGEST_RECORD:,}"
            on_bad(BadRecord(record.line, "too_long", detail, "too_long"))
            continue
        yield Entry(data, getattr(columns, pipeline.key), position, occurred_at=columns.occurred_at)


def bad_record(record: Record, no: RejectRecord, members: Members) -> BadRecord:
    """Return what the decoder refused, with the value and an example if it named a member."""
    found = MEMBER.search(no.detail)
    if found is None:
        return BadRecord(record.line, no.reason, no.detail, no.reason)
    name = found[1]
    try:
        sent: dict[str, Any] = msgspec.json.decode(record.data, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        sent = {}
    value = json.dumps(sent[name])[:80] if name in sent else None
    return BadRecord(record.line, no.reason, no.detail, no.detail, value, members.example(name))


def _with_event_id(data: bytes, occurred_at: datetime | None, *, by_chance: bool) -> bytes:
    """Put the member before the closing brace, so the other bytes stay as they were sent."""
    event_id = identity(data, occurred_at, by_chance=by_chance)
    return b'%b,"event_id":"%b"}' % (data.rstrip()[:-1], event_id.encode())


def identity(data: bytes, occurred_at: datetime | None, *, by_chance: bool = False) -> str:
    """Return an id for the event, by the rules above.

    It is a version 8 UUID (RFC 9562), led by the event's time so that the index of ids grows at one end.
    """
    if occurred_at is not None:
        digits = blake2b(data, digest_size=16).hexdigest()
        time = f"{int(occurred_at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF:012x}"
    else:
        digits = blake2b(data + os.urandom(16) if by_chance else data, digest_size=16).hexdigest()
        time = digits[20:]
    return f"{time[:8]}-{time[8:]}-8{digits[1:4]}-{VARIANT[digits[0]]}{digits[4:7]}-{digits[7:19]}"
