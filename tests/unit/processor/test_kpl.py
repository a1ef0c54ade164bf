"""De-aggregation, with AWS's own aggregator as the oracle."""

import hashlib

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from hypothesis import given
from hypothesis import strategies as st

from processor.errors import RejectRecord
from processor.records import kpl


def aggregate(user_records: list[bytes]) -> bytes:
    aggregator = RecordAggregator()
    for number, data in enumerate(user_records):
        aggregator.add_user_record(f"key-{number % 3}", data, str(number) if number % 2 else None)
    _, _, frame = aggregator.clear_and_get().get_contents()
    return bytes(frame)


def frame(body: bytes) -> bytes:
    return kpl.MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest()


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20))
def test_gives_what_was_aggregated_in_order(user_records: list[bytes]) -> None:
    assert kpl.deaggregate(aggregate(user_records)) == user_records


def test_a_user_record_may_be_empty() -> None:
    assert kpl.deaggregate(frame(b"\x1a\x04\x08\x00\x1a\x00")) == [b""]


@pytest.mark.parametrize("damage", [slice(None, -1), slice(None, 10), slice(None, 4)])
def test_a_cut_frame_is_broken(damage: slice) -> None:
    with pytest.raises(RejectRecord, match=r"broken_aggregate.*MD5"):
        kpl.deaggregate(aggregate([b"one", b"two"])[damage])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no user records"),
        (b"\x0a\x01k", "no user records"),
        (b"\x1a\x05ab", "longer than the message"),
        (b"\x1a\x02\x08\x00", "has no data"),
        (b"\x1b", "wire type 3"),
        (b"\xff", "AggregatedRecord"),
        (b"\xff" * 12, "varint"),
    ],
)
def test_a_frame_with_a_right_digest_but_no_records_is_broken(body: bytes, message: str) -> None:
    with pytest.raises(RejectRecord, match=message):
        kpl.deaggregate(frame(body))


@given(st.binary())
def test_any_body_gives_records_or_a_rejection(body: bytes) -> None:
    try:
        assert kpl.deaggregate(frame(body))
    except RejectRecord as rejection:
        assert rejection.reason == "broken_aggregate"
