"""Finds the events of a chunk that PostgreSQL itself refuses, so that the others can be stored."""

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

from processor.errors import TransientError, UnfitValue
from processor.records.kinesis import Event

# SQLSTATE classes 22, 23 and 54, and values that even the encoder refuses, will never succeed.
REFUSED = (DataError, IntegrityConstraintViolationError, ProgramLimitExceededError, UnfitValue)

# In an error's context: "COPY some_log, line 251, column metadata", in the server's language.
_COPY_LINE = re.compile(r"^COPY (\w+), \w+ (\d+)", re.MULTILINE)

Refused = dict[tuple[str, int], str]
"""Why an event is refused, by delivery (sequence number, sub-sequence)."""

Trial = Callable[[Sequence[Event]], Awaitable[object]]
"""What PostgreSQL may refuse to do with events."""


def named_by_copy(error: Exception, table: str, events: Sequence[Event]) -> Refused:
    """Return the event at which a COPY of these into the table stopped, if the error names its line."""
    stays_refused(error)
    line = _COPY_LINE.search(getattr(error, "context", None) or "")
    named = line and line[1] == table and 0 < int(line[2]) <= len(events)
    return {events[int(line[2]) - 1][:2]: detail(error)} if line and named else {}


async def find_refused(
    connection: Connection, trial: Trial, events: Sequence[Event], refused: Refused, *, known: bool = False
) -> bool:
    """Note in ``refused`` those events that the trial refuses, by halving: O(refused · log n) trials.

    Noted as soon as each is found, so that an attempt which runs out of time has not searched for nothing.
    ``known``: that one of these is refused is known already. Returns whether one is.
    """
    error = await _attempt(connection, trial, events) if events and (len(events) == 1 or not known) else None
    if error is None and not known:
        return False
    if len(events) == 1:
        if error is not None:
            refused[events[0][:2]] = detail(error)
        return error is not None
    middle = len(events) // 2
    left = await find_refused(connection, trial, events[:middle], refused)
    right = await find_refused(connection, trial, events[middle:], refused, known=not left)
    return left or right


async def _attempt(connection: Connection, trial: Trial, events: Sequence[Event]) -> Exception | None:
    """Return why the trial refuses the events. It is rolled back, so that it holds no locks afterwards."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await trial(events)
    except REFUSED as error:
        stays_refused(error)
        return error
    finally:
        await transaction.rollback()
    return None


def detail(error: Exception) -> str:
    """Return the reason in the words of a rejection."""
    return "PostgreSQL: " * isinstance(error, PostgresError) + " ".join(str(error).split())


def stays_refused(error: Exception) -> None:
    """Raise TransientError where another attempt may succeed although the class of the error says otherwise.

    A missing partition: of all check violations, it alone names no constraint. A span that another
    transaction of the same microsecond queued: the next attempt has another time.
    """
    if isinstance(error, CheckViolationError) and not error.constraint_name:
        raise TransientError(f"a month's partition was dropped after it was made: {error}") from error
    if isinstance(error, IntegrityConstraintViolationError) and error.constraint_name == "chunk_pkey":
        raise TransientError(f"another transaction began in the same microsecond: {error}") from error
