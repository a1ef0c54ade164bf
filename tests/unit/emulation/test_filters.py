import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulation.errors import MappingInvalid
from emulation.runner.filters import Filters
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.records import ShardRecord, make_record

MAPPING = EventSourceMapping(
    uuid="uuid",
    function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
    stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
)

JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
EVERY_OPERATOR = {
    "data": {
        "$or": [{"a": {"b": ["x", 1, None, True]}}, {"b": [{"numeric": [">", 0, "<", 5]}]}],
        "a": [{"prefix": "x"}, {"suffix": "x"}, {"equals-ignore-case": "x"}, {"anything-but": [1, "x"]}],
        "b": [{"exists": False}, {"exists": True}],
    }
}


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner)


def record(data: bytes) -> ShardRecord:
    return make_record(
        mapping=MAPPING,
        shard_id="shardId-000000000000",
        role_arn="arn:aws:iam::000000000000:role/r",
        sequence="1",
        partition_key="key",
        arrived_at=1.0,
        data=data,
    )


def accepts(pattern: Any, data: Any) -> bool:
    return Filters((json.dumps(pattern),)).accepts(record(json.dumps(data).encode()))


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (["a", "b"], "b", True),  # equals, or
        (["a"], "c", False),
        ([3], 3.0, True),
        ([True], 1, False),
        ([None], None, True),  # null
        ([""], "", True),  # empty
        ([{"prefix": "us-"}], "us-east-1", True),
        ([{"prefix": "us-"}], 5, False),
        ([{"suffix": ".png"}], "a.png", True),
        ([{"suffix": ".png"}], "a.jpg", False),
        ([{"equals-ignore-case": "ALICE"}], "alice", True),
        ([{"anything-but": ["a"]}], "b", True),
        ([{"anything-but": ["a"]}], "a", False),
        ([{"anything-but": "a"}], "a", False),
        ([{"numeric": ["=", 100]}], 100, True),
        ([{"numeric": [">", 10, "<=", 20]}], 20, True),
        ([{"numeric": [">", 10, "<=", 20]}], 10, False),
        ([{"numeric": [">", 10]}], "11", False),
        ([{"numeric": [">", 0]}], True, False),
        ([{"exists": True}], None, True),
        ([{"exists": False}], 1, False),
        (["b"], ["a", "b"], True),  # an array matches when one of its elements does
        ([{"exists": True}], {"inner": 1}, False),  # leaves only: .../eb-create-pattern-operators.html
        ([{"exists": False}], {"inner": 1}, True),
        ([{"anything-but": "a"}], {"inner": 1}, False),
    ],
)
def test_documented_operators(rule: list[Any], value: object, expected: bool) -> None:
    assert accepts({"data": {"field": rule}}, {"field": value}) is expected


def test_a_missing_field_matches_only_exists_false() -> None:
    assert accepts({"data": {"field": [{"exists": False}]}}, {})
    assert not accepts({"data": {"field": [{"exists": True}]}}, {})
    assert not accepts({"data": {"field": [None]}}, {})
    assert not accepts({"data": {"field": [{"anything-but": "a"}]}}, {})


def test_fields_are_anded_and_or_is_spelled_out() -> None:
    assert not accepts({"data": {"a": [1], "b": [2]}}, {"a": 1, "b": 3})
    assert accepts({"data": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"a": 9, "b": 2})
    assert not accepts({"data": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"a": 9, "b": 9})


def test_nested_fields() -> None:
    assert accepts({"data": {"a": {"b": ["x"]}}}, {"a": {"b": "x"}})
    assert not accepts({"data": {"a": {"b": ["x"]}}}, {"a": "x"})


def test_an_array_of_objects_matches_when_one_of_them_does() -> None:
    assert accepts({"data": {"a": {"b": ["x"]}}}, {"a": [{"b": "y"}, {"b": "x"}]})
    assert not accepts({"data": {"a": {"b": ["x"], "c": [1]}}}, {"a": [{"b": "x"}, {"c": 1}]})


def test_one_of_several_patterns_is_enough() -> None:
    filters = Filters((json.dumps({"data": {"a": [1]}}), json.dumps({"data": {"a": [2]}})))
    assert filters.accepts(record(b'{"a": 2}'))
    assert not filters.accepts(record(b'{"a": 3}'))


def test_data_that_is_not_json_never_matches_a_pattern_for_data() -> None:
    assert not Filters((json.dumps({"data": {"a": [{"exists": False}]}}),)).accepts(record(b"\xff\x00"))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 5000, id="nested more deeply than the parser goes"),
        pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, id="the same, closed"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", id="a number of more digits than Python converts"),
        pytest.param(b'{"a": NaN}', id="no JSON, although Python reads it"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="JSON in another encoding than UTF-8"),
    ],
)
def test_no_data_stops_the_filter(data: bytes) -> None:
    assert not Filters((json.dumps({"data": {"a": [{"numeric": [">", 0]}, {"exists": True}]}}),)).accepts(
        record(data)
    )


@given(
    st.binary(max_size=200)
    | st.recursive(JSON, nested, max_leaves=8).map(lambda one: json.dumps(one).encode())
)
def test_a_filter_answers_whatever_the_data_is(data: bytes) -> None:
    assert Filters((json.dumps(EVERY_OPERATOR),)).accepts(record(data)) in {True, False}


def test_without_patterns_everything_passes() -> None:
    assert Filters(()).accepts(record(b"\xff"))


@pytest.mark.parametrize(
    "pattern",
    [
        "no json",
        "[1]",
        '{"partitionKey": ["x"]}',
        '{"data": "x"}',
        '{"data": {"a": [{"regex": "x"}]}}',
        '{"data": {"a": [{}]}}',
        '{"data": ["x"]}',
        '{"data": {"$or": ["x"]}}',
        '{"data": {"$or": {"a": [1]}}}',
        '{"data": {"a": []}}',
        '{"data": {"a": [[1]]}}',
        '{"data": {"a": [{"prefix": 5}]}}',
        '{"data": {"a": [{"exists": "yes"}]}}',
        '{"data": {"a": [{"numeric": [">"]}]}}',
        '{"data": {"a": [{"numeric": ["~", 1]}]}}',
        '{"data": {"a": [{"numeric": [[], 1]}]}}',
        '{"data": {"a": [{"numeric": [">", true]}]}}',
        '{"data": {"a": [{"anything-but": {"prefix": "x"}}]}}',
        '{"data": {"a": [{"anything-but": []}]}}',
    ],
)
def test_a_broken_pattern_is_refused_with_its_text(pattern: str) -> None:
    with pytest.raises(MappingInvalid) as refusal:
        Filters((pattern,))
    assert pattern in str(refusal.value)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ('{"data":' * 800 + "1" + "}" * 800, "4,096"),
        ('{"data":' + '{"":' * 500 + "[1]" + "}" * 501, "100 levels"),
        ('{"data": {"a":' + "[" * 1500 + "]" * 1500 + "}}", "levels|list"),
    ],
)
def test_a_pattern_that_is_too_large_is_refused(pattern: str, what: str) -> None:
    with pytest.raises(MappingInvalid, match=what):
        Filters((pattern,))


def test_the_event_of_a_record_is_what_lambda_documents() -> None:
    event = json.loads(record(b"\x00data").event)
    assert base64.b64decode(event["kinesis"].pop("data")) == b"\x00data"
    assert event == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "key",
            "sequenceNumber": "1",
            "approximateArrivalTimestamp": 1.0,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": "shardId-000000000000:1",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/r",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    }
