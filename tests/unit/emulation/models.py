"""Models of a stream and of the runner's shards, with which the real shards, lanes and lineage work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emulation.runner.checkpoints import Checkpoint
from emulation.runner.lineage import ShardInfo
from emulation.runner.records import ShardRecord
from emulation.runner.shard import Shard

KEYS = ["a", "b", "c", "d", "e"]


@dataclass
class ModelShard:
    info: ShardInfo
    records: list[ShardRecord] = field(default_factory=list)


class ModelStream:
    def __init__(self) -> None:
        self.shards: dict[str, ModelShard] = {}
        self.position: dict[str, tuple[str, int]] = {}  # sequence → shard and index
        self.record: dict[str, ShardRecord] = {}
        self._counter = 0

    def add_shard(self, parents: tuple[str, ...] = ()) -> None:
        shard_id = f"shardId-{len(self.shards):012d}"
        self.shards[shard_id] = ModelShard(ShardInfo(shard_id, parents))

    def close(self, shard_id: str) -> None:
        info = self.shards[shard_id].info
        self.shards[shard_id].info = ShardInfo(info.shard_id, info.parents, is_closed=True)

    def open_shards(self) -> list[str]:
        return [shard_id for shard_id, shard in self.shards.items() if not shard.info.is_closed]

    def put(self, key: str, now: float) -> None:
        open_shards = self.open_shards()
        shard_id = open_shards[KEYS.index(key) % len(open_shards)]
        self._counter += 1
        record = ShardRecord(f"{self._counter:030d}", key, now, b"", "{}")
        self.position[record.sequence] = (shard_id, len(self.shards[shard_id].records))
        self.record[record.sequence] = record
        self.shards[shard_id].records.append(record)


class ModelReader:
    def __init__(self, shard: ModelShard, checkpoint: Checkpoint, most: int) -> None:
        self._shard = shard
        self._most = most
        done = [record.sequence for record in shard.records]
        self._next = done.index(checkpoint.sequence) + 1 if checkpoint.sequence else 0
        while checkpoint.starting_at and self._next < len(done) and not checkpoint.sequence:
            if shard.records[self._next].arrived_at >= checkpoint.starting_at:
                break
            self._next += 1

    def read(self) -> tuple[Sequence[ShardRecord], bool]:
        read = self._shard.records[self._next : self._next + self._most]
        self._next += len(read)
        return read, self._shard.info.is_closed and self._next == len(self._shard.records)


@dataclass
class RunningShard:
    """One shard as the runner has it, and what it has under way."""

    shard: Shard
    tasks: list[Callable[[], None]] = field(default_factory=list)
    settling: set[str] = field(default_factory=set)  # done, but no step has noted it yet
