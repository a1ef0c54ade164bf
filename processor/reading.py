"""The reports Lambda function: for whoever looks. Its login may select, note who looked, add follow-ups."""

from collections.abc import Mapping
from typing import Any

from processor import answering
from processor.handler import Context


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command and return its answer (docs/reference.md, "Operations").

    Whatever people are shown of the database passes here: what restricts an answer to those who may see it,
    to a teacher's courses for example, belongs here and nowhere else.
    """
    return answering.answer("reports", event, context)
