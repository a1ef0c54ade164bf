"""Records as Kinesis keeps them: closed shards stay until retention ends; iterators go by sequence number.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html

A shard is MiniStack's own dictionary. A closed one also has ``closed_at`` and ``ending_sequence_number``.
"""

import base64
import json
import time
from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import Any, Final

from ministack.services import kinesis  # type: ignore[import-untyped]  # MiniStack ships no types

from emulation.corrections.answers import Response, answer, refuse

Stream = dict[str, Any]
Shard = dict[str, Any]
Records = list[dict[str, Any]]  # oldest first

RECORDS_A_CALL: Final = 10_000
BYTES_A_CALL: Final = 10 * 1024 * 1024
ITERATOR_SECONDS: Final = 300

_sequence: Final = itemgetter("SequenceNumber")
_arrival: Final = itemgetter("ApproximateArrivalTimestamp")
_last_millisecond = 0


def next_sequence_number() -> str:
    """Return a number above all earlier ones, even if the clock was set back. Iterators depend on that."""
    global _last_millisecond  # noqa: PLW0603 - like MiniStack's own counter beside it
    with kinesis._sequence_lock:
        kinesis._sequence_counter += 1
        _last_millisecond = max(_last_millisecond, int(time.time() * 1000))
        return f"{_last_millisecond:020d}{kinesis._sequence_counter:010d}"


def expire_records(stream: Stream) -> None:
    """Drop what is older than the retention, including closed shards, without copying anything."""
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        if shard["records"] and _arrival(shard["records"][0]) < cutoff:
            del shard["records"][: bisect_left(shard["records"], cutoff, key=_arrival)]
    gone = [name for name, shard in stream["shards"].items() if shard.get("closed_at", cutoff) < cutoff]
    for name in gone:
        del stream["shards"][name]


def route_to_shard(hash_key: int, stream: Stream) -> str:
    """Return the open shard that takes this hash key."""
    return next(
        name
        for name, shard in open_shards(stream).items()
        if int(shard["starting_hash_key"]) <= hash_key <= int(shard["ending_hash_key"])
    )


def open_shards(stream: Stream) -> dict[str, Shard]:
    """Return the shards that take records, by name."""
    return {name: shard for name, shard in stream["shards"].items() if "closed_at" not in shard}


# -- iterators ---------------------------------------------------------------------------------------------


def get_shard_iterator(data: dict[str, Any]) -> Response:
    """Answer GetShardIterator. An iterator holds the sequence number after which reading goes on."""
    name, stream = kinesis._resolve_stream(data)
    shard = stream["shards"].get(data.get("ShardId")) if stream else None
    if shard is None:
        return refuse("ResourceNotFoundException", f"Shard {data.get('ShardId')} in stream {name} not found")
    expire_records(stream)
    after = _starting_after(shard["records"], data)
    if after is None:
        return refuse("InvalidArgumentException", "ShardIteratorType, or what it needs, is missing")
    iterator = _iterator(name, data["ShardId"], shard, after)
    return answer({"ShardIterator": iterator})


def _starting_after(records: Records, data: dict[str, Any]) -> str | None:
    """Return the sequence number after which an iterator starts, or None if the request makes no sense."""
    kind, wanted, moment = (
        data.get(name) for name in ("ShardIteratorType", "StartingSequenceNumber", "Timestamp")
    )
    match kind:
        case "TRIM_HORIZON":
            return ""
        case "LATEST":
            return _before(records, len(records))
        case "AFTER_SEQUENCE_NUMBER" if wanted:
            return str(wanted)
        case "AT_SEQUENCE_NUMBER" if wanted:
            return _before(records, bisect_left(records, wanted, key=_sequence))
        case "AT_TIMESTAMP" if moment is not None:
            return _before(records, bisect_left(records, float(moment), key=_arrival))
    return None


def _before(records: Records, position: int) -> str:
    return str(_sequence(records[position - 1])) if position else ""


def _iterator(stream: str, shard_id: str, shard: Shard, after: str) -> str:
    state = [stream, shard_id, shard["starting_sequence_number"], after, time.time()]
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode()


def get_records(data: dict[str, Any]) -> Response:
    """Answer GetRecords. At the end of a closed shard it names the children and gives no next iterator."""
    try:
        name, shard_id, begins, after, made_at = json.loads(
            base64.urlsafe_b64decode(data.get("ShardIterator", ""))
        )
    except ValueError:
        return refuse("InvalidArgumentException", "Invalid ShardIterator")
    if time.time() - made_at > ITERATOR_SECONDS:
        return refuse("ExpiredIteratorException", f"The iterator is more than {ITERATOR_SECONDS} s old")
    stream = kinesis._streams.get(name)
    shard = stream["shards"].get(shard_id) if stream else None
    if shard is None or shard["starting_sequence_number"] != begins:  # a new stream has the name by now
        return refuse("ResourceNotFoundException", f"Shard {shard_id} in stream {name} not found")
    expire_records(stream)
    limit = min(data.get("Limit", RECORDS_A_CALL), RECORDS_A_CALL)
    return _records_after(after, limit, name, stream, shard_id)


def _records_after(after: str, limit: int, name: str, stream: Stream, shard_id: str) -> Response:
    shard = stream["shards"][shard_id]
    start = bisect_right(shard["records"], after, key=_sequence)
    found = _up_to_bytes(shard["records"][start : start + limit])
    waiting = shard["records"][start + len(found) : start + len(found) + 1]
    content: dict[str, Any] = {
        "Records": [_shown(record, stream) for record in found],
        "MillisBehindLatest": int(max(0.0, time.time() - _arrival(waiting[0])) * 1000) if waiting else 0,
    }
    if "closed_at" in shard and not waiting:
        content["ChildShards"] = [
            {"ShardId": child_id, "ParentShards": _parents(child), "HashKeyRange": _hash_keys(child)}
            for child_id, child in stream["shards"].items()
            if shard_id in _parents(child)
        ]
    else:
        reached = _sequence(found[-1]) if found else after
        content["NextShardIterator"] = _iterator(name, shard_id, shard, reached)
    return answer(content)


def _up_to_bytes(records: Records) -> Records:
    """Return as many records as fit into one answer, and at least one if there are any."""
    size = 0
    for number, record in enumerate(records):
        size += len(record["Data"]) * 3 // 4
        if size > BYTES_A_CALL and number:
            return records[:number]
    return records


def _shown(record: dict[str, Any], stream: Stream) -> dict[str, Any]:
    data = kinesis._ensure_base64(record["Data"])
    return record | {"Data": data, "EncryptionType": stream.get("EncryptionType", "NONE")}


def _parents(shard: Shard) -> list[str]:
    return [name for name in (shard["parent_shard_id"], shard["adjacent_parent_shard_id"]) if name]


def _hash_keys(shard: Shard) -> dict[str, str]:
    return {"StartingHashKey": shard["starting_hash_key"], "EndingHashKey": shard["ending_hash_key"]}
