"""The demo compares the pipeline's answer with the school's missing work, counted in plain Python."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from processor.commands.risk_list import ListedRisk, ToldReason
from spm.demo.planted import differences
from spm.school import School, happenings, make
from spm.term import NativeEvent

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)  # the last assignment was due at midnight, and has a day of grace


@pytest.fixture(scope="module")
def school() -> School:
    return make(60, 8, 3, date(2026, 11, 24))


@pytest.fixture(scope="module")
def happened(school: School) -> list[NativeEvent]:
    return happenings(school, 3)


def listed(course: str, student: str, missing: int, due: int) -> ListedRisk:
    reasons = [ToldReason("missing", 2 * missing / due, {"missing": missing, "due": due}, "…")]
    return ListedRisk(course, student, None, 1.0, "elevated", AT, AT, reasons if missing else [])


def found_of(school: School, happened: list[NativeEvent]) -> list[ListedRisk]:
    """Return the right answer, counted from the events."""
    handed_in: set[tuple[Any, ...]] = {
        (event["metadata"]["course"], event["student_id"], event["metadata"].get("assessment"))
        for event in happened
    }
    rows = []
    for pupil in school.pupils:
        for course in pupil.courses:
            due = [work for work in course.work if work.due < AT and not work.id.startswith("EX")]
            over = [work for work in due if (AT - work.due).total_seconds() >= 86_400]
            missing = sum((course.id, pupil.id, work.id) not in handed_in for work in over)
            rows.append(listed(course.id, pupil.id, missing, len(due)))
    return rows


def test_reported_missing_work_gives_no_difference(school: School, happened: list[NativeEvent]) -> None:
    found = found_of(school, happened)
    assert any(row.reasons for row in found)
    assert differences(school, happened, found) == []


def test_a_wrong_count_is_a_difference(school: School, happened: list[NativeEvent]) -> None:
    found = found_of(school, happened)
    number, row = next((n, row) for n, row in enumerate(found) if row.reasons)
    numbers = row.reasons[0].numbers
    found[number] = listed(row.course, row.student, numbers["missing"] + 1, numbers["due"])
    [line] = differences(school, happened, found)
    assert line.startswith(
        f"{row.student} in {row.course}: left out MissingWork(missing={numbers['missing']}"
    )


def test_a_student_who_was_not_evaluated_is_a_difference(school: School, happened: list[NativeEvent]) -> None:
    first, *others = found_of(school, happened)
    assert differences(school, happened, others) == [f"{first.student} in {first.course}: not evaluated"]


def test_only_students_who_left_out_half_must_have_a_reason(
    school: School, happened: list[NativeEvent]
) -> None:
    found = found_of(school, happened)
    silent = [msgspec.structs.replace(row, reasons=[]) for row in found]
    expected = [
        row
        for row in found
        if row.reasons and 2 * row.reasons[0].numbers["missing"] >= row.reasons[0].numbers["due"]
    ]
    assert 0 < len(expected) < sum(bool(row.reasons) for row in found)
    assert len(differences(school, happened, silent)) == len(expected)
