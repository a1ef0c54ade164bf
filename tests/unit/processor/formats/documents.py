"""Documents for tests to change, and what the processor makes of one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from processor.errors import RejectRecord
from processor.records.formats import wrapping
from processor.records.formats.event import Sender

ARRIVED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ID = "0f1e2d3c-4b5a-4678-8796-a5b4c3d2e1f0"

COURSE = {
    "id": "https://lms.example/course/view.php?id=2",
    "definition": {"type": "https://w3id.org/xapi/cmi5/activitytype/course"},
}
SECTION = {
    "id": "https://lms.example/course/section.php?id=7",
    "definition": {"type": "http://id.tincanapi.com/activitytype/section"},
}
QUIZ = {
    "id": "https://lms.example/mod/quiz/view.php?id=9",
    "definition": {"type": "http://adlnet.gov/expapi/activities/assessment"},
}
ATTEMPT = {
    "id": "https://lms.example/mod/quiz/attempt.php?attempt=4",
    "definition": {"type": "http://adlnet.gov/expapi/activities/attempt"},
}
QUESTION = {
    "id": "https://lms.example/question.php?id=3",
    "definition": {"type": "http://adlnet.gov/expapi/activities/cmi.interaction", "interactionType": "other"},
}

TRIED: set[str] = set()
"""The rows of docs/formats.md that tests try."""

_Test = TypeVar("_Test", bound=Callable[..., None])


def row(*numbers: str) -> Callable[[_Test], _Test]:
    """Note that the test tries these rows."""
    TRIED.update(numbers)
    return lambda test: test


def statement(**members: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "actor": {"account": {"homePage": "https://lms.example", "name": "s1"}},
        "verb": {"id": "http://id.tincanapi.com/verb/viewed"},
        "object": QUIZ,
        "context": {"contextActivities": {"parent": [SECTION, COURSE]}},
        "timestamp": "2026-09-01T08:00:00.250Z",
        **members,
    }


def grade_event(**members: Any) -> dict[str, Any]:
    quiz = {"id": "https://lms.example/assess/1", "type": "Assessment", "maxScore": 25}
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": f"urn:uuid:{ID}",
        "type": "GradeEvent",
        "actor": {"id": "https://lms.example/autograder", "type": "SoftwareApplication"},
        "action": "Graded",
        "object": {
            "id": "https://lms.example/assess/1/attempts/1",
            "type": "Attempt",
            "assignee": {"id": "https://lms.example/users/s1", "type": "Person"},
            "assignable": quiz,
        },
        "generated": {"id": "_:score", "type": "Score", "scoreGiven": 10, "maxScore": 15},
        "group": {"id": "https://lms.example/sections/1", "type": "CourseSection"},
        "eventTime": "2026-09-01T08:00:00.250Z",
        **members,
    }


def live_event(name: str, body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "event_name": name,
            "event_time": "2026-09-01T08:00:00.250Z",
            "user_id": "21070000000000048",
            "user_sis_id": "S-48",
            "context_type": "Course",
            "context_id": "21070000000000565",
            "context_role": "StudentEnrollment",
            **metadata,
        },
        "body": body,
    }


def refusals(form: str, sender: Sender, original: bytes, arrived_at: datetime) -> list[RejectRecord]:
    judged = wrapping.judge(form, sender, original, arrived_at)
    return judged if isinstance(judged, list) else []


def outcome(form: str, document: dict[str, Any], student_id: str | None = None) -> dict[str, Any]:
    """Return the columns and the members of ``metadata`` as one mapping, without the original."""
    original = json.dumps(document).encode()
    sender = Sender("school", student_id)
    columns = wrapping.parse(wrapping.wrap(form, sender, original), ARRIVED)
    assert wrapping.judge(form, sender, original, ARRIVED) == columns
    metadata = json.loads(columns.metadata)
    assert metadata.pop("original") == document
    assert (metadata.pop("format"), metadata.pop("sender")) == (form, "school")
    return {**columns._asdict(), **metadata}


def refusal(form: str, document: dict[str, Any], student_id: str | None = None) -> RejectRecord:
    """Return the processor's reason, which is also the first one that a front door gives."""
    original = json.dumps(document).encode()
    sender = Sender("school", student_id)
    with pytest.raises(RejectRecord) as rejection:
        wrapping.parse(wrapping.wrap(form, sender, original), ARRIVED)
    assert str(refusals(form, sender, original, ARRIVED)[0]) == str(rejection.value)
    return rejection.value


def check(result: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {name: result.get(name) for name in expected} == expected
