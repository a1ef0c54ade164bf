"""Pack many events into one Kinesis record, in the format of the Kinesis Producer Library.

A shard takes 1,000 records a second however small they are: packed, it takes its full megabyte of events.
Written here because the format is three small messages of protocol buffers, and AWS's Python package for it
changes ``sys.path`` when it is imported.

https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from spm.publishing.put_records import Entry

MAGIC: Final = b"\xf3\x89\x9a\xc2"
MAX_BYTES: Final = 51_200
"""What the producer library packs at most, by default: small enough that one record is no burden to retry."""

PARTITION_KEY_TABLE: Final = 0x0A  # field 1, length-delimited, of AggregatedRecord
RECORDS: Final = 0x1A  # field 3, length-delimited, of AggregatedRecord
PARTITION_KEY_INDEX: Final = 0x08  # field 1, varint, of Record
DATA: Final = 0x1A  # field 3, length-delimited, of Record


def aggregate(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Pack the entries in their order; the first one's key chooses the shard of each pack.

    A pack stands where its last entry stood, so that a publish of packs can go on like any other.
    """
    pack: list[Entry] = []
    size = 0
    for entry in entries:
        entry_size = len(entry.data) + len(entry.partition_key.encode()) + 20  # 20: tags, lengths and index
        if pack and size + entry_size > MAX_BYTES:
            yield _packed(pack)
            pack, size = [], 0
        pack.append(entry)
        size += entry_size
    if pack:
        yield _packed(pack)


def _packed(pack: list[Entry]) -> Entry:
    keys = dict.fromkeys(entry.partition_key for entry in pack)
    index = {key: number for number, key in enumerate(keys)}
    message = b"".join(
        [
            *(_delimited(PARTITION_KEY_TABLE, key.encode()) for key in keys),
            *(_delimited(RECORDS, _record(index[entry.partition_key], entry.data)) for entry in pack),
        ]
    )
    digest = hashlib.md5(message, usedforsecurity=False).digest()
    return Entry(MAGIC + message + digest, pack[0].partition_key, pack[-1].position, len(pack))


def _record(key_index: int, data: bytes) -> bytes:
    return bytes([PARTITION_KEY_INDEX]) + _varint(key_index) + _delimited(DATA, data)


def _delimited(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
