"""De-aggregation of Kinesis Producer Library records.

A KPL record is ``magic · protobuf AggregatedRecord · MD5 of the protobuf``, of which only field 3
(``repeated Record records``) and in it field 3 (``bytes data``) matter here:
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

import hashlib
from collections.abc import Iterator

from processor.errors import RejectRecord

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_RECORDS = _DATA = 3


def deaggregate(data: bytes) -> list[bytes]:
    """Return the data of each user record, in order; raise RejectRecord when the frame is broken."""
    body, digest = data[len(MAGIC) : -DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.md5(body, usedforsecurity=False).digest() != digest:
        raise RejectRecord("broken_aggregate", "the MD5 digest does not match: the record was cut or altered")
    try:
        user_records = [_data(message) for number, message in _fields(body) if number == _RECORDS]
    except (IndexError, ValueError) as error:
        raise RejectRecord("broken_aggregate", f"no AggregatedRecord message: {error}") from error
    if not user_records:
        raise RejectRecord("broken_aggregate", "the aggregate holds no user records")
    return user_records


def _data(record: bytes) -> bytes:
    for number, value in _fields(record):
        if number == _DATA:
            return value
    raise ValueError("a user record has no data")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and value of the length-delimited fields; the others are numbers and are passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError(f"field {number} is longer than the message")
            yield number, message[at : at + length]
            at += length
        elif wire_type == _VARINT:
            _, at = _varint(message, at)
        elif wire_type in (_FIXED64, _FIXED32):
            at += 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"field {number} has the unknown wire type {wire_type}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a varint is longer than 64 bits")
