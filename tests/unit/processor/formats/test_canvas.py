"""What Canvas Live Events become: docs/formats.md, "Canvas"."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from processor.errors import RejectRecord
from processor.records.formats import stream, wrapping
from tests.unit.processor.formats.canvas_kinds import KINDS
from tests.unit.processor.formats.documents import ARRIVED, TRIED, check, live_event, outcome, refusal, row

FORM = "canvas"
GRADE: dict[str, Any] = {
    "assignment_id": "21070000000000355",
    "score": 5,
    "points_possible": 1,
    "student_id": "21070000000000048",
    "student_sis_id": "S-48",
    "user_id": "21070000000000048",
}
TEACHER = {"user_id": "21070000000000987", "user_sis_id": "T-45", "context_role": "TeacherEnrollment"}
WORK = {"assignment_id": "355", "score": 99.5, "user_id": "48"}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("K1", live_event("grade_change", GRADE, **TEACHER), {"event_type": "grade", "score": 5, "max_score": 1}),
    ("K1", live_event("grade_change", {**GRADE, "score": None}), {"score": None, "max_score": None}),
    (
        "K2",
        live_event("course_grade_change", {"user_id": "48", "course_id": "565", "current_score": 17.31}),
        {"event_type": "course_grade", "score": 17.31, "max_score": 100, "course": "565", "assessment": None},
    ),
    (
        "K3",
        live_event("grade_override", {"user_id": "48", "override_score": 90}),
        {"event_type": "course_grade", "score": 90, "max_score": 100},
    ),
    (
        "K4",
        live_event("submission_created", WORK),
        {"event_type": "submission", "score": None, "assessment": "355"},
    ),
    ("K5", live_event("submission_updated", WORK), {"event_type": "submission_updated", "score": None}),
    ("K6", live_event("submission_comment_created", {"user_id": "48"}), {"event_type": "submission_comment"}),
    ("K7", live_event("plagiarism_resubmit", WORK), {"event_type": "plagiarism_resubmit"}),
    ("K8", live_event("discussion_entry_created", {"user_id": "48"}), {"event_type": "discussion_entry"}),
    (
        "K8",
        live_event("discussion_entry_submitted", WORK),
        {"event_type": "discussion_entry", "assessment": "355"},
    ),
    (
        "K9",
        live_event("enrollment_created", {"user_id": "48", "type": "StudentEnrollment"}, **TEACHER),
        {"event_type": "enrollment_created"},
    ),
    ("K9", live_event("enrollment_updated", {"user_id": "48"}), {"event_type": "enrollment_updated"}),
    (
        "K10",
        live_event("course_progress", {"user": {"id": "48"}, "course": {"id": "565"}}, context_type=None),
        {"event_type": "course_progress", "student_id": "48", "course": "565"},
    ),
    ("K10", live_event("course_completed", {"user": {"id": "48"}}), {"event_type": "course_completed"}),
    (
        "K11",
        live_event("quiz_submitted", {"quiz_id": "11210000002223333"}),
        {"event_type": "quiz_submitted", "item": "2223333", "assessment": None, "student_id": "48"},
    ),
    ("K12", live_event("asset_accessed", {"role": "StudentEnrollment"}), {"event_type": "asset_accessed"}),
    ("K12", live_event("logged_in", {}, context_role=None), {"event_type": "logged_in", "student_id": "48"}),
    ("K12", live_event("logged_out", {}), {"event_type": "logged_out"}),
    (
        "K23",
        live_event("submission_custom_grade_status", WORK, **TEACHER),
        {"event_type": "submission_custom_grade_status", "student_id": "48", "assessment": "355"},
    ),
    (
        "K23",
        live_event("final_grade_custom_status", {"user_id": "48", "course_id": "565"}, **TEACHER),
        {"event_type": "final_grade_custom_status", "student_id": "48", "course": "565"},
    ),
    ("K14", live_event("grade_change", GRADE, **TEACHER), {"student_id": "48"}),
    ("K17", live_event("grade_change", GRADE), {"course": "565"}),
    ("K17", live_event("grade_change", {**GRADE, "course_id": 7}, context_type="Account"), {"course": "7"}),
    ("K17", live_event("grade_change", GRADE, context_type="Account"), {"course": None}),
    ("K18", live_event("grade_change", GRADE), {"assessment": "355"}),
    ("K19", live_event("grade_change", {**GRADE, "student_id": 21070000000000048}), {"student_id": "48"}),
    ("K19", live_event("grade_change", {**GRADE, "student_id": "48"}), {"student_id": "48"}),
    ("K19", live_event("grade_change", {**GRADE, "student_id": "u-48"}), {"student_id": "u-48"}),
    ("K20", live_event("grade_change", {**GRADE, "points_possible": 0}), {"score": None, "max_score": None}),
    (
        "K20",
        live_event("grade_change", {**GRADE, "points_possible": None}),
        {"score": None, "max_score": None},
    ),
    ("K21", live_event("logged_in", {}), {"occurred_at": datetime(2026, 9, 1, 8, 0, 0, 250_000, tzinfo=UTC)}),
]
TRIED.update(number for number, _, _ in CASES)


@pytest.mark.parametrize(("number", "document", "expected"), CASES)
def test_row(number: str, document: dict[str, Any], expected: dict[str, Any]) -> None:
    assert number
    check(outcome(FORM, document), expected)


@row("K9", "K13", "K15")
@pytest.mark.parametrize(
    "document",
    [
        live_event("course_created", {"course_id": "565"}),
        live_event("wiki_page_updated", {"wiki_page_id": "9"}),
        live_event("x" * 1000, {}),
        live_event("enrollment_created", {"user_id": "7", "type": "TeacherEnrollment"}),
        live_event("asset_accessed", {}, **TEACHER),
        live_event("asset_accessed", {}, context_role="AccountAdmin"),
        live_event("asset_accessed", {"role": "TeacherEnrollment"}, context_role=None),
        live_event("asset_accessed", {}, context_role="StudentViewEnrollment"),
        live_event("asset_accessed", {}, real_user_id="21070000000000987"),
        live_event("asset_accessed", {}, user_id=None, context_role=None),
        live_event("submission_comment_created", {"user_id": "987"}, **TEACHER),
    ],
)
def test_an_event_about_no_student_is_refused_by_name(document: dict[str, Any]) -> None:
    assert refusal(FORM, document).reason == "no_student"


@row("K14")
@pytest.mark.parametrize(
    ("name", "body", "path"),
    [
        ("grade_change", {}, "$.body.user_id"),
        ("grade_change", {"student_id": None}, "$.body.student_id"),
        ("course_progress", {"user": 48}, "$.body.user.id"),
    ],
)
def test_an_event_without_its_student_is_refused(name: str, body: dict[str, Any], path: str) -> None:
    no = refusal(FORM, live_event(name, body, user_id=None))
    assert (no.reason, no.detail.split(" - at ")[1]) == ("missing_member", f"`{path}`")


@row("K16")
def test_the_sender_chooses_the_student_id() -> None:
    assert outcome(FORM, live_event("grade_change", GRADE, **TEACHER), "user_id")["student_id"] == "48"
    assert outcome(FORM, live_event("grade_change", GRADE, **TEACHER), "sis_id")["student_id"] == "S-48"
    assert outcome(FORM, live_event("logged_in", {}), "sis_id")["student_id"] == "S-48"
    no = refusal(FORM, live_event("submission_updated", WORK, **TEACHER), "sis_id")
    assert no.reason == "missing_member"


@row("K22")
def test_the_same_bytes_are_the_same_event() -> None:
    first, again = (outcome(FORM, live_event("grade_change", GRADE)) for _ in range(2))
    other = outcome(FORM, live_event("grade_change", {**GRADE, "score": 4}))
    assert first["event_id"] == again["event_id"] != other["event_id"]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "$.metadata"),
        ({"metadata": {}, "body": {}}, "$.metadata.event_name"),
        ({"metadata": live_event("a", {})["metadata"]}, "$.body"),
        (live_event("logged_in", {}, event_time="2026-09-01 08:00:00 -0800"), "$.metadata.event_time"),
        ({**live_event("logged_in", {}), "body": []}, "$.body"),
        (live_event("grade_change", {**GRADE, "score": "5"}), "$.body.score"),
        (live_event("grade_change", {**GRADE, "points_possible": "1"}), "$.body.points_possible"),
        (live_event("grade_change", {**GRADE, "student_id": "4" * 51}), "$.body.student_id"),
    ],
)
def test_a_broken_event_is_refused(document: dict[str, Any], path: str) -> None:
    assert refusal(FORM, document).detail.endswith(f"at `{path}`")


def test_a_canvas_of_ones_own_writes_to_the_stream_itself() -> None:
    event = live_event("grade_change", GRADE)
    record = json.dumps(
        {"attributes": event["metadata"], "body": event["body"]}, separators=(",", ":")
    ).encode()
    assert stream.is_foreign(record)
    columns = stream.parse(record, ARRIVED)
    assert (columns.student_id, columns.score) == ("48", 5)
    assert json.loads(columns.metadata)["sender"] == "canvas"
    with pytest.raises(RejectRecord, match=r"at `\$\.attributes\.event_time`"):
        wrapping.parse(b'{"attributes":{"event_name":"logged_in"},"body":{}}', ARRIVED)


@pytest.mark.parametrize("name", KINDS)
def test_every_documented_kind_is_an_event_or_rejected_by_name(name: str) -> None:
    kind = KINDS[name]
    event = live_event(name, kind.body, **kind.metadata)
    written = {"attributes": event["metadata"], "body": event["body"]}
    record = json.dumps(written, separators=(",", ":")).encode()
    assert stream.is_foreign(record)
    if kind.becomes is None:
        no = refusal(FORM, event)
        assert (no.reason, name in no.detail) == ("no_student", True)
        with pytest.raises(RejectRecord, match=rf"^no_student: {re.escape(name)} "):
            stream.parse(record, ARRIVED)
    else:
        check(outcome(FORM, event), kind.becomes)
        columns = stream.parse(record, ARRIVED)
        check({**columns._asdict(), **json.loads(columns.metadata)}, kind.becomes)


def test_a_name_that_is_none_of_canvas_is_not_repeated() -> None:
    assert "Doe" not in refusal(FORM, live_event("Jane Doe", {})).detail
