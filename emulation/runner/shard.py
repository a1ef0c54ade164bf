"""Reads one shard, spreads its records over lanes, starts tasks that are due, and keeps the checkpoint."""

import hashlib
import queue
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from emulation.runner.checkpoints import Checkpoint
from emulation.runner.filters import Filters
from emulation.runner.lane import MAXIMUM_PAYLOAD, Backoff, Discard, Invoke, Lane, Task
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Outcome
from emulation.runner.progress import Progress
from emulation.runner.records import ShardRecord

POLL_SECONDS = 0.2  # Kinesis allows five reads per second and shard
IDLE_POLL_SECONDS = 0.25  # so that a lone event is stored in less than 300 ms
READ_AHEAD_RECORDS = 10_000
READ_AHEAD_BYTES = 2 * MAXIMUM_PAYLOAD


class ShardReader(Protocol):
    """Reads one shard from the place at which it was opened."""

    def read(self) -> tuple[Sequence[ShardRecord], bool]:
        """Return the next records, possibly none, and whether the shard is closed and read to its end."""


class Deliverer(Protocol):
    """Carries out the lanes' tasks in worker threads. It does not raise, whatever AWS answers."""

    def invoke(self, task: Invoke) -> Outcome:
        """Invoke the function with the batch."""

    def discard(self, task: Discard) -> bool:
        """Send the batch to the on-failure destination. False: it was refused, try again."""

    def filtered_out(self, records: int) -> None:
        """Count records that the filters dropped."""


class Shard:
    """The only loop that a record goes through: one thread calls ``step`` again and again.

    Tasks run where ``submit`` puts them. Their results come back through a queue, and ``wake`` tells the
    stepping thread. ``save`` gets a checkpoint whenever records are done. Between steps, ``configure`` may
    replace the mapping by one with the same stream and parallelization factor.
    """

    def __init__(
        self,
        *,
        mapping: EventSourceMapping,
        checkpoint: Checkpoint,
        reader: ShardReader,
        deliverer: Deliverer,
        save: Callable[[Checkpoint], None],
        submit: Callable[[Callable[[], None]], None],
        wake: Callable[[], None],
        clock: Callable[[], float],
        backoff: Backoff,
    ) -> None:
        self.is_finished = False
        self._reader = reader
        self._deliverer = deliverer
        self._save = save
        self._submit = submit
        self._wake = wake
        self._clock = clock
        self._lanes = [Lane(backoff) for _ in range(mapping.parallelization_factor)]
        self._progress = Progress(checkpoint, mapping.parallelization_factor)
        self._results: queue.SimpleQueue[tuple[int, Task, Outcome | bool]] = queue.SimpleQueue()
        self._read_again_at = 0.0
        self._at_end = False
        self._stopping = False
        self.configure(mapping)

    def configure(self, mapping: EventSourceMapping) -> None:
        """Follow an updated configuration from the next batch on."""
        self.mapping = mapping
        self._filters = Filters(mapping.filter_patterns)

    def stop(self) -> None:
        """Start nothing more. ``is_idle`` becomes true when all running tasks have ended."""
        self._stopping = True

    @property
    def is_idle(self) -> bool:
        """Whether no task is under way."""
        return not any(lane.is_busy for lane in self._lanes)

    def step(self) -> float:
        """Do what is due. Return the seconds until the next step, unless ``wake`` is called before."""
        self._take_results()
        if self._stopping:
            return POLL_SECONDS
        self._read()
        self._start_tasks()
        self._finish()
        return self._seconds_to_wait()

    def _take_results(self) -> None:
        while not self._results.empty():
            number, task, result = self._results.get()
            lane = self._lanes[number]
            if isinstance(task, Invoke):
                assert not isinstance(result, bool)  # noqa: S101 - tells the type checker which task it was
                done = lane.invoked(result, self.mapping, self._clock())
            else:
                done = lane.discarded(taken=bool(result), now=self._clock())
            if done:
                self._progress.done(done, number)
                self._save(self._progress.checkpoint())

    def _read(self) -> None:
        now = self._clock()
        if self._at_end or now < self._read_again_at or self._is_far_ahead():
            return
        records, self._at_end = self._reader.read()
        self._read_again_at = now + POLL_SECONDS if records else next_idle_poll(now)
        filtered = sum(not self._accept(record, now) for record in records)
        if filtered:
            self._deliverer.filtered_out(filtered)

    def _is_far_ahead(self) -> bool:
        return (
            self._progress.records_read_ahead >= READ_AHEAD_RECORDS
            or self._progress.bytes_read_ahead >= READ_AHEAD_BYTES
        )

    def _accept(self, record: ShardRecord, now: float) -> bool:
        """Give the record to its lane, unless it was done before. Return whether the filters accept it."""
        number = lane_of(record.partition_key, len(self._lanes))
        self._progress.read(record)
        done = self._progress.was_done(record, number)
        accepted = done or self._filters.accepts(record)
        if accepted and not done:
            self._lanes[number].offer(record, now)
        else:
            self._progress.passed_over(record)
        return accepted

    def _start_tasks(self) -> None:
        for number, lane in enumerate(self._lanes):
            task = lane.next_task(self.mapping, self._clock())
            if task is not None:
                self._submit(partial(self._carry_out, number, task))

    def _carry_out(self, number: int, task: Task) -> None:
        if isinstance(task, Invoke):
            self._results.put((number, task, self._deliverer.invoke(task)))
        else:
            self._results.put((number, task, self._deliverer.discard(task)))
        self._wake()

    def _finish(self) -> None:
        if self._at_end and not self._progress.records_read_ahead and not self.is_finished:
            self.is_finished = True
            self._save(self._progress.checkpoint(finished=True))

    def _seconds_to_wait(self) -> float:
        wakes = [lane.wakes_at(self.mapping) for lane in self._lanes]
        times = [time for time in wakes if time is not None]
        if not self._at_end and not self._is_far_ahead():
            times.append(self._read_again_at)
        return max(0.0, min(times, default=self._clock() + POLL_SECONDS) - self._clock())


def next_idle_poll(now: float) -> float:
    """Return the next moment at which idle shards are read, which is the same for all of them.

    Calls made together cost little more than half of what they cost one by one.
    """
    return now - now % IDLE_POLL_SECONDS + IDLE_POLL_SECONDS


def lane_of(partition_key: str, lanes: int) -> int:
    """Return the lane of a partition key, which depends on nothing but the number of lanes."""
    if lanes == 1:
        return 0
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()[:4]) % lanes
