"""The parser and the columns that are made from one struct."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from processor.errors import RejectRecord
from processor.records import message, native
from processor.records.message import Message, Name
from processor.records.parsing import json_parser, read_parser
from processor.student_performance import PIPELINE

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Lending(Message, frozen=True):
    student_id: Name
    barcode: Name
    action: Literal["borrowed", "returned"]
    due: date | None = None
    fee: Decimal = Decimal(0)
    details: Raw = Raw(b"{}")


MEMBERS: dict[str, Any] = {"student_id": "s1", "barcode": "b1", "action": "borrowed"}


def parsed(members: dict[str, Any]) -> dict[str, Any]:
    row: Any = json_parser(Lending)(json.dumps(members).encode(), ARRIVED)
    return dict(zip(row._fields, row, strict=True))


def test_the_columns_of_a_struct() -> None:
    assert [tuple(column) for column in message.columns(Lending)] == [
        ("event_id", ("uuid",), True),
        ("student_id", ("text",), False),
        ("barcode", ("text",), False),
        ("action", ("text",), False),
        ("due", ("date",), True),
        ("fee", ("numeric",), False),
        ("details", ("jsonb",), False),
        ("occurred_at", ("timestamptz",), False),
    ]


@given(st.permutations(list(MEMBERS.items())), st.text("abc", min_size=1), st.text("xyz", min_size=1))
def test_two_columns_cannot_be_swapped(order: list[tuple[str, str]], student: str, barcode: str) -> None:
    """Each value goes to the column of its member's name, whatever the order; a reader returns the struct."""
    sent = dict(order) | {"student_id": student[:50], "barcode": barcode[:50]}
    row = parsed(sent)
    assert {name: row[name] for name in sent} == sent
    read = read_parser(
        Lending, lambda data: Lending(barcode=data.decode(), action="returned", student_id=student)
    )
    same: Any = read(barcode.encode(), ARRIVED)
    assert (same.student_id, same.barcode, same._fields) == (student, barcode, tuple(row))


def test_an_absent_member_is_null_its_default_or_the_arrival() -> None:
    row = parsed(MEMBERS)
    assert (row["event_id"], row["due"], row["fee"], row["details"]) == (None, None, 0, "{}")
    assert row["occurred_at"] == ARRIVED


def test_json_is_kept_as_it_was_sent() -> None:
    data = json.dumps(MEMBERS)[:-1] + ', "details": {"n":1.50,"big":1e400}}'
    row: Any = json_parser(Lending)(data.encode(), ARRIVED)
    assert row.details == '{"n":1.50,"big":1e400}'


def test_a_leap_second_is_the_second_after() -> None:
    assert parsed(MEMBERS | {"timestamp": "2016-12-31T23:59:60Z"})["occurred_at"] == datetime(
        2017, 1, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_utf8"),
        (b"[]", "not_an_object"),
        (b"{}", "missing_member"),
        (b'{"student_id":"\\ud800","barcode":"b","action":"returned"}', "lone_surrogate"),
        (b'{"student_id":"\\u0000","barcode":"b","action":"returned"}', "null_character"),
        (b'{"student_id":"s","student_id":"t","barcode":"b","action":"returned"}', "duplicate_member"),
        (b'{"student_id":"s","barcode":"b","action":"returned","details":{"n":1e9999}}', "number_too_long"),
        (b'{"student_id":"s","barcode":"b","action":"returned","fee":1e-9999}', "number_too_long"),
        (b'{"student_id":"s","barcode":"b","action":"returned","details":{"n":1,"n":1}}', "duplicate_member"),
        (b'{"student_id":"s","barcode":"b","action":"returned","details":[\xff]}', "not_utf8"),
        (
            b'{"student_id":"s","barcode":"b","action":"returned","details":'
            + b"[" * 101
            + b"]" * 101
            + b"}",
            "too_deep",
        ),
        (b'{"student_id":"s","barcode":"b","action":"returned","room":"1"}', "invalid_member"),
        (
            b'{"student_id":"s","barcode":"b","action":"returned","timestamp":"0001-01-01T00:00:00Z"}',
            "invalid_member",
        ),
    ],
)
def test_what_does_not_fit_is_rejected_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RejectRecord) as no:
        json_parser(Lending)(data, ARRIVED)
    assert no.value.reason == reason


def test_the_fast_parser_makes_the_columns_that_its_struct_has() -> None:
    assert native.NativeColumns._fields == PIPELINE.names
    data = b'{"student_id":"s1","event_type":"quiz_score","score":1.5,"metadata":{"course":"M1"}}'
    assert tuple(native.parse(data, ARRIVED)) == tuple(json_parser(native.StudentEvent)(data, ARRIVED))
