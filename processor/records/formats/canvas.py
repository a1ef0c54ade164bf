"""Turns Canvas Live Events into events, by the rows of docs/formats.md, "Canvas".

Hosted Canvas posts ``{"metadata": …, "body": …}``. A Canvas of one's own writes ``{"attributes": …, "body":
…}`` to a stream.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID, uuid5

from processor.errors import RejectRecord
from processor.records.formats import document, forms
from processor.records.formats.event import Score, Sender, Student, build, score_of
from processor.records.formats.problems import Check, Problem, below, is_number, members, missing, text, wrong
from processor.records.native import NativeColumns

FIELDS: Final = ("user_id", "sis_id")
"""What a sender may choose as the student id."""

# Canvas sends no id for an event, so the same bytes are the same event, sent again.
_NAMESPACE: Final = UUID("a1c9b9f8-5a57-4f0d-9c39-2b1b6f1d7c5e")
# A global id is shard × this + the local id, which never changes.
_SHARD: Final = 10**13
_NO_STUDENTS: Final = frozenset(
    (
        "TeacherEnrollment",
        "TaEnrollment",
        "DesignerEnrollment",
        "ObserverEnrollment",
        "StudentViewEnrollment",  # the test student, as whom teachers look at their course
        "AccountAdmin",
        "AccountMembership",
        "AccountUser",
    )
)


# The form of a kind's name. Anything else under event_name could be anything, and is not repeated.
_PLAIN_NAME: Final = re.compile(r"[a-z_.]{1,50}")


class _Kind(NamedTuple):
    """What an event of Canvas becomes, and where its student is named."""

    event_type: str
    student: Literal["body", "user", "actor"]
    points: str | None = None
    most: str | None = None


_KINDS: Final[Mapping[str, _Kind]] = {
    "grade_change": _Kind("grade", "body", "score", "points_possible"),
    "course_grade_change": _Kind("course_grade", "body", "current_score"),
    "grade_override": _Kind("course_grade", "body", "override_score"),
    "submission_created": _Kind("submission", "body"),
    "submission_updated": _Kind("submission_updated", "body"),
    "submission_custom_grade_status": _Kind("submission_custom_grade_status", "body"),
    "final_grade_custom_status": _Kind("final_grade_custom_status", "body"),
    "submission_comment_created": _Kind("submission_comment", "body"),
    "plagiarism_resubmit": _Kind("plagiarism_resubmit", "body"),
    "discussion_entry_created": _Kind("discussion_entry", "body"),
    "discussion_entry_submitted": _Kind("discussion_entry", "body"),
    "enrollment_created": _Kind("enrollment_created", "body"),
    "enrollment_updated": _Kind("enrollment_updated", "body"),
    "course_progress": _Kind("course_progress", "user"),
    "course_completed": _Kind("course_completed", "user"),
    "quiz_submitted": _Kind("quiz_submitted", "actor"),
    "asset_accessed": _Kind("asset_accessed", "actor"),
    "logged_in": _Kind("logged_in", "actor"),
    "logged_out": _Kind("logged_out", "actor"),
}

_name = text("the event's name", bool)
_time = text("a time of RFC 3339", forms.is_rfc_time)
_head = members({"event_name": _name, "event_time": _time}, ("event_name", "event_time"), others=True)


def _event(head: str) -> Check:
    return members({head: _head, "body": members({}, others=True)}, (head, "body"), others=True)


_EVENTS: Final[Mapping[str, Check]] = {name: _event(name) for name in ("metadata", "attributes")}


def problems(original: bytes, form: str) -> Iterator[Problem]:  # noqa: ARG001  # one signature for all
    """Yield whatever is wrong with an event. Raise RejectRecord if it is not a JSON object."""
    event = document.read(original)
    return _EVENTS[_head_of(event)](event, "$")


def decode(original: bytes, form: str, sender: Sender, arrived_at: datetime) -> NativeColumns:  # noqa: ARG001  # one signature for all
    """Return the columns of one event. Raise only RejectRecord."""
    event = document.read(original)
    name = _head_of(event)
    for problem in _EVENTS[name](event, "$"):
        raise problem.rejection
    head, body = event[name], event["body"]
    kind = _KINDS.get(head["event_name"])
    if kind is None:
        raise _no_kind(head["event_name"])
    student = _student(kind, name, head, body)
    if sender.student_id == "sis_id":
        student = _sis_student(student, name, head, body)
    return build(
        original,
        student=student,
        event_type=kind.event_type,
        occurred_at=forms.moment(head["event_time"]),
        event_id=uuid5(_NAMESPACE, original.strip().decode()),
        score=_score(kind, body),
        metadata={
            "format": form,
            "sender": sender.name,
            "course": _course(head, body),
            "assessment": _local(body.get("assignment_id")),
            "item": _local(body.get("quiz_id")),
        },
    )


def _head_of(event: Mapping[str, Any]) -> str:
    return "attributes" if "attributes" in event and "metadata" not in event else "metadata"


def _no_kind(name: str) -> RejectRecord:
    known = name if _PLAIN_NAME.fullmatch(name) else "an event of this name"
    return RejectRecord("no_student", f"{known} does not say what one student did, by the student's id")


def _student(kind: _Kind, name: str, head: Mapping[str, Any], body: Mapping[str, Any]) -> Student:
    """Return the student by Canvas's local id. Raise RejectRecord if somebody else acted, or nobody."""
    student = _named(kind, name, head, body)
    roles = {_text(body.get("type")), _text(body.get("role"))}
    if student.id == _local(head.get("user_id")):
        roles.add(_text(head.get("context_role")))
    if roles & _NO_STUDENTS:
        raise RejectRecord("no_student", f"who acted is not a student in this course - at `{student.path}`")
    return student


def _named(kind: _Kind, name: str, head: Mapping[str, Any], body: Mapping[str, Any]) -> Student:
    if kind.student == "actor":
        return _actor(name, head)
    if kind.student == "user":
        path, who = "$.body.user.id", _local(_members(body.get("user")).get("id"))
    else:
        path = "$.body.student_id" if "student_id" in body else "$.body.user_id"
        who = _local(body.get("student_id", body.get("user_id")))
    if who is None:
        raise missing(path, "the student's Canvas id").rejection
    return Student(who, path)


def _actor(name: str, head: Mapping[str, Any]) -> Student:
    who = _local(head.get("user_id"))
    if who is None:  # a calendar's address, for example, is read without signing in
        raise RejectRecord("no_student", f"nobody was signed in - at `$.{name}.user_id`")
    if head.get("real_user_id"):
        raise RejectRecord("no_student", f"somebody else acted as this user - at `$.{name}.real_user_id`")
    return Student(who, f"$.{name}.user_id")


def _sis_student(student: Student, name: str, head: Mapping[str, Any], body: Mapping[str, Any]) -> Student:
    path, identity = "$.body.student_sis_id", _text(body.get("student_sis_id"))
    if identity is None and _local(head.get("user_id")) == student.id:
        path, identity = f"$.{name}.user_sis_id", _text(head.get("user_sis_id"))
    if identity is None:
        raise missing(path, "the student's SIS id, as the sender chose it").rejection
    return Student(identity, path)


def _course(head: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    for context in (head, body):
        if context.get("context_type") == "Course" and (course := _local(context.get("context_id"))):
            return course
    return _local(body.get("course_id")) or _local(_members(body.get("course")).get("id"))


def _score(kind: _Kind, body: Mapping[str, Any]) -> Score:
    """Return the score. A course's score is a per cent, and 5 of 1 is extra credit."""
    if kind.points is None:
        return Score()
    points, most = body.get(kind.points), body.get(kind.most) if kind.most else 100
    for name, value in ((kind.points, points), (kind.most or "", most)):
        if value is not None and not is_number(value):
            raise wrong(below("$.body", name), "a number or null").rejection
    return Score() if points is None else score_of(points, 0 if most is None else most)


def _local(identity: object) -> str | None:
    """Return Canvas's local id. Ids are strings, or numbers in old versions."""
    if isinstance(identity, bool) or not isinstance(identity, int | str) or identity == "":
        return None
    written = str(identity)
    if written.isascii() and written.isdecimal() and 13 < len(written) <= 20:
        return str(int(written) % _SHARD)
    return written


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
