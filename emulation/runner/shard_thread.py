"""One shard's thread: it steps the shard, and a small pool carries out what the shard starts."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from emulation.runner.aws import KinesisReader, LambdaDeliverer
from emulation.runner.backoff import backoff
from emulation.runner.checkpoints import Checkpoint
from emulation.runner.clients import Clients
from emulation.runner.mapping import Mapping
from emulation.runner.shard import Shard

logger = logging.getLogger(__name__)


class ShardThread(threading.Thread):
    """Steps one shard until it is finished or stopped; a stop lets the invocation under way end."""

    def __init__(
        self,
        *,
        clients: Clients,
        mapping: Mapping,
        shard_id: str,
        role_arn: str,
        checkpoint: Checkpoint,
        save: Callable[[Checkpoint], None],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(name=f"{mapping.function_name} {shard_id}", daemon=True)
        self._woken = threading.Event()
        self._stop_asked = threading.Event()
        self._crashed = False
        self._ended = ended
        self._pool = ThreadPoolExecutor(mapping.parallelization_factor, thread_name_prefix=self.name)
        self._deliverer = LambdaDeliverer(clients=clients, mapping=mapping, shard_id=shard_id)
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

    def configure(self, mapping: Mapping) -> None:
        """Follow an updated configuration from the next batch on."""
        self._deliverer.mapping = mapping
        self._shard.configure(mapping)

    def stop(self) -> None:
        """Ask it to end; ``join`` waits for that."""
        self._stop_asked.set()
        self._woken.set()

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

    def _submit(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception:
                logger.exception("A defect in the runner: the shard is read again from its checkpoint")
                self._crashed = True
                self._woken.set()

        self._pool.submit(guarded)
