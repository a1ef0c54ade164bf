"""A student performance event: what a producer may send, and the columns it becomes."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from json import loads
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from processor.errors import RejectRecord
from processor.records import strict
from processor.records.strict import MAX_NESTING

_Name = Annotated[str, Meta(min_length=1, max_length=50)]
_Time = Annotated[datetime, Meta(tz=True)]


class _Event(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    student_id: _Name
    event_type: _Name
    score: float | UnsetType | None = UNSET
    timestamp: _Time | UnsetType = UNSET
    event_id: UUID | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET


class Columns(NamedTuple):
    """The columns of ``student_performance`` that come from the event itself, in the order of the COPY."""

    event_id: UUID | None
    student_id: str
    event_type: str
    score: float | None
    occurred_at: datetime
    metadata: str


_decode_event = Decoder(_Event).decode
_decode_members = Decoder(dict[str, Raw]).decode
_decode_object = Decoder(dict[str, Any]).decode
_encode = Encoder().encode

_LEAP_SECOND = re.compile(rb'(".{11}\d\d:\d\d):60(\D.*)', re.DOTALL)
_YEARS = "Expected a year from 0002 to 9998 - at `$.timestamp`"
_MEMBERS = frozenset(_Event.__struct_fields__)


def parse(data: bytes, arrived_at: datetime) -> Columns:
    """Return the columns of one native event (docs/reference.md, "Events").

    Raises RejectRecord, and nothing else, whatever the bytes are.
    """
    try:
        return _columns(_event(data), arrived_at)
    except OverflowError as error:
        raise RejectRecord("invalid_member", _YEARS) from error
    except (DecodeError, ValueError, RecursionError) as error:
        raise _rejection(data, error) from error


def _event(data: bytes) -> _Event:
    try:
        event = _decode_event(data)
    except ValidationError as error:
        message = str(error)
        if message.startswith("Object contains unknown field"):
            strict.check(data)
            return _event(_with_unknown_members_in_metadata(data))
        if message.endswith("`$.timestamp`") and (earlier := _before_leap_second(data)):
            strict.check(data)
            return _a_second_later(_event(earlier))
        raise
    if _needs_a_closer_look(data, event):
        strict.check(data)
    return event


def _columns(event: _Event, arrived_at: datetime) -> Columns:
    occurred_at = event.timestamp or arrived_at
    if not 1 < occurred_at.year < 9999:
        raise RejectRecord("invalid_member", _YEARS)
    return Columns(
        event.event_id or None,
        event.student_id,
        event.event_type,
        None if event.score is UNSET else event.score,
        occurred_at,
        "{}" if event.metadata is UNSET else _metadata(event.metadata),
    )


def _metadata(metadata: Raw) -> str:
    """Return the object as it was sent: a round trip through Python would bend numbers beyond a double."""
    raw = _object(metadata)
    if len(raw) > 2 * MAX_NESTING and strict.is_too_deep(raw):
        raise RejectRecord("too_deep", f"nested deeper than {MAX_NESTING} levels - at `$.metadata`")
    return raw.decode()


def _object(value: Raw) -> bytes:
    raw = bytes(value)
    if not raw.startswith(b"{"):
        raise RejectRecord("invalid_member", "Expected `object` - at `$.metadata`")
    return raw


def _before_leap_second(data: bytes) -> bytes | None:
    """Return the event a second earlier where its time is a leap second, which Python's datetime has not.

    RFC 3339, section 5.6, allows 60 as the second; like PostgreSQL, we take the second after.
    """
    members = _decode_members(data)
    leap = _LEAP_SECOND.fullmatch(bytes(members["timestamp"]))
    if leap is None:
        return None
    return _encode({**members, "timestamp": Raw(b"%b:59%b" % leap.groups())})


def _a_second_later(event: _Event) -> _Event:
    assert isinstance(event.timestamp, datetime)  # noqa: S101 - for the type checker: it held a leap second
    return replace(event, timestamp=event.timestamp + timedelta(seconds=1))


def _with_unknown_members_in_metadata(data: bytes) -> bytes:
    members = _decode_members(data)
    known = {name: value for name, value in members.items() if name in _MEMBERS}
    unknown: Mapping[str, Raw] = {name: value for name, value in members.items() if name not in _MEMBERS}
    given = _decode_members(_object(known["metadata"])) if "metadata" in known else {}
    return _encode({**known, "metadata": {**unknown, **given}})


def _needs_a_closer_look(data: bytes, event: _Event) -> bool:
    """Tell whether a name may occur twice, or ``strict`` may find anything else.

    The number of quotation marks is compared with what the decoded event needs, which holds no name twice.
    Every name brings two, and only an escaped ``\\u0022`` can hide one, for which ``strict`` looks: this
    settles all but the rarest events at a tenth of the cost of a decoder that watches for duplicates.
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
    if event.metadata is not UNSET:
        try:
            encoded = _encode(_decode_object(event.metadata))
        except ValidationError:  # no object, or a number beyond a double: the exact check reads both
            return True
        # A number that is long although a double holds it has become 0.0, or is long as it was sent.
        if (b"0.0" in encoded or len(data) > strict.MAX_DIGITS) and strict.may_hold_long_numbers(data):
            return True
        quotes += 2 + encoded.count(b'"')
    return quotes != data.count(b'"')


def _rejection(data: bytes, error: Exception) -> RejectRecord:
    message = str(error)
    if isinstance(error, RecursionError):
        return RejectRecord("too_deep", f"nested deeper than {MAX_NESTING} levels")
    if isinstance(error, ValidationError):
        if message.startswith("Object missing required field"):
            return RejectRecord("missing_member", message)
        return RejectRecord("invalid_member" if "`$" in message else "not_an_object", message)
    try:
        data.decode()
    except UnicodeDecodeError as no_text:
        return RejectRecord("not_utf8", f"byte {no_text.start} is not UTF-8: {no_text.reason}")
    if not data:
        return RejectRecord("not_json", "the record is empty")
    if b"\\u" in data and _is_json_but_for_surrogates(data):
        return RejectRecord("lone_surrogate", "a \\ud800–\\udfff escape stands without its other half")
    return RejectRecord("not_json", message)


def _is_json_but_for_surrogates(data: bytes) -> bool:
    try:
        loads(data, parse_int=str, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
