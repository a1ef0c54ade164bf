"""Finding the events of a part that PostgreSQL itself refuses, so that the others can be stored."""

import re
from collections.abc import Awaitable, Callable, Sequence

from asyncpg import (
    CheckViolationError,
    Connection,
    DataError,
    IntegrityConstraintViolationError,
    PostgresError,
    ProgramLimitExceededError,
)

from processor.decode import Event, Rejection
from processor.errors import TransientError

# SQLSTATE classes 22, 23 and 54: the statement will never succeed with this data.
REFUSED = (DataError, IntegrityConstraintViolationError, ProgramLimitExceededError)

# In an error's context: "COPY some_log, line 251, column metadata", in the server's language.
_COPY_LINE = re.compile(r"^COPY (\w+), \w+ (\d+)", re.MULTILINE)

Trial = Callable[[Sequence[Event]], Awaitable[object]]
"""What PostgreSQL may refuse to do with events."""


def named(error: PostgresError, table: str, first: int) -> dict[int, PostgresError]:
    """Return the position of the event that a COPY into the table stopped at, where the error names its line.

    ``first``: the position of the COPY's first event.
    """
    line = _COPY_LINE.search(error.context or "")
    return {first + int(line[2]) - 1: error} if line and line[1] == table else {}


async def find_refused(
    connection: Connection,
    trial: Trial,
    events: Sequence[Event],
    first: int = 0,
    error: PostgresError | None = None,
) -> dict[int, PostgresError]:
    """Return the positions of the events that PostgreSQL refuses, by halving: O(refused · log n) attempts.

    ``error`` is given where it is known already that one of these is refused.
    """
    error = error or (await _attempt(connection, trial, events) if events else None)
    if error is None:
        return {}
    if len(events) == 1:
        return {first: error}
    middle = len(events) // 2
    left = await find_refused(connection, trial, events[:middle], first)
    known = None if left else error
    right = await find_refused(connection, trial, events[middle:], first + middle, known)
    return left | right


async def _attempt(connection: Connection, trial: Trial, events: Sequence[Event]) -> PostgresError | None:
    """Return why PostgreSQL refuses the events; rolled back, so that no lock is held by the next attempt."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await trial(events)
    except REFUSED as error:
        check_partition(error)
        return error
    finally:
        await transaction.rollback()
    return None


def rejection(event: Event, error: PostgresError) -> Rejection:
    """Return the event as a rejection for PostgreSQL's reason."""
    detail = "PostgreSQL: " + " ".join(str(error).split())
    return Rejection(
        event.sequence_number, event.sub_sequence, event.arrived_at, "not_storable", detail, event.payload
    )


def check_partition(error: PostgresError) -> None:
    """Tell a missing partition from bad data: of all check violations, it alone names no constraint."""
    if isinstance(error, CheckViolationError) and not error.constraint_name:
        raise TransientError(f"a month's partition was dropped after it was made: {error}") from error
