"""Keeps every deployed Kinesis mapping running: one thread per shard, parents before children."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulation.errors import MappingInvalid
from emulation.runner.aws import KinesisReader, LambdaDeliverer, list_shards
from emulation.runner.backoff import backoff
from emulation.runner.checkpoints import Checkpoint, CheckpointFile
from emulation.runner.destinations import Destination
from emulation.runner.lineage import ShardInfo, first_checkpoints, readable
from emulation.runner.mapping import Mapping, read_mapping
from emulation.runner.metrics import Metrics
from emulation.runner.shard import Shard

logger = logging.getLogger(__name__)

TIMESTAMP_TAG = "emulation:StartingPositionTimestamp"  # seconds since the epoch
RECONCILE_SECONDS = 1.0
SHARD_LISTING_SECONDS = 30.0  # resharding is noticed at once, when the parent ends; this is for the rest
STOP_SECONDS = 4.0  # less than the guard's patience
LONGEST_FUNCTION_SECONDS = 900


class Cloud:
    """The AWS clients that the runner needs, from one boto3 session."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        many = Config(max_pool_connections=100)
        # Invoking is repeated by the rules in lane.py, never by the SDK, and may take as long as a function.
        once = Config(
            max_pool_connections=200,
            read_timeout=LONGEST_FUNCTION_SECONDS + 10,
            retries={"total_max_attempts": 1},
        )
        self.kinesis = session.client("kinesis", config=many)
        self.function = session.client("lambda", config=once)
        self.metrics = Metrics(session.client("cloudwatch"))
        self.destination = Destination(session)

    def list_mappings(self) -> dict[str, Mapping]:
        """Return the Kinesis mappings that can be driven, by UUID; log those that cannot."""
        mappings = {}
        for page in self.function.get_paginator("list_event_source_mappings").paginate():
            for answer in page["EventSourceMappings"]:
                if ":kinesis:" not in answer.get("EventSourceArn", ""):
                    continue
                try:
                    mappings[answer["UUID"]] = read_mapping(answer | self._lost_timestamp(answer))
                except MappingInvalid as error:
                    logger.error("%s", error)  # noqa: TRY400 - the message says it all
        return mappings

    def _lost_timestamp(self, answer: dict[str, Any]) -> dict[str, Any]:
        """MiniStack forgets StartingPositionTimestamp but keeps the mapping's tags: take it from there."""
        if answer.get("StartingPosition") != "AT_TIMESTAMP" or "StartingPositionTimestamp" in answer:
            return {}
        tags = self.function.list_tags(Resource=answer["EventSourceMappingArn"])["Tags"]
        return {"StartingPositionTimestamp": tags.get(TIMESTAMP_TAG)}

    def role_of(self, mapping: Mapping) -> str:
        """Return the role a function runs as, which its events name."""
        return str(self.function.get_function_configuration(FunctionName=mapping.function_arn)["Role"])


class ShardThread(threading.Thread):
    """Steps one shard until it is finished or stopped; a stop lets the invocation under way end."""

    def __init__(
        self,
        *,
        shard: Callable[["ShardThread"], Shard],
        deliverer: LambdaDeliverer,
        workers: int,
        name: str,
        ended: Callable[[], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._woken = threading.Event()
        self._stop_asked = threading.Event()
        self._crashed = False
        self._ended = ended
        self._deliverer = deliverer
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._shard = shard(self)

    def wake(self) -> None:
        """Make it look again at once."""
        self._woken.set()

    def submit(self, work: Callable[[], None]) -> None:
        """Run a task in a worker thread; one that raises ends this one, to begin anew at the checkpoint."""

        def guarded() -> None:
            try:
                work()
            except Exception:
                logger.exception("A defect in the runner: the shard is read again from its checkpoint")
                self._crashed = True
                self.wake()

        self._pool.submit(guarded)

    def configure(self, mapping: Mapping) -> None:
        """Follow an updated configuration from the next batch on."""
        self._deliverer.mapping = mapping
        self._shard.configure(mapping)

    def stop(self) -> None:
        """Ask it to end; ``join`` waits for that."""
        self._stop_asked.set()
        self.wake()

    def run(self) -> None:
        """Step until there is no more to do."""
        while not self._is_over():
            if self._stop_asked.is_set():
                self._shard.stop()
            self._woken.wait(self._shard.step())
            self._woken.clear()
        self._pool.shutdown(wait=False)
        self._ended()

    def _is_over(self) -> bool:
        stopped = self._stop_asked.is_set() and self._shard.is_idle
        return self._crashed or self._shard.is_finished or stopped


class MappingRunner:
    """All shards of one mapping."""

    def __init__(
        self, cloud: Cloud, mapping: Mapping, checkpoints: CheckpointFile, wake: Callable[[], None]
    ) -> None:
        self.mapping = mapping
        self._cloud = cloud
        self._checkpoints = checkpoints
        self._wake = wake
        self._role_arn = cloud.role_of(mapping)
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
        shards = list_shards(self._cloud.kinesis, self.mapping.stream_arn)
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
        cloud, mapping = self._cloud, self.mapping
        deliverer = LambdaDeliverer(
            function=cloud.function,
            mapping=mapping,
            shard_id=shard_id,
            destination=cloud.destination,
            metrics=cloud.metrics,
        )
        reader = KinesisReader(
            kinesis=cloud.kinesis,
            mapping=mapping,
            shard_id=shard_id,
            role_arn=self._role_arn,
            checkpoint=checkpoint,
            metrics=cloud.metrics,
        )

        def make_shard(thread: ShardThread) -> Shard:
            return Shard(
                mapping=mapping,
                checkpoint=checkpoint,
                reader=reader,
                deliverer=deliverer,
                save=partial(self._checkpoints.save, mapping.uuid, shard_id),
                submit=thread.submit,
                wake=thread.wake,
                clock=time.time,
                backoff=backoff,
            )

        self._threads[shard_id] = ShardThread(
            shard=make_shard,
            deliverer=deliverer,
            workers=mapping.parallelization_factor,
            name=f"{mapping.function_name} {shard_id}",
            ended=self._wake,
        )
        self._threads[shard_id].start()


class Runner:
    """Drives the mappings of one account and region as their deployed configuration says."""

    def __init__(self, session: Any, checkpoints: CheckpointFile) -> None:  # noqa: ANN401 - a boto3 session
        self._cloud = Cloud(session)
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
            self._cloud.metrics.publish()
            self._woken.wait(RECONCILE_SECONDS)
            self._woken.clear()
        for runner in self._runners.values():
            runner.stop()
        for runner in self._runners.values():
            runner.join(STOP_SECONDS / len(self._runners))
        self._cloud.metrics.publish()

    def stop(self) -> None:
        """Make ``run`` return; may be called from a signal handler."""
        self._stopped = True
        self._woken.set()

    def _reconcile(self) -> None:
        deployed = self._cloud.list_mappings()
        for uuid in [uuid for uuid in self._runners if uuid not in deployed]:
            self._runners.pop(uuid).stop()
            self._checkpoints.forget(uuid)
        for uuid, mapping in deployed.items():
            self._follow(uuid, mapping)

    def _follow(self, uuid: str, mapping: Mapping) -> None:
        runner = self._runners.get(uuid)
        if runner is None:
            runner = self._runners[uuid] = MappingRunner(
                self._cloud, mapping, self._checkpoints, self._woken.set
            )
        if runner.mapping != mapping:
            runner.configure(mapping)
        if mapping.enabled:
            runner.refresh()
