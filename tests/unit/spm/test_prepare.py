import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.attendance import PIPELINE as ATTENDANCE
from spm.publishing.bad import BadRecord
from spm.publishing.prepare import LONGEST_RECORD, prepare
from spm.publishing.put_records import Entry
from spm.reading.documents import Record

EVENT = {"student_id": "s1", "event_type": "quiz", "timestamp": "2026-01-01T00:00:00Z"}


def prepared(*data: bytes, by_chance: bool = False, skip: int = 0) -> tuple[list[Entry], list[BadRecord]]:
    bad: list[BadRecord] = []
    records = [Record(line, each) for line, each in enumerate(data, start=1)]
    return list(prepare(records, bad.append, skip, by_chance=by_chance)), bad


def event_ids(*data: bytes, by_chance: bool = False) -> list[str]:
    entries, bad = prepared(*data, by_chance=by_chance)
    assert not bad
    return [json.loads(entry.data)["event_id"] for entry in entries]


def line(**members: Any) -> bytes:
    return json.dumps({**EVENT, **members}).encode()


def test_an_event_with_its_own_id_is_not_touched() -> None:
    data = line(event_id=str(uuid.uuid4()))
    [entry], _ = prepared(data)
    assert (entry.data, entry.partition_key, entry.position) == (data, "s1", 1)


def test_a_missing_id_is_added_and_nothing_else_changes() -> None:
    data = b'{"student_id":"s1", "event_type" : "quiz", "score": 1.50, "extra":[1e400]}  '
    [entry], _ = prepared(data)
    assert entry.partition_key == "s1"
    assert entry.data.startswith(
        b'{"student_id":"s1", "event_type" : "quiz", "score": 1.50, "extra":[1e400],"event_id":"'
    )
    assert uuid.UUID(entry.data[-38:-2].decode()).version == 8


def test_the_same_event_with_a_time_has_the_same_id_wherever_it_is() -> None:
    assert event_ids(line()) == event_ids(line(score=1), line())[1:] == event_ids(line(), by_chance=True)


def test_the_same_event_without_a_time_has_the_same_id_wherever_it_is() -> None:
    data, other = (b'{"student_id":"s1","event_type":"quiz","score":%d}' % score for score in (1, 2))
    [first, corrected, again] = event_ids(data, other, data)
    assert first == again != corrected
    assert event_ids(data) == [first]


def test_without_a_time_from_a_pipe_every_event_is_new() -> None:
    data = b'{"student_id":"s1","event_type":"login"}'
    assert event_ids(data, by_chance=True) != event_ids(data, by_chance=True)


def test_a_record_that_is_not_an_object_is_reported_as_without_an_id() -> None:
    told: list[None] = []
    records = [Record(1, b"BADGE math-1 s1 2026-01-01T08:00:00Z")]
    entries = list(
        prepare(
            records,
            lambda bad: pytest.fail(bad.detail),
            on_without_id=lambda: told.append(None),
            pipeline=ATTENDANCE,
        )
    )
    assert [entry.data for entry in entries] == [records[0].data]
    assert len(told) == 1


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


def test_a_bad_member_is_named_with_its_value_and_an_example() -> None:
    _, [number, missing] = prepared(line(score="ninety"), b'{"event_type": "quiz"}')
    assert (number.value, number.right) == ('"ninety"', "91.5")
    assert (missing.value, missing.right) == (None, "s-1024")
    assert number.kind == number.detail


def test_what_was_bad_before_stays_bad() -> None:
    was_bad = BadRecord(7, "broken_row", "no row", "broken_row")
    told: list[BadRecord] = []
    assert [e.position for e in prepare([was_bad, Record(8, line())], told.append)] == [2]
    assert told == [was_bad]


def test_a_record_longer_than_kinesis_takes_is_bad() -> None:
    entries, bad = prepared(line(metadata={"text": "x" * LONGEST_RECORD}))
    assert not entries
    assert bad[0].reason == "too_long"


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_skipping_leaves_the_rest_as_it_was(skip: int) -> None:
    data = [line(score=n) for n in range(3)]
    whole, _ = prepared(*data)
    assert prepared(*data, skip=skip)[0] == whole[skip:]
