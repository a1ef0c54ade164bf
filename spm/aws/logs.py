"""What the stack's functions write into their logs."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from spm.aws.stack import Aws


class Line(NamedTuple):
    """One line of a function's log; ``timestamp`` in milliseconds since 1970."""

    timestamp: int
    function: str
    message: str


def written(aws: Aws, function: str, start: int, end: int | None = None) -> Iterator[Line]:
    """Yield what a function wrote from one time to another in milliseconds, or nothing if it never ran."""
    until: dict[str, Any] = {} if end is None else {"endTime": end}
    pages = aws.logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}", startTime=start, **until
    )
    try:
        for page in pages:
            yield from (Line(event["timestamp"], function, event["message"]) for event in page["events"])
    except aws.logs.exceptions.ResourceNotFoundException:
        return
