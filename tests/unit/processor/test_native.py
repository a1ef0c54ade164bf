"""Every rule of the native event (docs/reference.md, "Events")."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.errors import RejectRecord
from processor.records import native

ARRIVED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SMALLEST: dict[str, Any] = {"student_id": "s1", "event_type": "quiz_score"}


def parse(data: bytes) -> native.NativeColumns:
    return native.parse(data, ARRIVED)


def parse_event(**members: Any) -> native.NativeColumns:
    return parse(json.dumps(SMALLEST | members).encode())


def reason(data: bytes) -> str:
    with pytest.raises(RejectRecord) as rejection:
        parse(data)
    assert rejection.value.detail
    return rejection.value.reason


def reason_of(**members: Any) -> str:
    return reason(json.dumps(SMALLEST | members).encode())


def test_the_smallest_event_takes_the_time_of_its_arrival() -> None:
    assert parse_event() == native.NativeColumns(None, "s1", "quiz_score", None, "{}", ARRIVED)


def test_every_member_becomes_its_column() -> None:
    event_id = "0191e3a0-0000-7000-8000-000000000001"
    columns = parse_event(
        score=87.5, timestamp="2026-11-21T23:59:59.5+02:00", event_id=event_id, metadata={"course": "M1"}
    )
    assert columns.score == 87.5
    assert columns.occurred_at == datetime(
        2026, 11, 21, 23, 59, 59, 500_000, tzinfo=timezone(timedelta(hours=2))
    )
    assert columns.event_id == UUID(event_id)
    assert json.loads(columns.metadata) == {"course": "M1"}


@pytest.mark.parametrize("score", [None, 0, -3, 1e300, 0.1])
def test_a_score_is_a_number_or_null(score: float | None) -> None:
    assert parse_event(score=score).score == score


def test_unknown_members_move_into_metadata_where_one_that_is_there_wins() -> None:
    columns = parse_event(course="M1", device="tablet", metadata={"device": "phone", "n": 1})
    assert json.loads(columns.metadata) == {"course": "M1", "device": "phone", "n": 1}


def test_metadata_keeps_numbers_as_they_were_sent() -> None:
    sent = b'{"n":1.10,"big":123456789012345678901234567890,"e":1e999}'
    columns = parse(b'{"student_id":"s","event_type":"e","metadata":' + sent + b"}")
    assert columns.metadata == sent.decode()


@pytest.mark.parametrize("name", ["student_id", "event_type"])
class TestNames:
    def test_from_one_to_fifty_characters(self, name: str) -> None:
        assert getattr(parse_event(**{name: "é" * 50}), name) == "é" * 50
        assert reason_of(**{name: ""}) == "invalid_member"
        assert reason_of(**{name: "é" * 51}) == "invalid_member"

    def test_are_required(self, name: str) -> None:
        assert (
            reason(json.dumps({k: v for k, v in SMALLEST.items() if k != name}).encode()) == "missing_member"
        )

    @pytest.mark.parametrize("value", [None, 1, True, ["s"], {}])
    def test_are_strings(self, name: str, value: object) -> None:
        assert reason_of(**{name: value}) == "invalid_member"


@pytest.mark.parametrize(
    "members",
    [
        {"score": "87"},
        {"score": True},
        {"score": [1]},
        {"timestamp": "2026-11-22T12:00:00"},  # no offset
        {"timestamp": "yesterday"},
        {"timestamp": 1_795_348_800},
        {"timestamp": None},
        {"timestamp": "0001-01-01T00:00:00+12:00"},  # before the year 1 in UTC
        {"timestamp": "9999-12-31T23:59:59-12:00"},
        {"timestamp": "10000-01-01T00:00:00Z"},
        {"event_id": "not-a-uuid"},
        {"event_id": 7},
        {"event_id": None},
        {"metadata": None},
        {"metadata": []},
        {"metadata": "{}"},
        {"metadata": [], "unknown": 1},
        {"score": "87", "unknown": 1},
    ],
)
def test_members_of_the_wrong_type_form_or_range(members: dict[str, Any]) -> None:
    assert reason_of(**members) == "invalid_member"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not_json"),
        (b" ", "not_json"),
        (b"not json", "not_json"),
        (b'{"student_id":"s","event_type":"e"', "not_json"),
        (b'{"student_id":"s","event_type":"e"} {}', "not_json"),
        (b'{"student_id":"s","event_type":"e","score":NaN}', "not_json"),
        (b'{"student_id":"s","event_type":"e","score":-Infinity}', "not_json"),
        (b'{"student_id":"\\u0061","event_type":"e","score":NaN}', "not_json"),
        (b'{"student_id":"s","event_type":"e","score":1e999}', "invalid_member"),
        (b'{"student_id":"s","event_type":"e","score":' + b"9" * 400 + b"}", "invalid_member"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"\xff\xfe", "not_utf8"),
        (b'{"student_id":"\xff","event_type":"e"}', "not_utf8"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":"\xed\xa0\x80"}}', "not_utf8"),
        (b'{"student_id":"\\ud800","event_type":"e"}', "lone_surrogate"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":"\\udfff"}}', "lone_surrogate"),
        (b'{"student_id":"s","event_type":"e","metadata":{"\\ud83d":1}}', "lone_surrogate"),
        (b'{"student_id":"s","student_id":"t","event_type":"e"}', "duplicate_member"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":1,"a":1}}', "duplicate_member"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":[{"b":1,"b":2}]}}', "duplicate_member"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":1,"\\u0061":2}}', "duplicate_member"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":1e999,"a":2}}', "duplicate_member"),
        (b'{"student_id":"s","event_type":"e","x":1,"x":2}', "duplicate_member"),
        (b'{"student_id":"s","event_type":"e","x":{"y":1,"y":2}}', "duplicate_member"),
        (b'{"student_id":"a\\u0000","event_type":"e"}', "null_character"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":"\\u0000"}}', "null_character"),
        (b'{"student_id":"s","event_type":"e","x":{"\\u0000":1}}', "null_character"),
        (b'{"student_id":"s","event_type":"e","x":"\\ud800"}', "lone_surrogate"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":1e1000}}', "number_too_long"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":1E-1000}}', "number_too_long"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":[-1.5e-9999]}}', "number_too_long"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":0.' + b"1" * 1001 + b"}}", "number_too_long"),
        (b'{"student_id":"s","event_type":"e","metadata":{"a":0e1500}}', "number_too_long"),
        (
            b'{"student_id":"s","event_type":"e","metadata":{"a":' + b"9" * 880 + b"e-1001}}",
            "number_too_long",
        ),
        (b'{"student_id":"s","event_type":"e","x":' + b"9" * 5000 + b"}", "number_too_long"),
        # Two hidden quotation marks must not make up for those of a second name.
        (b'{"student_id":"\\u0022\\u0022","event_type":"e","score":1,"score":2}', "duplicate_member"),
        (b"[" * 10_000 + b"]" * 10_000, "not_an_object"),
        (
            b'{"student_id":"s","event_type":"e","metadata":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
            "too_deep",
        ),
        (b'{"student_id":"s","event_type":"e","metadata":' + b'{"a":' * 101 + b"1" + b"}" * 102, "too_deep"),
        (b'{"student_id":"s","event_type":"e","x":' + b"[" * 200 + b"]" * 200 + b"}", "too_deep"),
    ],
)
def test_what_can_not_be_an_event(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.parametrize(
    "metadata",
    [
        b'{"a":"\\\\u0000"}',
        b'{"a":"\\\\ud800"}',
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":"e-123"}',
        b'{"a":"5e-1234"}',
        b'{"a":1e-999}',
        b'{"a":1e999}',
    ],
)
def test_what_only_looks_like_something_to_refuse_is_kept_as_it_was_sent(metadata: bytes) -> None:
    assert parse(b'{"student_id":"s","event_type":"e","metadata":' + metadata + b"}").metadata == (
        metadata.decode()
    )


def test_a_hundred_thousand_names_are_checked_in_linear_time() -> None:
    names = b",".join(b'"n%d":1' % number for number in range(100_000))
    data = b'{"student_id":"s","event_type":"e","metadata":{' + names + b',"n99999":2}}'
    started = time.process_time()
    assert reason(data) == "duplicate_member"
    assert time.process_time() - started < 5, "it took 164 s while the check was quadratic"


def test_nesting_up_to_the_limit_is_kept() -> None:
    deep = b'{"a":' * 100 + b"1" + b"}" * 100
    assert parse(b'{"student_id":"s","event_type":"e","metadata":' + deep + b"}").metadata == deep.decode()


def test_many_flat_brackets_and_those_in_strings_are_not_nested() -> None:
    metadata = {"list": [[]] * 200, "text": '{[\\"' * 200}
    assert json.loads(parse_event(metadata=metadata).metadata) == metadata


def test_a_megabyte_is_no_problem() -> None:
    metadata = {"text": "x" * 1_048_000}
    assert json.loads(parse_event(metadata=metadata).metadata) == metadata


@given(st.binary())
def test_any_bytes_give_columns_or_a_rejection(data: bytes) -> None:
    try:
        native.parse(data, ARRIVED)
    except RejectRecord as rejection:
        assert rejection.detail


def test_an_event_cut_anywhere_is_a_rejection() -> None:
    event = b'{"x":[1,"\\u00e9"],"student_id":"s","event_type":"e","metadata":{"a":"\\ud83d\\ude00"}}'
    for length in range(len(event)):
        assert reason(event[:length]) == "not_json"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_members = st.dictionaries(
    st.sampled_from(["student_id", "event_type", "score", "timestamp", "event_id", "metadata", "x", "y"]),
    _json,
)


@given(_members, st.booleans(), st.sampled_from([None, 1]))
def test_any_json_object_is_kept_whole_or_rejected(
    members: dict[str, Any],
    ascii_only: bool,
    indent: int | None,
) -> None:
    members = SMALLEST | members
    try:
        data = json.dumps(members, ensure_ascii=ascii_only, indent=indent).encode()
    except UnicodeEncodeError:
        return  # no bytes could carry this one
    try:
        columns = native.parse(data, ARRIVED)
    except RejectRecord as rejection:
        assert rejection.reason in ("invalid_member", "not_json", "lone_surrogate", "null_character")
        return
    given = members.get("metadata", {})
    unknown = {name: value for name, value in members.items() if name in ("x", "y")}
    assert json.loads(columns.metadata) == unknown | given
    assert (columns.student_id, columns.event_type) == (members["student_id"], members["event_type"])
    assert columns.score == members.get("score")
