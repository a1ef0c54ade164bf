"""Pack many events into one Kinesis record, in the format of the Kinesis Producer Library.

A shard takes 1,000 records per second however small they are: packed, it takes its full megabyte of events.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from processor.records import kpl
from spm.publishing.put_records import Entry

MAX_BYTES: Final = 51_200
"""What the producer library packs at most, by default: small enough that one record is no burden to retry."""


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
    data = kpl.aggregate([(entry.partition_key, entry.data) for entry in pack])
    return Entry(data, pack[0].partition_key, pack[-1].position, len(pack))
