"""What the two functions that answer commands share."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from asyncpg import QueryCanceledError, UndefinedFunctionError, UndefinedTableError

from processor import environment, statements
from processor.commands import registry
from processor.commands.command import A, Command, Function, name_of
from processor.errors import CommandError
from processor.handler import Context
from processor.storage.connection import RESPONSE_MARGIN, Deadline
from processor.storage.session import Session
from processor.student_performance import PIPELINE

SQL: Final = statements.load(statements.FOLDER / "access.sql")

STATEMENT_SECONDS: Final[dict[Function, float]] = {"operations": 600.0, "reports": 20.0}
"""How long one statement may take. A migration may rewrite a table, but nobody waits so long for a report."""


def answer(function: Function, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command in the event, and return its answer in JSON's own types.

    A wrong command is answered with ``refused`` and a message, because an error of the function would raise
    the alarm. Raises RetryLater if the database stays away.
    """
    try:
        return run(registry.parse(event, function), context)
    except CommandError as error:
        return {"refused": str(error)}


def run(wanted: Command[Any], context: Context) -> dict[str, Any]:
    """Run a command on the environment's database, and repeat it until its time is up."""
    seconds = STATEMENT_SECONDS[wanted.function]
    database = environment.database(attempt=seconds + RESPONSE_MARGIN, statement=seconds)
    patience = min(wanted.patience, seconds + 2 * RESPONSE_MARGIN)
    deadline = Deadline(min(context.get_remaining_time_in_millis() / 1000, patience))
    request_id = context.aws_request_id
    given = environment.LOOP.run(
        database.run(lambda session: _attempt(wanted, session, request_id), deadline)
    )
    plain: dict[str, Any] = msgspec.to_builtins(given)
    return plain


async def _attempt(wanted: Command[A], session: Session, request_id: str) -> A:
    await _note(wanted, session, request_id)
    try:
        return await wanted.run(session, environment.settings())
    except (UndefinedTableError, UndefinedFunctionError) as error:
        if PIPELINE.name in environment.settings().pipelines:
            raise
        raise CommandError(
            f"it is about the events of {PIPELINE.name}, which is not deployed here"
        ) from error
    except QueryCanceledError as error:
        if wanted.function == "operations":
            raise
        # People who look wait no longer, because another attempt would run into the same limit.
        raise CommandError(
            f"{name_of(type(wanted))} takes the database more than "
            f"{STATEMENT_SECONDS[wanted.function]:.0f} s: ask for less"
        ) from error


async def _note(wanted: Command[A], session: Session, request_id: str) -> None:
    """Commit who asks about a student or a course before the answer. Another attempt is another row."""
    about = wanted.about()
    if about is None:
        return
    if not wanted.who:
        raise CommandError(
            "who is missing: say who asks, because each answer about a student or a course is noted"
        )
    await session.connection.execute(
        SQL["log_access"], wanted.who, request_id, name_of(type(wanted)), about.student_id, about.course
    )
