"""Writing a chunk, each delivery once: events, identities, rejections and projections in one transaction."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from asyncpg import UniqueViolationError

from processor.errors import EpochPassed, Reason, UnfitValue
from processor.pipeline import Pipeline
from processor.projections.queue import Span
from processor.records.chunk import Chunk
from processor.records.kinesis import Decoded, Event, Rejection, month_of, whole
from processor.storage.event_log import EventLog, arrays, incoming, open_log
from processor.storage.prefetch import Prefetch
from processor.storage.refused import REFUSED, Refused, find_refused, named_by_copy, stays_refused
from processor.storage.session import Session, Source
from processor.storage.tombstones import read_epoch


@dataclass(frozen=True)
class Saved:
    """How many events went where; they add up to the events and rejections that were given.

    ``conflicts`` are those of the duplicates whose content differs from what is stored; ``expired`` are those
    of months that were dropped, ``erased`` those of students who were erased; ``refused`` those that
    PostgreSQL itself refused, whether new or not.
    """

    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    expired: int = 0
    erased: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    refused: int = field(default=0, compare=False)

    def plus(self, other: "Saved") -> "Saved":
        """Return the sums."""
        return Saved(
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.expired + other.expired,
            self.erased + other.erased,
            self.rejected + other.rejected,
            self.refused + other.refused,
        )


@dataclass
class Writer:
    """Writes one chunk, which arrived in these months.

    ``refused`` is what it has found PostgreSQL to refuse; it stays known when an attempt runs out of time.
    """

    pipeline: Pipeline
    source: Source
    months: frozenset[date]
    chunk: Iterable[Decoded]
    refused: Refused = field(default_factory=dict)

    async def write(self, session: Session) -> Saved:
        """Store what is new with all that is derived from it, and count the rest: all of it, or nothing.

        Where PostgreSQL itself refuses some events, these are found and become rejections: first the one that
        a COPY stopped at, then those whose values it cannot read or that break a constraint of the log, then
        those that a projection refuses. Where a student was erased since the tombstones were read, all of it
        is done again with those of today. Raises what asyncpg raises for anything else.
        """
        while True:
            log = await open_log(session, self.pipeline, self.source, self.months)
            try:
                return await self._climb(log)
            except EpochPassed:
                session.tombstones = None

    async def _climb(self, log: EventLog) -> Saved:
        """Try the fast way first, then what finds the refused events."""
        try:
            return await self._store(log)
        except REFUSED as error:
            stays_refused(error)  # _copy has noted the event that it stopped at
        try:
            return await self._store(log)
        except REFUSED as error:
            stays_refused(error)
            await self._find_unreadable(log)
            await self._find_violations(log)
        try:
            return await self._merge(log)
        except REFUSED as error:
            stays_refused(error)
            await self._find_what_a_projection_refuses(log)
        return await self._merge(log)

    async def _store(self, log: EventLog) -> Saved:
        """Store the chunk, the fast way while every event is new and its values fit their columns."""
        try:
            return await self._copy(log)
        except (UniqueViolationError, UnfitValue):
            return await self._merge(log)

    async def _copy(self, log: EventLog) -> Saved:
        """Store events that are all new: PostgreSQL stores a slice while the next is decoded and encoded."""
        connection = log.connection
        accepted = Chunk(self._accepted(log))
        pieces = Prefetch(log.pieces(iter(accepted)))
        pieces.soon()
        async with connection.transaction():
            for piece in pieces:
                try:
                    await connection.copy_to_table(
                        piece.table,
                        source=pieces.while_reading(piece.data),
                        columns=piece.columns,
                        format="binary",
                    )
                except UniqueViolationError:
                    raise
                except REFUSED as error:
                    self.refused |= named_by_copy(error, piece.table, piece.events)
                    raise
            return await self._finish(log, whole(accepted))

    async def _merge(self, log: EventLog) -> Saved:
        """Store those events that are new."""
        accepted = whole(self._accepted(log))
        async with log.connection.transaction():
            new = await _not_stored(log, accepted.events)
            stored, conflicts = await _merge_events(log, new) if new else (0, 0)
            return await self._finish(log, accepted, stored, conflicts)

    async def _finish(
        self, log: EventLog, accepted: Decoded, stored: int | None = None, conflicts: int = 0
    ) -> Saved:
        """Write what else belongs into the transaction; ``stored`` is None if every event is new."""
        events, rejections = accepted.events, accepted.rejections
        stored = len(events) if stored is None else stored
        epoch = await self._project(log, events) if stored else None
        rejected = await _reject(log, rejections)
        if stored or rejected:
            await _check_epoch(log, epoch)
        duplicates = len(events) - stored + len(rejections) - rejected.total()
        expired = self._expired(log)
        erased = _size(self.chunk) - _size([accepted]) - expired if log.tombstones else 0
        return Saved(stored, duplicates, conflicts, expired, erased, rejected, len(self.refused))

    async def _project(self, log: EventLog, events: Sequence[Event]) -> int | None:
        """Last of all that events lock: bring projections up to date, or have it done.

        Returns the epoch of erasure where that tells it.
        """
        if not self.pipeline.projections:
            return None
        span = Span.of(self.pipeline.table, log.source_id, events)
        return await self.pipeline.upkeep.write(log.connection, span)

    def _accepted(self, log: EventLog) -> Iterator[Decoded]:
        """Yield the chunk without what is expired or erased, events that PostgreSQL refuses as rejections."""
        for decoded in self.chunk:
            kept = _without_months(decoded, log.expired) if log.expired else decoded
            kept = log.without_erased(kept)
            yield log.without_erased(self._without_refused(kept)) if self.refused else kept

    def _without_refused(self, decoded: Decoded) -> Decoded:
        accepted = [event for event in decoded.events if event[:2] not in self.refused]
        refused = [
            Rejection(*event[:3], "not_storable", self.refused[event[:2]], event.payload)
            for event in decoded.events
            if event[:2] in self.refused
        ]
        return Decoded(accepted, [*decoded.rejections, *refused], decoded.records)

    def _expired(self, log: EventLog) -> int:
        if not log.expired:
            return 0
        events = (event for decoded in self.chunk for event in decoded.events)
        return sum(month_of(event.arrived_at) in log.expired for event in events)

    async def _find_unreadable(self, log: EventLog) -> None:
        """Note the events with a value that does not fit its column, or that PostgreSQL cannot read."""

        async def read(events: Sequence[Event]) -> None:
            await _copy_to_incoming(log, events)

        await find_refused(log.connection, read, whole(self._accepted(log)).events, self.refused)

    async def _find_violations(self, log: EventLog) -> None:
        """Note the events that break a constraint of the log, in one statement."""
        events = whole(self._accepted(log)).events
        if not events:
            return
        transaction = log.connection.transaction()
        await transaction.start()
        try:
            await _copy_to_incoming(log, events)
            found = await log.connection.fetch(
                log.sql["find_violations"], self.pipeline.table, incoming(self.pipeline.table)
            )
        finally:
            await transaction.rollback()
        self.refused |= {(row[0], row[1]): f"PostgreSQL: {row[2]}" for row in found}

    async def _find_what_a_projection_refuses(self, log: EventLog) -> None:
        async def merge(events: Sequence[Event]) -> None:
            if new := await _not_stored(log, events):
                await _merge_events(log, new)
                await self._project(log, new)

        await find_refused(log.connection, merge, whole(self._accepted(log)).events, self.refused)


async def _check_epoch(log: EventLog, epoch: int | None) -> None:
    """Raise EpochPassed where a student was erased since the tombstones were read.

    Asked for in the transaction that has stored something: whoever erases waits for its end.
    """
    if (await read_epoch(log.connection) if epoch is None else epoch) != log.tombstones.epoch:
        raise EpochPassed("a student was erased while a batch was stored")


def _size(slices: Iterable[Decoded]) -> int:
    return sum(len(decoded.events) + len(decoded.rejections) for decoded in slices)


def _without_months(decoded: Decoded, months: frozenset[date]) -> Decoded:
    kept = [event for event in decoded.events if month_of(event.arrived_at) not in months]
    return decoded._replace(events=kept)


async def _not_stored(log: EventLog, events: Sequence[Event]) -> Sequence[Event]:
    """Return those events whose delivery is not there yet: of a redelivery mostly none."""
    if not events:
        return []
    deliveries = arrays([event[:3] for event in events])
    found = await log.connection.fetchval(log.sql["find_stored"], log.source_id, *deliveries)
    stored = set(found or ())
    return [event for position, event in enumerate(events) if position not in stored]


async def _copy_to_incoming(log: EventLog, events: Sequence[Event]) -> None:
    rows = log.rows(events)
    await log.connection.execute(log.sql["make_incoming"])
    await log.connection.copy_to_table(
        rows.table, source=io.BytesIO(rows.data), columns=rows.columns, format="binary"
    )


async def _merge_events(log: EventLog, events: Sequence[Event]) -> tuple[int, int]:
    """Return how many of the events are stored now, and how many conflict with what was stored before."""
    await _copy_to_incoming(log, events)
    has_identities = any(event.columns.event_id for event in events)
    if has_identities:
        await log.connection.execute(log.sql["claim_identities"])
    merged = await log.connection.execute(log.sql["merge"])
    stored = int(merged.rpartition(" ")[2])
    if not has_identities or stored == len(events):
        return stored, 0
    return stored, await log.connection.fetchval(log.sql["count_conflicts"])


async def _reject(log: EventLog, rejections: Sequence[Rejection]) -> Counter[Reason]:
    """Store the rejections, and count those that are new by reason."""
    if not rejections:
        return Counter()
    rows = await log.connection.fetch(log.sql["reject_events"], log.source_id, *arrays(rejections))
    return Counter({row["reason"]: row["rejections"] for row in rows})
