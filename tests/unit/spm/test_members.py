"""Tables, maps and shown events of any pipeline."""

import io
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import Raw

from examples.attendance import PIPELINE as ATTENDANCE
from examples.library_loans import PIPELINE as LOANS
from processor.pipeline import Pipeline
from processor.records.message import Message, Name
from processor.student_performance import PIPELINE as SHIPPED
from spm.commands.query import refuse_without_students
from spm.commands.tail import line
from spm.errors import InputError
from spm.publishing.bad import BadRecord
from spm.publishing.files import Input, read
from spm.publishing.mapping import Mapping, Time
from spm.publishing.members import members_of
from spm.publishing.preview import preview
from spm.publishing.propose import propose
from spm.reading.documents import Record
from spm.reading.source import CHUNK


class Trip(Message, frozen=True):
    """A member of every kind."""

    bus: Name
    day: date
    seats: int
    fare: Decimal | None = None
    back_at: datetime | None = None
    full: bool = False
    route: Raw = Raw(b"[]")


TRIPS = Pipeline(name="trips", message=Trip, folder=Path("no statements"), key="bus", filters=("bus",))


def opened(content: str) -> io.BufferedReader:
    return io.BufferedReader(cast("Any", io.BytesIO(content.encode())), CHUNK)


def given(content: str, pipeline: Pipeline, mapping: Mapping | None = None) -> Input:
    return read(opened(content), None, mapping, pipeline=pipeline)


def events(content: str, pipeline: Pipeline, mapping: Mapping | None = None) -> list[Any]:
    found = list(given(content, pipeline, mapping).records)
    assert not [record for record in found if isinstance(record, BadRecord)]
    return [json.loads(record.data) for record in found if isinstance(record, Record)]


TABLE = "Barcode;Student ID;Action;Due at\nb1;ada;borrowed;2026-12-01T08:00:00Z\nb2;bo;returned;\n"


def test_a_table_becomes_the_events_of_any_pipeline() -> None:
    assert events(TABLE, LOANS) == [
        {"student_id": "ada", "barcode": "b1", "action": "borrowed", "due_at": "2026-12-01T08:00:00Z"},
        {"student_id": "bo", "barcode": "b2", "action": "returned"},
    ]
    seen = preview(given(TABLE, LOANS).records, LOANS, "")
    assert (seen.good, seen.bad, seen.events[1]["barcode"]) == (2, 0, "b2")


def test_members_of_every_kind() -> None:
    table = 'bus,day,seats,fare,back_at,full,route\n7,24.11.2026,12,"3,50",24.11.2026,TRUE,[1]\n'
    mapping = Mapping(
        columns={name: name for name in ("bus", "day", "seats", "fare", "back_at", "full", "route")},
        time=Time(zone="Europe/Berlin", format="%d.%m.%Y"),
        decimal=",",
    )
    [trip] = events(table, TRIPS, mapping)
    assert trip == {
        "bus": "7",
        "day": "2026-11-24",
        "seats": 12,
        "fare": 3.5,
        "back_at": "2026-11-23T23:00:00Z",
        "full": True,
        "route": [1],
    }
    assert preview(given(table, TRIPS, mapping).records, TRIPS, "").events[0]["route"] == [1]


@pytest.mark.parametrize(
    ("cells", "problem", "right"),
    [
        (",2026-11-24,1,,", "bus is empty", "A-17"),
        ("7,soon,1,,", "day is not a time", "2026-11-24"),
        ("7,2026-11-24,1,maybe,", "full is neither true nor false", "true"),
        ("7,2026-11-24,1,,[1", "route is not JSON", '{"pages": 12}'),
    ],
)
def test_a_bad_cell_is_reported_with_what_would_be_right(cells: str, problem: str, right: str) -> None:
    [bad] = given(f"bus,day,seats,full,route\n{cells}\n", TRIPS).records
    assert isinstance(bad, BadRecord)
    assert (bad.kind, bad.right) == (problem, right)


def test_a_value_that_the_decoder_refuses_is_reported_with_one_that_it_takes() -> None:
    kinds = preview(given("barcode,student_id,action\nb1,ada,lost\n", LOANS).records, LOANS, "").kinds
    [kind] = kinds.values()
    assert (kind.first.value, kind.first.right) == ('"lost"', "borrowed")


def test_a_column_that_no_member_takes_is_not_dropped_in_silence() -> None:
    table = "barcode,student_id,action,Title\nb1,ada,borrowed,Emil\n"
    with pytest.raises(InputError, match="Title is not a member of events of library-loans"):
        list(given(table, LOANS).records)
    columns: dict[str, str | list[str]] = {name: name for name in ("barcode", "student_id", "action")}
    assert len(events(table, LOANS, Mapping(columns=columns, leave_out=["Title"]))) == 1
    with pytest.raises(InputError, match="room is not a member"):
        events(table, LOANS, Mapping(columns=columns, constants={"room": 1}, leave_out=["Title"]))


def test_a_header_without_a_needed_member_says_which() -> None:
    with pytest.raises(InputError, match="no column is barcode or student_id"):
        list(given("action\nreturned\n", LOANS).records)


def test_a_first_map_is_proposed_for_any_pipeline() -> None:
    text = propose(opened("Barcode;Pupil No.;Action;Title\nb1;ada;borrowed;Emil\n"), None, LOANS)
    assert 'student_id = "Pupil No."\nbarcode = "Barcode"\naction = "Action"\n' in text
    assert 'rest = "leave out"' in text
    assert "event_type" not in text
    assert '# seats = "…"  # required' in propose(opened("bus,day\n7,2026-11-24\n"), None, TRIPS)


@pytest.mark.parametrize(
    ("content", "pipeline", "unit", "count"),
    [
        ("BADGE math-1 bo 2026-11-23T08:04:00Z\n", ATTENDANCE, "line", 1),
        ("session_id,student_id,status\nm,ada,late\n", ATTENDANCE, "line", 1),
        ('[{"barcode":"b"}]', LOANS, "element", 1),
        ("student_id,event_type\ns1,quiz\n", SHIPPED, "line", 1),
    ],
)
def test_lines_of_a_format_of_ones_own_are_not_a_table(
    content: str, pipeline: Pipeline, unit: str, count: int
) -> None:
    found = given(content, pipeline)
    assert found.unit == unit
    assert found.is_table is ("," in content and unit == "line")
    assert len(list(found.records)) == count


def test_the_order_of_members_is_that_of_published_identities() -> None:
    """Another order would give published rows another ``event_id``."""
    assert [*members_of(SHIPPED).own] == ["student_id", "event_type", "score", "timestamp", "event_id"]
    assert members_of(SHIPPED).is_open
    assert not members_of(LOANS).is_open


def test_a_pipeline_without_students_says_so() -> None:
    refuse_without_students(LOANS)
    with pytest.raises(InputError, match="the pipeline trips has no history of a student"):
        refuse_without_students(TRIPS)


@pytest.mark.parametrize("columns", [{"barcode": "b1"}, {"event_type": "fine", "fee": 3}])
def test_tail_names_the_columns_of_another_pipeline(columns: dict[str, Any]) -> None:
    delivery = {"shard_id": "shardId-000000000000", "sequence_number": "1", "sub_sequence": 0}
    event = {
        "occurred_at": "2026-11-24T08:00:00Z",
        "stored_at": "2026-11-24T08:00:01Z",
        **columns,
        **delivery,
    }
    for name, value in columns.items():
        assert f"{name}={value}" in line(event)
