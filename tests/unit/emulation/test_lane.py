"""Lambda's rules for one lane. emulation/runner/lane.py links to the pages that document them."""

from dataclasses import replace

import pytest

from emulation.runner.lane import MAXIMUM_PAYLOAD, Discard, Invoke, Lane
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Failed, NotInvoked, Outcome, PartlyFailed, Succeeded
from emulation.runner.records import ShardRecord

MAPPING = EventSourceMapping(
    uuid="uuid",
    function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
    stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
    batch_size=4,
    reports_item_failures=True,
)


def record(number: int, *, arrived_at: float = 0.0, size: int = 10) -> ShardRecord:
    return ShardRecord(f"{number:030d}", "key", arrived_at, b"", "x" * (size - 1))


class Driver:
    """A lane whose invocations are answered from a list, one per second."""

    def __init__(self, mapping: EventSourceMapping, records: list[ShardRecord]) -> None:
        self.lane = Lane(backoff=float)
        self.mapping = mapping
        self.now = 0.0
        self.deliveries: list[list[int]] = []
        self.discards: list[tuple[str, list[int], int]] = []
        self.done: list[int] = []
        for one in records:
            self.lane.offer(one, self.now)

    def run(self, *outcomes: Outcome) -> "Driver":
        answers = iter(outcomes)
        while (task := self._next()) is not None:
            numbers = [int(one.sequence) for one in task.batch.records]
            if isinstance(task, Discard):
                self.discards.append((task.condition, numbers, task.batch.attempts))
                done = self.lane.discarded(taken=True, now=self.now)
            else:
                self.deliveries.append(numbers)
                done = self.lane.invoked(next(answers, Succeeded()), self.mapping, self.now)
            self.done += [int(one.sequence) for one in done]
        return self

    def _next(self) -> Invoke | Discard | None:
        wakes_at = self.lane.wakes_at(self.mapping)
        if wakes_at is None:
            return None
        self.now = max(self.now, wakes_at)
        task = self.lane.next_task(self.mapping, self.now)
        assert task is not None, "a lane is due at the time it names"
        return task


def records(count: int) -> list[ShardRecord]:
    return [record(number) for number in range(count)]


def test_a_batch_is_at_most_batch_size() -> None:
    assert Driver(MAPPING, records(9)).run().deliveries == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]


def test_a_batch_that_is_not_full_waits_for_the_window() -> None:
    lane = Lane(backoff=lambda _: 1.0)
    mapping = replace(MAPPING, window=5.0)
    lane.offer(record(0), now=100.0)
    lane.offer(record(1), now=103.0)
    assert lane.next_task(mapping, 104.9) is None
    assert lane.wakes_at(mapping) == 105.0
    task = lane.next_task(mapping, 105.0)
    assert task is not None
    assert len(task.batch.records) == 2


def test_a_full_batch_does_not_wait_for_the_window() -> None:
    lane = Lane(backoff=lambda _: 1.0)
    for one in records(4):
        lane.offer(one, now=100.0)
    assert lane.next_task(replace(MAPPING, window=300.0), 100.0) is not None


def test_six_megabytes_do_not_wait_for_the_window_and_are_not_exceeded() -> None:
    half = MAXIMUM_PAYLOAD // 2
    lane = Lane(backoff=lambda _: 1.0)
    mapping = replace(MAPPING, window=300.0, batch_size=100)
    lane.offer(record(0, size=half), now=0.0)
    assert lane.next_task(mapping, 0.0) is None
    lane.offer(record(1, size=half), now=0.0)
    lane.offer(record(2, size=half), now=0.0)
    task = lane.next_task(mapping, 0.0)
    assert task is not None
    assert [int(one.sequence) for one in task.batch.records] == [0, 1]


def test_a_record_larger_than_a_payload_goes_alone() -> None:
    big = [record(0, size=MAXIMUM_PAYLOAD + 10), record(1)]
    assert Driver(MAPPING, big).run().deliveries == [[0], [1]]


def test_a_failed_batch_is_retried_before_anything_after_it() -> None:
    driver = Driver(MAPPING, records(6)).run(Failed(), Failed())
    assert driver.deliveries == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [4, 5]]
    assert driver.done == [0, 1, 2, 3, 4, 5]


def test_retries_wait_longer_each_time() -> None:
    driver = Driver(MAPPING, records(1)).run(Failed(), Failed(), Failed())
    assert driver.now == 1.0 + 2.0 + 3.0


def test_an_exhausted_batch_is_discarded_whole_and_the_shard_goes_on() -> None:
    driver = Driver(replace(MAPPING, maximum_retries=2), records(6)).run(*[Failed()] * 3)
    assert driver.deliveries == [[0, 1, 2, 3]] * 3 + [[4, 5]]
    assert driver.discards == [("RetryAttemptsExhausted", [0, 1, 2, 3], 3)]
    assert driver.done == [0, 1, 2, 3, 4, 5]


def test_zero_retries_means_one_attempt() -> None:
    driver = Driver(replace(MAPPING, maximum_retries=0), records(1)).run(Failed())
    assert driver.discards == [("RetryAttemptsExhausted", [0], 1)]


def test_without_a_limit_retries_go_on() -> None:
    assert len(Driver(MAPPING, records(1)).run(*[Failed()] * 200).deliveries) == 201


def test_a_partial_response_repeats_from_the_checkpoint_only() -> None:
    driver = Driver(MAPPING, records(4)).run(PartlyFailed(2))
    assert driver.deliveries == [[0, 1, 2, 3], [2, 3]]
    assert driver.done == [0, 1, 2, 3]


def test_a_partial_response_uses_up_a_retry() -> None:
    driver = Driver(replace(MAPPING, maximum_retries=1), records(4)).run(PartlyFailed(1), PartlyFailed(1))
    assert driver.deliveries == [[0, 1, 2, 3], [1, 2, 3]]
    assert driver.discards == [("RetryAttemptsExhausted", [2, 3], 2)]


def test_bisect_isolates_one_bad_record_without_using_up_retries() -> None:
    mapping = replace(MAPPING, bisects=True, maximum_retries=1)
    lane_outcomes: list[Outcome] = [Failed(), Succeeded(), Failed(), Failed(), Failed(), Succeeded()]
    driver = Driver(mapping, records(4)).run(*lane_outcomes)
    assert driver.deliveries == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [2], [3]]
    assert driver.discards == [("RetryAttemptsExhausted", [2], 4)]


def test_bisect_splits_at_the_checkpoint_of_a_partial_response_without_using_up_a_retry() -> None:
    mapping = replace(MAPPING, bisects=True, maximum_retries=0)
    driver = Driver(mapping, records(4)).run(PartlyFailed(1), PartlyFailed(1), Succeeded())
    assert driver.deliveries == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]
    assert not driver.discards


def test_a_partial_response_for_the_first_record_leaves_nothing_to_split() -> None:
    mapping = replace(MAPPING, bisects=True, maximum_retries=0)
    driver = Driver(mapping, records(4)).run(PartlyFailed(0))
    assert driver.discards == [("RetryAttemptsExhausted", [0, 1, 2, 3], 1)]


@pytest.mark.parametrize("refusals", [1, 50])
def test_throttling_does_not_use_up_retries(refusals: int) -> None:
    mapping = replace(MAPPING, maximum_retries=0)
    driver = Driver(mapping, records(1)).run(*([NotInvoked()] * refusals))
    assert not driver.discards
    assert driver.done == [0]


def test_records_beyond_the_maximum_age_are_discarded_before_an_attempt() -> None:
    mapping = replace(MAPPING, maximum_age=60)
    lane = Lane(backoff=lambda _: 1.0)
    for one in [record(0, arrived_at=0.0), record(1, arrived_at=10.0), record(2, arrived_at=200.0)]:
        lane.offer(one, now=201.0)
    old = lane.next_task(mapping, 201.0)
    assert isinstance(old, Discard)
    assert old.condition == "RecordAgeExceeded"
    assert [int(one.sequence) for one in old.batch.records] == [0, 1]
    lane.discarded(taken=True, now=201.0)
    fresh = lane.next_task(mapping, 201.0)
    assert isinstance(fresh, Invoke)
    assert [int(one.sequence) for one in fresh.batch.records] == [2]


def test_age_ends_endless_retries() -> None:
    driver = Driver(replace(MAPPING, maximum_age=60), [record(0)]).run(*[Failed()] * 100)
    condition, numbers, attempts = driver.discards[0]
    assert (condition, numbers) == ("RecordAgeExceeded", [0])
    assert 5 < attempts < 20


def test_a_destination_that_refuses_is_asked_again_and_nothing_overtakes() -> None:
    mapping = replace(MAPPING, maximum_retries=0, batch_size=1)
    lane = Lane(backoff=lambda _: 1.0)
    lane.offer(record(0), now=0.0)
    lane.offer(record(1), now=0.0)
    assert isinstance(lane.next_task(mapping, 0.0), Invoke)
    lane.invoked(Failed(), mapping, 0.0)
    assert isinstance(lane.next_task(mapping, 0.0), Discard)
    assert not lane.discarded(taken=False, now=0.0)
    assert lane.next_task(mapping, 0.5) is None
    assert isinstance(lane.next_task(mapping, 1.0), Discard)
    assert [int(one.sequence) for one in lane.discarded(taken=True, now=1.0)] == [0]
    following = lane.next_task(mapping, 1.0)
    assert isinstance(following, Invoke)
    assert [int(one.sequence) for one in following.batch.records] == [1]


def test_one_task_at_a_time() -> None:
    lane = Lane(backoff=lambda _: 1.0)
    for one in records(8):
        lane.offer(one, now=0.0)
    assert lane.next_task(MAPPING, 0.0) is not None
    assert lane.next_task(MAPPING, 0.0) is None
    assert lane.wakes_at(MAPPING) is None
    assert lane.is_busy
