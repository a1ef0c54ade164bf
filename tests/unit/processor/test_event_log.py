"""What a COPY reads: the rows of the events, then their identities in the order of event_id."""

import json
from base64 import b64encode
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.errors import UnfitValue
from processor.records.kinesis import Decoded, Event, KinesisRecord, decode, whole
from processor.storage import binary
from processor.storage.event_log import EventLog, log_statements
from processor.storage.tombstones import Tombstones
from processor.student_performance import PIPELINE as SHIPPED

TYPES = ["int4", "text", "int4", "timestamptz", "uuid", "text", "text", "float8", "jsonb", "timestamptz"]
NO_CONNECTION: Any = None
LOG = EventLog(NO_CONNECTION, SHIPPED, 7, TYPES, frozenset(), Tombstones(0, b"key", {}, frozenset()))


def record(number: int, event_id: int | None = None) -> KinesisRecord:
    members = {"student_id": f"s{number}", "event_type": "quiz_score", "score": number}
    if event_id is not None:
        members["event_id"] = f"00000000-0000-4000-8000-{event_id:012x}"
    return {
        "eventID": f"shardId-000000000000:{number}",
        "eventSourceARN": "arn:stream",
        "kinesis": {
            "sequenceNumber": str(number),
            "approximateArrivalTimestamp": 1795348800.0 + number,
            "data": b64encode(json.dumps(members).encode()).decode(),
        },
    }


def body(copy: bytes) -> bytes:
    """Return a COPY's rows without its header and trailer."""
    return copy.removeprefix(b"PGCOPY\n\xff\r\n\0" + bytes(8)).removesuffix(b"\xff\xff")


def rows_of(events: list[Event]) -> bytes:
    """Return the COPY of these events into the log, in one piece."""
    rows = [(7, e.sequence_number, e.sub_sequence, e.arrived_at, *e.columns) for e in events]
    columns = list(zip(*rows, strict=True))
    return body(binary.copy(binary.rows(binary.columns(columns, TYPES)))) if rows else b""


def claims_of(events: list[Event]) -> bytes:
    """Return the COPY of these events into event_identity, in the order of their event_id."""
    claims = sorted((e for e in events if e.columns.event_id), key=lambda e: str(e.columns.event_id))
    rows = [(e.columns.event_id, 7, e.sequence_number, e.sub_sequence) for e in claims]
    columns = list(zip(*rows, strict=True))
    types = ("uuid", "int4", "text", "int4")
    return body(binary.copy(binary.rows(binary.columns(columns, types)))) if rows else b""


def slices_of(event_ids: list[int | None]) -> list[Decoded]:
    """Return one decoded event for each id. None makes an event without an ``event_id``."""
    return list(decode([record(*item) for item in enumerate(event_ids)], SHIPPED.parser("arn:stream")))


def test_three_events_are_copied_in_their_order_and_two_identities_after_them_sorted() -> None:
    slices = slices_of([9, None, 4])
    events, identities = LOG.pieces(iter(slices))
    first, second, third = slices[0].events
    assert (events.table, body(events.data)) == (SHIPPED.table, rows_of([first, second, third]))
    assert (identities.table, body(identities.data)) == ("event_identity", claims_of([third, first]))


@given(st.lists(st.none() | st.integers(0, 3) | st.integers(0, 2**48 - 1), max_size=20))
def test_the_rows_come_slice_by_slice_and_the_identities_last(event_ids: list[int | None]) -> None:
    slices = slices_of(event_ids)
    tables = {SHIPPED.table: b"", "event_identity": b""}
    for piece in LOG.pieces(iter(slices)):
        assert piece.table == "event_identity" or not tables["event_identity"], "identities come last"
        tables[piece.table] += body(piece.data)
    events = list(whole(slices).events)
    assert tables == {SHIPPED.table: rows_of(events), "event_identity": claims_of(events)}


def test_a_value_that_does_not_fit_its_column_is_named() -> None:
    [decoded] = decode([record(1)], SHIPPED.parser("arn:stream"))
    wrong = decoded.events[0]._replace(sequence_number=cast("str", 2))
    with pytest.raises(UnfitValue, match="does not fit"):
        list(LOG.pieces(iter([decoded._replace(events=[wrong])])))


def test_only_a_plain_name_can_be_filled_in() -> None:
    with pytest.raises(ValueError, match="cannot be the name of a table or column"):
        log_statements('log"; DROP TABLE event_source; --', ("event_id", "occurred_at"))
