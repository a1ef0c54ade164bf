"""The deployed configuration of one event source mapping, as ListEventSourceMappings returns it.

https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from emulation.errors import MappingInvalid
from emulation.runner.patterns import check_pattern

StartingPosition = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]

POSITIONS: Final = get_args(StartingPosition)

RESULT_TAG: Final = "emulation:LastProcessingResult"  # no API sets the result, so the runner tags the mapping

FOR_EVER: Final = -1
DEFAULT_BATCH_SIZE: Final = 100
MAXIMUM_FILTERS: Final = 5  # https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
LIMITS: Final = {  # https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "ParallelizationFactor": (1, 10),
    "MaximumRetryAttempts": (0, 10_000),
    "MaximumRecordAgeInSeconds": (60, 604_800),
}
UNLIMITED: Final = {"MaximumRetryAttempts", "MaximumRecordAgeInSeconds"}
DESTINATION: Final = re.compile(r"arn:[\w-]+:(sqs|sns|s3):[\w-]*:\d*:(?!.*\.fifo$)[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class EventSourceMapping:
    """The settings on which Lambda's rules depend. Times are in seconds; None means that there is none."""

    uuid: str
    function_arn: str
    stream_arn: str
    enabled: bool = True
    starting_position: StartingPosition = "TRIM_HORIZON"
    starting_timestamp: float | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    window: float = 0.0
    parallelization_factor: int = 1
    reports_item_failures: bool = False
    bisects: bool = False
    maximum_retries: int | None = None
    maximum_age: float | None = None
    destination_arn: str | None = None
    filter_patterns: tuple[str, ...] = ()

    @property
    def stream_name(self) -> str:
        """The stream's name, the last part of its ARN."""
        return self.stream_arn.rsplit("/", 1)[-1]

    @property
    def function_name(self) -> str:
        """The function's name without version or alias."""
        return self.function_arn.split(":")[6]

    @property
    def region(self) -> str:
        """The stream's region."""
        return self.stream_arn.split(":")[3]


def read_mapping(answer: Mapping[str, Any]) -> EventSourceMapping:
    """Read one entry of ListEventSourceMappings. Raises MappingInvalid with what the runner cannot drive."""
    _check(answer)
    patterns = tuple(entry["Pattern"] for entry in _filters(answer) if entry.get("Pattern"))
    for pattern in patterns:
        check_pattern(pattern)
    return EventSourceMapping(
        uuid=answer["UUID"],
        function_arn=answer["FunctionArn"],
        stream_arn=answer["EventSourceArn"],
        enabled=str(answer.get("State", "Enabled")) in {"Enabled", "Enabling", "Creating", "Updating"},
        starting_position=answer.get("StartingPosition", "TRIM_HORIZON"),
        starting_timestamp=_timestamp(answer),
        batch_size=int(answer.get("BatchSize") or DEFAULT_BATCH_SIZE),
        window=float(answer.get("MaximumBatchingWindowInSeconds") or 0),
        parallelization_factor=int(answer.get("ParallelizationFactor") or 1),
        reports_item_failures="ReportBatchItemFailures" in (answer.get("FunctionResponseTypes") or []),
        bisects=str(answer.get("BisectBatchOnFunctionError", False)).lower() == "true",
        maximum_retries=_limit(answer.get("MaximumRetryAttempts")),
        maximum_age=_limit(answer.get("MaximumRecordAgeInSeconds")),
        destination_arn=_destination(answer) or None,
        filter_patterns=patterns,
    )


def _check(answer: Mapping[str, Any]) -> None:
    _check_limits(answer)
    _check_start(answer)
    if answer.get("TumblingWindowInSeconds"):
        raise MappingInvalid("TumblingWindowInSeconds is not emulated: remove it, or set it to 0")
    if unknown := set(answer.get("FunctionResponseTypes") or []) - {"ReportBatchItemFailures"}:
        raise MappingInvalid(f"FunctionResponseTypes has {', '.join(map(str, unknown))}, which is unknown")
    if "/consumer/" in answer["EventSourceArn"]:
        raise MappingInvalid("Enhanced fan-out is not emulated: name the stream, not a consumer of it")
    destination = _destination(answer)
    if destination and not DESTINATION.fullmatch(str(destination)):
        raise MappingInvalid(
            f"OnFailure.Destination is {destination}: it must be the ARN of an SQS queue, an SNS topic or an"
            " S3 bucket, none of them FIFO"
        )


def _check_limits(answer: Mapping[str, Any]) -> None:
    for name, (least, most) in LIMITS.items():
        value = answer.get(name)
        is_unlimited = name in UNLIMITED and str(value) == str(FOR_EVER)
        if value is not None and not is_unlimited and not least <= _whole(name, value) <= most:
            or_none = f", or {FOR_EVER} for no limit" if name in UNLIMITED else ""
            raise MappingInvalid(f"{name} is {value}: Lambda takes {least:,} to {most:,}{or_none}")
    if (given := len(_filters(answer))) > MAXIMUM_FILTERS:
        raise MappingInvalid(f"FilterCriteria has {given} filters: Lambda takes {MAXIMUM_FILTERS}")


def _check_start(answer: Mapping[str, Any]) -> None:
    position = answer.get("StartingPosition", "TRIM_HORIZON")
    if position not in POSITIONS:
        raise MappingInvalid(f"StartingPosition is {position!r}: it must be one of {', '.join(POSITIONS)}")
    if position == "AT_TIMESTAMP" and _timestamp(answer) is None:
        raise MappingInvalid("StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp")


def _destination(answer: Mapping[str, Any]) -> str | None:
    return ((answer.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")


def _filters(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (answer.get("FilterCriteria") or {}).get("Filters") or []


def _whole(name: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise MappingInvalid(f"{name} is {value!r}: it must be a whole number") from error


def _timestamp(answer: Mapping[str, Any]) -> float | None:
    value = answer.get("StartingPositionTimestamp")
    if value is None:
        return None
    return value.timestamp() if isinstance(value, datetime) else float(value)


def _limit(value: object) -> int | None:
    return None if value is None or int(str(value)) == FOR_EVER else int(str(value))
