"""What an invocation's answer means for its batch.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulation.runner.records import ShardRecord

MAXIMUM_RESPONSE = 6_291_556  # bytes, from Lambda's own message: 6 MiB and a margin


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What Lambda answered to one Invoke call that reached the function."""

    request_id: str
    status_code: int
    executed_version: str
    function_error: str | None  # "Handled" or "Unhandled"
    payload: bytes


@dataclass(frozen=True)
class Succeeded:
    """Every record is done."""


@dataclass(frozen=True)
class PartlyFailed:
    """The records before ``first_failed`` (an index into the batch) are done; the rest comes again."""

    first_failed: int
    answer: Answer | None = None


@dataclass(frozen=True)
class Failed:
    """The whole batch comes again: a function error, or a response that makes no sense."""

    answer: Answer | None = None


@dataclass(frozen=True)
class NotInvoked:
    """Lambda throttled the call or failed. The function never saw the batch, so no retry is used up."""


Outcome = Succeeded | PartlyFailed | Failed | NotInvoked


def interpret(answer: Answer, batch: Sequence[ShardRecord], *, reports_item_failures: bool) -> Outcome:
    """Apply the documented rules for success, partial and complete failure."""
    if answer.function_error or len(answer.payload) > MAXIMUM_RESPONSE:
        return Failed(answer)
    if not reports_item_failures:
        return Succeeded()
    return _reported(_json(answer.payload), batch, answer)


def _reported(response: object, batch: Sequence[ShardRecord], answer: Answer) -> Outcome:
    if not response:  # null, {}, "" or nothing at all
        return Succeeded()
    if not isinstance(response, dict) or "batchItemFailures" not in response:
        return Succeeded()
    failures: Any = response["batchItemFailures"]
    if not failures:  # null or []
        return Succeeded()
    positions = {record.sequence: position for position, record in enumerate(batch)}
    try:
        return PartlyFailed(min(positions[failure["itemIdentifier"]] for failure in failures), answer)
    except (KeyError, TypeError):  # a wrong key, null, "", or a record that is not in the batch
        return Failed(answer)


def _json(payload: bytes) -> object:
    try:
        return json.loads(payload) if payload else None
    except ValueError:
        return None
