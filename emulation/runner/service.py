"""Keeps every deployed Kinesis mapping running: one thread per shard, parents before children."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulation.runner.aws import list_shards
from emulation.runner.checkpoints import Checkpoint, CheckpointFolder
from emulation.runner.clients import Clients
from emulation.runner.lineage import ShardInfo, first_checkpoints, readable
from emulation.runner.mapping import Mapping
from emulation.runner.shard_thread import ShardThread

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 1.0
SHARD_LISTING_SECONDS = 30.0  # resharding is noticed at once, when the parent ends; this is for the rest
STOP_SECONDS = 4.0  # less than the guard's patience


class MappingRunner:
    """All shards of one mapping."""

    def __init__(
        self, clients: Clients, mapping: Mapping, checkpoints: CheckpointFolder, wake: Callable[[], None]
    ) -> None:
        self.mapping = mapping
        self._clients = clients
        self._checkpoints = checkpoints
        self._wake = wake
        self._role_arn = clients.role_of(mapping)
        self._threads: dict[str, ShardThread] = {}
        self._list_again_at = 0.0

    def refresh(self) -> None:
        """Start reading the shards that may be read and are not."""
        ended = [shard_id for shard_id, thread in self._threads.items() if not thread.is_alive()]
        if not ended and time.monotonic() < self._list_again_at:
            return
        for shard_id in ended:
            self._threads.pop(shard_id)
        self._list_again_at = time.monotonic() + SHARD_LISTING_SECONDS
        shards = list_shards(self._clients.kinesis, self.mapping.stream_arn)
        stored = self._checkpoints.load(self.mapping.uuid) or self._first_checkpoints(shards)
        finished = [shard_id for shard_id, checkpoint in stored.items() if checkpoint.finished]
        for shard_id in readable(shards, finished):
            if shard_id not in self._threads:
                self._start(shard_id, stored.get(shard_id, Checkpoint()))

    def configure(self, mapping: Mapping) -> None:
        """Follow an updated configuration; what a running shard cannot take over ends it, to begin anew."""
        lanes = (self.mapping.parallelization_factor, mapping.parallelization_factor)
        self.mapping = mapping
        for thread in self._threads.values():
            thread.configure(mapping)
        if not mapping.enabled or lanes[0] != lanes[1]:
            self.stop()

    def stop(self) -> None:
        """Stop reading; what is under way goes on to its end."""
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
            save=partial(self._checkpoints.save, self.mapping.uuid, shard_id),
            ended=self._wake,
        )
        self._threads[shard_id].start()


class Runner:
    """Drives the mappings of one account and region as their deployed configuration says."""

    def __init__(self, session: Any, checkpoints: CheckpointFolder) -> None:  # noqa: ANN401 - a boto3 session
        self._clients = Clients(session)
        self._checkpoints = checkpoints
        self._runners: dict[str, MappingRunner] = {}
        self._woken = threading.Event()
        self._stopped = False

    def run(self) -> None:
        """Follow what is deployed until ``stop`` is called; then end what is under way."""
        while not self._stopped:
            try:
                self._reconcile()
            except (ClientError, BotoCoreError) as error:
                logger.warning("The deployed mappings cannot be read: %s", error)
            self._clients.metrics.publish()
            # At one of the moments at which idle shards are read, too: see next_idle_poll.
            self._woken.wait(RECONCILE_SECONDS - time.time() % RECONCILE_SECONDS)
            self._woken.clear()
        for runner in self._runners.values():
            runner.stop()
        for runner in self._runners.values():
            runner.join(STOP_SECONDS / len(self._runners))
        self._clients.metrics.publish()

    def stop(self) -> None:
        """Make ``run`` return; may be called from a signal handler."""
        self._stopped = True
        self._woken.set()

    def _reconcile(self) -> None:
        deployed = self._clients.list_mappings()
        for uuid in [uuid for uuid in self._runners if uuid not in deployed]:
            self._runners.pop(uuid).stop()
            self._checkpoints.forget(uuid)
        for uuid, mapping in deployed.items():
            try:
                self._follow(uuid, mapping)
            except (ClientError, BotoCoreError) as error:  # its stream or function is gone: the others go on
                logger.warning("Mapping %s cannot be driven: %s", uuid, error)

    def _follow(self, uuid: str, mapping: Mapping) -> None:
        runner = self._runners.get(uuid)
        if runner is None:
            runner = self._runners[uuid] = MappingRunner(
                self._clients, mapping, self._checkpoints, self._woken.set
            )
        if runner.mapping != mapping:
            runner.configure(mapping)
        if mapping.enabled:
            runner.refresh()
