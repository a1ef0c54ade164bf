"""What an author writes for a new kind of event, and what the framework makes of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.library_loans import PIPELINE
from processor.errors import RejectRecord

ARRIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
PARSE = PIPELINE.parser("arn:aws:kinesis:eu-central-1:111122223333:stream/library-loans-stream-test")
BORROWED = {
    "student_id": "ada",
    "barcode": "978-0-306",
    "action": "borrowed",
    "due_at": "2026-12-14T12:00:00Z",
    "timestamp": "2026-11-23T08:00:00Z",
}


def test_a_pipeline_is_at_most_sixty_lines() -> None:
    files = sorted(path for path in PIPELINE.folder.rglob("*") if path.suffix in (".py", ".sql"))
    assert [path.name for path in files] == ["__init__.py", "0001_library_loans.sql", "statements.sql"]
    lines = [line for path in files for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= 60


def test_each_member_goes_to_the_column_of_its_name() -> None:
    row: Any = PARSE(json.dumps(BORROWED).encode(), ARRIVED)
    assert dict(zip(PIPELINE.names, row, strict=True)) == {
        "event_id": None,
        "student_id": "ada",
        "barcode": "978-0-306",
        "action": "borrowed",
        "due_at": datetime(2026, 12, 14, 12, tzinfo=UTC),
        "occurred_at": datetime(2026, 11, 23, 8, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "lost"}, "invalid_member"),
        ({"due_at": "soon"}, "invalid_member"),
        ({"due_at": "2026-12-14T12:00:00"}, "invalid_member"),  # in which time zone?
        ({"barcode": ""}, "invalid_member"),
        ({"shelf": "A 12"}, "invalid_member"),
    ],
)
def test_data_that_is_not_a_loan_is_rejected(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(RejectRecord) as no:
        PARSE(json.dumps(BORROWED | changes).encode(), ARRIVED)
    assert no.value.reason == reason


def test_its_reports_are_the_framework_s_and_its_own() -> None:
    assert list(PIPELINE.reports) == ["tail", "days", "student", "out", "books"]
