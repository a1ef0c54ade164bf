"""One shard's thread. It steps the shard, and a small pool carries out the tasks that the shard starts."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from emulation.runner.aws import KinesisReader, LambdaDeliverer
from emulation.runner.backoff import backoff
from emulation.runner.checkpoints import Checkpoint
from emulation.runner.clients import Clients
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.shard import Shard
from emulation.runner.status import LastProcessingResult, problem

logger = logging.getLogger(__name__)


class ShardThread(threading.Thread):
    """Steps one shard until it is finished or stopped. A stop lets the running invocation end."""

    def __init__(
        self,
        *,
        clients: Clients,
        mapping: EventSourceMapping,
        shard_id: str,
        role_arn: str,
        checkpoint: Checkpoint,
        status: LastProcessingResult,
        save: Callable[[Checkpoint], None],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(name=f"{mapping.function_name} {shard_id}", daemon=True)
        self._woken = threading.Event()
        self._stop_asked = threading.Event()
        self._crashed = False
        self.has_ended = False  # the thread itself may live a moment longer
        self._status = status
        self._ended = ended
        self.shard_begins = checkpoint.shard_begins
        self._pool = ThreadPoolExecutor(mapping.parallelization_factor, thread_name_prefix=self.name)
        self._deliverer = LambdaDeliverer(clients=clients, mapping=mapping, shard_id=shard_id, status=status)
        self._shard = Shard(
            mapping=mapping,
            checkpoint=checkpoint,
            reader=KinesisReader(
                clients=clients,
                mapping=mapping,
                shard_id=shard_id,
                role_arn=role_arn,
                checkpoint=checkpoint,
            ),
            deliverer=self._deliverer,
            save=save,
            submit=self._submit,
            wake=self._woken.set,
            clock=time.time,
            backoff=backoff,
        )

    def configure(self, mapping: EventSourceMapping) -> None:
        """Follow an updated configuration from the next batch on."""
        self._deliverer.mapping = mapping
        self._shard.configure(mapping)

    def stop(self) -> None:
        """Ask the thread to end. ``join`` waits for that."""
        self._stop_asked.set()
        self._woken.set()

    def run(self) -> None:
        """Step until there is nothing more to do."""
        while not self._is_over():
            if self._stop_asked.is_set():
                self._shard.stop()
            self._woken.wait(self._step())
            self._woken.clear()
        self._pool.shutdown(wait=False)
        self.has_ended = True
        self._ended()

    def _step(self) -> float:
        try:
            return self._shard.step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other shards go on
            self._crash(error)
            return 0.0

    def _is_over(self) -> bool:
        stopped = self._stop_asked.is_set() and self._shard.is_idle
        return self._crashed or self._shard.is_finished or stopped

    def _submit(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - as above
                self._crash(error)
                self._woken.set()

        self._pool.submit(guarded)

    def _crash(self, error: Exception) -> None:
        logger.error("A defect in the runner: the shard is read again from its checkpoint", exc_info=error)
        self._status.show(problem(error))
        self._crashed = True
