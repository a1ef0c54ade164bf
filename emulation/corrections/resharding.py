"""Resharding as Kinesis does it: a parent is closed and not deleted, so no unread records are lost.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
"""

import json
import time
from typing import Any

from ministack.services import kinesis  # type: ignore[import-untyped]  # MiniStack ships no types
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]  # as above

from emulation.corrections.answers import SUCCESS, Response, answer, refuse
from emulation.corrections.shards import Shard, Stream, next_sequence_number, open_shards, route_to_shard

_shard_out = kinesis._shard_out
_describe_stream_summary = kinesis._describe_stream_summary
_list_shards = kinesis._list_shards
_create_from_template = provisioners._kinesis_stream_create
_update_from_template = provisioners._kinesis_stream_update


class Refused(ValueError):
    """Kinesis would refuse this request. CloudFormation shows the message because this is a ValueError."""


def split_shard(data: dict[str, Any]) -> Response:
    """Answer SplitShard."""
    return _reshard(data, lambda stream: _split_as_asked(stream, data))


def merge_shards(data: dict[str, Any]) -> Response:
    """Answer MergeShards."""
    return _reshard(
        data, lambda stream: merge(stream, str(data["ShardToMerge"]), str(data["AdjacentShardToMerge"]))
    )


def update_shard_count(data: dict[str, Any]) -> Response:
    """Answer UpdateShardCount."""
    name, stream = kinesis._resolve_stream(data)
    current = len(open_shards(stream)) if stream else 0
    status, headers, body = _reshard(data, lambda found: scale(found, int(data["TargetShardCount"])))
    if status != SUCCESS:
        return status, headers, body
    counts = {"CurrentShardCount": current, "TargetShardCount": int(data["TargetShardCount"])}
    return answer({"StreamName": name, "StreamARN": stream["StreamARN"], **counts})


def _reshard(data: dict[str, Any], change: Any) -> Response:  # noqa: ANN401 - a function of the stream
    name, stream = kinesis._resolve_stream(data)
    if not stream:
        return refuse("ResourceNotFoundException", f"Stream {name} not found")
    try:
        change(stream)
    except Refused as error:
        return refuse("InvalidArgumentException", str(error))
    except KeyError as error:
        return refuse("ValidationException", f"{error.args[0]} is required")
    return answer({})


def _split_as_asked(stream: Stream, data: dict[str, Any]) -> None:
    split(stream, str(data["ShardToSplit"]), int(data["NewStartingHashKey"]))


def split(stream: Stream, shard_id: str, at: int) -> None:
    """Close a shard and open two in its place: one below the hash key, and one from it on."""
    parent = _open_shard(stream, shard_id)
    start, end = _range(parent)
    if not start < at <= end:
        raise Refused(f"NewStartingHashKey {at} is not inside shard {shard_id}: {start + 1} to {end}")
    _close(parent)
    _open(stream, (start, at - 1), (shard_id, None))
    _open(stream, (at, end), (shard_id, None))


def merge(stream: Stream, first_id: str, second_id: str) -> None:
    """Close two neighbouring shards and open one in their place."""
    first, second = _open_shard(stream, first_id), _open_shard(stream, second_id)
    (low, _), (_, high) = sorted([_range(first), _range(second)])
    if _range(first)[1] + 1 != _range(second)[0] and _range(second)[1] + 1 != _range(first)[0]:
        raise Refused(f"Shards {first_id} and {second_id} are not adjacent: their hash keys leave a gap")
    _close(first)
    _close(second)
    _open(stream, (low, high), (first_id, second_id))


def scale(stream: Stream, target: int) -> None:
    """Split and merge until there are this many open shards of the same size."""
    current = len(open_shards(stream))
    if not (current + 1) // 2 <= target <= 2 * current:
        raise Refused(
            f"UpdateShardCount allows half to double the open shards in one step: {current} are open,"
            f" TargetShardCount is {target}"
        )
    wanted = {int(start) for start, _ in kinesis._compute_hash_ranges(target)}
    for start in sorted(wanted - _starts(stream).keys()):
        shard_id = route_to_shard(start, stream)
        split(stream, shard_id, start)
    for start in sorted(_starts(stream).keys() - wanted):
        shards = _starts(stream)
        before = max(one for one in shards if one < start)
        merge(stream, shards[before], shards[start])


def _starts(stream: Stream) -> dict[int, str]:
    return {_range(shard)[0]: name for name, shard in open_shards(stream).items()}


def _open_shard(stream: Stream, shard_id: str) -> Shard:
    shard: Shard | None = stream["shards"].get(shard_id)
    if shard is None:
        raise Refused(f"Shard {shard_id} in stream {stream['StreamName']} not found")
    if "closed_at" in shard:
        raise Refused(f"Shard {shard_id} has already been merged or split")
    return shard


def _range(shard: Shard) -> tuple[int, int]:
    return int(shard["starting_hash_key"]), int(shard["ending_hash_key"])


def _close(shard: Shard) -> None:
    shard["closed_at"] = time.time()
    shard["ending_sequence_number"] = next_sequence_number()


def _open(stream: Stream, hash_keys: tuple[int, int], parents: tuple[str, str | None]) -> None:
    name = f"shardId-{kinesis._max_shard_index(stream) + 1:012d}"
    stream["shards"][name] = {
        "records": [],
        "starting_hash_key": str(hash_keys[0]),
        "ending_hash_key": str(hash_keys[1]),
        "starting_sequence_number": next_sequence_number(),
        "parent_shard_id": parents[0],
        "adjacent_parent_shard_id": parents[1],
    }


# -- how shards are shown ----------------------------------------------------------------------------------


def shard_out(shard_id: str, shard: Shard) -> dict[str, Any]:
    """Return a shard as ListShards shows it. A closed one has its last sequence number."""
    shown: dict[str, Any] = _shard_out(shard_id, shard)
    if "closed_at" in shard:
        shown["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
    return shown


def describe_stream_summary(data: dict[str, Any]) -> Response:
    """Answer DescribeStreamSummary with the number of open shards."""
    status, headers, body = _describe_stream_summary(data)
    _, stream = kinesis._resolve_stream(data)
    if not stream:
        return status, headers, body
    content = json.loads(body)
    content["StreamDescriptionSummary"]["OpenShardCount"] = len(open_shards(stream))
    return answer(content)


def list_shards(data: dict[str, Any]) -> Response:
    """Answer ListShards. AT_LATEST, which means open shards, is the only filter; others are refused."""
    kind = (data.get("ShardFilter") or {}).get("Type")
    if kind not in {None, "AT_LATEST"}:
        return refuse("InvalidArgumentException", f"ShardFilter {kind} is not emulated: AT_LATEST is")
    status, headers, body = _list_shards(data)
    if kind is None or status != SUCCESS:
        return status, headers, body
    content = json.loads(body)
    content["Shards"] = [
        s for s in content["Shards"] if "EndingSequenceNumber" not in s["SequenceNumberRange"]
    ]
    return answer(content)


def subscribe_to_shard(data: dict[str, Any], is_cbor: bool) -> Response:  # noqa: ARG001, FBT001 - MiniStack's
    """Refuse SubscribeToShard, because MiniStack's would wait forever at the end of a closed shard."""
    return refuse("InvalidArgumentException", "SubscribeToShard is not emulated: read with GetRecords")


# -- CloudFormation ----------------------------------------------------------------------------------------


def create_from_template(
    logical_id: str, props: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, Any]]:
    """Create a stack's stream. It never replaces another stream of that name."""
    if props.get("Name") in kinesis._streams:
        raise Refused(f"Stream {props['Name']} already exists")
    created: tuple[str, dict[str, Any]] = _create_from_template(logical_id, props, stack_name)
    return created


def update_from_template(
    physical_id: str, old_props: dict[str, Any], new_props: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, Any]]:
    """Update a stack's stream, including the number of its shards."""
    stream = kinesis._streams.get(physical_id)
    wanted = int(new_props.get("ShardCount") or 0)
    keeps_its_name = new_props.get("Name", physical_id) == physical_id
    if stream and keeps_its_name and wanted and wanted != len(open_shards(stream)):
        scale(stream, wanted)
    updated: tuple[str, dict[str, Any]] = _update_from_template(physical_id, old_props, new_props, stack_name)
    return updated
