import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.publishing.files import Record
from spm.publishing.prepare import LONGEST_RECORD, BadRecord, prepare
from spm.publishing.put_records import Entry

EVENT = {"student_id": "s1", "event_type": "quiz", "timestamp": "2026-01-01T00:00:00Z"}


def prepared(
    *data: bytes, name: str | None = "file.jsonl", skip: int = 0
) -> tuple[list[Entry], list[BadRecord]]:
    bad: list[BadRecord] = []
    records = [Record(line, each) for line, each in enumerate(data, start=1)]
    return list(prepare(records, name, bad.append, skip)), bad


def event_ids(*data: bytes, name: str | None = "file.jsonl") -> list[str]:
    entries, bad = prepared(*data, name=name)
    assert not bad
    return [json.loads(entry.data)["event_id"] for entry in entries]


def line(**members: Any) -> bytes:
    return json.dumps({**EVENT, **members}).encode()


def test_an_event_with_its_own_id_is_not_touched() -> None:
    data = line(event_id=str(uuid.uuid4()))
    assert prepared(data)[0] == [Entry(data, "s1", 1)]


def test_a_missing_id_is_added_and_nothing_else_changes() -> None:
    data = b'{"student_id":"s1", "event_type" : "quiz", "score": 1.50, "extra":[1e400]}  '
    [entry], _ = prepared(data)
    assert entry.partition_key == "s1"
    assert entry.data.startswith(
        b'{"student_id":"s1", "event_type" : "quiz", "score": 1.50, "extra":[1e400],"event_id":"'
    )
    assert uuid.UUID(entry.data[-38:-2].decode()).version == 8


def test_the_same_event_with_a_time_has_the_same_id_wherever_it_stands() -> None:
    assert event_ids(line()) == event_ids(line(score=1), line())[1:] == event_ids(line(), name=None)
    assert event_ids(line(), name="other") == event_ids(line())


def test_without_a_time_the_place_in_the_file_tells_events_apart() -> None:
    data = b'{"student_id":"s1","event_type":"login"}'
    first, second = event_ids(data, data)
    assert first != second
    assert [first, second] == event_ids(data, data)
    assert event_ids(data, name="other.jsonl") != [first]


def test_without_a_time_from_a_pipe_every_event_is_new() -> None:
    data = b'{"student_id":"s1","event_type":"login"}'
    assert event_ids(data, name=None) != event_ids(data, name=None)


@given(st.datetimes(), st.datetimes())
def test_ids_of_timed_events_are_in_the_order_of_their_times(a: Any, b: Any) -> None:
    if not (1970 <= a.year < 9999 and 1970 <= b.year < 9999):
        return
    first, second = event_ids(*(line(timestamp=moment.isoformat() + "Z") for moment in sorted([a, b])))
    assert first[:13] <= second[:13]


def test_bad_records_are_named_with_line_reason_and_detail() -> None:
    entries, bad = prepared(b"nonsense", line(), b'{"student_id": "s1"}')
    assert [entry.position for entry in entries] == [2]
    assert [(b.line, b.reason) for b in bad] == [(1, "not_json"), (3, "missing_member")]
    assert all(b.detail for b in bad)


def test_a_record_longer_than_kinesis_takes_is_bad() -> None:
    entries, bad = prepared(line(metadata={"text": "x" * LONGEST_RECORD}))
    assert not entries
    assert bad[0].reason == "too_long"


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_skipping_leaves_the_rest_as_it_was(skip: int) -> None:
    data = [line(score=n) for n in range(3)]
    whole, _ = prepared(*data)
    assert prepared(*data, skip=skip)[0] == whole[skip:]
