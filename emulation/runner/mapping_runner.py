"""Runs one mapping with a thread for each of its shards, parents before children."""

import time
from collections.abc import Callable
from functools import partial

from emulation.runner.aws import list_shards
from emulation.runner.checkpoints import Checkpoint, CheckpointFolder
from emulation.runner.clients import Clients
from emulation.runner.lineage import ShardInfo, checkpoints_of, first_checkpoints, readable
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.shard_thread import ShardThread
from emulation.runner.status import LastProcessingResult

SHARD_LISTING_SECONDS = 5.0  # when a parent ends, its children start at once; this is for all other changes


class MappingRunner:
    """All shards of one mapping."""

    def __init__(
        self,
        clients: Clients,
        mapping: EventSourceMapping,
        checkpoints: CheckpointFolder,
        wake: Callable[[], None],
    ) -> None:
        self.mapping = mapping
        self.status = LastProcessingResult()
        self._clients = clients
        self._checkpoints = checkpoints
        self._wake = wake
        self._role_arn = clients.role_of(mapping)
        self._threads: dict[str, ShardThread] = {}
        self._list_again_at = 0.0

    def refresh(self) -> None:
        """Start threads for shards that may be read now; stop those of shards that are gone or replaced."""
        ended = [shard_id for shard_id, thread in self._threads.items() if thread.has_ended]
        if not ended and time.monotonic() < self._list_again_at:
            return
        for shard_id in ended:
            self._threads.pop(shard_id)
        self._list_again_at = 0.0  # if the stream does not answer now, ask again at the next call
        shards = list_shards(self._clients.kinesis, self.mapping.stream_arn)
        self._list_again_at = time.monotonic() + SHARD_LISTING_SECONDS
        stored = self._checkpoints.load(self.mapping.uuid) or self._first_checkpoints(shards)
        checkpoints = checkpoints_of(shards, stored)
        for shard_id, thread in self._threads.items():
            if shard_id not in checkpoints or thread.shard_begins != checkpoints[shard_id].shard_begins:
                thread.stop()
        finished = [shard_id for shard_id, checkpoint in checkpoints.items() if checkpoint.finished]
        for shard_id in readable(shards, finished):
            if shard_id not in self._threads:
                self._start(shard_id, checkpoints[shard_id])

    def configure(self, mapping: EventSourceMapping) -> None:
        """Follow an updated configuration. Shards end, to begin anew, if they cannot take over the change."""
        before, self._role_arn = self.mapping, self._clients.role_of(mapping)
        self.mapping = mapping
        for thread in self._threads.values():
            thread.configure(mapping)
        if not mapping.enabled or _what_a_shard_is_made_of(before) != _what_a_shard_is_made_of(mapping):
            self.stop()

    def stop(self) -> None:
        """Stop reading. Invocations that are under way go on to their end."""
        for thread in self._threads.values():
            thread.stop()

    def join(self, seconds: float) -> None:
        """Wait until everything has ended, or the time is up."""
        deadline = time.monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _first_checkpoints(self, shards: list[ShardInfo]) -> dict[str, Checkpoint]:
        checkpoints = first_checkpoints(shards, self.mapping, time.time())
        for shard_id, checkpoint in checkpoints.items():
            self._checkpoints.save(self.mapping.uuid, shard_id, checkpoint)
        return checkpoints

    def _start(self, shard_id: str, checkpoint: Checkpoint) -> None:
        self._threads[shard_id] = ShardThread(
            clients=self._clients,
            mapping=self.mapping,
            shard_id=shard_id,
            role_arn=self._role_arn,
            checkpoint=checkpoint,
            status=self.status,
            save=partial(self._checkpoints.save, self.mapping.uuid, shard_id),
            ended=self._wake,
        )
        self._threads[shard_id].start()


def _what_a_shard_is_made_of(mapping: EventSourceMapping) -> tuple[int, str]:
    """Return the number of lanes, and the function whose role every record names."""
    return mapping.parallelization_factor, mapping.function_arn
