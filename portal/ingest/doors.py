"""Says what each address accepts: a request and its sender go in, records and the answer come out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from portal.ingest import documents
from portal.ingest.documents import Taken
from portal.ingest.http import HttpAnswer, Refusal, Request
from portal.ingest.stream import StreamRecord
from processor.errors import RejectRecord
from processor.records.formats import caliper, canvas, forms, xapi
from processor.records.formats.event import Sender

LINES: Final = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
VERSION_HEADER: Final = "x-experience-api-version"
VERSIONS: Final = {"xapi/1.0.3": "1.0.3", "xapi/2.0": "2.0.0"}

OpenSigned = Callable[[bytes], bytes]
"""Turns a signed body into what was signed, or raises Refusal."""


class Accepted(NamedTuple):
    """What to put on the stream, and what to answer once it is there."""

    form: str
    records: Sequence[StreamRecord]
    rejected: int
    answer: HttpAnswer


class Door(NamedTuple):
    """A door. ``fields`` are a sender's possible student ids; if empty, the student id does not matter."""

    take: Callable[[Request, Sender, OpenSigned], Accepted]
    fields: tuple[str, ...] = ()


def statements(request: Request, sender: Sender, _open: OpenSigned) -> Accepted:
    """Take xAPI statements: POST one or an array, PUT one under its id."""
    form = _version(request)
    _json_only(request, status=400)  # as the standard requires (Communication 1.5)
    wanted = _statement_id(request)
    originals = documents.array(request.body)
    if wanted is not None and request.body.lstrip().startswith(b"["):
        raise Refusal(400, "PUT takes one statement: POST an array")
    if wanted is None:
        originals = [documents.identified(form, sender, original) for original in originals]
    else:
        originals = [documents.with_id(original, wanted) for original in originals]
    taken = documents.take(form, sender, originals, datetime.now(UTC))
    ids = [documents.id_of(original) for original in originals]
    if twice := documents.repeated(ids):
        raise documents.refusal(twice, len(ids))
    if wanted is not None and ids[0].lower() != wanted.lower():
        raise Refusal(400, "the statement's id differs from the parameter statementId")
    answer = HttpAnswer(200, ids) if wanted is None else HttpAnswer(204)
    return Accepted(form, taken.records, len(taken.rejections), answer)


def _statement_id(request: Request) -> str | None:
    """Return the id under which a statement is put, or None for POST."""
    names = {"token", "statementId"} if request.method == "PUT" else {"token"}
    if request.query.keys() - names:
        raise Refusal(400, f"{request.method} has no parameter other than {' and '.join(sorted(names))}")
    if request.method == "POST":
        return None
    wanted = request.query.get("statementId", "")
    if not forms.is_uuid(wanted):
        raise Refusal(400, "give the statement's id, a UUID, as the parameter statementId")
    return wanted


def about() -> HttpAnswer:
    """Say which versions of xAPI are supported."""
    return HttpAnswer(200, {"version": list(VERSIONS.values())})


def envelope(request: Request, sender: Sender, _open: OpenSigned) -> Accepted:
    """Take the events of a Caliper envelope. What else it describes is not an event."""
    _json_only(request)
    try:
        opened = caliper.open_envelope(request.body)
    except RejectRecord as no:
        problem = {"position": 0, "reason": no.reason, "detail": no.detail}
        raise Refusal(400, "nothing was stored: this is not a Caliper envelope", [problem]) from no
    taken = documents.take("caliper/1.2", sender, opened.events, datetime.now(UTC))
    return _listed("caliper/1.2", taken)


def live_events(request: Request, sender: Sender, open_signed: OpenSigned) -> Accepted:
    """Take whatever Canvas sends, because it would only send a refused event again, and then give up."""
    body = open_signed(request.body)
    taken = documents.take("canvas", sender, documents.array(body), datetime.now(UTC), all_=True)
    return _listed("canvas", taken)


def events(request: Request, sender: Sender, _open: OpenSigned) -> Accepted:
    """Take native events: one, a JSON array, or JSON lines."""
    as_lines = request.media_type in LINES
    if not as_lines:
        _json_only(request)
    originals = documents.lines(request.body) if as_lines else documents.array(request.body)
    identified = [documents.identified("native", sender, original) for original in originals]
    return _listed("native", documents.take("native", sender, identified, datetime.now(UTC)))


DOORS: Final = {
    ("POST", "/events"): Door(events),
    ("POST", "/xapi/statements"): Door(statements, xapi.FIELDS),
    ("PUT", "/xapi/statements"): Door(statements, xapi.FIELDS),
    ("POST", "/caliper"): Door(envelope, caliper.FIELDS),
    ("POST", "/canvas"): Door(live_events, canvas.FIELDS),
}


def door(request: Request) -> Door:
    """Return the door for the request, or raise Refusal 404 or 405."""
    found = DOORS.get((request.method, request.path))
    if found is not None:
        return found
    methods = sorted(method for method, path in DOORS if path == request.path)
    if methods:
        message = f"use {' or '.join(methods)} here: what was stored is read with spm, not over HTTP"
        raise Refusal(405, message, headers={"allow": ", ".join(methods)})
    addresses = sorted({path for _, path in DOORS})
    raise Refusal(404, f"there is nothing here: use one of {', '.join(addresses)} or /xapi/about")


def check_field(door_: Door, sender: Sender) -> None:
    """Raise Refusal 403 if this door's events do not have the sender's student id."""
    if sender.student_id is not None and door_.fields and sender.student_id not in door_.fields:
        raise Refusal(
            403,
            f"this sender's student id is {sender.student_id}, which such events do not have: add a sender"
            f" for them, with one of {', '.join(door_.fields)}",
        )


def _version(request: Request) -> str:
    version = request.headers.get(VERSION_HEADER, "")
    if forms.is_version(version, ("1.0",)):
        return "xapi/1.0.3"
    if forms.is_version(version, ("2.0",)):
        return "xapi/2.0"
    raise Refusal(400, "send the header X-Experience-API-Version, 1.0.x or 2.0.x")


def answered_version(event: Mapping[str, Any]) -> str:
    """Return the version of xAPI for an answer: the request's series, if it is one of ours."""
    asked = {name.lower(): str(value) for name, value in event.get("headers", {}).items()}
    return VERSIONS["xapi/1.0.3" if asked.get(VERSION_HEADER, "").startswith("1.0") else "xapi/2.0"]


def _json_only(request: Request, status: int = 415) -> None:
    if request.media_type == "application/json":
        return
    if request.media_type == "multipart/mixed":
        raise Refusal(status, "attachments are not kept: send statements alone, as application/json")
    raise Refusal(status, "send JSON, with the header Content-Type: application/json")


def _listed(form: str, taken: Taken) -> Accepted:
    content = {"taken": len(taken.records), "ids": taken.ids, "rejected": taken.rejections}
    return Accepted(form, taken.records, len(taken.rejections), HttpAnswer(200, content))
