"""A student performance event: what a producer may send, and the columns that it becomes.

It has a parser of its own instead of the one that any struct has, because every record of the shipped
pipeline passes through it. This parser is faster, and keeps unknown members in ``metadata``.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

from msgspec import UNSET, DecodeError, Meta, Raw, UnsetType, ValidationError
from msgspec.json import Decoder, Encoder

from processor.errors import RejectRecord
from processor.records import strict
from processor.records.message import YEARS, Message, Name, json_text
from processor.records.parsing import a_second_later, before_leap_second, rejection

NO_METADATA: Final = Raw(b"{}")


class StudentEvent(Message, frozen=True, gc=False):
    """A quiz score, a submission, an attendance, or anything else that a student did."""

    takes_other_members = True

    student_id: Name
    event_type: Name
    score: float | UnsetType | None = UNSET
    metadata: Annotated[Raw, Meta(extra_json_schema={"type": "object"})] = NO_METADATA


class NativeColumns(NamedTuple):
    """The columns of ``student_performance`` that come from the event itself, in the order of the COPY."""

    event_id: UUID | None
    student_id: str
    event_type: str
    score: float | None
    metadata: str
    occurred_at: datetime


_decode_event = Decoder(StudentEvent).decode
_decode_members = Decoder(dict[str, Raw]).decode
_decode_object = Decoder(dict[str, Any]).decode
_encode = Encoder().encode

_MEMBERS = frozenset(StudentEvent.__struct_fields__)


def parse(data: bytes, arrived_at: datetime) -> NativeColumns:
    """Return the columns of one native event (docs/reference.md, "Events").

    Raises RejectRecord, and nothing else, whatever the bytes are.
    """
    try:
        return _columns(_event(data), arrived_at)
    except OverflowError as error:
        raise RejectRecord("invalid_member", YEARS) from error
    except (DecodeError, ValueError, RecursionError) as error:
        raise rejection(data, error) from error


def _event(data: bytes) -> StudentEvent:
    try:
        event = _decode_event(data)
    except ValidationError as error:
        message = str(error)
        if message.startswith("Object contains unknown field"):
            strict.check(data)
            return _event(_with_unknown_members_in_metadata(data))
        if message.endswith("`$.timestamp`") and (earlier := before_leap_second(data)):
            strict.check(data)
            return a_second_later(_event(earlier))
        raise
    if _needs_a_closer_look(data, event):
        strict.check(data)
    return event


def _columns(event: StudentEvent, arrived_at: datetime) -> NativeColumns:
    occurred_at = event.timestamp or arrived_at
    if not 1 < occurred_at.year < 9999:
        raise RejectRecord("invalid_member", YEARS)
    return NativeColumns(
        event.event_id or None,
        event.student_id,
        event.event_type,
        None if event.score is UNSET else event.score,
        "{}" if event.metadata is NO_METADATA else json_text(_object(event.metadata), "metadata"),
        occurred_at,
    )


def _object(value: Raw) -> bytes:
    raw = bytes(value)
    if not raw.startswith(b"{"):
        raise RejectRecord("invalid_member", "Expected `object` - at `$.metadata`")
    return raw


def _with_unknown_members_in_metadata(data: bytes) -> bytes:
    members = _decode_members(data)
    known = {name: value for name, value in members.items() if name in _MEMBERS}
    unknown: Mapping[str, Raw] = {name: value for name, value in members.items() if name not in _MEMBERS}
    given = _decode_members(_object(known["metadata"])) if "metadata" in known else {}
    return _encode({**known, "metadata": {**unknown, **given}})


def _needs_a_closer_look(data: bytes, event: StudentEvent) -> bool:
    """Tell whether a name may occur twice, or ``strict`` may find anything else.

    The number of quotation marks is compared with what the decoded event needs, which holds no name twice.
    Every name has two, and only an escaped ``\\u0022`` can hide one, for which ``strict`` looks. This decides
    all but the rarest events at a tenth of the cost of a decoder that watches for duplicates.
    """
    if b"\\" in data and strict.may_hold_bad_escapes(data):
        return True
    quotes = 8  # student_id and event_type, names and values
    if event.score is not UNSET:
        quotes += 2
    if event.timestamp is not UNSET:
        quotes += 4
    if event.event_id is not UNSET:
        quotes += 4
    if event.metadata is not NO_METADATA:
        try:
            encoded = _encode(_decode_object(event.metadata))
        except ValidationError:  # no object, or a number beyond a double: the exact check reads both
            return True
        if strict.may_hold_long_numbers(data, encoded):
            return True
        quotes += 2 + encoded.count(b'"')
    return quotes != data.count(b'"')
