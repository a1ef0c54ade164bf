"""From a Kinesis record to events and rejections."""

import json
from base64 import b64encode
from datetime import UTC, datetime

from aws_kinesis_agg.aggregator import RecordAggregator
from hypothesis import given
from hypothesis import strategies as st

from processor.records.kinesis import Event, KinesisRecord, Rejection, decode, whole
from processor.records.native import parse

GOOD = json.dumps({"student_id": "s1", "event_type": "attendance"}).encode()


def record(data: str) -> KinesisRecord:
    return {
        "eventID": "shardId-000000000000:7",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:111122223333:stream/events",
        "kinesis": {"sequenceNumber": "7", "approximateArrivalTimestamp": 1795348800.25, "data": data},
    }


def of(data: bytes) -> tuple[list[Event], list[Rejection]]:
    return of_text(b64encode(data).decode())


def of_text(text: str) -> tuple[list[Event], list[Rejection]]:
    decoded = whole(decode([record(text)], parse))
    return list(decoded.events), list(decoded.rejections)


def aggregate(*user_records: bytes) -> bytes:
    aggregator = RecordAggregator()
    for data in user_records:
        aggregator.add_user_record("key", data)
    return bytes(aggregator.clear_and_get().get_contents()[2])


def test_a_good_record_is_one_event_that_arrived_when_kinesis_says() -> None:
    [event], [] = of(GOOD)
    assert (event.sequence_number, event.sub_sequence, event.payload) == ("7", 0, GOOD)
    assert (
        event.arrived_at == event.columns.occurred_at == datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
    )


def test_data_that_is_not_base64_is_kept_as_text() -> None:
    for text in ("not base64!", "AAA", "é"):
        [], [rejection] = of_text(text)
        assert (rejection.reason, rejection.payload) == ("not_base64", text.encode())


def test_an_aggregate_gives_each_user_record_its_sub_sequence() -> None:
    [one, three], [bad] = of(aggregate(GOOD, b"bad", GOOD))
    assert [item.sub_sequence for item in (one, bad, three)] == [0, 1, 2]
    assert bad.payload == b"bad"


def test_a_broken_aggregate_is_one_rejection_of_the_whole_record() -> None:
    data = aggregate(GOOD, GOOD)[:-1]
    [], [rejection] = of(data)
    assert (rejection.reason, rejection.sub_sequence, rejection.payload) == ("broken_aggregate", 0, data)


@given(st.binary(), st.sampled_from([b"", b"\xf3\x89\x9a\xc2"]))
def test_any_bytes_give_an_item_and_keep_the_bytes(data: bytes, prefix: bytes) -> None:
    events, rejections = of(prefix + data)
    assert events or rejections
    assert all(rejection.payload == prefix + data for rejection in rejections)


@given(st.text())
def test_any_text_in_the_place_of_base64_gives_an_item(text: str) -> None:
    events, rejections = of_text(text)
    assert events or rejections
