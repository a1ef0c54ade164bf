"""The operations Lambda function: what changes the database, and the migrations of a deployment.

Invoked with ``{"command": "...", ...}``, or by CloudFormation as the custom resource that migrates.
"""

from collections.abc import Mapping
from typing import Any

from processor import answering, deployment
from processor.commands.migrate import Migrate
from processor.handler import Context


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command and return its answer (docs/reference.md, "Operations").

    A wrong command is answered with ``refused``, its message. Raises MigrationFailed, and RetryLater when the
    database stays away. As a custom resource it raises nothing: CloudFormation gets the message.
    """
    if "RequestType" in event:
        return deployment.answer(event, lambda: answering.run(Migrate(), context))
    return answering.answer("operations", event, context)
