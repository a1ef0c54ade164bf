"""Turns Caliper 1.2 events into events, by the rows of docs/formats.md, "Caliper"."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from processor.errors import RejectRecord
from processor.records.formats import document, forms
from processor.records.formats.event import Score, Sender, Student, build, score_of
from processor.records.formats.problems import (
    Check,
    Problem,
    anything,
    array,
    is_number,
    members,
    missing,
    text,
    wrong,
)
from processor.records.native import NativeColumns

FIELDS: Final = ("id.last", "id")
"""What a sender may choose as the student id: the last part of the actor's IRI, or the whole IRI."""

_VERSIONS: Final = tuple(f"http://purl.imsglobal.org/ctx/caliper/v1p{minor}" for minor in (0, 1, 2))
_HIGHEST: Final = 10  # steps from a section, a page or an item up to its course
_COURSES: Final = ("CourseSection", "CourseOffering")
_STUDENTS: Final = frozenset(("Learner", "Member"))
_URN: Final = "urn:uuid:"

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_WORD_ENDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Envelope(NamedTuple):
    """A message: its events, each as it was sent, and how many entities it describes."""

    events: tuple[bytes, ...]
    entities: int


class _Envelope(Struct, forbid_unknown_fields=True):
    sensor: str
    sendTime: str  # noqa: N815  # as the standard names it
    dataVersion: str  # noqa: N815  # as the standard names it
    data: list[Raw]


class _Typed(Struct):
    type: str


_decode_envelope = Decoder(_Envelope).decode
_decode_typed = Decoder(_Typed).decode

_string = text("a string that is not empty", bool)
_entity_members = members(
    {"id": text("an IRI", lambda it: forms.is_iri(it) or it.startswith("_:")), "type": _string},
    ("id", "type"),
    others=True,
)


def _entity(value: object, path: str) -> Iterator[Problem]:
    if isinstance(value, str):
        if not forms.is_iri(value):
            yield wrong(path, "an IRI, or an object with id and type")
        return
    yield from _entity_members(value, path)


def _is_time(value: str) -> bool:
    return _TIME.fullmatch(value) is not None and forms.is_rfc_time(value)


_time = text("a time such as 2018-11-15T10:15:00.000Z, in UTC with milliseconds", _is_time)
_EVENT: Final[Check] = members(
    {
        "id": text(
            f"{_URN} and a UUID", lambda it: it.startswith(_URN) and forms.is_uuid(it.removeprefix(_URN))
        ),
        "type": _string,
        "actor": _entity,
        "action": _string,
        "object": _entity,
        "eventTime": _time,
        "group": _entity,
        "membership": _entity,
        "target": _entity,
        "extensions": members({}, others=True),
    },
    ("id", "type", "actor", "action", "object", "eventTime"),
    others=True,
)
_ENVELOPE: Final[Check] = members(
    {
        "sensor": text("an IRI", forms.is_iri),
        "sendTime": _time,
        "dataVersion": _string,
        "data": array(anything, least=1),
    }
)


def open_envelope(data: bytes) -> Envelope:
    """Return the events of an envelope. Raise RejectRecord if it is none, or of an unknown version.

    The events still have to be judged. Entities, which describe things, are only counted. Whatever is neither
    counts as an event, so that it is refused by name.
    """
    try:
        envelope = _decode_envelope(data)
    except RecursionError as error:
        raise document.too_deep() from error
    except (DecodeError, ValueError) as error:
        raise document.rejection(data, error) from error
    for problem in _ENVELOPE({name: getattr(envelope, name) for name in envelope.__struct_fields__}, "$"):
        raise problem.rejection
    if envelope.dataVersion not in _VERSIONS:
        raise RejectRecord("unknown_format", f"Expected one of {', '.join(_VERSIONS)} - at `$.dataVersion`")
    events = tuple(bytes(item) for item in envelope.data if not _is_entity(item))
    return Envelope(events, len(envelope.data) - len(events))


def _is_entity(item: Raw) -> bool:
    try:
        return not _decode_typed(item).type.endswith("Event")
    except (DecodeError, ValueError, RecursionError):
        return False


def problems(original: bytes, form: str) -> Iterator[Problem]:  # noqa: ARG001  # one signature for all
    """Yield whatever is wrong with an event. Raise RejectRecord if it is not a JSON object."""
    return _EVENT(document.read(original), "$")


def decode(original: bytes, form: str, sender: Sender, arrived_at: datetime) -> NativeColumns:  # noqa: ARG001  # one signature for all
    """Return the columns of one event. Raise only RejectRecord."""
    event = document.read(original)
    for problem in _EVENT(event, "$"):
        raise problem.rejection
    thing = _members(event["object"])
    work = _work(thing)
    score = _score(event, work) if event["action"] == "Graded" else Score()
    is_part = work.item is not None and score.points is not None
    return build(
        original,
        student=_student(event, thing, sender),
        event_type=_event_type(event, work),
        occurred_at=forms.moment(event["eventTime"]),
        event_id=UUID(event["id"].removeprefix(_URN)),
        score=score,
        metadata={
            "format": form,
            "sender": sender.name,
            "course": _course(event, thing),
            "assessment": None if is_part else work.assessment,
            "item": work.item,
        },
    )


class _Work(NamedTuple):
    """The assessment that something is, or to which it belongs. ``item`` is set if it is only a part."""

    assessment: str | None
    item: str | None
    most: object


def _work(thing: Mapping[str, Any]) -> _Work:
    if thing.get("type") == "Attempt":
        assignable = thing.get("assignable")
        if isinstance(assignable, str):
            return _Work(assignable, None, None)
        thing = _related(thing, "assignable")
    kind, most = thing.get("type"), thing.get("maxScore")
    if kind == "AssessmentItem":
        return _Work(_identity(thing.get("isPartOf")), _identity(thing), most)
    return _Work(
        _identity(thing) if kind in ("Assessment", "AssignableDigitalResource") else None, None, most
    )


def _score(event: Mapping[str, Any], work: _Work) -> Score:
    """Return the score that was generated. Open edX wraps it once more."""
    generated = _members(event.get("generated"))
    given = _members(generated.get("score")) or generated
    points, most = given.get("scoreGiven"), given.get("maxScore", work.most)
    for name, value in (("scoreGiven", points), ("maxScore", most)):
        if value is not None and not is_number(value):
            raise wrong(f"$.generated.{name}", "a number").rejection
    return Score() if points is None else score_of(points, most)


def _student(event: Mapping[str, Any], thing: Mapping[str, Any], sender: Sender) -> Student:
    path = "$.actor"
    person: object = event["actor"]
    if event["action"] == "Graded":  # the actor is who graded
        path = "$.object.assignee"
        person = thing.get("assignee") or _members(thing.get("extensions")).get("assignee")
        if person is None:
            raise missing(path, "the student whose work was graded").rejection
    elif not _is_student(event):
        raise RejectRecord("no_student", "the actor is not a student - at `$.actor`")
    identity = _identity(person)
    if identity is None:
        raise wrong(path, "an IRI, or an object with id").rejection
    whole = sender.student_id == "id"
    return Student(identity if whole else forms.last_part(identity), path)


def _is_student(event: Mapping[str, Any]) -> bool:
    if _members(event["actor"]).get("type", "Person") != "Person":
        return False
    roles = _members(event.get("membership")).get("roles")
    return not isinstance(roles, list) or not roles or any(_is_learner(role) for role in roles)


def _is_learner(role: object) -> bool:
    """A role is a term, a term with a sub-role (``Learner#Guest``), or an IRI that ends in one."""
    return isinstance(role, str) and not _STUDENTS.isdisjoint(role.replace("#", "/").split("/"))


def _event_type(event: Mapping[str, Any], work: _Work) -> str:
    action: str = event["action"]
    if action == "Submitted" and work.assessment is not None:
        return "submission"
    return "grade" if action == "Graded" else _WORD_ENDS.sub("_", action).lower()


def _course(event: Mapping[str, Any], thing: Mapping[str, Any]) -> str | None:
    """Return the nearest course: the event's group, or its membership's, or the object's own."""
    group = event.get("group") or _members(event.get("membership")).get("organization")
    return group if isinstance(group, str) else _course_above(_members(group)) or _course_above(thing)


def _course_above(entity: Mapping[str, Any]) -> str | None:
    for _ in range(_HIGHEST):
        if entity.get("type") in _COURSES:
            return _identity(entity)
        entity = (
            _related(entity, "isPartOf")
            or _members(entity.get("subOrganizationOf"))
            or _related(entity, "assignable")
        )
    return None


def _related(entity: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an entity to which another refers. Open edX keeps some among the extensions."""
    return _members(entity.get(name)) or _members(_members(entity.get("extensions")).get(name))


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _identity(entity: object) -> str | None:
    identity = entity.get("id") if isinstance(entity, dict) else entity
    return identity if isinstance(identity, str) else None
