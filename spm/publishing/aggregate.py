"""Pack many events into one Kinesis record, in the format of the Kinesis Producer Library.

A shard takes 1,000 records per second, however small they are. Packed, it takes a full megabyte of events.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from processor.records import kpl
from spm.publishing.put_records import Entry

MAX_BYTES: Final = 51_200
"""The producer library's default: small enough that retrying one record is no burden."""


def aggregate(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Pack the entries in their order. The key of its first entry chooses the shard of a pack.

    A pack takes the position of its last entry, so a publish of packs can continue like any other.
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
    data = kpl.aggregate([(entry.partition_key, entry.data) for entry in pack])
    return Entry(data, pack[0].partition_key, pack[-1].position, len(pack))
