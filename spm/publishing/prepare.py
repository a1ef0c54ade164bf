"""Make records ready for the stream: checked by the processor's own decoder, with an identity of their own.

An event without ``event_id`` gets one, so that publishing the same file again stores nothing twice:

* with a ``timestamp``: made from its content, the same wherever it comes from;
* without one, in a file: made from its content, the file's name and the line;
* without one, from a pipe: a new one each time, because two equal lines may well be two events.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, NamedTuple

from processor.errors import RejectRecord
from processor.pipeline import Pipeline
from processor.pipelines import SHIPPED
from spm.publishing.files import Record
from spm.publishing.put_records import Entry

LONGEST_RECORD: Final = 1024 * 1024 - 256
"""Bytes; Kinesis takes 1 MiB with the partition key, and the longest key we make is 200 bytes."""


VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""The digit that holds the two bits of a UUID's variant, and two of our own."""


class BadRecord(NamedTuple):
    """A record that the processor would reject, and why."""

    line: int
    reason: str
    detail: str


def prepare(
    records: Iterable[Record],
    source_name: str | None,
    on_bad: Callable[[BadRecord], None],
    skip: int = 0,
    *,
    pipeline: Pipeline = SHIPPED,
    stream_arn: str = "",
) -> Iterator[Entry]:
    """Yield an entry for each good record and call ``on_bad`` with each other one.

    ``source_name``: the file's name, None for a pipe. ``skip``: how many records, from the front, to leave
    out. An entry's position counts all records, from 1.
    """
    now = datetime.now(UTC)
    parse = pipeline.parser(stream_arn)
    for position, record in enumerate(records, start=1):
        if position <= skip:
            continue
        data = record.data
        try:
            columns = parse(data, now)
        except RejectRecord as no:
            on_bad(BadRecord(record.line, no.reason, no.detail))
            continue
        if columns.event_id is None and data.startswith(b"{"):
            has_time = columns.occurred_at != now
            data = _with_event_id(record, columns.occurred_at if has_time else None, source_name)
        if len(data) > LONGEST_RECORD:
            on_bad(
                BadRecord(record.line, "too_long", f"{len(data):,} bytes; Kinesis takes {LONGEST_RECORD:,}")
            )
            continue
        yield Entry(data, getattr(columns, pipeline.key), position)


def _with_event_id(record: Record, occurred_at: datetime | None, source_name: str | None) -> bytes:
    """Put the member before the closing brace: the other bytes stay as they were sent."""
    event_id = identity(record, occurred_at, source_name)
    return b'%b,"event_id":"%b"}' % (record.data.rstrip()[:-1], event_id.encode())


def identity(record: Record, occurred_at: datetime | None, source_name: str | None) -> str:
    """Return an id for the event, by the rules above.

    It is a version 8 UUID (RFC 9562), led by the event's time so that the index of ids grows at one end.
    """
    if occurred_at is not None:
        digits = blake2b(record.data, digest_size=16).hexdigest()
        time = f"{int(occurred_at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF:012x}"
    else:
        place = os.urandom(16) if source_name is None else f"\0{source_name}\0{record.line}".encode()
        digits = blake2b(record.data + place, digest_size=16).hexdigest()
        time = digits[20:]
    return f"{time[:8]}-{time[8:]}-8{digits[1:4]}-{VARIANT[digits[0]]}{digits[4:7]}-{digits[7:19]}"
