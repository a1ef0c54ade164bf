"""Our replacements of MiniStack's shards and iterators, on its own dictionaries in this process."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import kinesis  # type: ignore[import-untyped]  # MiniStack ships no types

from emulation.corrections import resharding, shards
from emulation.corrections.resharding import Refused

DAY = 25 * 3600
FIRST = "shardId-000000000000"


@pytest.fixture
def stream() -> Iterator[dict[str, Any]]:
    kinesis._create_stream({"StreamName": "s", "ShardCount": 1})
    yield kinesis._streams["s"]
    kinesis.reset()


def put(stream: dict[str, Any], shard_id: str, *data: str, size: int = 0) -> None:
    for one in data:
        stream["shards"][shard_id]["records"].append(
            {
                "SequenceNumber": shards.next_sequence_number(),
                "ApproximateArrivalTimestamp": time.time(),
                "Data": base64.b64encode(one.encode().ljust(size)).decode(),
                "PartitionKey": "k",
            }
        )


def iterator(shard_id: str = FIRST, **request: Any) -> str:
    asked = {"StreamName": "s", "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON", **request}
    return str(json.loads(shards.get_shard_iterator(asked)[2])["ShardIterator"])


def read(place: str, **request: Any) -> tuple[list[str], dict[str, Any]]:
    answer = json.loads(shards.get_records({"ShardIterator": place, **request})[2])
    found = [base64.b64decode(record["Data"]).decode().strip() for record in answer["Records"]]
    return found, answer


def test_expiry_moves_no_iterator(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a", "b", "c", "d", "e")
    found, answer = read(iterator())
    assert found == ["a", "b", "c", "d", "e"]
    for record in stream["shards"][FIRST]["records"]:
        record["ApproximateArrivalTimestamp"] -= DAY
    put(stream, FIRST, "f", "g", "h")
    assert read(answer["NextShardIterator"])[0] == ["f", "g", "h"]
    assert read(iterator())[0] == ["f", "g", "h"]


def test_where_iterators_start(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a", "b")
    newest = iterator(ShardIteratorType="LATEST")
    put(stream, FIRST, "c")
    second = stream["shards"][FIRST]["records"][1]
    at = {"StartingSequenceNumber": second["SequenceNumber"]}
    moment = second["ApproximateArrivalTimestamp"]
    assert read(newest)[0] == ["c"]
    assert read(iterator(ShardIteratorType="AT_SEQUENCE_NUMBER", **at))[0] == ["b", "c"]
    assert read(iterator(ShardIteratorType="AFTER_SEQUENCE_NUMBER", **at))[0] == ["c"]
    assert read(iterator(ShardIteratorType="AT_TIMESTAMP", Timestamp=moment))[0][-2:] == ["b", "c"]
    assert read(iterator(ShardIteratorType="AT_TIMESTAMP", Timestamp=moment + 60))[0] == []


def test_an_answer_is_limited_by_records_and_bytes(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a", "b", "c", size=4 * 1024 * 1024)
    found, answer = read(iterator())
    assert found == ["a", "b"]
    assert answer["MillisBehindLatest"] >= 0
    assert read(answer["NextShardIterator"])[0] == ["c"]
    assert read(iterator(), Limit=1)[0] == ["a"]


def test_an_iterator_ends_after_five_minutes(
    stream: dict[str, Any],  # noqa: ARG001 - asked for its effect
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = iterator()
    monkeypatch.setattr(shards, "ITERATOR_SECONDS", -1)
    assert json.loads(shards.get_records({"ShardIterator": place})[2])["__type"] == "ExpiredIteratorException"


@pytest.mark.parametrize("broken", ["", "x", "bm8ganNvbg=="])
def test_a_broken_iterator_is_refused(broken: str) -> None:
    answer = json.loads(shards.get_records({"ShardIterator": broken})[2])
    assert answer["__type"] == "InvalidArgumentException"


def test_an_iterator_of_a_stream_that_was_made_again_leads_nowhere(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a")
    place = iterator()
    kinesis._delete_stream({"StreamName": "s"})
    kinesis._create_stream({"StreamName": "s"})
    answer = json.loads(shards.get_records({"ShardIterator": place})[2])
    assert answer["__type"] == "ResourceNotFoundException"


def test_sequence_numbers_rise_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = shards.next_sequence_number()
    monkeypatch.setattr(time, "time", lambda: 1.0)
    assert shards.next_sequence_number() > before


def test_a_closed_shard_is_read_to_its_end_and_names_its_children(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a", "b")
    resharding.split(stream, FIRST, 2**127)
    found, answer = read(iterator(), Limit=1)
    assert found == ["a"]
    found, answer = read(answer["NextShardIterator"])
    assert found == ["b"]
    assert "NextShardIterator" not in answer
    assert [child["ShardId"] for child in answer["ChildShards"]] == [
        "shardId-000000000001",
        "shardId-000000000002",
    ]


def test_a_closed_shard_goes_when_its_retention_ends(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a")
    resharding.split(stream, FIRST, 2**127)
    shards.expire_records(stream)
    assert len(stream["shards"]) == 3
    stream["shards"][FIRST]["closed_at"] -= DAY
    shards.expire_records(stream)
    assert FIRST not in stream["shards"]


def test_what_cannot_be_split_or_merged(stream: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="not inside shard"):
        resharding.split(stream, FIRST, 0)
    with pytest.raises(Refused, match="not found"):
        resharding.split(stream, "shardId-7", 5)
    resharding.split(stream, FIRST, 2**127)
    with pytest.raises(Refused, match="already been merged or split"):
        resharding.split(stream, FIRST, 5)
    resharding.split(stream, "shardId-000000000001", 2**126)
    with pytest.raises(Refused, match="not adjacent"):
        resharding.merge(stream, "shardId-000000000003", "shardId-000000000002")


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_however_a_stream_is_scaled_its_open_shards_cover_every_key_once(targets: list[int]) -> None:
    kinesis._create_stream({"StreamName": "s", "ShardCount": 3})
    stream = kinesis._streams["s"]
    try:
        for target in targets:
            before = len(shards.open_shards(stream))
            if not (before + 1) // 2 <= target <= 2 * before:
                with pytest.raises(Refused, match="half to double"):
                    resharding.scale(stream, target)
                continue
            resharding.scale(stream, target)
            found = shards.open_shards(stream).values()
            ranges = sorted((int(s["starting_hash_key"]), int(s["ending_hash_key"])) for s in found)
            assert ranges == [(int(low), int(high)) for low, high in kinesis._compute_hash_ranges(target)]
    finally:
        kinesis.reset()


def test_what_is_listed(stream: dict[str, Any]) -> None:
    resharding.split(stream, FIRST, 2**127)
    listed = [resharding.shard_out(name, shard) for name, shard in stream["shards"].items()]
    closed = ["EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in listed]
    assert closed == [True, False, False]
    summary = json.loads(resharding.describe_stream_summary({"StreamName": "s"})[2])
    assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 2
    refused = json.loads(
        resharding.list_shards({"StreamName": "s", "ShardFilter": {"Type": "AT_TIMESTAMP"}})[2]
    )
    assert "ShardFilter AT_TIMESTAMP is not emulated" in refused["message"]
    refused = json.loads(resharding.subscribe_to_shard({}, is_cbor=False)[2])
    assert "SubscribeToShard is not emulated" in refused["message"]


def test_expiry_copies_nothing(stream: dict[str, Any]) -> None:
    put(stream, FIRST, "a", "b")
    records = stream["shards"][FIRST]["records"]
    shards.expire_records(stream)
    records[0]["ApproximateArrivalTimestamp"] -= DAY
    shards.expire_records(stream)
    assert stream["shards"][FIRST]["records"] is records
    assert len(records) == 1
