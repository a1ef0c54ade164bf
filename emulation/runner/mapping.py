"""The deployed configuration of one event source mapping, as ListEventSourceMappings gives it.

https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from emulation.errors import MappingInvalid

StartingPosition = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]

FOR_EVER = -1
DEFAULT_BATCH_SIZE = 100


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What Lambda's rules depend on. Times are in seconds; None means without limit or none."""

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


def read_mapping(answer: MappingOf[str, Any]) -> Mapping:
    """Read one entry of ListEventSourceMappings; raise MappingInvalid naming what cannot be driven."""
    if answer.get("TumblingWindowInSeconds"):
        raise MappingInvalid(
            f"Mapping {answer['UUID']} uses a tumbling window, which is not emulated: remove it"
        )
    filters = (answer.get("FilterCriteria") or {}).get("Filters") or []
    destination = ((answer.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    return Mapping(
        uuid=answer["UUID"],
        function_arn=answer["FunctionArn"],
        stream_arn=answer["EventSourceArn"],
        enabled=str(answer.get("State", "Enabled")) in {"Enabled", "Enabling", "Creating", "Updating"},
        starting_position=_starting_position(answer),
        starting_timestamp=_timestamp(answer),
        batch_size=int(answer.get("BatchSize") or DEFAULT_BATCH_SIZE),
        window=float(answer.get("MaximumBatchingWindowInSeconds") or 0),
        parallelization_factor=int(answer.get("ParallelizationFactor") or 1),
        reports_item_failures="ReportBatchItemFailures" in (answer.get("FunctionResponseTypes") or []),
        bisects=str(answer.get("BisectBatchOnFunctionError", False)).lower() == "true",
        maximum_retries=_limit(answer.get("MaximumRetryAttempts")),
        maximum_age=_limit(answer.get("MaximumRecordAgeInSeconds")),
        destination_arn=destination or None,
        filter_patterns=tuple(entry["Pattern"] for entry in filters if entry.get("Pattern")),
    )


def _starting_position(answer: MappingOf[str, Any]) -> StartingPosition:
    position = answer.get("StartingPosition", "TRIM_HORIZON")
    if position not in get_args(StartingPosition):
        raise MappingInvalid(
            f"Mapping {answer['UUID']} starts at {position!r}, which is no starting position"
        )
    return cast("StartingPosition", position)


def _timestamp(answer: MappingOf[str, Any]) -> float | None:
    value = answer.get("StartingPositionTimestamp")
    if value is None:
        return None
    return value.timestamp() if isinstance(value, datetime) else float(value)


def _limit(value: object) -> int | None:
    return None if value is None or int(str(value)) == FOR_EVER else int(str(value))
