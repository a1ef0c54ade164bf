"""Saving a part of a batch: events, identities and rejections in one transaction, each delivery once."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from asyncpg import (
    CheckViolationError,
    Connection,
    DataError,
    IntegrityConstraintViolationError,
    PostgresError,
    ProgramLimitExceededError,
    UniqueViolationError,
)

from processor import statements
from processor.connection import Session, Source
from processor.decode import Event, Rejection
from processor.errors import Reason, TransientError
from processor.pipeline import DELIVERY_COLUMNS, Columns, Pipeline

SQL = statements.load(statements.FOLDER / "queries.sql")

# SQLSTATE classes 22, 23 and 54: the statement will never succeed with this data.
REFUSED = (DataError, IntegrityConstraintViolationError, ProgramLimitExceededError)

# In an error's context: "COPY some_log, line 251, column metadata", in the server's language.
_COPY_LINE = re.compile(r"^COPY (\w+), \w+ (\d+)", re.MULTILINE)

_IDENTITY_COLUMNS = ("event_id", "source_id", "sequence_number", "sub_sequence")


@dataclass
class Saved:
    """How many events went where; they add up to the events and rejections that were given."""

    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0  # those of the duplicates whose content differs from what is stored
    rejected: Counter[Reason] = field(default_factory=Counter)
    refused: int = field(default=0, compare=False)  # those that PostgreSQL itself refused, new or not

    def add(self, other: "Saved") -> None:
        """Count the other's events too."""
        self.stored += other.stored
        self.duplicates += other.duplicates
        self.conflicts += other.conflicts
        self.rejected.update(other.rejected)
        self.refused += other.refused


async def save(
    session: Session,
    pipeline: Pipeline,
    source: Source,
    events: Sequence[Event],
    rejections: Sequence[Rejection],
) -> Saved:
    """Store what is new with all that is derived from it, and count the rest; it is committed, or nothing.

    Where PostgreSQL itself refuses some events, they are found and become rejections: first the one that a
    COPY stopped at, then those whose values it cannot read, which costs little to find, then those that break
    a constraint.
    Raises what asyncpg raises for anything else.
    """
    source_id = await _source_id(session, pipeline, source)
    await _make_months(session, pipeline, events)
    asked = len(events)
    for trial in (None, _convert, _merge_events):
        try:
            saved = await _save(session.connection, pipeline, source_id, events, rejections)
            break
        except REFUSED as error:
            _check_partition(error)
            refused = _named(error, pipeline)
        if trial:
            attempt = partial(_attempt, trial, session.connection, pipeline, source_id)
            refused = await _refused(attempt, events)
        rejections = [*rejections, *(_rejection(events[n], error) for n, error in refused.items())]
        events = [event for n, event in enumerate(events) if n not in refused]
    else:
        saved = await _save(session.connection, pipeline, source_id, events, rejections)
    saved.refused = asked - len(events)
    return saved


async def _save(
    connection: Connection,
    pipeline: Pipeline,
    source_id: int,
    events: Sequence[Event],
    rejections: Sequence[Rejection],
) -> Saved:
    """Store in one transaction, the fast way while every event is new."""
    try:
        async with connection.transaction():
            return await _copy(connection, pipeline, source_id, events, rejections)
    except UniqueViolationError:
        async with connection.transaction():
            return await _merge(connection, pipeline, source_id, events, rejections)


async def _copy(
    connection: Connection,
    pipeline: Pipeline,
    source_id: int,
    events: Sequence[Event],
    rejections: Sequence[Rejection],
) -> Saved:
    """Store events that are all new. Identities first, in their order: see claim_identities."""
    identities = [
        (event.columns.event_id, source_id, event.sequence_number, event.sub_sequence)
        for event in events
        if event.columns.event_id
    ]
    identities.sort(key=lambda identity: identity[0].int)  # UUIDs themselves compare ten times slower
    if identities:
        await connection.copy_records_to_table(
            "event_identity", records=identities, columns=_IDENTITY_COLUMNS
        )
    if events:
        await connection.copy_records_to_table(
            pipeline.table,
            records=[
                (source_id, event.sequence_number, event.sub_sequence, event.arrived_at, *event.columns)
                for event in events
            ],
            columns=(*DELIVERY_COLUMNS, *pipeline.names),
        )
        await _react(connection, pipeline, [event.columns for event in events])
    rejected = await _reject(connection, source_id, rejections)
    return Saved(len(events), len(rejections) - rejected.total(), 0, rejected)


async def _merge(
    connection: Connection,
    pipeline: Pipeline,
    source_id: int,
    events: Sequence[Event],
    rejections: Sequence[Rejection],
) -> Saved:
    """Store those events that are new."""
    stored = conflicts = 0
    if events:
        stored, conflicts = await _merge_events(connection, pipeline, source_id, events)
    rejected = await _reject(connection, source_id, rejections)
    duplicates = len(events) - stored + len(rejections) - rejected.total()
    return Saved(stored, duplicates, conflicts, rejected)


async def _merge_events(
    connection: Connection, pipeline: Pipeline, source_id: int, events: Sequence[Event]
) -> tuple[int, int]:
    arrays = _arrays(events)
    identities = source_id, arrays[0], arrays[1], arrays[3]
    has_identities = any(arrays[3])
    if has_identities:
        await connection.execute(SQL["claim_identities"], *identities)
    new = await connection.fetch(pipeline.sql["merge_events"], source_id, *arrays)
    await _react(connection, pipeline, [pipeline.columns(*row) for row in new])
    conflicts = 0
    there_already = has_identities and len(new) < len(events)
    if there_already and await connection.fetchval(SQL["claimed_elsewhere"], *identities):
        conflicts = await connection.fetchval(pipeline.sql["count_conflicts"], source_id, *arrays)
    return len(new), conflicts


async def _react(connection: Connection, pipeline: Pipeline, new: Sequence[Columns]) -> None:
    """Bring the derived tables up to date with the rows that became new in this transaction.

    Last of all that events lock, and each statement locks its rows in their order.
    """
    if new:
        for reaction in pipeline.reactions:
            arrays = [[getattr(columns, name) for columns in new] for name in reaction.columns]
            await connection.execute(pipeline.sql[reaction.name], *arrays)


async def _convert(
    connection: Connection, pipeline: Pipeline, source_id: int, events: Sequence[Event]
) -> None:
    """Have PostgreSQL read the values, and do nothing with them."""
    await connection.execute(pipeline.sql["convert_events"], source_id, *_arrays(events))


def _arrays(events: Sequence[Event]) -> list[list[Any]]:
    rows = ((e.sequence_number, e.sub_sequence, e.arrived_at, *e.columns) for e in events)
    return [list(column) for column in zip(*rows, strict=True)]


async def _reject(connection: Connection, source_id: int, rejections: Sequence[Rejection]) -> Counter[Reason]:
    """Store the rejections, and count those that are new by reason."""
    if not rejections:
        return Counter()
    columns = [list(column) for column in zip(*rejections, strict=True)]
    rows = await connection.fetch(SQL["reject_events"], source_id, *columns)
    return Counter(row["reason"] for row in rows)


def _named(error: PostgresError, pipeline: Pipeline) -> dict[int, PostgresError]:
    """Return the position of the event that a COPY stopped at, where the error names its line."""
    line = _COPY_LINE.search(error.context or "")
    return {int(line[2]) - 1: error} if line and line[1] == pipeline.table else {}


async def _refused(
    attempt: Callable[[Sequence[Event]], Awaitable[PostgresError | None]],
    events: Sequence[Event],
    first: int = 0,
    error: PostgresError | None = None,
) -> dict[int, PostgresError]:
    """Return the positions of the events that PostgreSQL refuses, by halving: O(refused · log n) attempts.

    ``error`` is given where it is known already that one of these is refused.
    """
    error = error or (await attempt(events) if events else None)
    if error is None:
        return {}
    if len(events) == 1:
        return {first: error}
    middle = len(events) // 2
    left = await _refused(attempt, events[:middle], first)
    right = await _refused(attempt, events[middle:], first + middle, None if left else error)
    return left | right


async def _attempt(
    trial: Callable[[Connection, Pipeline, int, Sequence[Event]], Awaitable[object]],
    connection: Connection,
    pipeline: Pipeline,
    source_id: int,
    events: Sequence[Event],
) -> PostgresError | None:
    """Return why PostgreSQL refuses the events; rolled back, so that no lock is held by the next attempt."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await trial(connection, pipeline, source_id, events)
    except REFUSED as error:
        _check_partition(error)
        return error
    finally:
        await transaction.rollback()
    return None


def _rejection(event: Event, error: PostgresError) -> Rejection:
    detail = "PostgreSQL: " + " ".join(str(error).split())
    return Rejection(
        event.sequence_number, event.sub_sequence, event.arrived_at, "not_storable", detail, event.payload
    )


def _check_partition(error: PostgresError) -> None:
    """Tell a missing partition from bad data: of all check violations, it alone names no constraint."""
    if isinstance(error, CheckViolationError) and not error.constraint_name:
        raise TransientError(f"a month's partition was dropped after it was made: {error}") from error


async def _source_id(session: Session, pipeline: Pipeline, source: Source) -> int:
    known = pipeline.name, source
    if known not in session.source_ids:
        session.source_ids[known] = await _find_or_add_source(session.connection, *source, pipeline.name)
    return session.source_ids[known]


async def _find_or_add_source(connection: Connection, *source: str) -> int:
    found: int | None = await connection.fetchval(SQL["find_source"], *source)
    if found is None:
        await connection.execute(SQL["add_source"], *source)
        found = await connection.fetchval(SQL["find_source"], *source)
    assert found is not None  # noqa: S101 - for the type checker: nothing deletes sources
    return found


async def _make_months(session: Session, pipeline: Pipeline, events: Sequence[Event]) -> None:
    needed = {(pipeline.table, event.arrived_at.year, event.arrived_at.month) for event in events}
    for table, year, month in sorted(needed - session.months):
        await session.connection.execute(SQL["make_month"], table, date(year, month, 1))
        session.months.add((table, year, month))
