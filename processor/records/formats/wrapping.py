"""The records that front doors put on the stream: a document with its format and its sender."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Final, NamedTuple

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from processor.errors import RejectRecord
from processor.records import strict
from processor.records.formats import caliper, canvas, document, plain, xapi
from processor.records.formats.event import Sender
from processor.records.formats.problems import Problem
from processor.records.native import NativeColumns

MOST_PROBLEMS: Final = 100


class Format(NamedTuple):
    """How documents of a format are judged and decoded, and what a sender may choose as the student id."""

    problems: Callable[[bytes, str], Iterator[Problem]]
    decode: Callable[[bytes, str, Sender, datetime], NativeColumns]
    fields: tuple[str, ...]


_XAPI: Final = Format(xapi.problems, xapi.decode, xapi.FIELDS)
FORMATS: Final = {
    "xapi/1.0.3": _XAPI,
    "xapi/2.0": _XAPI,
    "caliper/1.2": Format(caliper.problems, caliper.decode, caliper.FIELDS),
    "canvas": Format(canvas.problems, canvas.decode, canvas.FIELDS),
    "native": Format(plain.problems, plain.decode, ()),
}

_Word = Annotated[str, Meta(max_length=50)]
_Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,49}\Z")]


class Wrapped(Struct, frozen=True, forbid_unknown_fields=True):
    """A document on the stream. ``student_id`` names the field of its actor that the sender chose."""

    format: _Word
    sender: _Name
    data: Raw
    student_id: _Word | UnsetType = UNSET


_decode: Final = Decoder(Wrapped).decode
_encode: Final = Encoder().encode


def wrap(form: str, sender: Sender, original: bytes) -> bytes:
    """Return the record of a document: what ``parse`` reads."""
    return _encode(Wrapped(form, sender.name, Raw(original), sender.student_id or UNSET))


def judge(
    form: str, sender: Sender, original: bytes, arrived_at: datetime
) -> NativeColumns | list[RejectRecord]:
    """Return what a document becomes, or at most MOST_PROBLEMS problems that keep it from being an event.

    The first problem is what ``parse`` raises for the document's record.
    """
    try:
        return FORMATS[form].decode(original, form, sender, arrived_at)
    except RejectRecord as no:
        return _all_problems(form, original) or [no]


def _all_problems(form: str, original: bytes) -> list[RejectRecord]:
    try:
        found = list(islice(FORMATS[form].problems(original, form), MOST_PROBLEMS))
    except RejectRecord as no:
        return [no]
    return [problem.rejection for problem in found]


def parse(data: bytes, arrived_at: datetime) -> NativeColumns:
    """Return the columns of a wrapped document, or of a record that Canvas itself wrote to the stream.

    Raises RejectRecord, and nothing else, whatever the bytes are.
    """
    if data.startswith(b'{"attributes"'):
        return canvas.decode(data, "canvas", Sender("canvas"), arrived_at)
    wrapped = _read(data)
    form = FORMATS.get(wrapped.format)
    if form is None:
        raise RejectRecord("unknown_format", f"Expected one of {', '.join(FORMATS)} - at `$.format`")
    field = None if wrapped.student_id is UNSET else wrapped.student_id
    if field is not None and field not in form.fields:
        expected = ", ".join(form.fields)
        raise RejectRecord("invalid_member", f"Expected one of {expected} - at `$.student_id`")
    return form.decode(bytes(wrapped.data), wrapped.format, Sender(wrapped.sender, field), arrived_at)


def _read(data: bytes) -> Wrapped:
    try:
        wrapped = _decode(data)
        if _encode(wrapped).count(b'"') != data.count(b'"'):  # a name occurs twice
            strict.check(data)
    except RecursionError as error:
        raise document.too_deep() from error
    except (DecodeError, ValueError) as error:
        raise document.rejection(data, error) from error
    return wrapped
