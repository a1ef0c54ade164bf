"""The operations Lambda function: the one way for people and deployments to reach the database.

Invoked with ``{"command": "...", ...}``, or by CloudFormation as the custom resource that migrates.
"""

from collections.abc import Mapping
from typing import Any

from processor import commands, deployment, environment
from processor.commands.command import Command
from processor.commands.migrate import Migrate
from processor.errors import CommandError
from processor.handler import Context
from processor.storage.connection import Deadline


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command and return its answer (docs/reference.md, "Operations").

    A wrong command is answered with ``refused``, its message: no error of the function, which would raise the
    alarm. Raises MigrationFailed, and RetryLater when the database stays away. As a custom resource it raises
    nothing: CloudFormation gets the message.
    """
    if "RequestType" in event:
        return deployment.answer(event, lambda: _run(Migrate(), context))
    try:
        return _run(commands.parse(event), context)
    except CommandError as error:
        return {"refused": str(error)}


def _run(wanted: Command, context: Context) -> dict[str, Any]:
    settings, database = environment.settings(), environment.database(attempt=Command.patience)
    deadline = Deadline(min(context.get_remaining_time_in_millis() / 1000, wanted.patience))
    return environment.LOOP.run(database.run(lambda session: wanted.run(session, settings), deadline))
