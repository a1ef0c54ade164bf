"""The COPYs of a part: the same rows whenever they are made, in the order that they are stored in."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processor import copies, encode
from processor.copies import Copies
from processor.decode import Decoded, Event, KinesisRecord
from processor.pipelines import SHIPPED

TYPES = ["int4", "text", "int4", "timestamptz", "uuid", "text", "text", "float8", "timestamptz", "jsonb"]
SOURCE_ID = 7
DELTAS = SHIPPED.reactions[0]


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


def whole(records: Sequence[KinesisRecord]) -> Decoded:
    decoded = Decoded(SHIPPED.parser("arn:stream"), records)
    decoded.decode()
    return decoded


def body(copy: bytes) -> bytes:
    return copy.removeprefix(b"PGCOPY\n\xff\r\n\0" + bytes(8)).removesuffix(b"\xff\xff")


def body_of(columns: Sequence[Sequence[object]], types: Sequence[str]) -> bytes:
    return body(encode.copy(encode.rows(encode.columns(columns, types)))) if columns else b""


def rows_of(events: Sequence[Event]) -> bytes:
    columns = zip(
        *((SOURCE_ID, e.sequence_number, e.sub_sequence, e.arrived_at, *e.columns) for e in events),
        strict=True,
    )
    return body_of(list(columns), TYPES)


def claims_of(events: Sequence[Event]) -> bytes:
    claims = sorted((e for e in events if e.columns.event_id), key=lambda e: str(e.columns.event_id))
    columns = zip(
        *((e.columns.event_id, SOURCE_ID, e.sequence_number, e.sub_sequence) for e in claims), strict=True
    )
    return body_of(list(columns), ("uuid", "int4", "text", "int4"))


def deltas_of(events: Sequence[Event]) -> bytes:
    kinds = ("text", "timestamptz", "float8")
    columns = [[getattr(e.columns, name) for e in events] for name in DELTAS.columns]
    encoded = encode.columns(columns, kinds)
    row = [[encode.array(values, kind)] for values, kind in zip(encoded, kinds, strict=True)]
    return body(encode.copy(encode.rows(row))) if events else b""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.none() | st.integers(0, 3) | st.integers(0, 2**48 - 1), max_size=20),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
async def test_the_rows_are_the_same_whenever_they_are_made(
    monkeypatch: pytest.MonkeyPatch, event_ids: list[int | None], waits: list[bool]
) -> None:
    monkeypatch.setattr(copies, "PIECE", 3)
    records = [record(number, event_id) for number, event_id in enumerate(event_ids)]
    making = Copies(SHIPPED, SOURCE_ID, Decoded(SHIPPED.parser("arn:stream"), records), TYPES)
    events, identities, deltas, firsts = b"", b"", b"", []
    for copy, wait in zip(making, waits, strict=False):
        rows = body(b"".join([data async for data in making.send(copy)]))
        if copy.table == SHIPPED.table:
            assert not identities + deltas, "what is kept of the events comes last"
            events += rows
            firsts.append(copy.first)
        elif copy.table == "event_identity":
            identities += rows
        else:
            assert (copy.table, copy.columns) == (DELTAS.deltas, DELTAS.columns)
            deltas += rows
        if wait:
            await asyncio.sleep(0)
    expected = whole(records).events
    assert events == rows_of(expected)
    assert identities == claims_of(expected)
    assert deltas == deltas_of(expected)
    assert firsts == list(range(0, len(records), 3))


async def test_the_next_one_is_made_while_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PIECE", 3)
    decoded = Decoded(SHIPPED.parser("arn:stream"), [record(number) for number in range(9)])
    making = Copies(SHIPPED, SOURCE_ID, decoded, TYPES)
    copy = next(iter(making))
    assert len(decoded.events) == 3
    async for _ in making.send(copy):
        assert len(decoded.events) == 3, "before it is on its way, nothing else is done"
    await asyncio.sleep(0)
    assert len(decoded.events) == 6


async def test_what_cannot_be_encoded_is_told_when_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PIECE", 1)
    decoded = whole([record(1), record(2)])
    decoded.events[1] = decoded.events[1]._replace(sequence_number=cast("str", 2))
    making = Copies(SHIPPED, SOURCE_ID, decoded, TYPES)
    taking = iter(making)
    first = next(taking)
    _ = [data async for data in making.send(first)]
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="does not fit"):
        next(taking)
