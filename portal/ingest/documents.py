"""Takes a request's body apart into documents, gives each an id, and judges it. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid4, uuid5

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from portal.ingest.http import Refusal
from portal.ingest.stream import MAX_RECORD_BYTES, StreamRecord
from processor.records.formats import wrapping
from processor.records.formats.event import Sender
from processor.records.native import NativeColumns

MOST_PROBLEMS: Final = 1_000

_NAMESPACE: Final = UUID("5f0c1a36-7a4e-4b44-9f0e-0d6a2f3f1c57")

# A document that cannot be wrapped, because the record would not be JSON either.
_NO_JSON: Final = ("not_json", "not_utf8", "too_deep")

_decode_array: Final = Decoder(list[Raw]).decode


class _Head(Struct):
    timestamp: Raw = Raw()


class _Statement(_Head):
    id: Raw = Raw()


class _Id(Struct):
    id: str


class _Event(_Head):
    event_id: Raw = Raw()


_decode_statement: Final = Decoder(_Statement).decode
_IDENTITIES: Final = {
    "xapi": ("id", _decode_statement),
    "native": ("event_id", Decoder(_Event).decode),
}
_decode_id: Final = Decoder(_Id).decode


class Taken(NamedTuple):
    """Documents as records of the stream with their ids. ``rejections`` says what is not an event, and why.

    A rejection follows its standard but is about no student. It is put on the stream too, and the processor
    keeps it.
    """

    records: Sequence[StreamRecord]
    ids: Sequence[str]
    rejections: Sequence[dict[str, object]]


def array(body: bytes) -> list[bytes]:
    """Return the items of a JSON array, each as it was sent. Anything else is the only item."""
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return [body]
    try:
        return [bytes(item) for item in _decode_array(body)]
    except RecursionError as error:
        raise Refusal(400, "the body is nested too deep") from error
    except (DecodeError, ValueError) as error:
        raise Refusal(400, f"the body is not a JSON array: {error}") from error


def lines(body: bytes) -> list[bytes]:
    """Return the lines that are not blank."""
    return [line for line in body.splitlines() if line.strip()]


def identified(form: str, sender: Sender, original: bytes) -> bytes:
    """Return a statement or a native event with an identity.

    If it has none, the id is made from its bytes, so that it is stored once however often it is sent. But two
    that do not say when they happened may be equal and still be two things, so these get a random id.
    """
    name, decode = _IDENTITIES[form.partition("/")[0]]
    try:
        head = decode(original)
    except (DecodeError, ValueError, RecursionError):
        return original  # the decoder says what is wrong
    if bytes(getattr(head, name)):
        return original
    text = f"{sender.name}\n{original.decode(errors='replace')}"
    return _with(name, str(uuid5(_NAMESPACE, text) if bytes(head.timestamp) else uuid4()), original)


def with_id(statement: bytes, identity: str) -> bytes:
    """Return a statement with an id: its own if it has one."""
    try:
        has_one = bytes(_decode_statement(statement).id)
    except (DecodeError, ValueError, RecursionError):
        return statement
    return statement if has_one else _with("id", identity, statement)


def _with(name: str, identity: str, original: bytes) -> bytes:
    rest = original.lstrip()[1:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    return b'{"%b":"%b"%b%b' % (name.encode(), identity.encode(), comma, rest)


def id_of(statement: bytes) -> str:
    """Return the id of a judged statement, as it was written."""
    return str(_decode_id(statement).id)


def take(
    form: str, sender: Sender, originals: Sequence[bytes], now: datetime, *, all_: bool = False
) -> Taken:
    """Return the documents as records. If one cannot be accepted, raise Refusal 400 naming every problem.

    With ``all_``, nothing that is JSON is refused: a wrong document is a rejection as well.
    """
    records: list[StreamRecord] = []
    ids: list[str] = []
    problems: list[dict[str, object]] = []
    rejections: list[dict[str, object]] = []
    for position, original in enumerate(originals):
        judged = wrapping.judge(form, sender, original, now)
        if isinstance(judged, NativeColumns):
            key, identity, kept = judged.student_id, str(judged.event_id), True
        else:
            key, identity = uuid4().hex, ""
            kept = judged[0].reason == "no_student" or (all_ and judged[0].reason not in _NO_JSON)
            found = [_problem(position, no.reason, no.detail) for no in judged]
            problems += [] if kept else found
            rejections += found[:1] if kept else []
        if kept:
            record = StreamRecord(wrapping.wrap(form, sender, original), key)
            if record.size > MAX_RECORD_BYTES:
                problems.append(
                    _problem(position, "too_large", "a record of the stream may have 1 MiB at most")
                )
            records.append(record)
            ids.append(identity)
    if problems:
        raise refusal(problems, len(originals))
    return Taken(records, ids, rejections)


def refusal(problems: Sequence[dict[str, object]], sent: int) -> Refusal:
    """Return the refusal of a body because of its content."""
    bad = len({problem["position"] for problem in problems})
    shown = "" if len(problems) <= MOST_PROBLEMS else f"; the first {MOST_PROBLEMS:,} problems are named"
    message = (
        f"nothing was stored, because {bad:,} of {sent:,} cannot be: correct them, and send all again{shown}"
    )
    return Refusal(400, message, problems[:MOST_PROBLEMS])


def repeated(ids: Sequence[str]) -> list[dict[str, object]]:
    """Return a problem for each id that occurs more than once in a body."""
    twice = {identity for identity, times in Counter(ids).items() if times > 1 and identity}
    return [
        _problem(position, "duplicate_id", "another one in this body has the same id")
        for position, identity in enumerate(ids)
        if identity in twice
    ]


def _problem(position: int, reason: str, detail: str) -> dict[str, object]:
    return {"position": position, "reason": reason, "detail": detail}
