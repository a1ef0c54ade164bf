"""Aggregates and takes apart records of the Kinesis Producer Library.

A KPL record is ``magic · protobuf AggregatedRecord · MD5 of the protobuf``. Only its field 3 (``repeated
Record records``), and in that field 3 (``bytes data``), matter to a reader. We wrote this ourselves because
it is only three small messages of protocol buffers, and AWS's Python package changes ``sys.path`` when it is
imported. https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

import hashlib
from collections.abc import Sequence

from processor.errors import RejectRecord

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16
# A record of 1 MiB has room for 26,000 of the shortest events; more are empty, and only cost time and memory.
MAX_USER_RECORDS = 50_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_RECORDS = _DATA = 3
# Tags as they are written: a field's number and wire type. Field 1 of AggregatedRecord: a partition key; of
# Record: the index of its own.
_KEYS_TAG, _RECORDS_TAG, _INDEX_TAG, _DATA_TAG = 0x0A, 0x1A, 0x08, 0x1A


def aggregate(records: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the frame of user records, each a partition key and data; ``deaggregate`` reads it."""
    index = {key: number for number, key in enumerate(dict.fromkeys(key for key, _ in records))}
    body = b"".join(
        [
            *(_delimited(_KEYS_TAG, key.encode()) for key in index),
            *(
                _delimited(
                    _RECORDS_TAG,
                    bytes([_INDEX_TAG]) + _written(index[key]) + _delimited(_DATA_TAG, data),
                )
                for key, data in records
            ),
        ]
    )
    return MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest()


def _delimited(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _written(len(content)) + content


def _written(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def deaggregate(data: bytes) -> list[bytes]:
    """Return the data of each user record, in order. Raise RejectRecord for a broken or too large frame."""
    body, digest = data[len(MAGIC) : -DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.md5(body, usedforsecurity=False).digest() != digest:
        raise RejectRecord("broken_aggregate", "the MD5 digest does not match: the record was cut or altered")
    try:
        user_records = _user_records(body)
    except (IndexError, ValueError) as error:
        raise RejectRecord("broken_aggregate", f"no AggregatedRecord message: {error}") from error
    if not user_records:
        raise RejectRecord("broken_aggregate", "the aggregate holds no user records")
    return user_records


def _user_records(body: bytes) -> list[bytes]:
    user_records: list[bytes] = []
    end = 0
    while end < len(body):
        number, start, end = _field(body, end, len(body))
        if number == _RECORDS:
            if len(user_records) == MAX_USER_RECORDS:
                raise RejectRecord(
                    "aggregate_too_large", f"it holds more than {MAX_USER_RECORDS:,} user records"
                )
            user_records.append(_data(body, start, end))
    return user_records


def _data(message: bytes, at: int, end: int) -> bytes:
    while at < end:
        number, start, at = _field(message, at, end)
        if number == _DATA:
            return message[start:at]
    raise ValueError("a user record has no data")


def _field(message: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return a field's number, and where its bytes begin and end. A number is skipped, as field 0.

    Positions instead of slices, and reading a varint of one byte here, take half of the time.
    """
    tag = message[at]
    tag, at = (tag, at + 1) if tag < 0x80 else _varint(message, at)
    wire_type = tag & 7
    if wire_type == _BYTES:
        length, at = _varint(message, at)
        if at + length > end:
            raise ValueError(f"field {tag >> 3} is longer than the message")
        return tag >> 3, at, at + length
    if wire_type == _VARINT:
        at = at + 1 if message[at] < 0x80 else _varint(message, at)[1]
    elif wire_type in (_FIXED64, _FIXED32):
        at += 8 if wire_type == _FIXED64 else 4
    else:
        raise ValueError(f"field {tag >> 3} has the unknown wire type {wire_type}")
    return 0, at, at


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = message[at], 7
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a varint is longer than 64 bits")
