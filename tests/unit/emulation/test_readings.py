"""Where AWS's documentation can be read in two ways, no record is lost under either reading.

Each reading is a lane of its own. Whatever the function answers, every record ends either in a delivery that
succeeded, or whole in the on-failure destination, which `spm replay failed` reads.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulation.runner.lane import Batch, Discard, Invoke, Lane, Task
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Failed, NotInvoked, Outcome, PartlyFailed, Succeeded
from emulation.runner.records import ShardRecord

COUNT = 8


class OneRecordIsDiscarded(Lane):
    """When retries run out, only the record at the checkpoint is discarded. The rest begins anew."""

    def _task_for_first(self, mapping: EventSourceMapping, now: float) -> Task | None:
        if self._exhausted and len(self._batches[0].records) > 1:
            self._split(1)
            first, second, *rest = self._batches
            self._batches.clear()
            self._batches.extend([first, replace(second, retries=0), *rest])
        return super()._task_for_first(mapping, now)


class SplitsCount(Lane):
    """Each split by bisect uses up a retry."""

    def _fail(self, batch: Batch, mapping: EventSourceMapping, now: float) -> None:
        super()._fail(replace(batch, retries=batch.retries + 1), mapping, now)


READINGS = [Lane, OneRecordIsDiscarded, SplitsCount]
OUTCOMES = st.sampled_from([Succeeded(), Failed(), NotInvoked()]) | st.builds(
    PartlyFailed, st.integers(0, COUNT - 1)
)


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.__name__)
@given(
    outcomes=st.lists(OUTCOMES, max_size=40),
    retries=st.integers(0, 3),
    bisects=st.booleans(),
    batch_size=st.integers(1, COUNT),
)
def test_every_record_is_done_or_kept_whole(
    reading: type[Lane], outcomes: list[Outcome], retries: int, bisects: bool, batch_size: int
) -> None:
    mapping = EventSourceMapping(
        uuid="uuid",
        function_arn="f",
        stream_arn="s",
        batch_size=batch_size,
        bisects=bisects,
        maximum_retries=retries,
        reports_item_failures=True,
    )
    lane = reading(backoff=lambda _: 0.0)
    sent = [ShardRecord(f"{number:030d}", "key", 0.0, b"", "{}") for number in range(COUNT)]
    for record in sent:
        lane.offer(record, 0.0)
    processed, kept = deliver(lane, mapping, outcomes)
    assert set(processed) | set(kept) == set(sent)
    assert kept == sorted(kept, key=lambda record: record.sequence)
    assert len(kept) == len(set(kept))


def deliver(
    lane: Lane, mapping: EventSourceMapping, outcomes: list[Outcome]
) -> tuple[list[ShardRecord], list[ShardRecord]]:
    """Deliver until all succeeds. Return the records that were processed, and those at the destination."""
    answers = iter(outcomes)
    processed: list[ShardRecord] = []
    kept: list[ShardRecord] = []
    while (task := lane.next_task(mapping, 0.0)) is not None:
        if isinstance(task, Discard):
            kept += lane.discarded(taken=True, now=0.0)
            continue
        assert isinstance(task, Invoke)
        answer = next(answers, Succeeded())
        if isinstance(answer, PartlyFailed):
            answer = PartlyFailed(answer.first_failed % len(task.batch.records))
        processed += lane.invoked(answer, mapping, 0.0)
    return processed, kept
