"""What the functions that answer commands have in common."""

from collections.abc import Mapping
from typing import Any

import msgspec

from processor import commands, environment
from processor.commands.command import Command
from processor.errors import CommandError
from processor.handler import Context
from processor.storage.connection import Deadline


def answer(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command that the event spells and return its answer in JSON's own types.

    A wrong command is answered with ``refused``, its message: no error of the function, which would raise the
    alarm. Raises RetryLater when the database stays away.
    """
    try:
        return run(commands.parse(event), context)
    except CommandError as error:
        return {"refused": str(error)}


def run(wanted: Command[Any], context: Context) -> dict[str, Any]:
    """Run a command on the environment's database, again and again until its time is up."""
    settings, database = environment.settings(), environment.database(attempt=Command.patience)
    deadline = Deadline(min(context.get_remaining_time_in_millis() / 1000, wanted.patience))
    given = environment.LOOP.run(database.run(lambda session: wanted.run(session, settings), deadline))
    plain: dict[str, Any] = msgspec.to_builtins(given)
    return plain
