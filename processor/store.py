"""Saving a part of a batch: events, identities and rejections in one transaction, each delivery once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from asyncpg import (
    CheckViolationError,
    Connection,
    DataError,
    IntegrityConstraintViolationError,
    PostgresError,
    ProgramLimitExceededError,
)

from processor import events, statements
from processor.connection import Session, Source
from processor.decode import Event, Rejection
from processor.errors import Reason, TransientError

SQL = statements.load(statements.FOLDER / "queries.sql")

# SQLSTATE classes 22, 23 and 54: the statement will never succeed with this data.
REFUSED = (DataError, IntegrityConstraintViolationError, ProgramLimitExceededError)

_IDENTITY_COLUMNS = ("event_id", "source_id", "sequence_number", "sub_sequence")
_EVENT_COLUMNS = ("source_id", "sequence_number", "sub_sequence", "arrived_at", *events.Columns._fields)


@dataclass
class Saved:
    """How many events went where; they add up to the events and rejections that were given."""

    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0  # those of the duplicates whose content differs from what is stored
    rejected: Counter[Reason] = field(default_factory=Counter)

    def add(self, other: "Saved") -> None:
        """Count the other's events too."""
        self.stored += other.stored
        self.duplicates += other.duplicates
        self.conflicts += other.conflicts
        self.rejected.update(other.rejected)


async def save(
    session: Session, source: Source, events: Sequence[Event], rejections: Sequence[Rejection]
) -> Saved:
    """Store what is new, and count the rest; all of it is committed, or nothing.

    Tries the ways from the fastest to the most forgiving: COPY works while every event is new, a merge also
    where some are there already. Where PostgreSQL itself refuses some, they are found and become rejections.
    Raises what asyncpg raises for anything else.
    """
    source_id = await _source_id(session, source)
    await _make_months(session, events)
    connection = session.connection
    for way in (_copy, _merge):
        try:
            async with connection.transaction():
                return await way(connection, source_id, events, rejections)
        except REFUSED as error:
            _check_partition(error)
    async with connection.transaction():
        refused = await _refused(connection, source_id, events)
        accepted = [event for event in events if _delivery(event) not in refused]
        return await _merge(connection, source_id, accepted, [*rejections, *refused.values()])


async def _copy(
    connection: Connection, source_id: int, events: Sequence[Event], rejections: Sequence[Rejection]
) -> Saved:
    """Store events that are all new. Identities first, in their order: see claim_identities."""
    identities = sorted(
        (event.columns.event_id, source_id, event.sequence_number, event.sub_sequence)
        for event in events
        if event.columns.event_id
    )
    if identities:
        await connection.copy_records_to_table(
            "event_identity", records=identities, columns=_IDENTITY_COLUMNS
        )
    if events:
        await connection.copy_records_to_table(
            "student_performance",
            records=[
                (source_id, event.sequence_number, event.sub_sequence, event.arrived_at, *event.columns)
                for event in events
            ],
            columns=_EVENT_COLUMNS,
        )
    rejected = await _reject(connection, source_id, rejections)
    return Saved(len(events), len(rejections) - rejected.total(), 0, rejected)


async def _merge(
    connection: Connection, source_id: int, events: Sequence[Event], rejections: Sequence[Rejection]
) -> Saved:
    """Store those events that are new."""
    stored = conflicts = 0
    if events:
        stored, conflicts = await _merge_events(connection, source_id, events)
    rejected = await _reject(connection, source_id, rejections)
    duplicates = len(events) - stored + len(rejections) - rejected.total()
    return Saved(stored, duplicates, conflicts, rejected)


async def _merge_events(connection: Connection, source_id: int, events: Sequence[Event]) -> tuple[int, int]:
    arrays: list[Any] = [
        list(column)
        for column in zip(
            *((e.sequence_number, e.sub_sequence, e.arrived_at, *e.columns) for e in events), strict=True
        )
    ]
    numbers, subs, event_ids = arrays[0], arrays[1], arrays[3]
    await connection.execute(SQL["claim_identities"], source_id, numbers, subs, event_ids)
    status = await connection.execute(SQL["merge_events"], source_id, *arrays)
    stored = int(status.rpartition(" ")[2])
    conflicts = 0
    if stored < len(events):
        conflicts = await connection.fetchval(SQL["count_conflicts"], source_id, *arrays)
    return stored, conflicts


async def _reject(connection: Connection, source_id: int, rejections: Sequence[Rejection]) -> Counter[Reason]:
    """Store the rejections, and count those that are new by reason."""
    if not rejections:
        return Counter()
    columns = [list(column) for column in zip(*rejections, strict=True)]
    rows = await connection.fetch(SQL["reject_events"], source_id, *columns)
    return Counter(row["reason"] for row in rows)


async def _refused(
    connection: Connection, source_id: int, events: Sequence[Event]
) -> dict[tuple[str, int], Rejection]:
    """Return the events that PostgreSQL refuses, found by halving: O(refused · log n) statements.

    Every trial is rolled back, so that it holds no lock when the next one starts.
    """
    error = await _trial(connection, source_id, events)
    if error is None:
        return {}
    if len(events) == 1:
        return {_delivery(events[0]): _rejection(events[0], error)}
    middle = len(events) // 2
    return {
        **await _refused(connection, source_id, events[:middle]),
        **await _refused(connection, source_id, events[middle:]),
    }


async def _trial(connection: Connection, source_id: int, events: Sequence[Event]) -> PostgresError | None:
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await _merge_events(connection, source_id, events)
    except REFUSED as error:
        _check_partition(error)
        return error
    finally:
        await savepoint.rollback()
    return None


def _rejection(event: Event, error: PostgresError) -> Rejection:
    detail = "PostgreSQL: " + " ".join(str(error).split())
    return Rejection(
        event.sequence_number, event.sub_sequence, event.arrived_at, "not_storable", detail, event.payload
    )


def _delivery(event: Event) -> tuple[str, int]:
    return event.sequence_number, event.sub_sequence


def _check_partition(error: PostgresError) -> None:
    """Tell a missing partition from bad data: of all check violations, it alone names no constraint."""
    if isinstance(error, CheckViolationError) and not error.constraint_name:
        raise TransientError(f"a month's partition was dropped after it was made: {error}") from error


async def _source_id(session: Session, source: Source) -> int:
    if source not in session.source_ids:
        session.source_ids[source] = await _find_or_add_source(session.connection, source)
    return session.source_ids[source]


async def _find_or_add_source(connection: Connection, source: Source) -> int:
    found: int | None = await connection.fetchval(SQL["find_source"], *source)
    if found is None:
        await connection.execute(SQL["add_source"], *source)
        found = await connection.fetchval(SQL["find_source"], *source)
    assert found is not None  # noqa: S101 - for the type checker: nothing deletes sources
    return found


async def _make_months(session: Session, events: Sequence[Event]) -> None:
    needed = {(event.arrived_at.year, event.arrived_at.month) for event in events}
    for year, month in sorted(needed - session.months):
        await session.connection.execute(SQL["make_month"], date(year, month, 1))
        session.months.add((year, month))
