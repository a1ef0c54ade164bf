import base64

from aws_kinesis_agg.deaggregator import deaggregate_records
from hypothesis import given
from hypothesis import strategies as st

from processor.records import kpl
from spm.publishing.aggregate import MAX_BYTES, aggregate
from spm.publishing.put_records import Entry

ENTRIES = st.lists(
    st.builds(Entry, st.binary(max_size=300), st.text(min_size=1, max_size=50), st.integers(0, 10**9)),
    max_size=400,
)


@given(ENTRIES)
def test_the_processor_unpacks_what_was_packed(entries: list[Entry]) -> None:
    packs = list(aggregate(entries))
    assert [data for pack in packs for data in kpl.deaggregate(pack.data)] == [
        entry.data for entry in entries
    ]
    assert sum(pack.events for pack in packs) == len(entries)
    assert [pack.position for pack in packs[-1:]] == [entry.position for entry in entries[-1:]]


@given(ENTRIES)
def test_packs_are_within_the_limit_and_as_few_as_needed(entries: list[Entry]) -> None:
    packs = list(aggregate(entries))
    assert all(len(pack.data) <= MAX_BYTES + 20 for pack in packs)
    assert len(packs) <= 1 + sum(len(e.data) + len(e.partition_key.encode()) + 20 for e in entries) // (
        MAX_BYTES // 2
    )


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
    assert [(base64.b64decode(each["data"]), each["partitionKey"]) for each in unpacked] == [
        (entry.data, entry.partition_key) for entry in entries
    ]


def test_an_event_larger_than_a_pack_goes_alone() -> None:
    large = Entry(b"x" * 200_000, "key", 2)
    packs = list(aggregate([Entry(b"a", "key", 1), large, Entry(b"b", "key", 3)]))
    assert [pack.events for pack in packs] == [1, 1, 1]
    assert kpl.deaggregate(packs[1].data) == [large.data]
