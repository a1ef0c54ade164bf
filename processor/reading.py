"""The reports Lambda function answers people who look. Its login may only look and add follow-ups."""

from collections.abc import Mapping
from typing import Any

from processor import answering
from processor.handler import Context


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command and return its answer (docs/reference.md, "Operations").

    Everything that people see of the database passes through here. So whatever restricts an answer to those
    who may see it, such as a teacher's courses, belongs here and nowhere else.
    """
    return answering.answer("reports", event, context)
