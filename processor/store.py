"""Saving a part of a batch: events, identities and rejections in one transaction, each delivery once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from asyncpg import Connection, UniqueViolationError

from processor import statements
from processor.connection import Session, Source
from processor.copies import Copies
from processor.decode import Decoded, Event, Rejection
from processor.errors import Reason
from processor.pipeline import Columns, Pipeline, Reaction
from processor.refused import REFUSED, check_partition, find_refused, named, rejection

SQL = statements.load(statements.FOLDER / "queries.sql")


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


async def save(session: Session, pipeline: Pipeline, source: Source, decoded: Decoded) -> Saved:
    """Store what is new with all that is derived from it, and count the rest; it is committed, or nothing.

    Where PostgreSQL itself refuses some events, they are found and become rejections: first the one that a
    COPY stopped at, then those whose values it cannot read, which costs little to find, then those that break
    a constraint.
    Raises what asyncpg raises for anything else.
    """
    source_id = await _source_id(session, pipeline, source)
    await _make_months(session, pipeline, decoded)
    types = await _types(session, pipeline)
    refused_in_all = 0
    for trial in (None, _convert, _merge_events):
        copies = Copies(pipeline, source_id, decoded, types)
        try:
            saved = await _save(session.connection, pipeline, copies)
            break
        except REFUSED as error:
            check_partition(error)
            refused = named(error, pipeline.table, copies.first)
        decoded.decode()
        if trial:
            bound = partial(trial, session.connection, pipeline, source_id)
            refused = await find_refused(session.connection, bound, decoded.events)
        decoded = decoded.without({n: rejection(decoded.events[n], error) for n, error in refused.items()})
        refused_in_all += len(refused)
    else:
        saved = await _save(session.connection, pipeline, Copies(pipeline, source_id, decoded, types))
    saved.refused = refused_in_all
    return saved


async def _save(connection: Connection, pipeline: Pipeline, copies: Copies) -> Saved:
    """Store in one transaction, the fast way while every event is new and its values fit their columns."""
    try:
        copies.make_soon()
        async with connection.transaction():
            return await _copy(connection, pipeline, copies)
    except (UniqueViolationError, ValueError):
        async with connection.transaction():
            return await _merge(connection, pipeline, copies.source_id, copies.decoded)


async def _copy(connection: Connection, pipeline: Pipeline, copies: Copies) -> Saved:
    """Store events that are all new."""
    source_id, decoded = copies.source_id, copies.decoded
    for copy in copies:
        await connection.copy_to_table(
            copy.table, source=copies.send(copy), columns=copy.columns, format="binary"
        )
    await _react(connection, pipeline, [event.columns for event in decoded.events])
    rejected = await _reject(connection, source_id, decoded.rejections)
    return Saved(len(decoded.events), len(decoded.rejections) - rejected.total(), 0, rejected)


async def _merge(connection: Connection, pipeline: Pipeline, source_id: int, decoded: Decoded) -> Saved:
    """Store those events that are new."""
    decoded.decode()
    stored = conflicts = 0
    new = await _not_stored(connection, pipeline, source_id, decoded.events)
    if new:
        stored, conflicts = await _merge_events(connection, pipeline, source_id, new)
    rejected = await _reject(connection, source_id, decoded.rejections)
    duplicates = len(decoded.events) - stored + len(decoded.rejections) - rejected.total()
    return Saved(stored, duplicates, conflicts, rejected)


async def _not_stored(
    connection: Connection, pipeline: Pipeline, source_id: int, events: Sequence[Event]
) -> list[Event]:
    """Return those events whose delivery is not there yet: of a redelivery mostly none."""
    if not events:
        return []
    deliveries = zip(*[event[:3] for event in events], strict=True)
    found = await connection.fetchval(pipeline.sql["find_stored"], source_id, *map(list, deliveries))
    stored = set(found or ())
    return [event for n, event in enumerate(events) if n not in stored]


async def _merge_events(
    connection: Connection, pipeline: Pipeline, source_id: int, events: Sequence[Event]
) -> tuple[int, int]:
    arrays = _arrays(events)
    identities = source_id, arrays[0], arrays[1], arrays[3]
    has_identities = any(arrays[3])
    if has_identities:
        await connection.execute(SQL["claim_identities"], *identities)
    new = await connection.fetch(pipeline.sql["merge_events"], source_id, *arrays)
    columns = [pipeline.columns(*row) for row in new]
    await _append_deltas(connection, pipeline, columns)
    await _react(connection, pipeline, columns)
    conflicts = 0
    there_already = has_identities and len(new) < len(events)
    if there_already and await connection.fetchval(SQL["claimed_elsewhere"], *identities):
        conflicts = await connection.fetchval(pipeline.sql["count_conflicts"], source_id, *arrays)
    return len(new), conflicts


async def _react(connection: Connection, pipeline: Pipeline, new: Sequence[Columns]) -> None:
    """Bring the derived tables up to date with the rows that became new in this transaction.

    Last of all that events lock, and each statement locks its rows in their order.
    """
    for reaction in pipeline.reactions:
        if new and not reaction.deltas:
            await connection.execute(pipeline.sql[reaction.statement], *_of_reaction(reaction, new))


async def _append_deltas(connection: Connection, pipeline: Pipeline, new: Sequence[Columns]) -> None:
    """Do for merged rows what a COPY of the deltas does for copied ones."""
    for reaction in pipeline.reactions:
        if new and reaction.deltas:
            row = _of_reaction(reaction, new)
            await connection.copy_records_to_table(reaction.deltas, records=[row], columns=reaction.columns)


def _of_reaction(reaction: Reaction, new: Sequence[Columns]) -> list[list[Any]]:
    return [[getattr(columns, name) for columns in new] for name in reaction.columns]


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


async def _types(session: Session, pipeline: Pipeline) -> list[str]:
    """Return the types of the columns of a COPY."""
    if pipeline.table not in session.types:
        rows = await session.connection.fetch(SQL["types_of"], pipeline.table, pipeline.row)
        session.types[pipeline.table] = [row["typname"] for row in rows]
    return session.types[pipeline.table]


async def _make_months(session: Session, pipeline: Pipeline, decoded: Decoded) -> None:
    needed = {(pipeline.table, year, month) for year, month in decoded.months()}
    for table, year, month in sorted(needed - session.months):
        await session.connection.execute(SQL["make_month"], table, date(year, month, 1))
        session.months.add((table, year, month))
