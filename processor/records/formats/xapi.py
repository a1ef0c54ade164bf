"""Turns xAPI statements into events, by the rows of docs/formats.md, "xAPI"."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from processor.errors import RejectRecord
from processor.records.formats import document, forms
from processor.records.formats.event import Score, Sender, Student, build, score_of
from processor.records.formats.problems import Problem, missing
from processor.records.formats.xapi_actors import IDENTIFIERS
from processor.records.formats.xapi_rules import STATEMENT, VOIDED
from processor.records.native import NativeColumns

FIELDS: Final = ("account.name", "mbox", "mbox_sha1sum", "openid")
"""What a sender may choose as the student id."""

# By the last part of the verb's IRI, because senders take the same verbs from several vocabularies.
_EVENT_TYPES: Final[Mapping[str, str]] = {
    "submit": "submission",
    "submitted": "submission",
    "attended": "attendance",
}
_GRADES: Final = frozenset(("scored", "graded", "assessed", "evaluated"))
_ENDS: Final = frozenset(("completed", "terminated"))

# By the last part of the activity's type. An attempt stands for what it is an attempt at.
_COURSE: Final = "course"
_PLACES: Final = frozenset(("section", "lms", "site", "course-category", "group", "review", "calendar"))
_PARTS: Final = frozenset(("cmi.interaction", "question", "slot"))
_ATTEMPTS: Final = frozenset(("attempt", "submission", "lesson-session", "scorm-content-object"))
_EXAMS: Final = frozenset(("practice-assessment", "proctored-assessment", "timed-assessment"))
_ASSESSMENTS: Final = frozenset(("assessment", "assignment", "quiz", "exam", "lesson", "workshop")) | _EXAMS
_NO_WORK: Final = _PLACES | _ATTEMPTS | {_COURSE}

_MOODLE: Final = "http://lrs.learninglocker.net/define/extensions/info"


class _Activity(NamedTuple):
    id: str
    kind: str


class _Place(NamedTuple):
    """Where a statement belongs. ``work`` is the assessment, if it is one, and ``item`` is a part of that."""

    course: str | None
    own: _Activity | None
    work: _Activity | None
    item: str | None


def problems(original: bytes, form: str) -> Iterator[Problem]:
    """Yield whatever the standard finds wrong with a statement.

    Raises RejectRecord if ``original`` is not a JSON object that could be judged. A statement without a
    problem may still not be an event: ``decode`` says so.
    """
    return STATEMENT[form](document.read(original), "$")


def decode(original: bytes, form: str, sender: Sender, arrived_at: datetime) -> NativeColumns:
    """Return the columns of one statement of ``xapi/1.0.3`` or ``xapi/2.0``. Raise only RejectRecord."""
    statement = document.read(original)
    for problem in STATEMENT[form](statement, "$"):
        raise problem.rejection
    place = _place(statement)
    score = _score(statement)
    event_type = _event_type(statement, place, score)
    at = statement.get("timestamp") or statement.get("stored")
    return build(
        original,
        student=_student(statement["actor"], sender),
        event_type=event_type,
        occurred_at=forms.moment(at) if at else arrived_at,
        event_id=UUID(statement["id"]) if "id" in statement else None,
        score=score,
        metadata={
            "format": form,
            "sender": sender.name,
            "course": place.course,
            "assessment": _assessment(place, event_type, score),
            "item": place.item,
            "status": "present" if event_type == "attendance" else None,
            "voids": statement["object"]["id"] if statement["verb"]["id"] == VOIDED else None,
        },
    )


def _student(actor: Mapping[str, Any], sender: Sender) -> Student:
    if actor.get("objectType") == "Group":
        raise RejectRecord("no_student", "the actor is a group - at `$.actor`")
    given = next(name for name in IDENTIFIERS if name in actor)
    field = sender.student_id or ("account.name" if given == "account" else given)
    member, _, name = field.partition(".")
    if member not in actor:
        detail = f"the field that {sender.name!a} chose as the student id, not {given}"
        raise missing(f"$.actor.{field}", detail).rejection
    value = actor[member][name] if name else actor[member]
    return Student(value.removeprefix("mailto:"), f"$.actor.{field}")


def _event_type(statement: Mapping[str, Any], place: _Place, score: Score) -> str:
    verb = forms.last_part(statement["verb"]["id"]).lower()
    if score.points is not None:
        if place.own is not None and place.own.id == place.course:
            return "course_grade"
        if verb in _GRADES:
            return "grade"
    if verb in _ENDS and place.own is not None and place.own.kind in _ATTEMPTS | _EXAMS:
        return "submission"
    return _EVENT_TYPES.get(verb, verb.replace("-", "_"))


def _assessment(place: _Place, event_type: str, score: Score) -> str | None:
    """Return what was worked on. The points of a part must not pass for those of the whole."""
    if place.work is None or (place.item and score.points is not None):
        return None
    is_work = event_type == "submission" or score.points is not None or place.work.kind in _ASSESSMENTS
    return place.work.id if is_work else None


def _place(statement: Mapping[str, Any]) -> _Place:
    above = statement.get("context", {}).get("contextActivities", {})
    parents = _activities(above.get("parent", ()))
    around = (*parents, *_activities(above.get("grouping", ())))
    course = next((activity.id for activity in around if activity.kind == _COURSE), None)
    thing = statement["object"]
    if thing.get("objectType", "Activity") not in ("Activity", "GroupActivity"):
        return _Place(course, None, None, None)
    own = _activity(thing)
    if own.kind == _COURSE and course in (None, own.id):
        return _Place(own.id, own, None, None)
    whole = next((activity for activity in parents if activity.kind not in _NO_WORK), None)
    if whole is not None and own.kind in _PARTS:
        return _Place(course, own, whole, own.id)
    return _Place(course, own, whole if whole is not None and own.kind in _ATTEMPTS else own, None)


def _activities(value: Any) -> tuple[_Activity, ...]:  # noqa: ANN401  # one activity or an array of them
    return tuple(_activity(item) for item in ([value] if isinstance(value, dict) else value))


def _activity(value: Mapping[str, Any]) -> _Activity:
    return _Activity(value["id"], forms.last_part(value.get("definition", {}).get("type", "")).lower())


def _score(statement: Mapping[str, Any]) -> Score:
    """Return points above the minimum, because per cent counts from there, or ``scaled`` without a range."""
    given = statement.get("result", {}).get("score", {})
    raw, most, least = given.get("raw"), given.get("max"), given.get("min", 0)
    if raw is not None and most is not None:
        return score_of(float(raw) - least, most - least)
    if "scaled" in given:
        scaled = (given["scaled"] + 1) / 2 if _is_of_moodle(statement) else given["scaled"]
        return Score(round(100 * scaled, 6), 100)
    return Score() if raw is None else score_of(float(raw) - least)


def _is_of_moodle(statement: Mapping[str, Any]) -> bool:
    """Return points from ``scaled``. Moodle's runs from -1 to 1; all others are a share of the maximum."""
    info = statement.get("context", {}).get("extensions", {}).get(_MOODLE)
    return isinstance(info, dict) and "http://moodle.org" in info
