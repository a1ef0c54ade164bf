"""The test kit finds what is wrong with a pipeline, and says which event, table and row show it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from examples import attendance, library_loans
from processor.pipeline import Pipeline
from processor.projections.projection import Immediate
from processor.records.kinesis import KinesisRecord
from processor.records.parsing import read_parser
from spm.testing.events import WrongSample
from spm.testing.kit import PipelineFault, PipelineKit
from spm.testing.store import EventStore

Plant = Callable[..., Pipeline]


def loan(barcode: str, action: str, day: int, **members: object) -> dict[str, object]:
    return {
        "student_id": "ada",
        "barcode": barcode,
        "action": action,
        "timestamp": f"2026-11-{day:02}T08:00:00Z",
        **members,
    }


LOANS = [
    loan("b1", "borrowed", 2),
    loan("b2", "borrowed", 3, event_id=str(UUID(int=7))),
    loan("b1", "returned", 9),
    loan("b3", "borrowed", 10),
    loan("b1", "borrowed", 11),
    loan("b2", "lost", 12),
]


@pytest.fixture
def planted(tmp_path: Path) -> Plant:
    """Return a function that makes an example's pipeline with another statement and other tables."""

    def plant(
        pipeline: Pipeline, old: str, new: str, *, tables: tuple[str, str] = ("", ""), **changes: Any
    ) -> Pipeline:
        for file in pipeline.folder.rglob("*.sql"):
            text = file.read_text().replace(*tables)
            if file.name == "statements.sql":
                before, name, after = text.rpartition("-- name: ")
                assert old in after
                text = before + name + after.replace(old, new)
            target = tmp_path / file.relative_to(pipeline.folder)
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
        return replace(pipeline, folder=tmp_path, **changes)

    return plant


def fault(kit: PipelineKit, pipeline: Pipeline, events: Sequence[Any]) -> str:
    with pytest.raises(PipelineFault) as found:
        kit.check(pipeline, events)
    return str(found.value)


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect after how many calls to PostgreSQL each delivery that crashed ended."""
    seen: list[int] = []
    deliver = EventStore.deliver

    async def watched(self: EventStore, records: Sequence[KinesisRecord], *, crash_after: int = 0) -> bool:
        lived = await deliver(self, records, crash_after=crash_after)
        if not lived:
            seen.append(crash_after)
        return lived

    monkeypatch.setattr(EventStore, "deliver", watched)
    return seen


def test_a_good_pipeline_passes_and_what_it_stored_can_be_looked_at(
    spm_pipeline: PipelineKit, crashes: list[int]
) -> None:
    stored = spm_pipeline.check(library_loans.PIPELINE, LOANS)
    most = max(crashes)
    assert most > 5
    assert crashes[:most] == [*range(1, most + 1)], "after the first call, the second, … of the first batch"
    assert [row["barcode"] for row in stored.events] == ["b1", "b2", "b1", "b3", "b1"]
    assert [(row["event"], row["reason"]) for row in stored.rejected] == [(6, "invalid_member")]
    assert sum(row["loans"] for row in stored.projections["book_loans"]) == 4
    assert [row["barcode"] for row in stored.report("out", student_id="ada")] == ["b1", "b2", "b3"]
    with pytest.raises(
        LookupError, match="library-loans has no report late; it has tail, days, student, out"
    ):
        stored.report("late")
    with pytest.raises(LookupError, match="books takes barcode, limit, not student_id"):
        stored.report("books", student_id="ada")


def test_a_projection_that_counts_duplicates_twice(spm_pipeline: PipelineKit, planted: Plant) -> None:
    all_events = planted(library_loans.PIPELINE, "FROM {log}", "FROM library_loans")
    said = fault(spm_pipeline, all_events, LOANS)
    assert said.startswith("library-loans: after duplicates the tables are not those of one clean delivery")
    assert re.search(r"table book_loans, row barcode=b2, month=2026-01-01 \(\S+/statements.sql:18\)\n", said)
    assert "    loans: 1 after one clean delivery, 2 after duplicates" in said
    assert said.count("    event ") == 2, "the fewest that show it"
    assert '    event 2: {"student_id":"ada","barcode":"b2"' in said


def test_a_projection_that_depends_on_the_order(spm_pipeline: PipelineKit, planted: Plant) -> None:
    returned_after = """count(*) FILTER (WHERE action = 'returned' AND EXISTS (
        SELECT FROM library_loans AS before
        WHERE before.barcode = event.barcode AND before.occurred_at < event.occurred_at
    ))"""
    of_stored = planted(library_loans.PIPELINE, "count(*) FILTER (WHERE action = 'borrowed')", returned_after)
    file = of_stored.statements_file
    before, name, after = file.read_text().rpartition("-- name: ")
    file.write_text(before + name + after.replace("FROM {log}", "FROM {log} AS event"))
    said = fault(spm_pipeline, of_stored, LOANS)
    assert said.startswith("library-loans: after reorderings the tables are not those of one clean delivery")
    assert "table book_loans, row barcode=b1, month=2026-0" in said
    assert "    loans: 1 after one clean delivery, 0 after reorderings" in said
    assert [line[4:11] for line in said.splitlines()[-2:]] == ["event 1", "event 3"]


def test_an_immediate_projection_that_counts_duplicates_twice(
    spm_pipeline: PipelineKit, planted: Plant
) -> None:
    all_events = planted(attendance.PIPELINE, "FROM {log}", "FROM attendance")
    assert isinstance(all_events.projections[0], Immediate)
    badges = [f"BADGE math-1 s{number} 2026-11-22T08:0{number}:00Z" for number in range(4)]
    said = fault(spm_pipeline, all_events, badges)
    assert "table session_attendance, row session_id=math-1, month=2026-0" in said
    assert said.count("    event ") == 2


def test_a_projection_by_another_month_than_that_of_arrival(
    spm_pipeline: PipelineKit, planted: Plant
) -> None:
    by_time = planted(library_loans.PIPELINE, "arrived_at AT", "occurred_at AT")
    said = fault(spm_pipeline, by_time, LOANS)
    assert said.startswith("library-loans: a rebuild (half of the events, all months made again")


def test_a_parser_that_is_not_deterministic(spm_pipeline: PipelineKit) -> None:
    numbers = count(1)

    def read_numbered(data: bytes) -> attendance.CheckIn:
        check_in = attendance.read_badge(data)
        return attendance.CheckIn(
            session_id=f"{check_in.session_id}/{next(numbers)}" if "math" in check_in.session_id else "art-1",
            student_id=check_in.student_id,
            status=check_in.status,
        )

    [badge] = attendance.PIPELINE.decoders
    decoder = badge._replace(parse=read_parser(attendance.CheckIn, read_numbered))
    badges = ["BADGE art-1 s1 2026-11-22T08:00:00Z", "BADGE math-1 s2 2026-11-22T08:00:00Z"]
    said = fault(spm_pipeline, replace(attendance.PIPELINE, decoders=(decoder,)), badges)
    assert said.startswith("attendance: the parser gave session_id 'math-1/1' once, 'math-1/2' another time")
    assert said.endswith("\n  event 2: BADGE math-1 s2 2026-11-22T08:00:00Z")


def test_a_parser_that_fails(spm_pipeline: PipelineKit) -> None:
    [badge] = attendance.PIPELINE.decoders

    def divide(_data: bytes, _arrived_at: object) -> Any:
        raise ZeroDivisionError("division by zero")

    broken = replace(attendance.PIPELINE, decoders=(badge._replace(parse=divide),))
    said = fault(spm_pipeline, broken, [b"BADGE x"])
    assert said == (
        "attendance: the decoder failed with ZeroDivisionError: division by zero; it may only raise"
        " RejectRecord\n  event 1: BADGE x"
    )


def test_tables_that_the_struct_does_not_fit(spm_pipeline: PipelineKit, planted: Plant) -> None:
    other = planted(library_loans.PIPELINE, "", "", tables=("due_at timestamptz", "due_at timestamp"))
    said = fault(spm_pipeline, other, LOANS)
    assert "due_at needs timestamptz, the table library_loans has timestamp" in said


def test_a_projection_that_compaction_fails_at(spm_pipeline: PipelineKit, planted: Plant) -> None:
    divides = planted(library_loans.PIPELINE, "count(*) FILTER", "1 / (count(*) - 1) * count(*) FILTER")
    said = fault(spm_pipeline, divides, LOANS)
    assert said.startswith("library-loans: one clean delivery fails: DivisionByZeroError: division by zero\n")
    assert said.count("    event ") == 1


def test_two_events_of_one_identity_are_no_sample(spm_pipeline: PipelineKit) -> None:
    with pytest.raises(WrongSample, match="the events 2 and 3 have the same event_id, 00000000-0000-"):
        spm_pipeline.check(library_loans.PIPELINE, [LOANS[0], LOANS[1], LOANS[1]])
