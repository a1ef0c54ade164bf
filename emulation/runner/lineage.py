"""Where a mapping begins, and which shards may be read: parents before their children.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from emulation.runner.checkpoints import Checkpoint
from emulation.runner.mapping import Mapping


@dataclass(frozen=True)
class ShardInfo:
    """One shard as ListShards gives it; a closed one takes no more records."""

    shard_id: str
    parents: tuple[str, ...] = ()
    is_closed: bool = False


def first_checkpoints(shards: Iterable[ShardInfo], mapping: Mapping, now: float) -> dict[str, Checkpoint]:
    """Return where a mapping begins in the shards it finds at its first poll.

    LATEST means the moment of that poll; written down as a time, a restart before the first record skips
    nothing. What is closed by then has nothing for it. Shards that appear later are read from their start.
    """
    return {shard.shard_id: _first_checkpoint(shard, mapping, now) for shard in shards}


def _first_checkpoint(shard: ShardInfo, mapping: Mapping, now: float) -> Checkpoint:
    if mapping.starting_position == "LATEST":
        return Checkpoint(starting_at=now, finished=shard.is_closed)
    if mapping.starting_position == "AT_TIMESTAMP":
        return Checkpoint(starting_at=mapping.starting_timestamp)
    return Checkpoint()


def readable(shards: Collection[ShardInfo], finished: Collection[str]) -> list[str]:
    """Return the unfinished shards whose parents are all finished, or gone from the stream."""
    waited_for = {shard.shard_id for shard in shards}.difference(finished)
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id in waited_for and not waited_for.intersection(shard.parents)
    ]
