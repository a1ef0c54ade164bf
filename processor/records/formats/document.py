"""Turns bytes into a JSON object that can be judged and stored. Linear in the bytes."""

from typing import Any, Final

from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder, Encoder

from processor.errors import RejectRecord
from processor.records import strict

_decode: Final = Decoder(dict[str, Any]).decode
_encode: Final = Encoder().encode
_UNKNOWN: Final = "Object contains unknown field `"


def read(data: bytes) -> dict[str, Any]:
    """Return the object that ``data`` holds, at most 100 levels deep, with nothing that ``strict`` refuses.

    Raises RejectRecord, and nothing else, whatever the bytes are.
    """
    try:
        value = _decode(data)
        if strict.may_refuse(data, _encode(value)):
            strict.check(data)
    except RecursionError as error:
        raise too_deep() from error
    except (DecodeError, ValueError) as error:
        raise rejection(data, error) from error
    if strict.is_too_deep(data):
        raise too_deep()
    return value


def too_deep() -> RejectRecord:
    """Return the rejection of a document that is nested too deep."""
    return RejectRecord("too_deep", f"nested deeper than {strict.MAX_NESTING} levels")


def rejection(data: bytes, error: Exception) -> RejectRecord:
    """Return the rejection of bytes that msgspec does not decode, by what is wrong with them."""
    if not data:
        return RejectRecord("not_json", "the record is empty")
    try:
        data.decode()
        strict.check(data)
    except RejectRecord as no:
        return no
    except RecursionError:
        return too_deep()
    except UnicodeDecodeError as no_text:
        return RejectRecord("not_utf8", f"byte {no_text.start} is not UTF-8: {no_text.reason}")
    except ValueError:
        return RejectRecord("not_json", str(error))
    return _of_msgspec(error)


def _of_msgspec(error: Exception) -> RejectRecord:
    message = str(error)
    if not isinstance(error, ValidationError):
        return RejectRecord("not_json", message)
    if message.startswith("Object missing required field"):
        return RejectRecord("missing_member", message)
    if message.startswith(_UNKNOWN):  # whose name may be as long as the record, and hold anything
        name = message.removeprefix(_UNKNOWN).rpartition("`")[0]
        return RejectRecord("invalid_member", f"the member {name[:50]!a} does not belong to this format")
    is_object = "`$" in message or not message.startswith("Expected `object`")
    return RejectRecord("invalid_member" if is_object else "not_an_object", message)
