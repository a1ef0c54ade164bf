"""What statements become: docs/formats.md, "xAPI"."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.unit.processor.formats.documents import (
    ARRIVED,
    ATTEMPT,
    COURSE,
    ID,
    QUESTION,
    QUIZ,
    SECTION,
    TRIED,
    check,
    outcome,
    refusal,
    row,
    statement,
)

ADL = "http://adlnet.gov/expapi/verbs/"
TLA = "https://w3id.org/xapi/tla/verbs/"
EXAM = {
    "id": "block-v1:a+b+c",
    "definition": {"type": "https://w3id.org/xapi/openedx/activity/timed-assessment"},
}
MOODLE = {
    "extensions": {"http://lrs.learninglocker.net/define/extensions/info": {"http://moodle.org": "1.0.0"}}
}


def verb(iri: str) -> dict[str, Any]:
    return {"verb": {"id": iri}}


def points(**score: float) -> dict[str, Any]:
    return {"result": {"score": score}}


def within(*parents: dict[str, Any], **kinds: Any) -> dict[str, Any]:
    return {"context": {"contextActivities": {"parent": list(parents), **kinds}}}


def thing(kind: str) -> dict[str, Any]:
    return {"object": {"id": "https://lms.example/it", "definition": {"type": f"http://example.org/{kind}"}}}


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("X1", verb("http://activitystrea.ms/submit"), {"event_type": "submission", "assessment": QUIZ["id"]}),
    ("X1", verb("http://activitystrea.ms/schema/1.0/submit"), {"event_type": "submission"}),
    ("X1", verb("https://example.org/verbs#submitted"), {"event_type": "submission"}),
    (
        "X2",
        {**verb(ADL + "completed"), "object": ATTEMPT, **within(QUIZ, SECTION, COURSE)},
        {"event_type": "submission", "assessment": QUIZ["id"], "course": COURSE["id"]},
    ),
    (
        "X2",
        {**verb(ADL + "terminated"), "object": EXAM},
        {"event_type": "submission", "assessment": EXAM["id"]},
    ),
    ("X2", {**verb(ADL + "completed"), **thing("book")}, {"event_type": "completed", "assessment": None}),
    ("X3", {**verb(TLA + "scored"), **points(raw=1, max=2)}, {"event_type": "grade"}),
    ("X3", {**verb(ADL + "graded"), **points(raw=1, max=2)}, {"event_type": "grade"}),
    (
        "X3",
        {**verb("https://w3id.org/xapi/dod-isd/verbs/assessed"), **points(raw=1, max=2)},
        {"event_type": "grade"},
    ),
    (
        "X3",
        {**verb("https://w3id.org/xapi/acrossx/verbs/evaluated"), **points(raw=1, max=2)},
        {"event_type": "grade"},
    ),
    ("X3", verb("https://w3id.org/xapi/acrossx/verbs/evaluated"), {"event_type": "evaluated"}),
    (
        "X4",
        {**verb("http://id.tincanapi.com/verb/earned"), "object": COURSE, **points(raw=0.5, max=1)},
        {"event_type": "course_grade", "score": 0.5, "assessment": None, "course": COURSE["id"]},
    ),
    ("X5", verb(ADL + "attended"), {"event_type": "attendance", "status": "present"}),
    (
        "X6",
        {**verb(ADL + "voided"), "object": {"objectType": "StatementRef", "id": ID}},
        {"event_type": "voided", "voids": ID},
    ),
    ("X7", verb("https://example.org/verbs/Looked-At/"), {"event_type": "looked_at"}),
    ("X7", verb("https://example.org/" + "v" * 60), {"event_type": "v" * 50}),
    ("X8", points(raw=75, min=0, max=100, scaled=0.5), {"score": 75, "max_score": 100}),
    ("X8", points(raw=5, max=20), {"score": 5, "max_score": 20}),
    ("X8", points(raw=-5, min=-10, max=10), {"score": 5, "max_score": 20}),
    ("X8", points(raw=1e308, min=-1e308, max=1e308), {"score": None, "max_score": None}),
    (
        "X9",
        points(raw=0, min=0, max=0, scaled=0),
        {"score": None, "max_score": None, "assessment": QUIZ["id"]},
    ),
    ("X10", {**points(scaled=0), "context": MOODLE}, {"score": 50, "max_score": 100}),
    ("X10", {**points(scaled=-1, raw=3), "context": MOODLE}, {"score": 0, "max_score": 100}),
    ("X11", points(scaled=0.07), {"score": 7, "max_score": 100}),
    ("X12", points(raw=8, min=2), {"score": 6, "max_score": None}),
    ("X13", within(SECTION, COURSE), {"course": COURSE["id"]}),
    ("X13", within(SECTION, grouping=COURSE), {"course": COURSE["id"]}),
    ("X13", {"object": COURSE, "context": {}}, {"course": COURSE["id"], "assessment": None}),
    ("X13", {"object": {"objectType": "Agent", "mbox": "mailto:t@example.org"}}, {"course": COURSE["id"]}),
    ("X13", {"context": {}}, {"course": None}),
    ("X14", {"object": ATTEMPT, **within(ATTEMPT, SECTION, QUIZ, COURSE)}, {"assessment": QUIZ["id"]}),
    (
        "X15",
        {"object": QUESTION, **within(ATTEMPT, QUIZ)},
        {"assessment": QUIZ["id"], "item": QUESTION["id"]},
    ),
    (
        "X15",
        {"object": QUESTION, **within(QUIZ, COURSE), **points(raw=1, max=1)},
        {"score": 1, "assessment": None, "item": QUESTION["id"]},
    ),
    (
        "X16",
        {"object": QUESTION, **within(COURSE), **points(raw=2, max=4)},
        {"assessment": QUESTION["id"], "item": None},
    ),
    (
        "X16",
        {**verb("http://activitystrea.ms/submit"), **thing("survey")},
        {"assessment": "https://lms.example/it"},
    ),
    ("X16", thing("workshop"), {"assessment": "https://lms.example/it"}),
    ("X16", thing("forum"), {"assessment": None}),
    ("X20", {}, {"occurred_at": datetime(2026, 9, 1, 8, 0, 0, 250_000, tzinfo=UTC)}),
    ("X20", {"timestamp": "2026-09-01T10:00:60+02"}, {"occurred_at": datetime(2026, 9, 1, 8, 1, tzinfo=UTC)}),
    ("X21", {}, {"event_id": UUID(ID)}),
    ("L1", points(raw=0, min=0, max=0), {"score": None}),
    ("L2", {"object": {**QUESTION, "objectType": "GroupActivity"}, **points(raw=2, max=3)}, {"score": 2}),
    ("L3", within(COURSE, grouping=[{"id": ID.upper()}]), {"course": COURSE["id"]}),
]
TRIED.update(number for number, _, _ in CASES)


@pytest.mark.parametrize("form", ["xapi/1.0.3", "xapi/2.0"])
@pytest.mark.parametrize(("number", "changes", "expected"), CASES)
def test_row(form: str, number: str, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert number
    if form == "xapi/2.0" and "timestamp" in changes:
        changes = {"timestamp": changes["timestamp"] + ":00"}
    check(outcome(form, statement(**changes)), expected)


@row("X20", "X21")
def test_a_statement_without_id_and_time_takes_that_of_its_arrival() -> None:
    bare = {name: value for name, value in statement().items() if name not in ("id", "timestamp")}
    check(outcome("xapi/1.0.3", bare), {"event_id": None, "occurred_at": ARRIVED})
    stored = {**bare, "stored": "2026-09-01T08:00:00Z"}
    check(outcome("xapi/1.0.3", stored), {"occurred_at": datetime(2026, 9, 1, 8, tzinfo=UTC)})


@row("X17", "X18")
@pytest.mark.parametrize(
    ("actor", "field", "expected"),
    [
        ({"account": {"homePage": "https://lms.example", "name": "s1"}}, "account.name", "s1"),
        ({"mbox": "mailto:s1@example.org"}, "mbox", "s1@example.org"),
        ({"mbox_sha1sum": "0" * 40}, "mbox_sha1sum", "0" * 40),
        ({"openid": "https://id.example/s1"}, "openid", "https://id.example/s1"),
    ],
)
def test_the_sender_chooses_the_student_id(actor: dict[str, Any], field: str, expected: str) -> None:
    assert outcome("xapi/1.0.3", statement(actor=actor), field)["student_id"] == expected
    assert outcome("xapi/1.0.3", statement(actor=actor))["student_id"] == expected
    other = "openid" if field != "openid" else "mbox"
    no = refusal("xapi/1.0.3", statement(actor=actor), other)
    assert (no.reason, f"$.actor.{other}" in no.detail) == ("missing_member", True)


@row("X19")
def test_a_group_is_not_a_student() -> None:
    group = {"objectType": "Group", "mbox": "mailto:class@example.org"}
    assert refusal("xapi/1.0.3", statement(actor=group)).reason == "no_student"


@pytest.mark.parametrize("name", ["", "s" * 51])
def test_a_student_id_has_1_to_50_characters(name: str) -> None:
    actor = {"account": {"homePage": "https://lms.example", "name": name}}
    no = refusal("xapi/1.0.3", statement(actor=actor))
    assert (no.reason, no.detail.split(" - at ")[1]) == ("invalid_member", "`$.actor.account.name`")
    assert len(name) < 2 or name not in no.detail
