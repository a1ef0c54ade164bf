"""Rows for COPY. An integration test tries whether PostgreSQL reads them as the same values."""

from datetime import datetime
from typing import Any

import pytest

from processor.errors import UnfitValue
from processor.records import message
from processor.storage import binary


def test_every_type_that_a_deployment_accepts_can_be_encoded() -> None:
    assert {kind for kinds in message.TYPES.values() for kind in kinds} == set(binary.OF_TYPE)


def test_two_rows_as_the_format_describes_them() -> None:
    encoded = binary.columns([[7, None], ["é", ""]], ["int4", "text"])
    assert binary.copy(binary.rows(encoded)) == (
        b"PGCOPY\n\xff\r\n\0"
        b"\x00\x00\x00\x00"
        b"\x00\x00\x00\x00"
        b"\x00\x02"
        b"\x00\x00\x00\x04\x00\x00\x00\x07"
        b"\x00\x00\x00\x02\xc3\xa9"
        b"\x00\x02"
        b"\xff\xff\xff\xff"
        b"\x00\x00\x00\x00"
        b"\xff\xff"
    )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int2", 2**15),
        ("int8", 2**63),
        ("int4", "7"),
        ("float8", "0.5"),
        ("text", 7),
        ("text", "\ud800"),
        ("uuid", "00000000-0000-4000-8000-000000000000"),
        ("bool", "yes"),
        ("timestamptz", datetime(2026, 11, 22)),  # noqa: DTZ001 - that it has no time zone is the point
        ("timestamptz", 1795348800),
        ("date", "2026-11-22T00:00:00+00:00"),
        ("numeric", 1.5),
        ("money", 1),
    ],
)
def test_what_does_not_fit_its_column_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(UnfitValue, match=r"fit|surrogates"):
        binary.columns([[value]], [kind])
