"""The operations Lambda function runs the commands that change the database, and a deployment's migrations.

It is invoked with ``{"command": "...", ...}``, or by CloudFormation as the custom resource that migrates.
"""

from collections.abc import Mapping
from typing import Any

from processor import answering, deployment
from processor.commands.migrate import Migrate
from processor.handler import Context


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command and return its answer (docs/reference.md, "Operations").

    A wrong command is answered with ``refused`` and a message. Raises MigrationFailed, and RetryLater if the
    database stays away. As a custom resource it raises nothing, because CloudFormation gets the message.
    """
    if "RequestType" in event:
        return deployment.answer(event, lambda: answering.run(Migrate(), context))
    return answering.answer("operations", event, context)
