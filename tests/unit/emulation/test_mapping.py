from datetime import UTC, datetime
from typing import Any

import pytest

from emulation.errors import MappingInvalid
from emulation.runner.mapping import EventSourceMapping, read_mapping

LISTED: dict[str, Any] = {
    "UUID": "uuid",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f:live",
    "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    "StartingPosition": "TRIM_HORIZON",
    "State": "Enabled",
}


def destination(arn: str) -> dict[str, Any]:
    return {"OnFailure": {"Destination": arn}}


def test_a_setting_that_is_missing_has_aws_s_default() -> None:
    assert read_mapping(LISTED) == EventSourceMapping(
        uuid="uuid", function_arn=LISTED["FunctionArn"], stream_arn=LISTED["EventSourceArn"]
    )


def test_every_setting_is_read() -> None:
    mapping = read_mapping(
        LISTED
        | {
            "StartingPosition": "AT_TIMESTAMP",
            "StartingPositionTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
            "BatchSize": 500,
            "MaximumBatchingWindowInSeconds": 5,
            "ParallelizationFactor": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 0,
            "MaximumRecordAgeInSeconds": 60,
            "DestinationConfig": destination("arn:aws:s3:::b"),
            "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
            "State": "Disabled",
        }
    )
    assert mapping == EventSourceMapping(
        uuid="uuid",
        function_arn=LISTED["FunctionArn"],
        stream_arn=LISTED["EventSourceArn"],
        enabled=False,
        starting_position="AT_TIMESTAMP",
        starting_timestamp=1767225600.0,
        batch_size=500,
        window=5.0,
        parallelization_factor=10,
        reports_item_failures=True,
        bisects=True,
        maximum_retries=0,
        maximum_age=60,
        destination_arn="arn:aws:s3:::b",
        filter_patterns=("{}",),
    )


def test_minus_one_means_for_ever() -> None:
    mapping = read_mapping(LISTED | {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1})
    assert mapping.maximum_retries is None
    assert mapping.maximum_age is None


def test_names_in_the_arns() -> None:
    mapping = read_mapping(LISTED)
    assert (mapping.function_name, mapping.stream_name, mapping.region) == ("f", "s", "us-east-1")


@pytest.mark.parametrize(
    ("member", "value", "what"),
    [
        ("TumblingWindowInSeconds", 30, "TumblingWindowInSeconds is not emulated"),
        ("StartingPosition", "NOWHERE", "StartingPosition is 'NOWHERE'"),
        ("StartingPosition", "AT_TIMESTAMP", "needs StartingPositionTimestamp"),
        ("FunctionResponseTypes", ["ReportItems"], "FunctionResponseTypes has ReportItems"),
        ("EventSourceArn", LISTED["EventSourceArn"] + "/consumer/c:1", "Enhanced fan-out is not emulated"),
        ("BatchSize", 0, "BatchSize is 0: Lambda takes 1 to 10,000"),
        ("BatchSize", 10_001, "BatchSize is 10001"),
        ("BatchSize", "many", "BatchSize is 'many'"),
        ("MaximumBatchingWindowInSeconds", 301, "takes 0 to 300"),
        ("ParallelizationFactor", 11, "takes 1 to 10"),
        ("MaximumRetryAttempts", 10_001, "takes 0 to 10,000, or -1 for no limit"),
        ("MaximumRetryAttempts", -2, "takes 0 to 10,000"),
        ("MaximumRecordAgeInSeconds", 30, "takes 60 to 604,800, or -1"),
        ("FilterCriteria", {"Filters": [{"Pattern": "{}"}] * 6}, "6 filters: Lambda takes 5"),
        ("FilterCriteria", {"Filters": [{"Pattern": "no JSON"}]}, "The filter pattern no JSON"),
        ("DestinationConfig", destination("arn:aws:lambda:us-east-1:1:function:f"), "SQS queue, an SNS"),
        ("DestinationConfig", destination("arn:aws:sqs:us-east-1:1:q.fifo"), "none of them FIFO"),
        ("DestinationConfig", destination("queue"), "OnFailure.Destination is queue"),
    ],
)
def test_what_cannot_be_driven_is_refused_by_name(member: str, value: object, what: str) -> None:
    with pytest.raises(MappingInvalid, match=what):
        read_mapping(LISTED | {member: value})


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:s3:::a.b"],
)
def test_destinations(arn: str) -> None:
    assert read_mapping(LISTED | {"DestinationConfig": destination(arn)}).destination_arn == arn
