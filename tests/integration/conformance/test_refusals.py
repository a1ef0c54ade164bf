"""Mappings that Lambda refuses, and ones that the embedded cloud refuses because it cannot follow them."""

import json
import time
from typing import Any

import pytest

from tests.integration.conformance.lab import Lab
from tests.integration.conformance.rules import CREATION, DESTINATIONS, FILTERING, UPDATE, documented

pytestmark = pytest.mark.long


@pytest.fixture
def made(lab: Lab) -> Lab:
    """A lab with a stream and a function."""
    lab.make_stream()
    lab.make_function()
    return lab


@pytest.mark.parametrize(
    "settings",
    [
        {"BatchSize": 10_001},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ParallelizationFactor": 11},
        {"MaximumRetryAttempts": 10_001},
        {"MaximumRecordAgeInSeconds": 30},
        {"FilterCriteria": {"Filters": [{"Pattern": '{"data": {"a": [1]}}'}] * 11}},
    ],
    ids=lambda settings: next(iter(settings)),
)
@documented(CREATION)
def test_limits(made: Lab, settings: dict[str, Any]) -> None:
    """A value beyond its limits is refused."""
    code, message = made.refusal(**settings)
    assert code in {"InvalidParameterValueException", "ValidationException"}
    name = next(iter(settings))
    assert name.lower() in message.replace(" ", "").lower()


@documented(CREATION)
def test_limits_of_an_update(made: Lab) -> None:
    """An update is held to the same limits, and changes nothing when it is refused."""
    made.make_mapping(BatchSize=7)
    with pytest.raises(made.function.exceptions.ClientError, match=r"(?i)batch.?size"):
        made.update_mapping(BatchSize=10_001)
    shown = made.function.get_event_source_mapping(UUID=made.mapping["UUID"])
    assert shown["BatchSize"] == 7


@documented(CREATION)
def test_default_batch_size(made: Lab) -> None:
    """A mapping of a stream takes up to 100 records unless told otherwise."""
    made.make_mapping()
    assert made.mapping["BatchSize"] == 100


@documented(CREATION)
def test_same_mapping_twice(made: Lab) -> None:
    """A second mapping of the same stream to the same function is refused."""
    made.make_mapping()
    assert made.refusal()[0] == "ResourceConflictException"


@documented(CREATION)
def test_missing_stream(made: Lab) -> None:
    """A mapping of a stream that does not exist is refused."""
    code, message = made.refusal(EventSourceArn=f"{made.stream_arn}-other")
    assert code == "InvalidParameterValueException"
    assert "not found" in message


@documented(CREATION)
def test_starting_position_is_needed(made: Lab) -> None:
    """A mapping of a stream needs a StartingPosition."""
    assert "startingposition" in made.refusal(StartingPosition=None)[1].replace(" ", "").lower()


@pytest.mark.parametrize("ahead", [None, 3600.0], ids=["missing", "in the future"])
@documented(CREATION)
def test_starting_timestamp(made: Lab, ahead: float | None) -> None:
    """AT_TIMESTAMP needs a StartingPositionTimestamp, which is not in the future."""
    moment = None if ahead is None else time.time() + ahead
    code, _ = made.refusal(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
    assert code in {"InvalidParameterValueException", "ValidationException"}


@documented(DESTINATIONS)
def test_bad_destination(made: Lab) -> None:
    """An on-failure destination that is no queue, topic or bucket is refused."""
    destination = {"OnFailure": {"Destination": "arn:aws:kms:us-east-1:000000000000:key/x"}}
    assert made.refusal(DestinationConfig=destination)[0] == "InvalidParameterValueException"


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("no JSON", id="no JSON"),
        pytest.param('{"data": ["x"]}', id="data is no object"),
        pytest.param('{"data": {"$or": ["x"]}}', id="$or of strings"),
        pytest.param('{"data": {"a": [{"prefix": 5}]}}', id="prefix of a number"),
        pytest.param('{"data": {"a": [{"numeric": [">"]}]}}', id="half a range"),
        pytest.param('{"data":' + '{"a":' * 700 + "[1]" + "}" * 701, id="hundreds of levels"),
        pytest.param('{"data":' + '{"a":' * 2000 + "[1]" + "}" * 2001, id="thousands of levels"),
    ],
)
@documented(FILTERING)
def test_broken_filter(made: Lab, pattern: str) -> None:
    """A filter pattern that is not valid is refused."""
    code, _ = made.refusal(FilterCriteria={"Filters": [{"Pattern": pattern}]})
    assert code in {"InvalidParameterValueException", "ValidationException"}


@documented(
    "https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html", refused="tumbling windows"
)
def test_tumbling_window(made: Lab) -> None:
    """A function keeps a state through the batches of a tumbling window."""
    if made.target.name != "embedded":
        pytest.skip("this shows how the embedded cloud refuses")
    code, message = made.refusal(TumblingWindowInSeconds=30)
    assert code == "InvalidParameterValueException"
    assert "TumblingWindowInSeconds is not emulated" in message


@documented(
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html",
    refused="operators inside anything-but, which EventBridge documents and Lambda does not",
)
def test_operators_inside_anything_but(made: Lab) -> None:
    """Anything-but takes a prefix or suffix."""
    if made.target.name != "embedded":
        pytest.skip("this shows how the embedded cloud refuses")
    pattern = json.dumps({"data": {"a": [{"anything-but": {"prefix": "x"}}]}})
    _, message = made.refusal(FilterCriteria={"Filters": [{"Pattern": pattern}]})
    assert "nested operators are not emulated" in message


@documented(FILTERING)
def test_exists_matches_leaves_only(made: Lab) -> None:
    """`exists` looks at leaves, and a field that holds an object is not a leaf."""
    made.put("r0", inner={"x": 1})
    made.put("r1", inner=1)
    pattern = '{"data": {"inner": [{"exists": true}]}}'
    made.make_mapping(FilterCriteria={"Filters": [{"Pattern": pattern}]})
    made.wait_for("r1")
    assert made.batches() == [["r1"]]


@documented(FILTERING)
def test_deeply_nested_data_do_not_stop_a_shard(made: Lab) -> None:
    """A filter on data drops a record that is not JSON, however deeply it is nested."""
    made.kinesis.put_record(StreamName=made.name, Data=b"[" * 5000, PartitionKey="x")
    made.put("r1")
    made.make_mapping(FilterCriteria={"Filters": [{"Pattern": '{"data": {"label": ["r1"]}}'}]})
    made.wait_for("r1")


@documented(UPDATE)
def test_other_function(made: Lab) -> None:
    """With another function, records name its role, and the mapping goes on where it was."""
    other = f"{made.name}-other"
    made.make_function(name=other)
    role = made.target.role_arn.replace("role/", "role/other-") if made.target.name == "embedded" else None
    if role:
        made.function.update_function_configuration(FunctionName=other, Role=role)
    made.put("r0")
    made.make_mapping(BatchSize=1)
    made.wait_for("r0")
    made.update_mapping(FunctionName=other)
    made.wait_until(lambda: made.mapping_shows("FunctionArn", f":{other}"))
    time.sleep(6 * made.target.pace)
    made.put("r1")
    made.wait_for("r1")
    assert made.batches() == [["r0"], ["r1"]]
    last = made.deliveries()[-1]
    assert last.function.endswith(f":{other}")
    assert last.first_record["invokeIdentityArn"] == (role or made.target.role_arn)


@documented("https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html")
def test_answer_larger_than_six_megabytes(made: Lab) -> None:
    """An answer of more than 6 MB is a failure of the function."""
    made.script({"when": {"contains": ["r0"]}, "do": {"return_characters": 7_000_000}})
    made.put("r0", "r1")
    made.make_mapping(BatchSize=1, MaximumRetryAttempts=1)
    made.wait_for("r1", seconds=60)
    assert made.batches() == [["r0"], ["r0"], ["r1"]]
