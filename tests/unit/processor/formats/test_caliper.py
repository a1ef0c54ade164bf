"""What Caliper events become: docs/formats.md, "Caliper"."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from processor.errors import RejectRecord
from processor.records.formats import caliper
from tests.unit.processor.formats.documents import ID, TRIED, check, grade_event, outcome, refusal, row

FORM = "caliper/1.2"
QUIZ: dict[str, Any] = {"id": "https://lms.example/assess/1", "type": "Assessment"}
PERSON: dict[str, Any] = {"id": "https://lms.example/users/s1", "type": "Person"}
OFFERING: dict[str, Any] = {"id": "https://lms.example/courses/1", "type": "CourseOffering"}
ITEM: dict[str, Any] = {
    "id": "https://lms.example/assess/1/items/3",
    "type": "AssessmentItem",
    "isPartOf": QUIZ,
}


def event(action: str, thing: object, **members: Any) -> dict[str, Any]:
    own = {"action": action, "object": thing, "actor": PERSON, "type": "Event", **members}
    return {name: value for name, value in grade_event(**own).items() if name != "generated"}


def graded(**members: Any) -> dict[str, Any]:
    return grade_event(object={**grade_event()["object"], **members})


def attempt(**members: Any) -> dict[str, Any]:
    return {"id": "https://lms.example/attempts/1", "type": "Attempt", **members}


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("C1", grade_event(), {"event_type": "grade", "student_id": "s1"}),
    ("C2", event("Submitted", QUIZ), {"event_type": "submission", "assessment": QUIZ["id"], "score": None}),
    ("C2", event("Submitted", {**QUIZ, "type": "AssignableDigitalResource"}), {"event_type": "submission"}),
    (
        "C2",
        event("Submitted", attempt(assignable=QUIZ["id"])),
        {"event_type": "submission", "assessment": QUIZ["id"]},
    ),
    ("C2", event("Submitted", "https://lms.example/survey"), {"event_type": "submitted", "assessment": None}),
    ("C3", event("NavigatedTo", "https://lms.example/page"), {"event_type": "navigated_to"}),
    ("C3", event("A" * 60, QUIZ), {"event_type": "a" * 50}),
    ("C4", grade_event(), {"score": 10, "max_score": 15}),
    (
        "C4",
        grade_event(generated={"score": {"scoreGiven": 0, "maxScore": 1}}),
        {"score": 0, "max_score": 1},
    ),
    ("C4", grade_event(generated={"scoreGiven": 10}), {"score": 10, "max_score": 25}),
    ("C4", grade_event(generated="https://lms.example/score"), {"score": None, "max_score": None}),
    ("C5", grade_event(generated={"scoreGiven": 0, "maxScore": 0}), {"score": None, "max_score": None}),
    ("C6", graded(assignee="https://lms.example/users/s2"), {"student_id": "s2"}),
    ("C6", graded(assignee=None, extensions={"assignee": PERSON}), {"student_id": "s1"}),
    ("C7", event("Viewed", QUIZ), {"student_id": "s1", "event_type": "viewed", "assessment": QUIZ["id"]}),
    ("C9", event("Viewed", QUIZ, actor="urn:uuid:" + ID), {"student_id": ID}),
    ("C9", event("Viewed", QUIZ, actor="https://lms.example/users/s1/"), {"student_id": "s1"}),
    ("C11", grade_event(), {"course": "https://lms.example/sections/1"}),
    (
        "C11",
        grade_event(group="https://lms.example/sections/2"),
        {"course": "https://lms.example/sections/2"},
    ),
    (
        "C11",
        grade_event(
            group={"id": "https://lms.example/groups/1", "type": "Group", "subOrganizationOf": OFFERING}
        ),
        {"course": OFFERING["id"]},
    ),
    (
        "C11",
        event("Viewed", QUIZ, group=None, membership=None)
        | {
            "group": {"id": "https://lms.example/groups/1", "type": "Group"},
            "membership": "https://lms.example/m",
        },
        {"course": None},
    ),
    (
        "C11",
        {
            name: value
            for name, value in event(
                "Viewed",
                QUIZ,
                membership={"id": "https://lms.example/m", "type": "Membership", "organization": OFFERING},
            ).items()
            if name != "group"
        },
        {"course": OFFERING["id"]},
    ),
    (
        "C11",
        {
            name: value
            for name, value in event("Viewed", {**QUIZ, "extensions": {"isPartOf": OFFERING}}).items()
            if name != "group"
        },
        {"course": OFFERING["id"]},
    ),
    ("C12", graded(assignable=QUIZ["id"]), {"assessment": QUIZ["id"]}),
    ("C12", graded(assignable=None, extensions={"assignable": QUIZ}), {"assessment": QUIZ["id"]}),
    ("C12", event("Viewed", {"id": "https://lms.example/p", "type": "Page"}), {"assessment": None}),
    ("C13", event("Completed", ITEM), {"assessment": QUIZ["id"], "item": ITEM["id"]}),
    ("C13", graded(assignable=ITEM), {"score": 10, "assessment": None, "item": ITEM["id"]}),
    ("C14", grade_event(), {"event_id": UUID(ID)}),
    ("C15", grade_event(), {"occurred_at": datetime(2026, 9, 1, 8, 0, 0, 250_000, tzinfo=UTC)}),
]
TRIED.update(number for number, _, _ in CASES)


@pytest.mark.parametrize(("number", "document", "expected"), CASES)
def test_row(number: str, document: dict[str, Any], expected: dict[str, Any]) -> None:
    assert number
    document = {name: value for name, value in document.items() if value is not None}
    check(outcome(FORM, document), expected)


@row("C6")
def test_graded_work_of_nobody_is_refused() -> None:
    no = refusal(FORM, grade_event(object=attempt()))
    assert (no.reason, no.detail.split(" - at ")[1]) == ("missing_member", "`$.object.assignee`")


@row("C8")
@pytest.mark.parametrize(
    ("members", "is_student"),
    [
        ({"actor": {"id": "https://lms.example/clock", "type": "SoftwareApplication"}}, False),
        (
            {"membership": {"id": "https://lms.example/m", "type": "Membership", "roles": ["Instructor"]}},
            False,
        ),
        (
            {"membership": {"id": "https://lms.example/m", "type": "Membership", "roles": ["Mentor", 1]}},
            False,
        ),
        (
            {"membership": {"id": "https://lms.example/m", "type": "Membership", "roles": ["Learner#Guest"]}},
            True,
        ),
        ({"membership": {"id": "https://lms.example/m", "type": "Membership", "roles": []}}, True),
        (
            {
                "membership": {
                    "id": "https://lms.example/m",
                    "type": "Membership",
                    "roles": ["urn:lis/v2#Learner"],
                }
            },
            True,
        ),
    ],
)
def test_only_students_act(members: dict[str, Any], is_student: bool) -> None:
    document = event("Viewed", QUIZ, **members)
    if is_student:
        assert outcome(FORM, document)["student_id"] == "s1"
    else:
        assert refusal(FORM, document).reason == "no_student"


@row("C9", "C10")
def test_the_sender_chooses_the_student_id() -> None:
    assert outcome(FORM, grade_event(), "id.last")["student_id"] == "s1"
    assert outcome(FORM, grade_event(), "id")["student_id"] == PERSON["id"]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"id": ID}, "$.id"),
        ({"id": "urn:uuid:1"}, "$.id"),
        ({"type": 1}, "$.type"),
        ({"actor": "s1"}, "$.actor"),
        ({"actor": {"id": "https://lms.example/u"}}, "$.actor.type"),
        ({"action": ""}, "$.action"),
        ({"object": None}, "$.object"),
        ({"eventTime": "2026-09-01T08:00:00Z"}, "$.eventTime"),
        ({"eventTime": "2026-13-01T08:00:00.000Z"}, "$.eventTime"),
        ({"extensions": []}, "$.extensions"),
        ({"generated": {"scoreGiven": "10"}}, "$.generated.scoreGiven"),
        ({"generated": {"scoreGiven": 1, "maxScore": True}}, "$.generated.maxScore"),
    ],
)
def test_what_breaks_the_standard_is_refused(members: dict[str, Any], path: str) -> None:
    assert refusal(FORM, grade_event(**members)).detail.endswith(f" - at `{path}`")


def envelope(**members: Any) -> bytes:
    return json.dumps(
        {
            "sensor": "https://lms.example/sensor",
            "sendTime": "2026-09-01T08:00:01.000Z",
            "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p2",
            "data": [PERSON, grade_event()],
            **members,
        }
    ).encode()


def test_an_envelope_holds_events_and_entities() -> None:
    speaking = {**PERSON, "extensions": {"action": "Viewed", "eventTime": "now"}}
    neither = [{"id": "urn:x"}, 7, [[]], {"type": None}]
    opened = caliper.open_envelope(envelope(data=[PERSON, grade_event(), speaking, *neither]))
    assert [json.loads(item) for item in opened.events] == [grade_event(), *neither]
    assert opened.entities == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (envelope(sensor="lms"), "invalid_member"),
        (envelope(sendTime="2026-09-01"), "invalid_member"),
        (envelope(data=[]), "invalid_member"),
        (envelope(data={}), "invalid_member"),
        (envelope(dataVersion="http://purl.imsglobal.org/ctx/caliper/v9"), "unknown_format"),
        (envelope(more=1), "invalid_member"),
        (b"{}", "missing_member"),
        (b"[]", "not_an_object"),
        (b'{"data":\xff}', "not_utf8"),
        (b'{"data":' + b"[" * 100_000, "too_deep"),
    ],
)
def test_a_broken_envelope_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(RejectRecord) as rejection:
        caliper.open_envelope(data)
    assert rejection.value.reason == reason
