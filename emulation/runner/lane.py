"""What happens to the records of one lane, from read to done: batching, retries, splitting, discarding.

A lane is a shard or, with a parallelization factor, the part of a shard's partition keys that keeps order
among itself. It does no I/O and knows no threads: it is told the time and what happened, and says what to do
next. docs/design.md has its state diagram. AWS documents the rules:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Answer, Failed, NotInvoked, Outcome, PartlyFailed, Succeeded
from emulation.runner.records import ShardRecord

MAXIMUM_PAYLOAD = 6 * 1024 * 1024  # bytes of JSON in one invocation

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]
Backoff = Callable[[int], float]  # attempts that failed so far → seconds to wait


@dataclass(frozen=True)
class Batch:
    """Records that are delivered together, and the attempts so far."""

    records: tuple[ShardRecord, ...]
    retries: int = 0  # how many of MaximumRetryAttempts are used up
    attempts: int = 0  # invocations that reached the function
    refusals: int = 0  # invocations in a row that did not reach it
    not_before: float = 0.0
    answer: Answer | None = None  # the function's last one


@dataclass(frozen=True)
class Invoke:
    """Call the function with the batch, then tell the lane through ``invoked``."""

    batch: Batch


@dataclass(frozen=True)
class Discard:
    """Send the batch to the on-failure destination, then tell the lane through ``discarded``."""

    batch: Batch
    condition: Condition


Task = Invoke | Discard


class Lane:
    """Records in order, one task at a time."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._fresh: deque[tuple[ShardRecord, float]] = deque()  # not in a batch yet; when each was read
        self._fresh_size = 0
        self._batches: deque[Batch] = deque()  # in the works; more than one after a split
        self._exhausted = False  # the first batch's retries are used up
        self._task: Task | None = None

    def offer(self, record: ShardRecord, now: float) -> None:
        """Take a record that was read after all the others."""
        self._fresh.append((record, now))
        self._fresh_size += record.size

    @property
    def is_busy(self) -> bool:
        """Whether a task is being carried out."""
        return self._task is not None

    def next_task(self, mapping: EventSourceMapping, now: float) -> Task | None:
        """Return what to do now; None if nothing is due before ``wakes_at`` or a task is under way."""
        if self._task is not None:
            return None
        if not self._batches and self._is_full(mapping, now):
            self._batches.append(self._cut_batch(mapping))
        if not self._batches:
            return None
        self._task = self._task_for_first(mapping, now)
        return self._task

    def wakes_at(self, mapping: EventSourceMapping) -> float | None:
        """Return when to call ``next_task`` again if nothing happens before; None: when something happens."""
        if self._task is not None:
            return None
        if self._batches:
            return self._batches[0].not_before
        return self._fresh[0][1] + mapping.window if self._fresh else None

    def invoked(self, outcome: Outcome, mapping: EventSourceMapping, now: float) -> Sequence[ShardRecord]:
        """Take an invocation's outcome, and return the records that are now done."""
        self._task = None
        batch = self._batches.popleft()
        match outcome:
            case Succeeded():
                return batch.records
            case PartlyFailed(first_failed=first, answer=answer):
                self._retry_from(first, _tried(batch, answer), mapping, now)
                return batch.records[:first]
            case Failed(answer=answer):
                self._fail(_tried(batch, answer), mapping, now)
                return ()
            case NotInvoked():
                self._refuse(batch, now)
                return ()

    def discarded(self, *, taken: bool, now: float) -> Sequence[ShardRecord]:
        """Note whether the destination accepted the batch. If so, return its records, which are now done."""
        self._task = None
        batch = self._batches.popleft()
        if not taken:
            self._refuse(batch, now)
            return ()
        self._exhausted = False
        return batch.records

    def _is_full(self, mapping: EventSourceMapping, now: float) -> bool:
        if not self._fresh:
            return False
        waited = now - self._fresh[0][1]
        return (
            len(self._fresh) >= mapping.batch_size
            or self._fresh_size >= MAXIMUM_PAYLOAD
            or waited >= mapping.window
        )

    def _cut_batch(self, mapping: EventSourceMapping) -> Batch:
        records: list[ShardRecord] = []
        size = 0
        while self._fresh and len(records) < mapping.batch_size:
            record = self._fresh[0][0]
            if records and size + record.size > MAXIMUM_PAYLOAD:
                break
            records.append(record)
            size += record.size
            self._fresh.popleft()
        self._fresh_size -= size
        return Batch(tuple(records))

    def _task_for_first(self, mapping: EventSourceMapping, now: float) -> Task | None:
        batch = self._batches[0]
        if now < batch.not_before:
            return None
        if self._exhausted:
            return Discard(batch, "RetryAttemptsExhausted")
        too_old = _count_too_old(batch, mapping, now)
        if too_old:
            self._split(too_old)
            return Discard(self._batches[0], "RecordAgeExceeded")
        return Invoke(batch)

    def _fail(self, batch: Batch, mapping: EventSourceMapping, now: float) -> None:
        if mapping.bisects and len(batch.records) > 1:
            self._put_back(batch)
            self._split(len(batch.records) // 2)
        else:
            self._retry(batch, mapping, now)

    def _retry_from(self, first: int, batch: Batch, mapping: EventSourceMapping, now: float) -> None:
        rest = replace(batch, records=batch.records[first:])
        if mapping.bisects and first > 0:  # the response marks the place of the split: no retry is used up
            self._put_back(rest)
        else:
            self._retry(rest, mapping, now)

    def _retry(self, batch: Batch, mapping: EventSourceMapping, now: float) -> None:
        self._exhausted = mapping.maximum_retries is not None and batch.retries >= mapping.maximum_retries
        if self._exhausted:
            self._put_back(batch)
            return
        retries = batch.retries + 1
        self._put_back(replace(batch, retries=retries, not_before=now + self._backoff(retries)))

    def _refuse(self, batch: Batch, now: float) -> None:
        refusals = batch.refusals + 1
        self._put_back(replace(batch, refusals=refusals, not_before=now + self._backoff(refusals)))

    def _split(self, at: int) -> None:
        """Split the first batch in two. Each half keeps the count of its attempts."""
        batch = self._batches.popleft()
        if batch.records[at:]:
            self._put_back(replace(batch, records=batch.records[at:]))
        self._put_back(replace(batch, records=batch.records[:at]))

    def _put_back(self, batch: Batch) -> None:
        self._batches.appendleft(batch)


def _tried(batch: Batch, answer: Answer | None) -> Batch:
    return replace(batch, attempts=batch.attempts + 1, refusals=0, answer=answer)


def _count_too_old(batch: Batch, mapping: EventSourceMapping, now: float) -> int:
    if mapping.maximum_age is None:
        return 0
    oldest_allowed = now - mapping.maximum_age
    fresh = (n for n, record in enumerate(batch.records) if record.arrived_at >= oldest_allowed)
    return next(fresh, len(batch.records))
