from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.errors import PublishError
from spm.publishing import put_records as module
from spm.publishing.put_records import MAX_BYTES, MAX_RECORDS, Entry, batches, pause, publish, put

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class Stream:
    """A stream that refuses each record a given number of times, and then keeps it."""

    def __init__(self, refusals: int = 0) -> None:
        self.kept: list[bytes] = []
        self.calls: list[int] = []
        self._refusals = refusals
        self._seen: dict[bytes, int] = {}

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert StreamName == "stream"
        self.calls.append(len(Records))
        results = [self._take(record["Data"]) for record in Records]
        return {"FailedRecordCount": sum("ErrorCode" in r for r in results), "Records": results}

    def _take(self, data: bytes) -> dict[str, str]:
        seen = self._seen[data] = self._seen.get(data, 0) + 1
        if data.startswith(b"refuse") and seen <= self._refusals:
            return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        self.kept.append(data)
        return {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}

    @property
    def client(self) -> "KinesisClient":
        return cast("KinesisClient", self)


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.0)


def entries(count: int, prefix: str = "take") -> list[Entry]:
    return [Entry(f"{prefix}-{number}".encode(), "key") for number in range(count)]


@given(st.lists(st.tuples(st.integers(0, 1024 * 1024), st.text(max_size=20)), max_size=1200))
def test_batches_lose_nothing_and_keep_every_limit(sizes: list[tuple[int, str]]) -> None:
    block = bytes(1024 * 1024)
    given_entries = [Entry(block[:size], key) for size, key in sizes]
    cut = list(batches(given_entries))
    assert [entry for batch in cut for entry in batch] == given_entries
    for batch in cut:
        assert 1 <= len(batch) <= MAX_RECORDS
        assert sum(len(entry.data) + len(entry.partition_key.encode()) for entry in batch) <= MAX_BYTES


def test_batches_are_as_full_as_allowed() -> None:
    assert [len(batch) for batch in batches(entries(1_201))] == [500, 500, 201]


def test_everything_is_put_and_counted_call_by_call() -> None:
    stream = Stream()
    sent = entries(1_201)
    accepted = list(publish(stream.client, "stream", sent))
    assert [len(batch) for batch in accepted] == [500, 500, 201]
    assert [entry for batch in accepted for entry in batch] == sent
    assert sorted(stream.kept) == sorted(entry.data for entry in sent)


def test_no_entries_make_no_call() -> None:
    stream = Stream()
    assert list(publish(stream.client, "stream", [])) == []
    assert stream.calls == []


@pytest.mark.usefixtures("_no_pauses")
def test_only_what_was_refused_is_sent_again() -> None:
    stream = Stream(refusals=2)
    assert len(put(stream.client, "stream", [*entries(7), *entries(3, "refuse")])) == 10
    assert stream.calls == [10, 3, 3]
    assert len(stream.kept) == 10


@pytest.mark.usefixtures("_no_pauses")
def test_a_stream_that_keeps_refusing_is_an_error_that_says_why() -> None:
    stream = Stream(refusals=1_000)
    with pytest.raises(
        PublishError, match=r"refused 2 records 12 times \(Provisioned.*slow down\): add shards"
    ):
        list(publish(stream.client, "stream", [*entries(2), *entries(2, "refuse")]))


def test_input_is_read_no_further_than_the_calls_in_flight() -> None:
    read = 0

    def endless() -> Iterator[Entry]:
        nonlocal read
        while True:
            read += 1
            yield Entry(b"take", "key")

    running = publish(Stream().client, "stream", endless(), in_flight=2)
    next(running)
    assert read <= 4 * MAX_RECORDS
    running.close()  # type: ignore[attr-defined]  # a generator, though its callers only iterate


@given(st.integers(0, 60))
def test_pauses_are_bounded(attempt: int) -> None:
    assert 0 <= pause(attempt) <= 5
