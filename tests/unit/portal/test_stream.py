"""All records are acknowledged, or the client hears that they are not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.ingest.http import Refusal
from portal.ingest.stream import (
    MAX_BYTES,
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    StreamRecord,
    calls,
    packed,
    put_all,
)
from processor.records import kpl


class Kinesis:
    """Stands in for Kinesis. ``refusals`` says which records of each call fail; None makes the call raise."""

    def __init__(self, refusals: list[set[int] | None]) -> None:
        self.refusals = refusals
        self.acknowledged: list[bytes] = []

    def __call__(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        failed = self.refusals.pop(0) if self.refusals else set()
        if failed is None:
            raise ConnectionError
        failed &= set(range(len(records)))
        self.acknowledged += [
            data for place, r in enumerate(records) if place not in failed for data in user_records(r["Data"])
        ]
        results = [{"ErrorCode": "InternalFailure"} if n in failed else {} for n in range(len(records))]
        return {"FailedRecordCount": len(failed), "Records": results}


def user_records(data: bytes) -> list[bytes]:
    """Return what a record of the stream holds, whether it is a pack or not."""
    return kpl.deaggregate(data) if data.startswith(kpl.MAGIC) else [data]


def record(number: int) -> StreamRecord:
    return StreamRecord(str(number).encode() * 9_000, f"s{number % 3}")  # some to a pack


def test_only_records_that_kinesis_refused_are_put_again() -> None:
    alone = [StreamRecord(str(number).encode() * 40_000, "key") for number in range(3)]  # too large to pack
    kinesis = Kinesis([{1}])
    put_all(kinesis, alone, seconds=30)
    assert kinesis.acknowledged == [alone[0].data, alone[2].data, alone[1].data]


def test_a_call_without_an_answer_is_made_again() -> None:
    kinesis = Kinesis([None])
    put_all(kinesis, [record(1)], seconds=30)
    assert kinesis.acknowledged == [record(1).data]


@settings(deadline=None, max_examples=30)  # it pauses between attempts
@given(st.integers(0, 12), st.lists(st.none() | st.sets(st.integers(0, 11)), max_size=4))
def test_every_record_is_acknowledged_once_whatever_failed_before(
    count: int, refusals: list[set[int] | None]
) -> None:
    kinesis = Kinesis(refusals)
    put_all(kinesis, [record(number) for number in range(count)], seconds=30)
    assert sorted(kinesis.acknowledged) == sorted(record(number).data for number in range(count))


@pytest.mark.parametrize("failed", [None, {0}])
def test_records_that_take_too_long_are_refused_with_when_to_try_again(
    failed: set[int] | None,
) -> None:
    with pytest.raises(Refusal) as refusal:
        put_all(Kinesis([failed] * 100), [record(1)], seconds=0.2)
    assert refusal.value.status == 503
    assert int(refusal.value.headers["retry-after"]) > 0


def test_calls_are_as_large_as_kinesis_takes() -> None:
    many = [StreamRecord(b"x", "k")] * 10_000
    assert [len(call) for call in calls(many)] == [MAX_RECORDS] * 20
    large = [StreamRecord(bytes(2**20 - 1), "k")] * 11
    assert [len(call) for call in calls(large)] == [5, 5, 1]
    assert 5 * large[0].size <= MAX_BYTES


DATA = st.binary(max_size=60_000).filter(lambda data: not data.startswith(kpl.MAGIC))
"""What the front door puts on the stream is JSON, so that it never begins like a pack."""


@given(st.lists(st.tuples(DATA, st.text(max_size=50)), max_size=20))
def test_packs_hold_every_record_in_its_order(records: list[tuple[bytes, str]]) -> None:
    packs = list(packed([StreamRecord(*record) for record in records]))
    found = [data for pack in packs for data in user_records(pack.data)]
    assert found == [data for data, _ in records]
    assert all(pack.size < MAX_RECORD_BYTES for pack in packs)
