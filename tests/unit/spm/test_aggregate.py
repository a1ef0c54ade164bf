"""Events are packed into few Kinesis records, and the processor gets back exactly what was packed."""

import base64

from aws_kinesis_agg.deaggregator import deaggregate_records
from hypothesis import given
from hypothesis import strategies as st

from processor.records import kpl
from spm.publishing.aggregate import MAX_BYTES, aggregate
from spm.publishing.put_records import Entry

OVERHEAD = 20
"""Bytes that a pack, or an entry in it, needs for tags, lengths and an index, at most."""

ENTRIES = st.lists(
    st.builds(Entry, st.binary(max_size=300), st.text(min_size=1, max_size=50), st.integers(0, 10**9)),
    max_size=400,
)


def size(entry: Entry) -> int:
    """Return how many bytes the entry takes in a pack, at most."""
    return len(entry.data) + len(entry.partition_key.encode()) + OVERHEAD


def test_three_events_become_one_record() -> None:
    entries = [Entry(b"one", "ada", 1), Entry(b"two", "bo", 2), Entry(b"three", "ada", 3)]
    (pack,) = aggregate(entries)
    assert kpl.deaggregate(pack.data) == [b"one", b"two", b"three"]
    assert pack.partition_key == "ada", "the first event's key chooses the shard"
    assert (pack.events, pack.position) == (3, 3), "a publish goes on after the last event of a pack"


def test_an_event_larger_than_a_pack_goes_alone() -> None:
    large = Entry(b"x" * 200_000, "key", 2)
    packs = list(aggregate([Entry(b"a", "key", 1), large, Entry(b"b", "key", 3)]))
    assert [pack.events for pack in packs] == [1, 1, 1]
    assert kpl.deaggregate(packs[1].data) == [large.data]


def test_awss_own_package_reads_it_too() -> None:
    entries = [Entry(f"data-{n}".encode(), f"key-{n % 3}", n) for n in range(50)]
    (pack,) = aggregate(entries)
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "sequenceNumber": "1",
        "approximateArrivalTimestamp": 1.0,
        "data": base64.b64encode(pack.data).decode(),
    }
    unpacked = [record["kinesis"] for record in deaggregate_records([{"kinesis": kinesis}])]
    found = [(base64.b64decode(each["data"]), each["partitionKey"]) for each in unpacked]
    assert found == [(entry.data, entry.partition_key) for entry in entries]


@given(ENTRIES)
def test_the_processor_unpacks_whatever_was_packed(entries: list[Entry]) -> None:
    packs = list(aggregate(entries))
    unpacked = [data for pack in packs for data in kpl.deaggregate(pack.data)]
    assert unpacked == [entry.data for entry in entries]
    assert sum(pack.events for pack in packs) == len(entries)
    if entries:
        assert packs[-1].position == entries[-1].position


@given(ENTRIES)
def test_packs_keep_to_the_limit_and_all_but_the_last_are_at_least_half_full(entries: list[Entry]) -> None:
    packs = list(aggregate(entries))
    assert all(len(pack.data) <= MAX_BYTES + OVERHEAD for pack in packs)
    fewest_bytes = (len(packs) - 1) * (MAX_BYTES // 2)
    assert fewest_bytes <= sum(size(entry) for entry in entries)
