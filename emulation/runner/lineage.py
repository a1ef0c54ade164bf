"""Where a mapping begins, and which shards may be read. Parents come before their children.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from emulation.runner.checkpoints import Checkpoint
from emulation.runner.mapping import EventSourceMapping


@dataclass(frozen=True)
class ShardInfo:
    """One shard as ListShards describes it. A closed one takes no more records."""

    shard_id: str
    parents: tuple[str, ...] = ()
    is_closed: bool = False
    begins: str = ""  # its first sequence number, which with its name tells it from every other shard


def first_checkpoints(
    shards: Iterable[ShardInfo], mapping: EventSourceMapping, now: float
) -> dict[str, Checkpoint]:
    """Return where a mapping begins in the shards that it finds at its first poll.

    LATEST means the moment of that poll. It is written down as a time, so a restart before the first record
    skips nothing. Shards that are closed by then are not read; those that appear later are read from their
    start.
    """
    return {shard.shard_id: _first_checkpoint(shard, mapping, now) for shard in shards}


def _first_checkpoint(shard: ShardInfo, mapping: EventSourceMapping, now: float) -> Checkpoint:
    if mapping.starting_position == "LATEST":
        return Checkpoint(starting_at=now, finished=shard.is_closed, shard_begins=shard.begins)
    if mapping.starting_position == "AT_TIMESTAMP":
        return Checkpoint(starting_at=mapping.starting_timestamp, shard_begins=shard.begins)
    return Checkpoint(shard_begins=shard.begins)


def checkpoints_of(shards: Iterable[ShardInfo], stored: Mapping[str, Checkpoint]) -> dict[str, Checkpoint]:
    """Return where to go on in each shard: at its start if it is new, even if it has an old shard's name."""
    fresh = {shard.shard_id: Checkpoint(shard_begins=shard.begins) for shard in shards}
    return {
        shard_id: stored[shard_id]
        if shard_id in stored and stored[shard_id].shard_begins == start.shard_begins
        else start
        for shard_id, start in fresh.items()
    }


def readable(shards: Collection[ShardInfo], finished: Collection[str]) -> list[str]:
    """Return the unfinished shards whose parents are all finished or gone from the stream."""
    waited_for = {shard.shard_id for shard in shards}.difference(finished)
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id in waited_for and not waited_for.intersection(shard.parents)
    ]
