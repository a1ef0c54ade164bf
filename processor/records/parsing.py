"""Turns the bytes of a user record into columns, by the struct of the message. Pure: no I/O."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from json import loads
from typing import Any, Final, TypeVar

from msgspec import DecodeError, MsgspecError, Raw, ValidationError
from msgspec.json import Decoder as JsonDecoder
from msgspec.json import Encoder
from msgspec.structs import replace

from processor.errors import RejectRecord
from processor.records import strict
from processor.records.columns import Columns, Parse
from processor.records.message import YEARS, Message, to_columns
from processor.records.strict import MAX_NESTING

M = TypeVar("M", bound=Message)

_decode = JsonDecoder().decode
_decode_members = JsonDecoder(dict[str, Raw]).decode
_encode = Encoder().encode

_LEAP_SECOND: Final = re.compile(rb'(".{11}\d\d:\d\d):60(\D.*)', re.DOTALL)


def json_parser(message: type[Message]) -> Parse:
    """Return a parser of the JSON of a message. It raises RejectRecord and nothing else."""
    decode, make = JsonDecoder(message).decode, to_columns(message)

    def parse(data: bytes, arrived_at: datetime) -> Columns:
        try:
            sent = _decoded(decode, data)
            if _needs_a_closer_look(data):
                strict.check(data)
            return make(sent, arrived_at)
        except OverflowError as error:
            raise RejectRecord("invalid_member", YEARS) from error
        except (DecodeError, ValueError, RecursionError) as error:
            raise rejection(data, error) from error

    return parse


def read_parser(message: type[M], read: Callable[[bytes], M]) -> Parse:
    """Return a parser of a custom format, of which ``read`` makes a message.

    What ``read`` refuses with a ValueError, or msgspec's own error, is rejected.
    """
    make = to_columns(message)

    def parse(data: bytes, arrived_at: datetime) -> Columns:
        try:
            return make(read(data), arrived_at)
        except UnicodeDecodeError as error:
            raise _not_utf8(error) from error
        except (MsgspecError, ValueError) as error:
            raise RejectRecord("invalid_member", str(error)) from error

    return parse


def before_leap_second(data: bytes) -> bytes | None:
    """Return the event a second earlier if its time is a leap second, which Python's datetime does not have.

    RFC 3339, section 5.6, allows 60 as the second. Like PostgreSQL, we use the next second.
    """
    members = _decode_members(data)
    leap = _LEAP_SECOND.fullmatch(bytes(members["timestamp"]))
    if leap is None:
        return None
    return _encode({**members, "timestamp": Raw(b"%b:59%b" % leap.groups())})


def a_second_later(sent: M) -> M:
    """Return the message with the second that ``before_leap_second`` took off."""
    assert isinstance(sent.timestamp, datetime)  # noqa: S101 - for the type checker: it held a leap second
    return replace(sent, timestamp=sent.timestamp + timedelta(seconds=1))


def rejection(data: bytes, error: Exception) -> RejectRecord:
    """Return why the bytes are not an event, from what a decoder of JSON raised."""
    message = str(error)
    if isinstance(error, RecursionError):
        return RejectRecord("too_deep", f"nested deeper than {MAX_NESTING} levels")
    if isinstance(error, ValidationError):
        if message.startswith("Object missing required field"):
            return RejectRecord("missing_member", message)
        no_object = message.startswith("Expected `object`") and "`$" not in message
        return RejectRecord("not_an_object" if no_object else "invalid_member", message)
    try:
        data.decode()
    except UnicodeDecodeError as no_text:
        return _not_utf8(no_text)
    if not data:
        return RejectRecord("not_json", "the record is empty")
    if b"\\u" in data and _is_json_but_for_surrogates(data):
        return RejectRecord("lone_surrogate", "a \\ud800–\\udfff escape stands without its other half")
    return RejectRecord("not_json", message)


def _decoded(decode: Callable[[bytes], M], data: bytes) -> M:
    try:
        return decode(data)
    except ValidationError as error:
        if str(error).endswith("`$.timestamp`") and (earlier := before_leap_second(data)):
            return a_second_later(decode(earlier))
        raise


def _needs_a_closer_look(data: bytes) -> bool:
    try:
        return strict.may_refuse(data, _encode(_decode(data)))
    except ValidationError:  # a number beyond a double
        return True


def _not_utf8(error: UnicodeDecodeError) -> RejectRecord:
    return RejectRecord("not_utf8", f"byte {error.start} is not UTF-8: {error.reason}")


def _is_json_but_for_surrogates(data: bytes) -> bool:
    try:
        loads(data, parse_int=str, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(name: str) -> Any:  # noqa: ANN401 - it never returns
    raise ValueError(f"{name} is not JSON")
